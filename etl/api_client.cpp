#include "etl/api_client.hpp"

#include <curl/curl.h>
#include <spdlog/fmt/fmt.h>

#include <array>
#include <exception>
#include <mutex>

#include "etl/api_verdict.hpp"
#include "etl/content_coding.hpp"

namespace odetl {
namespace {

constexpr std::size_t kMostHeader = 256 << 10;    // bytes of all header lines of one answer
constexpr std::size_t kMostOfAnError = 64 << 10;  // read of a body nobody wants, to keep the connection
constexpr const char* kHeaderTooLarge = "the header exceeds 256 KiB";
constexpr long kSlowest = 64;  // bytes a second
constexpr long kReadBuffer = 128 << 10;
constexpr long kKeepAliveSeconds = 30;
constexpr int kLongestPoll_ms = 1000;  // libcurl shortens it to its own next timer

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Easy = std::unique_ptr<CURL, FreeWith<curl_easy_cleanup>>;
using Multi = std::unique_ptr<CURLM, FreeWith<curl_multi_cleanup>>;
using Lines = std::unique_ptr<curl_slist, FreeWith<curl_slist_free_all>>;

void check(CURLMcode code) {
  if (code != CURLM_OK)
    throw std::runtime_error(fmt::format("libcurl: {}; this is a defect", curl_multi_strerror(code)));
}

template <typename Value>
void set(const Easy& easy, CURLoption option, Value value) {
  if (const CURLcode code = curl_easy_setopt(easy.get(), option, value); code != CURLE_OK) {
    throw std::runtime_error(fmt::format("libcurl option {}: {}; another libcurl is needed", static_cast<int>(option),
                                         curl_easy_strerror(code)));
  }
}

template <typename Value>
Value info(const Easy& easy, CURLINFO which) {
  Value value{};
  curl_easy_getinfo(easy.get(), which, &value);
  return value;
}

void add_line(Lines& lines, const std::string& line) {
  curl_slist* longer = curl_slist_append(lines.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(lines.release());
  lines.reset(longer);
}

/// What arrives during one request; the callbacks' side of it.
struct Reception {
  Reception(Body& into, std::size_t max_response) : body(into), most(max_response) {}

  Body& body;
  std::size_t most;  ///< bytes of a body as sent
  AnswerHeader header{};
  std::size_t header_bytes = 0;
  std::uint64_t body_bytes = 0;
  bool over_limit = false;
  bool enough = false;  ///< broken off because nobody wants the rest
  std::exception_ptr thrown{};

  bool wants_body() const {
    return header.status == 200 && is_json(header.content_type) && content_coding(header.content_encoding);
  }

  bool take_header(std::string_view line) {
    header_bytes += line.size();
    if (header_bytes > kMostHeader) return false;
    read_header_line(line, header);
    return true;
  }

  bool take_body(std::string_view bytes) {
    body_bytes += bytes.size();
    if (!wants_body()) {
      enough = body_bytes > kMostOfAnError;
      return !enough;
    }
    over_limit = body_bytes > most;
    if (over_limit) return false;
    body.append(bytes.data(), bytes.size());
    return true;
  }
};

/// No exception may pass through libcurl. Anything but the whole count breaks the transfer off.
template <bool (Reception::*kTake)(std::string_view)>
std::size_t on_bytes(char* bytes, std::size_t size, std::size_t count, void* reception) {
  auto& into = *static_cast<Reception*>(reception);
  try {
    return (into.*kTake)({bytes, size * count}) ? size * count : 0;
  } catch (...) {
    into.thrown = std::current_exception();
    return 0;
  }
}

/// A request in progress: libcurl forgets it when this ends, however it ends.
class Attached {
 public:
  Attached(const Multi& multi, const Easy& easy) : multi_(multi.get()), easy_(easy.get()) {
    check(curl_multi_add_handle(multi_, easy_));
  }
  ~Attached() { curl_multi_remove_handle(multi_, easy_); }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

 private:
  CURLM* multi_;
  CURL* easy_;
};

void require_printable(const std::string& value, const char* what) {
  if (value.empty() || printable(value, value.size()) != value) {
    throw std::invalid_argument(fmt::format("{}: holds other than printable ASCII, or nothing", what));
  }
}

class CurlClient final : public ApiClient {
 public:
  CurlClient(ApiOptions options, std::string token)
      : options_(std::move(options)), multi_(curl_multi_init()), easy_(curl_easy_init()) {
    if (!multi_ || !easy_) throw std::bad_alloc();
    require_valid_options();
    unfiltered_.base_url = options_.base_url;
    unfiltered_.endpoint = options_.endpoint;
    set_identity();
    set_limits();
    set_transport();
    set_token(std::move(token));
  }

  void set_token(std::string token) override {
    if (token.find(' ') != std::string::npos) throw std::invalid_argument("token: holds a blank");
    require_printable(token, "token");
    Lines lines;
    add_line(lines, "Accept: application/json");
    add_line(lines, "Authorization: Bearer " + token);
    set(easy_, CURLOPT_HTTPHEADER, lines.get());
    lines_ = std::move(lines);
  }

  void fetch(const AskedRange& asked, Answer& answer, Exchange& exchange, std::stop_token stop) override {
    answer.bytes.clear();
    exchange = {};
    Reception reception(answer.bytes, options_.max_response);
    const auto code = transfer(request_url(options_, asked), reception, stop);
    describe(reception, exchange);
    if (reception.thrown) std::rethrow_exception(reception.thrown);
    if (!code) throw Stopped();
    if (const auto verdict = judge(outcome(*code, reception, exchange))) {
      answer.bytes.clear();
      const AnswerHeader& header = reception.header;
      fail(*verdict, asked, header.status,
           parse_retry_after(header.retry_after, header.date, options_.max_retry_after));
    }
    answer.coding = content_coding(reception.header.content_encoding).value();
  }

  void decode(const AskedRange& asked, Answer& answer, Body& body, Exchange& exchange) const override {
    const auto verdict = odetl::decode(answer, body, options_.max_response);
    if (verdict) fail(*verdict, asked, exchange.status);
    exchange.body_bytes = body.size();
  }

 private:
  void require_valid_options() const {
    if (const auto refusal = refuse_base_url(options_.base_url, options_.allow_http)) {
      throw std::invalid_argument("api.base_url: " + *refusal);
    }
    for (const auto& [name, value] : options_.filters) {
      if (const auto refusal = refuse_filter(name)) throw std::invalid_argument("api.filters: a filter " + *refusal);
    }
    require_printable(options_.user_agent, "user agent");
  }

  void set_identity() {
    set(easy_, CURLOPT_USERAGENT, options_.user_agent.c_str());
    set(easy_, CURLOPT_ACCEPT_ENCODING, "gzip");
    set(easy_, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    set(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy_, CURLOPT_PROXY, options_.proxy.c_str());
    set(easy_, CURLOPT_NOPROXY, "");
    set(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(easy_, CURLOPT_HEADERFUNCTION, &on_bytes<&Reception::take_header>);
    set(easy_, CURLOPT_WRITEFUNCTION, &on_bytes<&Reception::take_body>);
    set(easy_, CURLOPT_ERRORBUFFER, detail_.data());
  }

  void set_limits() {
    set(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
    set(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    set(easy_, CURLOPT_LOW_SPEED_LIMIT, kSlowest);
    set(easy_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.low_speed_time.count()));
    set(easy_, CURLOPT_BUFFERSIZE, kReadBuffer);
    set(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
    set(easy_, CURLOPT_TCP_KEEPIDLE, kKeepAliveSeconds);
    set(easy_, CURLOPT_TCP_KEEPINTVL, kKeepAliveSeconds);
    set(easy_, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    // Without it a stop waits for the thread that resolves the name.
    set(easy_, CURLOPT_QUICK_EXIT, 1L);
#endif
  }

  void set_transport() {
#if LIBCURL_VERSION_NUM >= 0x075500
    set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    set(easy_, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(easy_, CURLOPT_SSL_VERIFYPEER, 1L);
    set(easy_, CURLOPT_SSL_VERIFYHOST, 2L);
    if (options_.ca_file.empty()) return;
    // The file replaces the system's authorities, so their directory has to go too.
    set(easy_, CURLOPT_CAINFO, options_.ca_file.c_str());
    set(easy_, CURLOPT_CAPATH, static_cast<char*>(nullptr));
  }

  /// Nothing when it was stopped.
  std::optional<CURLcode> transfer(const std::string& url, Reception& reception, const std::stop_token& stop) {
    detail_[0] = '\0';
    set(easy_, CURLOPT_URL, url.c_str());
    set(easy_, CURLOPT_HEADERDATA, &reception);
    set(easy_, CURLOPT_WRITEDATA, &reception);
    const Attached attached(multi_, easy_);
    const std::stop_callback wake(stop, [this] { curl_multi_wakeup(multi_.get()); });
    while (!stop.stop_requested()) {
      int running = 0;
      check(curl_multi_perform(multi_.get(), &running));
      if (running == 0) return result();
      check(curl_multi_poll(multi_.get(), nullptr, 0, kLongestPoll_ms, nullptr));
    }
    return {};
  }

  CURLcode result() const {
    int left = 0;
    const CURLMsg* message = curl_multi_info_read(multi_.get(), &left);
    return message == nullptr ? CURLE_FAILED_INIT : message->data.result;
  }

  void describe(const Reception& reception, Exchange& exchange) const {
    exchange.status = reception.header.status;
    exchange.server_date = reception.header.date;
    exchange.rate_limit = reception.header.rate_limit;
    exchange.body_bytes = reception.body_bytes;
    exchange.wire_bytes =
        reception.header_bytes + static_cast<std::uint64_t>(info<curl_off_t>(easy_, CURLINFO_SIZE_DOWNLOAD_T));
    exchange.duration = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::microseconds{info<curl_off_t>(easy_, CURLINFO_TOTAL_TIME_T)});
  }

  Outcome outcome(CURLcode code, const Reception& reception, const Exchange& exchange) const {
    return {.curl_code = reception.enough ? CURLE_OK : code,
            .detail = reception.header_bytes > kMostHeader ? kHeaderTooLarge : detail_.data(),
            .connected = info<curl_off_t>(easy_, CURLINFO_PRETRANSFER_TIME_T) > 0,
            .wire_bytes = exchange.wire_bytes,
            .header = reception.header,
            .body_bytes = reception.body_bytes,
            .over_limit = reception.over_limit};
  }

  [[noreturn]] void fail(const Verdict& verdict, const AskedRange& asked, int status,
                         std::optional<std::chrono::seconds> retry_after = {}) const {
    const std::string url = request_url(unfiltered_, asked);
    throw ApiError(verdict.failure, fmt::format("GET '{}': {}; {}", url, verdict.cause, next_step(verdict.failure)),
                   status, retry_after);
  }

  ApiOptions options_;
  ApiOptions unfiltered_;  ///< for messages: a filter can name a person
  std::array<char, CURL_ERROR_SIZE> detail_{};
  Lines lines_;
  Multi multi_;  // holds the connection
  Easy easy_;
};

}  // namespace

std::unique_ptr<ApiClient> make_api_client(ApiOptions options, std::string token) {
  return std::make_unique<CurlClient>(std::move(options), std::move(token));
}

void init_http_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw std::runtime_error("libcurl: cannot start; reinstall it");
  });
}

}  // namespace odetl
