#include "daemon/http_endpoint.hpp"

#include <httplib.h>
#include <spdlog/fmt/fmt.h>

#include <charconv>
#include <thread>

namespace odetl {
namespace {

constexpr std::size_t kThreads = 4;
constexpr std::size_t kLargestRequest = 8192;
constexpr time_t kTimeout = 5;  // seconds, of a read or write
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

class Served final : public HttpEndpoint {
 public:
  Served(const std::string& listen, HttpContent content) : content_(std::move(content)) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    server_.set_socket_options(claim);
    server_.set_payload_max_length(kLargestRequest);
    server_.set_read_timeout(kTimeout);
    server_.set_write_timeout(kTimeout);
    server_.set_keep_alive_timeout(kTimeout);
    server_.set_default_headers({{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}});
    route();
    const Address address = address_of(listen);
    const bool any = address.port == 0;
    port_ = any ? server_.bind_to_any_port(address.host) : address.port;
    if (port_ < 0 || (!any && !server_.bind_to_port(address.host, address.port))) {
      throw HttpEndpointError(fmt::format("http.listen '{}': cannot listen there; another process may use the port; "
                                          "choose another, or \"\" to turn the endpoint off",
                                          listen));
    }
    thread_ = std::jthread([this] { server_.listen_after_bind(); });
    server_.wait_until_ready_or_stopped();
  }
  ~Served() override { server_.stop(); }

  int port() const override { return port_; }

 private:
  // The server of this library version has no such wait of its own.
  struct Server : httplib::Server {
    void wait_until_ready_or_stopped() {
      while (!is_running()) std::this_thread::yield();
    }
  };

  void route() {
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(content_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
    server_.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", kText);
    });
    server_.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
      const auto reason = content_.not_ready();
      response.status = reason ? 503 : 200;
      response.set_content(reason ? *reason + "\n" : "ready\n", kText);
    });
    server_.Get("/status.json", [this](const httplib::Request&, httplib::Response& response) {
      try {
        response.set_content(content_.status_json(), "application/json");
      } catch (const std::exception& error) {
        response.status = 503;
        response.set_content(std::string(error.what()) + "\n", kText);
      }
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
