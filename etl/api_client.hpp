#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "etl/body.hpp"
#include "etl/error.hpp"
#include "etl/time_window.hpp"

namespace odetl {

/// The three shapes of the Interaction API's address.
enum class Endpoint {
  public_api,  ///< /public/api/user-interactions?from=&to=
  legacy,      ///< /api/user-interactions?from=&to=
  path,        ///< /api/user-interactions/{from}/{to}
};

struct ApiOptions {
  std::string base_url;  ///< scheme, host, port and optional path prefix; no trailing slash needed
  Endpoint endpoint = Endpoint::public_api;
  std::map<std::string, std::string> filters;  ///< sent as query parameters, percent-encoded
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{120'000};             ///< the whole request
  std::size_t max_response = std::size_t{256} << 20;      ///< bytes of an answer, decompressed
  std::chrono::seconds low_speed_time{75};                ///< slower than 64 B/s for so long is a time-out; servers think
                                                          ///< for up to 60 s, the time-out of the proxies before them
  std::chrono::seconds max_retry_after{3600};             ///< a longer Retry-After is cut to this
  std::string ca_file;                                    ///< empty: the system's
  std::string proxy;                                      ///< empty: none, whatever the environment says
  bool allow_http = false;                                ///< plain http to other than loopback
  std::string user_agent = "opendialog-etl";
};

/// What to ask for: both bounds inclusive, as the API has them. `from == to` is that one second.
struct AskedRange {
  sys_seconds from;
  sys_seconds to;
  bool operator==(const AskedRange&) const = default;
};

/// How a body was made smaller for its way.
enum class ContentCoding { identity, gzip };

/// A body as it came, its coding not undone. Kept and used again from window to window.
struct Answer {
  Body bytes;
  ContentCoding coding = ContentCoding::identity;
};

/// The throttle's own words, of any answer that had them.
struct RateLimit {
  std::optional<std::int64_t> limit;      ///< X-RateLimit-Limit: requests a minute
  std::optional<std::int64_t> remaining;  ///< X-RateLimit-Remaining
  std::optional<sys_seconds> reset;       ///< X-RateLimit-Reset, a Unix time
};

/// What came back besides the body; filled as far as it got also when the request failed.
struct Exchange {
  int status = 0;
  std::optional<sys_seconds> server_date;  ///< the Date header
  RateLimit rate_limit;
  std::uint64_t wire_bytes = 0;   ///< received, header included
  std::uint64_t body_bytes = 0;   ///< of the body: after decompression once it is decoded, until then as sent
  std::chrono::milliseconds duration{0};
};

/// One request at a time to one tenant. Not thread-safe; every worker has its own. Keeps its connection.
class ApiClient {
 public:
  virtual ~ApiClient() = default;

  /// Puts the body of a complete 200 of JSON into `answer`, as it was sent. That it is whole is for decode() and the
  /// parser to prove: a transfer can end well on a cut body.
  /// Throws ApiError for everything else (see Failure), and Stopped soon after `stop` is requested.
  /// `exchange` is filled in either case.
  virtual void fetch(const AskedRange& asked, Answer& answer, Exchange& exchange, std::stop_token stop) = 0;

  /// Puts what fetch() answered for the same range into `body`, its coding undone, and the size of it into `exchange`;
  /// nothing is left in `answer`. Throws ApiError, with nothing in `body`, for what is not whole, not of the coding it
  /// claims, or larger than max_response. Another thread may do so while a request runs.
  virtual void decode(const AskedRange& asked, Answer& answer, Body& body, Exchange& exchange) const = 0;

  /// The bearer token from the next request on. Throws std::invalid_argument, without showing it, for one
  /// that is empty or holds a blank, a line end or anything else beyond printable ASCII.
  virtual void set_token(std::string token) = 0;
};

/// The address that is asked, without the token: for logs and `check`.
std::string request_url(const ApiOptions& options, const AskedRange& asked);

/// Nothing when `base_url` is one the client will speak to, else what is wrong with it.
std::optional<std::string> refuse_base_url(const std::string& base_url, bool allow_http);

/// Nothing when a filter may have this name, else what is wrong with it: it must not replace the window.
std::optional<std::string> refuse_filter(const std::string& name);

/// Throws std::invalid_argument for what refuse_base_url, refuse_filter or set_token refuse.
std::unique_ptr<ApiClient> make_api_client(ApiOptions options, std::string token);

/// Once a process, before any thread is started. The process must ignore SIGPIPE: TLS writes raise it.
void init_http_library();

}  // namespace odetl
