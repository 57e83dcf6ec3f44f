#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/simulator/faults.hpp"
#include "tests/simulator/tenant.hpp"
#include "tests/simulator/throttle.hpp"

namespace odetl::simulator {

// Which of the three request forms the server knows; the others are a 404.
enum class Endpoints { all, public_form, legacy, path };

struct ServerOptions {
  std::string listen = "127.0.0.1:0";  // IPv4 address and port; 0: any free port
  std::string token = "simulator-token";
  Endpoints endpoints = Endpoints::all;
  unsigned rate_limit = 0;  // requests a minute; 0: no throttle
  bool compress = true;     // gzip for clients that accept it
  // A request that was answered with a 200 before gets the same bytes again, at next to no cost and without being
  // recorded. For a tenant that does not change and has no faults.
  bool keep_answers = false;
};

enum class Credential { none, wrong, right };

// What the server remembers of a request to the API; control requests are not among them.
struct RequestRecord {
  std::uint64_t number = 0;  // from 1, in the order of arrival
  Instant received;          // on the simulator's clock
  std::string target;        // as sent
  std::string from, to;      // decoded, as sent; empty if missing
  int status = 0;            // as decided; a reset or black hole shows the status it would have had
  std::size_t rows = 0;
  std::size_t bytes = 0;              // of the body, before compression
  std::chrono::microseconds took{0};  // to compute the answer
  std::string fault;                  // the kind that struck; empty if none did
  Credential credential = Credential::none;
  std::string accept, accept_encoding, user_agent;
};

// Serves one tenant on a socket from construction until destruction, a thread a connection. Thread-safe.
// Throws std::system_error if it cannot listen.
class Server {
 public:
  Server(Tenant& tenant, ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  std::uint16_t port() const { return port_; }
  std::string url() const;  // `http://127.0.0.1:PORT`

  Tenant& tenant() { return tenant_; }
  FaultScript& faults() { return faults_; }

  void set_token(std::string token);
  std::string token() const;
  void set_rate_limit(unsigned per_minute) { throttle_.set_limit(per_minute); }

  // The latest requests, at most 100,000, the oldest first.
  std::vector<RequestRecord> requests() const;
  std::uint64_t request_count() const;  // since the start or the last `forget_requests`
  void forget_requests();
  std::uint64_t connections() const { return connections_; }  // accepted so far

 private:
  friend class Api;
  friend class Control;

  struct Worker {
    std::jthread thread;
    std::atomic<bool> done{false};
  };

  void accept_connections();
  void serve(int fd);
  Response respond(const Request& request);
  Response respond_again(const Request& request);
  void bury_finished_workers();
  void remember(RequestRecord record);

  Tenant& tenant_;
  const ServerOptions options_;
  FaultScript faults_;
  Throttle throttle_;
  int listener_ = -1;
  int stop_fd_ = -1;
  std::uint16_t port_ = 0;

  mutable std::mutex mutex_;  // of the token, the record and what is kept
  std::string token_;
  std::deque<RequestRecord> requests_;
  std::uint64_t request_count_ = 0;
  std::map<std::string, Response> kept_;
  std::atomic<std::uint64_t> connections_{0};

  std::list<Worker> workers_;  // of the accepting thread
  std::jthread acceptor_;      // last: it uses all of the above
};

}  // namespace odetl::simulator
