#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "etl/api_client.hpp"

namespace odetl::test {

/// Wall and steady time in one, moving only when told. Thread-safe.
class VirtualClock {
 public:
  using Steady = std::chrono::steady_clock;

  explicit VirtualClock(sys_seconds start) : start_(start) {}

  Timestamp now() const { return start_ + elapsed(); }
  Steady::time_point steady() const { return Steady::time_point(std::chrono::hours(1) + elapsed()); }
  void advance(std::chrono::microseconds by) { elapsed_us_ += by.count(); }

 private:
  std::chrono::microseconds elapsed() const { return std::chrono::microseconds(elapsed_us_); }

  Timestamp start_;
  std::atomic<std::int64_t> elapsed_us_ = 0;
};

/// One row of the tenant.
struct Said {
  std::string user;
  Timestamp at;
  std::string text;
  bool operator==(const Said&) const = default;
  auto operator<=>(const Said&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Said& said) {
  return out << said.user << " at " << to_rfc3339(said.at) << ": " << said.text;
}

/// A time, by the virtual clock, in which every request fails.
struct Outage {
  Timestamp from;
  Timestamp to;
  Failure as = Failure::unreachable;
  std::chrono::seconds takes{0};  ///< until it has failed
};

struct TenantBehaviour {
  /// Rows are dated and compared with their fractions; else those are cut off, as all known servers do.
  bool fractions = false;
  std::optional<std::size_t> max_rows;  ///< an answer of more is a server_error
  std::set<sys_seconds> poisoned;       ///< so is one that has one of these seconds in it
  std::vector<Outage> outages;
  std::chrono::milliseconds latency{0};       ///< of a request; the clock moves by it
  std::chrono::milliseconds clock_offset{0};  ///< its Date less the clock
  bool sends_date = true;
  /// Called with every request before anything else happens; what it throws is how the request ends.
  std::function<void(const AskedRange&, const std::stop_token&)> interfere;
  /// Called with every body: cuts it, say.
  std::function<void(std::string&)> spoil;
};

/// A tenant of the Interaction API in memory, as the wire document has it: inclusive bounds, no order, no limit but
/// failing. Any number of clients can ask it at once; each request is answered from one consistent state.
class FakeTenant {
 public:
  explicit FakeTenant(VirtualClock& clock) : clock_(clock) {}

  void say(Said row);
  /// Change it before anybody asks, or between.
  TenantBehaviour& behaviour() { return behaviour_; }
  const TenantBehaviour& behaviour() const { return behaviour_; }
  bool is_poisoned(sys_seconds second) const;  ///< or too full to be served even alone
  const std::vector<Said>& rows() const { return rows_; }

  struct Request {
    AskedRange asked;
    Timestamp at;
  };
  std::vector<Request> requests() const;

  /// The rows of an answer, or throws ApiError as the client would.
  std::vector<Said> serve(const AskedRange& asked, const std::stop_token& stop = {});
  /// The Date of an answer made now.
  std::optional<sys_seconds> date() const;

  std::unique_ptr<ApiClient> connect();

 private:
  void fail_if_it_must(const AskedRange& asked, const std::vector<Said>& answer);

  VirtualClock& clock_;
  TenantBehaviour behaviour_;
  std::vector<Said> rows_;  // sorted by date
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
};

/// The body of an answer with these rows.
std::string render(const AskedRange& asked, const std::vector<Said>& rows);

/// Holds whoever comes until told to stop, which then throws Stopped.
class Hang {
 public:
  [[noreturn]] void operator()(const std::stop_token& stop);
  void await_arrival();

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool arrived_ = false;
};

}  // namespace odetl::test
