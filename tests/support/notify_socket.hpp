#pragma once
#include <chrono>
#include <string>

#include "tests/support/child_process.hpp"

namespace odetl::test {

/// The service manager's end of sd_notify: a datagram socket that NOTIFY_SOCKET names while this lives, in this process
/// and those it starts.
class NotifySocket {
 public:
  NotifySocket();
  ~NotifySocket();
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  /// The next message; empty when none comes before `patience` is over.
  std::string next(std::chrono::milliseconds patience = {}) const;
  /// The next message that begins so, past all others; empty when none comes before `patience` is over.
  std::string next_of(const std::string& beginning,
                      std::chrono::milliseconds patience = std::chrono::seconds(20)) const;

 private:
  TempDirectory directory_;
  int socket_;
};

}  // namespace odetl::test
