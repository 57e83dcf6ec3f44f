#include "tests/chaos/fault_proxy.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr int kTick = 20;             // ms until a thread looks whether it shall end
constexpr auto kBeforeReset = 50ms;   // for the server to do what will not be answered
constexpr std::size_t kBuffer = 64 << 10;
constexpr std::size_t kSmallPiece = 1 << 10;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

struct SocketName {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family = 0;
};

SocketName name_of(const Address& address) {
  SocketName name;
  if (address.path.empty()) {
    auto& in = reinterpret_cast<sockaddr_in&>(name.storage);
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.size = sizeof in;
  } else {
    auto& un = reinterpret_cast<sockaddr_un&>(name.storage);
    un.sun_family = AF_UNIX;
    address.path.copy(un.sun_path, sizeof un.sun_path - 1);
    name.size = sizeof un;
  }
  name.family = name.storage.ss_family;
  return name;
}

int listen_on(const Address& address) {
  const SocketName name = name_of(address);
  const int fd = socket(name.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  if (!address.path.empty()) unlink(address.path.c_str());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&name.storage), name.size) != 0 || listen(fd, 128) != 0) fail("listen");
  return fd;
}

int connect_to(const Address& address) {
  const SocketName name = name_of(address);
  const int fd = socket(name.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&name.storage), name.size) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

void reset(int fd) {
  const linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd);
}

bool send_all(int fd, const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    count -= static_cast<std::size_t>(sent);
  }
  return true;
}

enum class Passed { on, closed, reset, unanswered };

// One direction.
class Way {
 public:
  Way(int from, int to, const Ailment& ailment) : from_(from), to_(to), ailment_(ailment) {}

  int from() const { return from_; }
  bool is_open() const { return open_; }
  void drop_all() { dropping_ = true; }
  const std::string& last() const { return last_; }  // piece that was passed on; of a large one nothing
  // Passes on what has come; false at the end.
  Passed pass();

 private:
  Passed pass(char* bytes, std::size_t count);
  bool holds_the_unanswered(const char* bytes, std::size_t count);

  int from_, to_;
  const Ailment& ailment_;
  bool open_ = true;
  bool dropping_ = false;
  std::size_t passed_ = 0;
  std::string last_;
  std::string tail_;  // of what was said, to find a text across pieces
};

Passed Way::pass() {
  std::array<char, kBuffer> buffer;
  const std::size_t most = ailment_.piece > 0 ? std::min(ailment_.piece, kBuffer) : kBuffer;
  const ssize_t count = recv(from_, buffer.data(), most, 0);
  if (count < 0 && errno == EINTR) return Passed::on;
  if (count < 0) return Passed::reset;
  if (count == 0) {
    open_ = false;
    shutdown(to_, SHUT_WR);
    return Passed::closed;
  }
  return pass(buffer.data(), static_cast<std::size_t>(count));
}

Passed Way::pass(char* bytes, std::size_t count) {
  if (dropping_ || (ailment_.hole_after && passed_ >= *ailment_.hole_after)) return Passed::on;
  if (ailment_.latency > 0ms) std::this_thread::sleep_for(ailment_.latency);
  if (ailment_.bytes_per_second > 0) std::this_thread::sleep_for(milliseconds(1000 * count / ailment_.bytes_per_second));
  std::size_t lets = count;
  for (const auto& limit : {ailment_.reset_after, ailment_.hole_after}) {
    if (limit) lets = std::min(lets, *limit - std::min(*limit, passed_));
  }
  if (ailment_.corrupt_at && passed_ <= *ailment_.corrupt_at && *ailment_.corrupt_at < passed_ + lets) {
    bytes[*ailment_.corrupt_at - passed_] ^= 0x11;
  }
  passed_ += lets;
  last_.assign(bytes, lets <= kSmallPiece ? lets : 0);
  if (!send_all(to_, bytes, lets)) return Passed::reset;
  if (ailment_.reset_after && passed_ >= *ailment_.reset_after) return Passed::reset;
  return holds_the_unanswered(bytes, lets) ? Passed::unanswered : Passed::on;
}

bool Way::holds_the_unanswered(const char* bytes, std::size_t count) {
  if (ailment_.unanswered.empty()) return false;
  tail_.append(bytes, count);
  const bool found = tail_.find(ailment_.unanswered) != std::string::npos;
  if (tail_.size() > ailment_.unanswered.size()) tail_.erase(0, tail_.size() - ailment_.unanswered.size());
  return found;
}

}  // namespace

Affliction some_affliction(simulator::Random& random) {
  Affliction made;
  Ailment& ailment = random.permille(500) ? made.to_server : made.to_client;
  const std::size_t bytes = random.below(random.permille(500) ? 2'000 : 40'000);
  switch (random.below(6)) {
    case 0:
      ailment.reset_after = bytes;
      break;
    case 1:
      ailment.corrupt_at = bytes;
      break;
    case 2:
      ailment.latency = milliseconds(1 + random.below(30));
      break;
    case 3:
      ailment.piece = 1 + random.below(100);
      break;
    case 4:
      ailment.bytes_per_second = 20'000 + random.below(100'000);
      break;
    default:
      ailment.hole_after = bytes;
  }
  return made;
}

