#include "tests/simulator/raw_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace odetl::simulator {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

void read_head(Reply& reply, const std::string& head) {
  reply.status = std::stoi(head.substr(head.find(' ') + 1, 3));
  for (std::size_t at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at + 2)) {
    const std::string line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) reply.headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
  }
}

}  // namespace

RawClient::RawClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
  const int error = errno;
  close(fd_);
  throw std::system_error(error, std::generic_category(), "connect");
}

RawClient::~RawClient() { close(fd_); }

RawClient::Read RawClient::read_some(std::chrono::milliseconds patience) {
  pollfd ready{fd_, POLLIN, 0};
  if (poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return Read::silent;
  std::array<char, 64 * 1024> buffer;  // filled by recv
  const ssize_t count = recv(fd_, buffer.data(), buffer.size(), 0);
  if (count == 0) return Read::closed;
  if (count < 0) return Read::reset;
  unread_.append(buffer.data(), static_cast<std::size_t>(count));
  return Read::some;
}

// Moves what the chunks hold from the unread bytes to the body; stops where bytes are missing or no size is.
void RawClient::read_chunks(Reply& reply, std::chrono::milliseconds patience) {
  Read read = Read::some;
  for (std::size_t at = 0; read == Read::some;) {
    const std::size_t line = unread_.find("\r\n", at);
    const std::size_t size = line == std::string::npos ? 0 : std::strtoul(unread_.c_str() + at, nullptr, 16);
    if (line == std::string::npos || unread_.size() < line + 2 + size + 2) {
      read = read_some(patience);
      continue;
    }
    reply.body += unread_.substr(line + 2, size);
    at = line + 2 + size + 2;
    if (size == 0) {
      unread_.erase(0, at);
      reply.end = Reply::End::complete;
      return;
    }
  }
  reply.end = read == Read::silent ? Reply::End::silent : read == Read::reset ? Reply::End::reset : Reply::End::closed;
}

Reply RawClient::exchange(const std::string& request, std::chrono::milliseconds patience) {
  Reply reply;
  send(fd_, request.data(), request.size(), MSG_NOSIGNAL);
  Read read = Read::some;
  std::size_t end = 0;
  while ((end = unread_.find("\r\n\r\n")) == std::string::npos && read == Read::some) read = read_some(patience);
  if (end != std::string::npos) {
    read_head(reply, unread_.substr(0, end));
    unread_.erase(0, end + 4);
    if (reply.headers["transfer-encoding"] == "chunked") {
      read_chunks(reply, patience);
      return reply;
    }
    const std::string length = reply.status == 204 || reply.status == 304 ? "0" : reply.headers["content-length"];
    const std::size_t due = length.empty() ? SIZE_MAX : std::stoul(length);
    while (unread_.size() < due && read == Read::some) read = read_some(patience);
    reply.body = std::move(unread_);
    unread_.clear();
    if (reply.body.size() == due) read = Read::some;
  }
  constexpr std::array kEnds{Reply::End::complete, Reply::End::closed, Reply::End::reset, Reply::End::silent};
  reply.end = kEnds.at(static_cast<std::size_t>(read));
  return reply;
}

std::string gunzip(const std::string& stream) {
  z_stream state{};
  inflateInit2(&state, 15 + 16);
  // zlib's own interface lacks the const.
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(stream.data()));
  state.avail_in = static_cast<uInt>(stream.size());
  std::string out;
  std::array<char, 64 * 1024> buffer;  // filled by inflate
  int status = Z_OK;
  while (status == Z_OK) {
    state.next_out = reinterpret_cast<Bytef*>(buffer.data());
    state.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&state, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - state.avail_out);
    if (state.avail_in == 0 && state.avail_out != 0) break;
  }
  inflateEnd(&state);
  return out;
}

}  // namespace odetl::simulator
