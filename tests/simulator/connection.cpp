#include "tests/simulator/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <vector>

namespace odetl::simulator {
namespace {

constexpr std::size_t kLongestHead = 64 * 1024;
constexpr std::size_t kLongestBody = 64 * 1024 * 1024;  // of rows posted to a control endpoint

std::size_t content_length(const Request& request) {
  const std::string text = request.header("content-length");
  std::size_t length = 0;
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

}  // namespace

Connection::Connection(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Connection::~Connection() { close(fd_); }

// Ready for `events`, or hung up; false at the stop.
bool Connection::wait(short events) {
  std::array<pollfd, 2> fds{{{fd_, events, 0}, {stop_fd_, POLLIN, 0}}};
  while (poll(fds.data(), fds.size(), -1) < 0) {
    if (errno != EINTR) return false;
  }
  return fds[1].revents == 0;
}

bool Connection::read_some() {
  std::array<char, 16 * 1024> buffer;  // filled by recv
  while (wait(POLLIN)) {
    const ssize_t count = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) {
      unread_.append(buffer.data(), static_cast<std::size_t>(count));
      return true;
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) return false;
  }
  return false;
}

std::optional<Request> Connection::read_request() {
  std::size_t end = 0;
  while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
    if (unread_.size() > kLongestHead || !read_some()) return std::nullopt;
  }
  auto request = read_head(std::string_view(unread_).substr(0, end));
  if (!request) return std::nullopt;
  const std::size_t whole = end + 4 + content_length(*request);
  if (whole > kLongestHead + kLongestBody) return std::nullopt;
  while (unread_.size() < whole) {
    if (!read_some()) return std::nullopt;
  }
  request->body = unread_.substr(end + 4, whole - end - 4);
  unread_.erase(0, whole);
  return request;
}

bool Connection::write(std::string_view head, std::string_view body, std::string_view tail) {
  std::array<std::string_view, 3> parts{head, body, tail};
  while (!parts[0].empty() || !parts[1].empty() || !parts[2].empty()) {
    std::array<iovec, 3> pieces{};
    // sendmsg does not write to what it is given, though iovec lacks the const.
    std::transform(parts.begin(), parts.end(), pieces.begin(), [](std::string_view part) {
      return iovec{const_cast<char*>(part.data()), part.size()};
    });
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t count = sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (count < 0 && !wait(POLLOUT)) return false;
    auto sent = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    for (std::string_view& part : parts) {
      const std::size_t taken = std::min(sent, part.size());
      part.remove_prefix(taken);
      sent -= taken;
    }
  }
  return true;
}

bool Connection::pause(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  std::array<pollfd, 2> fds{{{fd_, POLLRDHUP, 0}, {stop_fd_, POLLIN, 0}}};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    if (left <= 0) return true;
    const int ready = poll(fds.data(), fds.size(), static_cast<int>(std::min<long>(left, 60'000)));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return false;
  }
}

void Connection::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace odetl::simulator
