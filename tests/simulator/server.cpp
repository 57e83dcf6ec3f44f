#include "tests/simulator/server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>

#include "tests/simulator/api.hpp"
#include "tests/simulator/control.hpp"
#include "tests/simulator/error_pages.hpp"
#include "tests/simulator/transmission.hpp"

namespace odetl::simulator {
namespace {

constexpr std::string_view kControl = "/_simulator/";
constexpr std::size_t kMostRecords = 100'000;
constexpr std::size_t kMostWorkers = 512;

sockaddr_in address_of(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  std::uint16_t port = 0;
  const char* end = listen.data() + listen.size();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string::npos || std::from_chars(listen.data() + colon + 1, end, port).ptr != end ||
      inet_pton(AF_INET, listen.substr(0, colon).c_str(), &address.sin_addr) != 1) {
    throw std::invalid_argument("listen '" + listen + "': not an IPv4 address and port");
  }
  address.sin_port = htons(port);
  return address;
}

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

int listen_on(const std::string& listen_at) {
  const sockaddr_in address = address_of(listen_at);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) fail("socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 128) != 0) {
    const int error = errno;
    close(fd);
    errno = error;
    fail("listen '" + listen_at + "'");
  }
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace

Server::Server(Tenant& tenant, ServerOptions options)
    : tenant_(tenant), options_(std::move(options)), throttle_(options_.rate_limit), token_(options_.token) {
  listener_ = listen_on(options_.listen);
  stop_fd_ = eventfd(0, EFD_CLOEXEC);
  port_ = port_of(listener_);
  acceptor_ = std::jthread([this] { accept_connections(); });
}

Server::~Server() {
  // Stays readable: every poll of every thread sees it.
  eventfd_write(stop_fd_, 1);
  acceptor_.join();
  workers_.clear();
  close(listener_);
  close(stop_fd_);
}

std::string Server::url() const {
  return "http://" + options_.listen.substr(0, options_.listen.rfind(':')) + ':' + std::to_string(port_);
}

void Server::accept_connections() {
  std::array<pollfd, 2> fds{{{listener_, POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
  while (true) {
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      // Out of descriptors, mostly: the listener stays ready, and asking again at once would spin.
      poll(&fds[1], 1, 10);
      continue;
    }
    ++connections_;
    bury_finished_workers();
    if (workers_.size() >= kMostWorkers) {
      close(fd);
      continue;
    }
    Worker& worker = workers_.emplace_back();
    worker.thread = std::jthread([this, fd, &worker] {
      serve(fd);
      worker.done = true;
    });
  }
}

void Server::bury_finished_workers() {
  workers_.remove_if([](const Worker& worker) { return worker.done.load(); });
}

void Server::serve(int fd) {
  Connection connection(fd, stop_fd_);
  while (const auto request = connection.read_request()) {
    Response response = options_.keep_answers ? respond_again(*request) : respond(*request);
    response.may_compress = response.may_compress && options_.compress;
    const Second date = std::chrono::floor<std::chrono::seconds>(tenant_.clock().now());
    if (!transmit(connection, *request, std::move(response), date)) return;
  }
}

Response Server::respond(const Request& request) {
  if (request.path.starts_with(kControl)) return Control(*this).respond(request);
  if (auto response = Api(*this).respond(request)) return *std::move(response);
  if (request.path == "/login") return login_page();
  return error_page(404);
}

Response Server::respond_again(const Request& request) {
  if (request.path.starts_with(kControl)) return respond(request);
  std::string key = request.method + ' ' + request.target;
  for (const char* name : {"authorization", "accept", "accept-encoding"}) key += '\n' + request.header(name);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = kept_.find(key); found != kept_.end()) return found->second;
  }
  Response response = respond(request);
  if (response.status != 200) return response;
  if (options_.compress) compress(response, request);
  const std::lock_guard lock(mutex_);
  return kept_.emplace(std::move(key), std::move(response)).first->second;
}

void Server::remember(RequestRecord record) {
  const std::lock_guard lock(mutex_);
  record.number = ++request_count_;
  requests_.push_back(std::move(record));
  if (requests_.size() > kMostRecords) requests_.pop_front();
}

void Server::set_token(std::string token) {
  const std::lock_guard lock(mutex_);
  token_ = std::move(token);
}

std::string Server::token() const {
  const std::lock_guard lock(mutex_);
  return token_;
}

std::vector<RequestRecord> Server::requests() const {
  const std::lock_guard lock(mutex_);
  return {requests_.begin(), requests_.end()};
}

std::uint64_t Server::request_count() const {
  const std::lock_guard lock(mutex_);
  return request_count_;
}

void Server::forget_requests() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
  request_count_ = 0;
}

}  // namespace odetl::simulator
