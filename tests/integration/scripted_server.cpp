#include "tests/integration/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace odetl::test {
namespace {

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// Waits until there is something to read (or the peer went); false when stopped before.
bool readable(int fd, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, 5) > 0) return true;
  }
  return false;
}

/// One request's header; empty when the client went or the server is stopped.
std::string read_request(int fd, const std::stop_token& stop) {
  std::string request;
  while (!request.ends_with("\r\n\r\n") && readable(fd, stop)) {
    char byte = 0;
    if (::recv(fd, &byte, 1, 0) <= 0) return {};
    request += byte;
  }
  return request;
}

bool send_all(int fd, std::string_view bytes, const std::stop_token& stop) {
  while (!bytes.empty() && !stop.stop_requested()) {
    pollfd watched{.fd = fd, .events = POLLOUT, .revents = 0};
    if (::poll(&watched, 1, 5) <= 0) continue;
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return bytes.empty();
}

bool send_paced(int fd, const Script& script, const std::stop_token& stop) {
  if (script.pace.count() == 0) return send_all(fd, script.bytes, stop);
  for (const char byte : script.bytes) {
    if (!send_all(fd, {&byte, 1}, stop)) return false;
    std::this_thread::sleep_for(script.pace);
  }
  return true;
}

int listen_on_loopback() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 64) != 0) {
    throw std::runtime_error("scripted server: cannot listen");
  }
  return fd;
}

int port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace

class ScriptedServer::Impl {
 public:
  explicit Impl(std::vector<Script> scripts)
      : scripts_(std::move(scripts)),
        listener_(listen_on_loopback()),
        thread_([this](std::stop_token stop) { run(stop); }) {}

  int port() const { return port_of(listener_.fd()); }
  int connections() const { return connections_; }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run(const std::stop_token& stop) {
    while (readable(listener_.fd(), stop)) {
      const Socket client(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.fd() < 0) continue;
      ++connections_;
      while (serve(client.fd(), stop)) {
      }
    }
  }

  /// Whether the connection stays.
  bool serve(int fd, const std::stop_token& stop) {
    const Script& script = scripts_[std::min(served_, scripts_.size() - 1)];
    if (!script.before_request) {
      const std::string request = read_request(fd, stop);
      if (request.empty()) return false;
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    ++served_;
    return send_paced(fd, script, stop) && finish(fd, script.then, stop);
  }

  static bool finish(int fd, Script::Then then, const std::stop_token& stop) {
    if (then == Script::Then::hang) readable(fd, stop);
    if (then == Script::Then::reset) {
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    return then == Script::Then::keep;
  }

  const std::vector<Script> scripts_;
  const Socket listener_;
  std::atomic<int> connections_ = 0;
  std::size_t served_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::jthread thread_;
};

ScriptedServer::ScriptedServer(std::vector<Script> scripts) : impl_(std::make_unique<Impl>(std::move(scripts))) {}
ScriptedServer::~ScriptedServer() = default;
int ScriptedServer::port() const { return impl_->port(); }
std::string ScriptedServer::url() const { return "http://127.0.0.1:" + std::to_string(port()); }
std::vector<std::string> ScriptedServer::requests() const { return impl_->requests(); }
int ScriptedServer::connections() const { return impl_->connections(); }

std::string answer(std::string_view status, const std::vector<std::string>& lines, std::string_view body) {
  std::string bytes = "HTTP/1.1 " + std::string(status) + "\r\n";
  for (const auto& line : lines) bytes += line + "\r\n";
  return bytes.append("\r\n").append(body);
}

std::string json_answer(std::string_view body, std::vector<std::string> more_lines) {
  more_lines.emplace_back("Content-Type: application/json");
  more_lines.push_back("Content-Length: " + std::to_string(body.size()));
  return answer("200 OK", more_lines, body);
}

std::string chunked(std::string_view body, std::size_t size) {
  std::ostringstream out;
  for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
    const auto piece = body.substr(0, size);
    out << std::hex << piece.size() << "\r\n" << piece << "\r\n";
  }
  out << "0\r\n\r\n";
  return out.str();
}

}  // namespace odetl::test
