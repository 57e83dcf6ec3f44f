#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace odetl::simulator {

struct Request {
  std::string method;
  std::string target;                                      // as sent
  std::string path;                                        // of the target, not decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded
  std::map<std::string, std::string> headers;              // names in lower case
  std::string body;
  bool http_1_0 = false;

  std::string header(const std::string& name) const;  // empty if absent
  std::optional<std::string> parameter(std::string_view name) const;
};

// Reads the head of a request, up to and without the empty line; nothing if it is not HTTP.
std::optional<Request> read_head(std::string_view head);

// `%20` and, where `plus` says so, `+` as a blank.
enum class Plus { literal, blank };
std::string percent_decoded(std::string_view text, Plus plus);

// `a=1&b=2`, decoded.
std::vector<std::pair<std::string, std::string>> read_form(std::string_view text);

enum class Framing { chunked, length, close };

// After the last byte: a proper end, a closed connection where more was due, or a TCP reset.
enum class Ending { proper, close, reset };

// What to send and how: everything a proxy, a dying worker or a bad network can do to an answer is said here.
struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = "";

  bool may_compress = true;           // if the client accepts gzip
  std::string content_encoding = "";  // set: `body` is sent as it is under this name
  Framing framing = Framing::chunked;
  std::optional<std::size_t> cut = std::nullopt;  // so many bytes of the encoded body are sent
  std::size_t declared_surplus = 0;               // added to Content-Length
  std::size_t leading_blanks = 0;                 // sent before an uncompressed body
  std::string chunk_header = "";                  // set: in place of the first chunk's size line
  Ending ending = Ending::proper;

  std::chrono::milliseconds delay{0};  // before the first byte
  std::size_t bytes_per_second = 0;    // of the body; 0: as fast as it goes
  bool silent = false;                 // never answered at all
  bool reset_at_once = false;
};

std::string_view reason_phrase(int status);

}  // namespace odetl::simulator
