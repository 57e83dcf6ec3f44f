#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "tests/simulator/http.hpp"

namespace odetl::simulator {

// One accepted TCP connection. Every wait ends when `stop_fd` becomes readable. Owns `fd`, not `stop_fd`.
class Connection {
 public:
  Connection(int fd, int stop_fd);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // The next request with its body; nothing at the end of the connection, at the stop, or for what is not HTTP.
  std::optional<Request> read_request();

  // All of it, in order; false if the peer is gone or the server stops.
  bool write(std::string_view head, std::string_view body = {}, std::string_view tail = {});

  // Waits; false if the peer closed or the server stops first. Request bytes that arrive stay for later.
  bool pause(std::chrono::milliseconds time);

  // Ends with a RST in place of a FIN.
  void reset();

 private:
  bool wait(short events);
  bool read_some();

  int fd_;
  int stop_fd_;
  std::string unread_;
};

}  // namespace odetl::simulator
