#include "tests/simulator/api.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "tests/simulator/error_pages.hpp"

namespace odetl::simulator {
namespace {

constexpr std::string_view kPublicPath = "/public/api/user-interactions";
constexpr std::string_view kLegacyPath = "/api/user-interactions";
constexpr std::array<std::string_view, 12> kFilters{"user_id",    "selected_scenario", "browser",  "os",
                                                    "first_name", "last_name",         "email",    "external_id",
                                                    "country",    "browser_language",  "timezone", "platform"};

// After every row, and yet within reach of std::chrono's microseconds.
constexpr Second kNever = std::chrono::sys_days(std::chrono::year(9999) / 12 / 31);

using Bound = std::optional<std::string>;

// The framework redirects a client that does not want JSON first of all.
bool wants_json(const Request& request) {
  const std::string accept = request.header("accept");
  const std::string first = accept.substr(0, accept.find(','));
  return first.find("/json") != std::string::npos || first.find("+json") != std::string::npos;
}

// What is wrong with a bound, as the framework says it; empty if nothing is.
std::string complaint(std::string_view name, const Bound& text, const std::optional<Moment>& moment) {
  const std::string field(name);
  if (!text || text->empty()) return '"' + field + "\":[\"The " + field + " field is required.\"]";
  if (!moment) return '"' + field + "\":[\"The " + field + " is not a valid date.\"]";
  return "";
}

Response refusal(const Request& request, const std::string& errors) {
  if (!wants_json(request)) return redirect_page("/");
  Response response = error_page(422);
  response.body = "{\"message\":\"The given data was invalid.\",\"errors\":{" + errors + "}}";
  return response;
}

Response too_many(const Throttle::Verdict& verdict) {
  Response response = error_page(429);
  response.headers = {{"X-RateLimit-Limit", std::to_string(verdict.limit)},
                      {"X-RateLimit-Remaining", "0"},
                      {"Retry-After", std::to_string(verdict.retry_after.count())},
                      {"X-RateLimit-Reset", std::to_string(verdict.reset.time_since_epoch().count())}};
  return response;
}

// A worker that dies takes these headers with it.
void announce(Response& response, const Throttle::Verdict& verdict) {
  if (verdict.limit == 0 || response.status >= 500) return;
  response.headers.emplace_back("X-RateLimit-Limit", std::to_string(verdict.limit));
  response.headers.emplace_back("X-RateLimit-Remaining", std::to_string(verdict.remaining));
}

}  // namespace

struct Api::Call {
  Bound from, to;
  std::optional<Moment> from_moment, to_moment;
  std::map<std::string, std::string> filters;
  std::string unknown_filter;

  void read_moments() {
    if (from) from_moment = read_moment(*from);
    if (to) to_moment = read_moment(*to);
  }

  std::string errors() const {
    const std::string first = complaint("from", from, from_moment), second = complaint("to", to, to_moment);
    std::string all = first + (first.empty() || second.empty() ? "" : ",") + second;
    if (!unknown_filter.empty()) {
      all += (all.empty() ? "\"" : ",\"") + unknown_filter + "\":[\"The " + unknown_filter + " filter is unknown.\"]";
    }
    return all;
  }

  // A year beyond the calendar lists nothing; so does a window of nonsense, which is refused elsewhere.
  Window window() const {
    const bool listable = from_moment && to_moment && !from_moment->beyond_calendar && !to_moment->beyond_calendar;
    if (!listable) return {.from = kNever, .to = kNever - std::chrono::seconds(1)};
    return {.from = from_moment->wall,
            .to = to_moment->wall,
            .echo_from = from_moment->echo,
            .echo_to = to_moment->echo,
            .filters = filters};
  }
};

std::optional<Api::Call> Api::read_call(const Request& request) const {
  const Endpoints served = server_.options_.endpoints;
  const auto serves = [&](Endpoints form) { return served == Endpoints::all || served == form; };
  const std::string_view path = request.path;
  Call call;
  if ((path == kPublicPath && serves(Endpoints::public_form)) || (path == kLegacyPath && serves(Endpoints::legacy))) {
    call.from = request.parameter("from");
    call.to = request.parameter("to");
  } else if (path.starts_with(std::string(kLegacyPath) + '/') && serves(Endpoints::path)) {
    const std::string_view bounds = path.substr(kLegacyPath.size() + 1);
    const std::size_t slash = bounds.find('/');
    if (slash == bounds.npos) return std::nullopt;
    call.from = percent_decoded(bounds.substr(0, slash), Plus::literal);
    call.to = percent_decoded(bounds.substr(slash + 1), Plus::literal);
  } else {
    return std::nullopt;
  }
  for (const auto& [name, value] : request.query) {
    if (path != kPublicPath || name == "from" || name == "to" || name == "api_token") continue;
    if (std::find(kFilters.begin(), kFilters.end(), name) == kFilters.end()) call.unknown_filter = name;
    call.filters[name] = value;
  }
  call.read_moments();
  return call;
}

Credential Api::credential_of(const Request& request) const {
  std::string sent = request.header("authorization");
  if (sent.starts_with("Bearer ")) sent.erase(0, 7);
  if (sent.empty()) sent = request.parameter("api_token").value_or("");
  if (sent.empty()) return Credential::none;
  return sent == server_.token() ? Credential::right : Credential::wrong;
}

std::optional<Response> Api::respond(const Request& request) {
  const auto call = read_call(request);
  if (!call) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") return error_page(405);
  const auto start = std::chrono::steady_clock::now();
  RequestRecord record{.received = server_.tenant_.clock().now(),
                       .target = request.target,
                       .from = call->from.value_or(""),
                       .to = call->to.value_or(""),
                       .fault = {},
                       .credential = credential_of(request),
                       .accept = request.header("accept"),
                       .accept_encoding = request.header("accept-encoding"),
                       .user_agent = request.header("user-agent")};
  Response response = answer(request, *call, record);
  record.status = response.status;
  record.bytes = response.body.size();
  record.took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  server_.remember(std::move(record));
  return response;
}

// The throttle stands before everything else.
Response Api::answer(const Request& request, const Call& call, RequestRecord& record) {
  const Throttle::Verdict verdict = server_.throttle_.count(record.received);
  if (!verdict.passes) return too_many(verdict);
  const Window asked = call.window();
  const auto fault = server_.faults_.strike(asked, [&] { return server_.tenant_.count(asked.from, asked.to); });
  const Window window = fault ? bend(*fault, asked, server_.tenant_) : asked;
  Response response = authorised(request, call, window, record);
  announce(response, verdict);
  if (!fault) return response;
  record.fault = name_of(fault->kind);
  return spoil(*fault, std::move(response), asked);
}

Response Api::authorised(const Request& request, const Call& call, Window window, RequestRecord& record) {
  if (record.credential != Credential::right) {
    return wants_json(request) ? error_page(401) : redirect_page(server_.url() + "/login");
  }
  if (const std::string errors = call.errors(); !errors.empty()) return refusal(request, errors);
  return listing(std::move(window), record);
}

Response Api::listing(Window window, RequestRecord& record) {
  auto listed = server_.tenant_.list(window);
  if (!listed) return error_page(500);
  record.rows = listed->rows;
  Response response;
  response.body = std::move(listed->body);
  return response;
}

}  // namespace odetl::simulator