std::string describe(const Affliction& affliction) {
  std::string text;
  const auto add = [&](const char* name, std::uint64_t value) { text += std::string(" ") + name + "=" + std::to_string(value); };
  for (const Ailment* ailment : {&affliction.to_server, &affliction.to_client}) {
    text += ailment == &affliction.to_server ? "to server:" : "; to client:";
    if (ailment->latency > 0ms) add("latency_ms", static_cast<std::uint64_t>(ailment->latency.count()));
    if (ailment->bytes_per_second > 0) add("bytes_per_second", ailment->bytes_per_second);
    if (ailment->piece > 0) add("piece", ailment->piece);
    if (ailment->reset_after) add("reset_after", *ailment->reset_after);
    if (ailment->hole_after) add("hole_after", *ailment->hole_after);
    if (ailment->corrupt_at) add("corrupt_at", *ailment->corrupt_at);
    if (!ailment->unanswered.empty()) text += " unanswered=" + ailment->unanswered;
  }
  return text;
}

FaultProxy::FaultProxy(const Address& listen, Address server)
    : server_(std::move(server)), path_(listen.path), listener_(listen_on(listen)) {
  sockaddr_in name{};
  socklen_t size = sizeof name;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size);
  if (path_.empty()) port_ = ntohs(name.sin_port);
  acceptor_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
}

FaultProxy::~FaultProxy() {
  acceptor_.request_stop();
  acceptor_.join();
  connections_.clear();  // each is told to stop, and joined
  close(listener_);
  if (!path_.empty()) unlink(path_.c_str());
}

void FaultProxy::afflict(const Affliction& affliction, std::uint64_t connections) {
  const std::scoped_lock lock(mutex_);
  affliction_ = affliction;
  afflicted_left_ = connections;
}

void FaultProxy::cut_all() {
  const std::scoped_lock lock(mutex_);
  for (Connection& each : connections_) each.cut = true;
}

void FaultProxy::freeze_at(std::uint64_t piece) { pieces_until_frozen_ = piece; }

void FaultProxy::thaw() {
  pieces_until_frozen_ = UINT64_MAX;
  holding_ = false;
  frozen_ = false;
}

void FaultProxy::swallow_answer_to(const std::string& text) {
  const std::scoped_lock lock(mutex_);
  unanswered_ = text;
  is_armed_ = true;
}

// Counts a piece that a client sent.
bool FaultProxy::is_held() {
  if (pieces_until_frozen_ != UINT64_MAX && --pieces_until_frozen_ == 0) frozen_ = true;
  return frozen_;
}

bool FaultProxy::takes_answer(const std::string& piece) {
  const std::scoped_lock lock(mutex_);
  if (unanswered_.empty() || piece.find(unanswered_) == std::string::npos) return false;
  said_again_ = !is_armed_;
  if (is_armed_) ++swallowed_;
  return std::exchange(is_armed_, false);
}

Affliction FaultProxy::next_affliction() {
  if (afflicted_left_ == 0) return {};
  --afflicted_left_;
  return affliction_;
}

void FaultProxy::accept_all(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd waiting{listener_, POLLIN, 0};
    if (poll(&waiting, 1, kTick) <= 0) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const std::scoped_lock lock(mutex_);
    connections_.remove_if([](const Connection& each) { return each.done.load(); });
    Connection& connection = connections_.emplace_back();
    connection.thread = std::jthread([this, &connection, client, affliction = next_affliction()](
                                         const std::stop_token& told) { serve(connection, client, affliction, told); });
  }
}

void FaultProxy::serve(Connection& connection, int client, const Affliction& affliction, const std::stop_token& stop) {
  const int server = connect_to(server_);
  std::optional<std::chrono::steady_clock::time_point> reset_at;
  if (server >= 0) {
    Way to_server(client, server, affliction.to_server);
    Way to_client(server, client, affliction.to_client);
    while (!stop.stop_requested() && !connection.cut && (to_server.is_open() || to_client.is_open())) {
      if (reset_at && std::chrono::steady_clock::now() >= *reset_at) break;
      pollfd waiting[2] = {{to_server.is_open() ? client : -1, POLLIN, 0}, {to_client.is_open() ? server : -1, POLLIN, 0}};
      if (poll(waiting, 2, kTick) <= 0) continue;
      if (frozen_ || (waiting[0].revents != 0 && is_held())) {
        holding_ = true;
        std::this_thread::sleep_for(milliseconds(kTick));
        continue;
      }
      Passed passed = waiting[0].revents != 0 ? to_server.pass() : Passed::on;
      if (waiting[0].revents != 0 && passed == Passed::on && takes_answer(to_server.last())) passed = Passed::unanswered;
      if (passed == Passed::unanswered) {
        ++struck_;
        to_client.drop_all();
        reset_at = std::chrono::steady_clock::now() + kBeforeReset;
      }
      if (passed != Passed::reset && waiting[1].revents != 0) passed = to_client.pass();
      if (passed == Passed::reset) {
        ++struck_;
        break;
      }
    }
    reset(server);
  }
  reset(client);
  connection.done = true;
}

}  // namespace odetl::chaos
