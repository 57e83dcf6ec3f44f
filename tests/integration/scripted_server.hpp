#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace odetl::test {

/// What a ScriptedServer does for one request, byte by byte.
struct Script {
  enum class Then {
    keep,   ///< the connection stays for the next request
    close,  ///< ends it in order
    reset,  ///< RST
    hang,   ///< nothing more, until the client goes
  };
  std::string bytes;
  Then then = Then::keep;
  std::chrono::milliseconds pace{0};  ///< between one byte and the next
  bool before_request = false;        ///< at once when the connection stands
};

/// A raw-socket HTTP server on a loopback port of its own: one connection at a time, one script a request,
/// the last script for all further ones. It sends exactly what it is told, right or wrong.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<Script> scripts);
  ~ScriptedServer();

  int port() const;
  std::string url() const;                    ///< http://127.0.0.1:PORT
  std::vector<std::string> requests() const;  ///< the headers received, with their line ends
  int connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// An answer with these header lines (without the line ends) and this body, exactly.
std::string answer(std::string_view status, const std::vector<std::string>& lines, std::string_view body);
/// A 200 of JSON with its right Content-Length.
std::string json_answer(std::string_view body, std::vector<std::string> more_lines = {});
/// `body` in chunks of `size` bytes, with the last chunk.
std::string chunked(std::string_view body, std::size_t size);

}  // namespace odetl::test
