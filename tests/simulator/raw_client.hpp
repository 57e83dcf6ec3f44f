#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace odetl::simulator {

// What came back over a socket, faults and all; nothing here throws because of what the server did.
struct Reply {
  // How the connection stood when reading ended.
  enum class End {
    complete,  // the framing said that this is all
    closed,    // the peer closed before that
    reset,     // … or reset
    silent     // nothing more came in time
  };

  End end = End::silent;
  int status = 0;                              // 0: no status line came
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // without chunk framing, not decompressed
};

// A client that does nothing of its own accord: it sends the bytes it is given and tells exactly what came back.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);  // on 127.0.0.1; throws std::system_error if that fails
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient();

  // Sends `request` and reads one answer, giving up when nothing comes for `patience`.
  Reply exchange(const std::string& request, std::chrono::milliseconds patience = std::chrono::seconds(10));

 private:
  enum class Read { some, closed, reset, silent };
  Read read_some(std::chrono::milliseconds patience);
  void read_chunks(Reply& reply, std::chrono::milliseconds patience);

  int fd_;
  std::string unread_;
};

// Decompresses a gzip stream as far as it goes.
std::string gunzip(const std::string& stream);

}  // namespace odetl::simulator
