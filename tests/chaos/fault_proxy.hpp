#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "tests/simulator/random.hpp"

namespace odetl::chaos {

/// A loopback TCP port, or the path of a unix socket.
struct Address {
  std::uint16_t port = 0;
  std::string path = {};
};

/// What befalls the bytes of one direction of a connection. Counts are of bytes since it began.
struct Ailment {
  std::chrono::milliseconds latency{0};      ///< of each piece
  std::size_t bytes_per_second = 0;          ///< 0: as fast as it goes
  std::size_t piece = 0;                     ///< no piece is larger; 0: as they come
  std::optional<std::size_t> reset_after{};  ///< then both sides see a reset
  std::optional<std::size_t> hole_after{};   ///< then nothing comes through, and nobody is told
  std::optional<std::size_t> corrupt_at{};   ///< this byte is another one
  /// Lets through what holds this text, and then nothing of the other direction: whoever said it gets no reply, only a
  /// reset a moment later.
  std::string unanswered = {};
};

struct Affliction {
  Ailment to_server{};
  Ailment to_client{};
};

/// One of all kinds, its sizes by lot.
Affliction some_affliction(simulator::Random& random);
std::string describe(const Affliction& affliction);

/// Stands between a client and a server and knows nothing of what they speak. A thread a connection. Listens from
/// construction to destruction; a server that is away is a connection that is closed at once.
/// Throws std::system_error when it cannot listen.
class FaultProxy {
 public:
  FaultProxy(const Address& listen, Address server);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  std::uint16_t port() const { return port_; }

  /// Of the connections that begin from now on: so many, then none.
  void afflict(const Affliction& affliction, std::uint64_t connections = UINT64_MAX);
  void heal() { afflict({}, 0); }
  /// Resets every connection that stands.
  void cut_all();
  std::uint64_t struck() const { return struck_; }  ///< ailments that came to their end: resets, holes, swallowed replies

  /// Of all connections, also those that stand: nothing comes through, nobody is told, and nothing is lost.
  void freeze() { frozen_ = true; }
  /// Freezes before the n-th piece from a client from now on, of all connections together.
  void freeze_at(std::uint64_t piece);
  void thaw();
  bool holds_something() const { return holding_; }  ///< while frozen: there is something to pass on
  /// The next piece from a client that holds this text comes through, and then a reset in place of its answer.
  void swallow_answer_to(const std::string& text);
  std::uint64_t swallowed() const { return swallowed_; }
  bool said_again() const { return said_again_; }  ///< since the last answer was swallowed, the same text came through

 private:
  struct Connection {
    std::atomic<bool> done{false};
    std::atomic<bool> cut{false};
    std::jthread thread;
  };

  void accept_all(const std::stop_token& stop);
  void serve(Connection& connection, int client, const Affliction& affliction, const std::stop_token& stop);
  Affliction next_affliction();
  bool is_held();
  bool takes_answer(const std::string& piece);

  const Address server_;
  std::string path_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> struck_ = 0;
  std::atomic<std::uint64_t> swallowed_ = 0;
  std::atomic<bool> said_again_ = false;
  std::atomic<bool> frozen_ = false;
  std::atomic<bool> holding_ = false;
  std::atomic<std::uint64_t> pieces_until_frozen_ = UINT64_MAX;
  std::mutex mutex_;  // guards what follows
  std::string unanswered_;
  bool is_armed_ = false;
  Affliction affliction_;
  std::uint64_t afflicted_left_ = 0;
  std::list<Connection> connections_;
  std::jthread acceptor_;  // last: it uses all of the above
};

}  // namespace odetl::chaos
