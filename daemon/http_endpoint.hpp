#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace odetl {

/// The status page and the Content-Security-Policy that goes with it.
struct HttpPage {
  std::string html;
  std::string security_policy;
};

/// What the endpoint answers with; called from its threads.
struct HttpContent {
  std::function<std::string()> metrics;                   ///< /metrics
  std::function<std::optional<std::string>()> not_ready;  ///< /readyz: nothing, or the reason in words
  std::function<std::string()> status_json;               ///< /status.json; may throw: then 503
  std::function<HttpPage()> page;                         ///< /
};

/// The endpoint cannot listen: says where and why.
class HttpEndpointError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Serves /, /metrics, /healthz, /readyz and /status.json to GET and HEAD (405 to others), one request a connection, in
/// threads of its own until it is destroyed. Ingestion never waits for it, and it never takes much: a request has 8 KiB
/// and 5 s to come, an answer 5 s to go, and of connections some 40 are open at a time; more wait in the kernel's
/// queue, while those that say nothing are closed the sooner.
class HttpEndpoint {
 public:
  virtual ~HttpEndpoint() = default;
  virtual int port() const = 0;
};

/// `listen`: `127.0.0.1:9464`, `[::1]:9464`, port 0 for any free one.
std::unique_ptr<HttpEndpoint> start_http_endpoint(const std::string& listen, HttpContent content);

}  // namespace odetl
