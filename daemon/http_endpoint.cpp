#include "daemon/http_endpoint.hpp"

#include <arpa/inet.h>
#include <httplib.h>
#include <poll.h>
#include <spdlog/fmt/fmt.h>
#include <sys/eventfd.h>

#include <array>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kThreads = 8;
constexpr std::size_t kWaiting = 32;  // connections that no thread has taken up
constexpr std::size_t kLargestRequest = 8192;
constexpr auto kRequestTime = 5s;           // for a whole request
constexpr auto kAnswerTime = 5s;            // for a whole answer
constexpr auto kSilence = 2s;               // until a request begins…
constexpr auto kSilenceWhenCrowded = 50ms;  // …while others wait
constexpr const char* kText = "text/plain; charset=utf-8";

struct Address {
  std::string host;
  int port = 0;
};

Address address_of(const std::string& listen) {
  const auto colon = listen.rfind(':');
  Address address{listen.substr(0, colon), 0};
  const char* digits = listen.data() + colon + 1;
  std::from_chars(digits, listen.data() + listen.size(), address.port);
  if (address.host.starts_with('[')) address.host = address.host.substr(1, address.host.size() - 2);
  return address;
}

// A port that was in use a moment ago may be taken; one that is in use may not, as the library would have it.
void claim(socket_t socket) {
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

// Ends every wait for a connection.
class StopSwitch {
 public:
  StopSwitch() : fd_(eventfd(0, EFD_CLOEXEC)) {}
  ~StopSwitch() { close(fd_); }
  StopSwitch(const StopSwitch&) = delete;
  void stop() { eventfd_write(fd_, 1); }

  // True when `socket` is ready for `events`, or broken; false at the deadline or the stop.
  bool wait(socket_t socket, short events, SteadyClock::time_point deadline) const {
    const auto rest = std::chrono::ceil<milliseconds>(deadline - SteadyClock::now());
    pollfd polled[2] = {{socket, events, 0}, {fd_, POLLIN, 0}};
    if (rest <= 0ms || poll(polled, 2, static_cast<int>(rest.count())) <= 0) return false;
    return polled[1].revents == 0;
  }

 private:
  int fd_;
};

// One connection, with a limit on the bytes that it may say and on the time that it may take.
class Connection final : public httplib::Stream {
 public:
  Connection(socket_t socket, const StopSwitch& stop) : socket_(socket), stop_(stop) {}

  bool speaks_within(milliseconds silence) { return stop_.wait(socket_, POLLIN, SteadyClock::now() + silence); }

  bool is_readable() const override { return begin_ < end_ || stop_.wait(socket_, POLLIN, request_by_); }
  bool is_writable() const override { return true; }
  ssize_t read(char* out, std::size_t size) override {
    if (begin_ == end_ && !receive()) return 0;
    const std::size_t count = std::min(size, end_ - begin_);
    std::copy_n(said_.data() + begin_, count, out);
    begin_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* bytes, std::size_t size) override {
    if (!answer_by_) answer_by_ = SteadyClock::now() + kAnswerTime;
    for (;;) {
      const ssize_t sent = send(socket_, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0 || errno != EAGAIN) return sent;
      if (!stop_.wait(socket_, POLLOUT, *answer_by_)) return -1;
    }
  }
  // Who asks is of no interest.
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }
  // Later versions of the library ask for these as well.
  virtual bool wait_readable() const { return is_readable(); }
  virtual bool wait_writable() const { return true; }
  virtual time_t duration() const { return 0; }

 private:
  bool receive() {
    if (end_ == said_.size() || !stop_.wait(socket_, POLLIN, request_by_)) return false;
    const ssize_t count = recv(socket_, said_.data() + end_, said_.size() - end_, MSG_DONTWAIT);
    if (count > 0) end_ += static_cast<std::size_t>(count);
    return count > 0;
  }

  socket_t socket_;
  const StopSwitch& stop_;
  SteadyClock::time_point request_by_ = SteadyClock::now() + kRequestTime;
  std::optional<SteadyClock::time_point> answer_by_;
  std::array<char, kLargestRequest> said_;
  std::size_t begin_ = 0, end_ = 0;
};

// The library's thread pool, but bounded: who accepts connections waits while too many are open.
class Crew final : public httplib::TaskQueue {
 public:
  explicit Crew(std::atomic<bool>& crowded) : crowded_(crowded) {
    for (std::size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { work(); });
  }

