#include "tests/simulator/transmission.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "tests/simulator/gzip.hpp"

namespace odetl::simulator {
namespace {

constexpr std::size_t kChunk = 256 * 1024;
constexpr std::chrono::milliseconds kSlice{50};  // how often a slow body sends a little

bool has_body(const Response& response) { return response.status != 204 && response.status != 304; }

std::string framing_header(const Response& response) {
  if (!has_body(response)) return "";
  if (response.framing == Framing::chunked) return "Transfer-Encoding: chunked\r\n";
  if (response.framing == Framing::close) return "";
  const std::size_t sent = std::min(response.cut.value_or(response.body.size()), response.body.size());
  return "Content-Length: " + std::to_string(sent + response.leading_blanks + response.declared_surplus) + "\r\n";
}

std::string head_of(const Response& response, const Request& request, Second date) {
  std::string head = request.http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ";
  head += std::to_string(response.status) + ' ' + std::string(reason_phrase(response.status)) + "\r\n";
  head += "Server: nginx/1.22.1\r\n";
  if (!response.content_type.empty()) head += "Content-Type: " + response.content_type + "\r\n";
  head += framing_header(response);
  head += response.framing == Framing::close ? "Connection: close\r\n" : "Connection: keep-alive\r\n";
  if (!response.content_encoding.empty()) head += "Content-Encoding: " + response.content_encoding + "\r\n";
  head += "Cache-Control: no-cache, private\r\nDate: " + http_date(date) + "\r\n";
  for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
  return head + "\r\n";
}

// Sends a body piece by piece, no faster than asked.
class BodyWriter {
 public:
  BodyWriter(Connection& connection, const Response& response) : connection_(connection), response_(response) {
    if (response.bytes_per_second > 0) {
      piece_ = std::max<std::size_t>(1, response.bytes_per_second * kSlice.count() / 1000);
    }
  }

  bool send(std::string_view text) {
    while (!text.empty()) {
      const std::string_view piece = text.substr(0, piece_);
      if (!send_piece(piece)) return false;
      text.remove_prefix(piece.size());
    }
    return true;
  }

  bool send_blanks(std::size_t count) {
    const std::string block(std::min(count, kChunk), ' ');
    for (; count > 0; count -= std::min(count, block.size())) {
      if (!send(std::string_view(block).substr(0, count))) return false;
    }
    return true;
  }

 private:
  bool send_piece(std::string_view piece) {
    const bool sent = response_.framing == Framing::chunked ? send_chunk(piece) : connection_.write(piece);
    if (!sent || response_.bytes_per_second == 0) return sent;
    return connection_.pause(std::chrono::milliseconds(1000 * piece.size() / response_.bytes_per_second));
  }

  bool send_chunk(std::string_view piece) {
    std::array<char, 32> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
    const bool is_first = !std::exchange(begun_, true);
    const bool replaced = is_first && !response_.chunk_header.empty();
    return connection_.write(replaced ? response_.chunk_header + "\r\n" : size.data(), piece, "\r\n");
  }

  Connection& connection_;
  const Response& response_;
  std::size_t piece_ = kChunk;
  bool begun_ = false;
};

bool send_body(Connection& connection, const Response& response) {
  BodyWriter writer(connection, response);
  if (!writer.send_blanks(response.leading_blanks)) return false;
  if (!writer.send(std::string_view(response.body).substr(0, response.cut.value_or(response.body.size()))))
    return false;
  const bool last_chunk = response.framing == Framing::chunked && response.ending == Ending::proper;
  return !last_chunk || connection.write("0\r\n\r\n");
}

}  // namespace

void compress(Response& response, const Request& request) {
  const bool accepted = request.header("accept-encoding").find("gzip") != std::string::npos;
  if (!accepted || !response.may_compress || !response.content_encoding.empty() || response.body.empty()) return;
  if (response.leading_blanks > 0) {
    response.body = gzip_padded("", response.leading_blanks, response.body);
    response.leading_blanks = 0;
  } else {
    response.body = gzip(response.body);
  }
  response.content_encoding = "gzip";
}

bool transmit(Connection& connection, const Request& request, Response response, Second date) {
  if (response.delay.count() > 0 && !connection.pause(response.delay)) return false;
  if (response.reset_at_once) {
    connection.reset();
    return false;
  }
  if (response.silent) {
    connection.pause(std::chrono::hours(24 * 365));
    return false;
  }
  compress(response, request);
  if (request.http_1_0 && response.framing == Framing::chunked) response.framing = Framing::close;
  if (!connection.write(head_of(response, request, date))) return false;
  if (has_body(response) && request.method != "HEAD" && !send_body(connection, response)) return false;
  if (response.ending == Ending::reset) connection.reset();
  return response.ending == Ending::proper && response.framing != Framing::close &&
         request.header("connection") != "close";
}

}  // namespace odetl::simulator