  // Answers bool in later versions of the library.
  using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));
  Enqueued enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    crowded_ = tasks_.size() >= kThreads;
    changed_.wait(lock, [this] { return tasks_.size() < kWaiting; });
    tasks_.push_back(std::move(task));
    changed_.notify_all();
    return static_cast<Enqueued>(true);
  }

  void shutdown() override {
    {
      const std::scoped_lock lock(mutex_);
      ended_ = true;
      changed_.notify_all();
    }
    threads_.clear();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return !tasks_.empty() || ended_; });
      if (tasks_.empty()) return;
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      crowded_ = tasks_.size() >= kThreads;
      changed_.notify_all();
      lock.unlock();
      try {
        task();
      } catch (const std::exception&) {  // no memory: this connection is lost, and no other
      }
      lock.lock();
    }
  }

  std::atomic<bool>& crowded_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ended_ = false;
  std::vector<std::jthread> threads_;  // the last: it uses the others
};

// The library's server with our connections.
class Server final : public httplib::Server {
 public:
  Server() {
    new_task_queue = [this] { return new Crew(crowded_); };
  }
  void stop_all() {
    stop_.stop();
    stop();
  }
  // The server of this library version has no such wait of its own.
  void wait_until_ready() {
    while (!is_running()) std::this_thread::yield();
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    Connection connection(socket, stop_);
    const bool served =
        connection.speaks_within(crowded_ ? kSilenceWhenCrowded : kSilence) && answer(*this, connection);
    shutdown(socket, SHUT_WR);
    close(socket);
    return served;
  }

  // process_request() has more parameters in later versions of the library.
  template <typename S>
  static bool answer(S& server, httplib::Stream& connection) {
    bool closed = false;
    if constexpr (requires { server.process_request(connection, true, closed, nullptr); }) {
      return server.process_request(connection, true, closed, nullptr);
    } else {
      return server.process_request(connection, "", 0, "", 0, true, closed, nullptr);
    }
  }

  StopSwitch stop_;
  std::atomic<bool> crowded_{false};
};

class Served final : public HttpEndpoint {
 public:
  Served(const std::string& listen, HttpContent content) : content_(std::move(content)) {
    server_.set_socket_options(claim);
    server_.set_payload_max_length(kLargestRequest);
    server_.set_default_headers({{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}});
    server_.set_pre_routing_handler(refuse_other_methods);
    route();
    const Address address = address_of(listen);
    const bool any = address.port == 0;
    port_ = any ? server_.bind_to_any_port(address.host) : address.port;
    if (port_ < 0 || (!any && !server_.bind_to_port(address.host, address.port))) {
      throw HttpEndpointError(
          fmt::format("http.listen '{}': cannot listen there; another process may use the port; "
                      "choose another, or \"\" to turn the endpoint off",
                      listen));
    }
    thread_ = std::jthread([this] { server_.listen_after_bind(); });
    server_.wait_until_ready();
  }
  ~Served() override { server_.stop_all(); }

  int port() const override { return port_; }

 private:
  static httplib::Server::HandlerResponse refuse_other_methods(const httplib::Request& request,
                                                               httplib::Response& response) {
    if (request.method == "GET" || request.method == "HEAD") return httplib::Server::HandlerResponse::Unhandled;
    response.status = 405;
    response.set_header("Allow", "GET, HEAD");
    response.set_content("only GET and HEAD are served\n", kText);
    return httplib::Server::HandlerResponse::Handled;
  }

  // What `answer` says; what it throws is told with a 503.
  void get(const char* path, std::function<void(httplib::Response&)> answer) {
    server_.Get(path, [answer = std::move(answer)](const httplib::Request&, httplib::Response& response) {
      try {
        answer(response);
      } catch (const std::exception& error) {
        response.status = 503;
        response.set_content(std::string(error.what()) + "\n", kText);
      }
    });
  }

  void route() {
    get("/metrics", [this](httplib::Response& response) {
      response.set_content(content_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
    get("/healthz", [](httplib::Response& response) { response.set_content("ok\n", kText); });
    get("/readyz", [this](httplib::Response& response) {
      const auto reason = content_.not_ready();
      response.status = reason ? 503 : 200;
      response.set_content(reason ? *reason + "\n" : "ready\n", kText);
    });
    get("/status.json",
        [this](httplib::Response& response) { response.set_content(content_.status_json(), "application/json"); });
    get("/", [this](httplib::Response& response) {
      const HttpPage page = content_.page();
      response.set_header("Content-Security-Policy", page.security_policy);
      response.set_header("Referrer-Policy", "no-referrer");
      response.set_content(page.html, "text/html; charset=utf-8");
    });
  }

  HttpContent content_;
  Server server_;
  int port_ = 0;
  std::jthread thread_;
};

}  // namespace

std::unique_ptr<HttpEndpoint> start_http_endpoint(const std::string& listen, HttpContent content) {
  return std::make_unique<Served>(listen, std::move(content));
}

}  // namespace odetl
