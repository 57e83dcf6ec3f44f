#include "etl/api_verdict.hpp"

#include <curl/curl.h>
#include <spdlog/fmt/fmt.h>

namespace odetl {
namespace {

constexpr std::size_t kLongestDetail = 200;
constexpr std::size_t kLongestType = 60;  // of a content type or encoding

Failure client_error(int status) {
  switch (status) {
    case 400:
    case 413:
    case 414:
      return Failure::too_large;
    case 401:
    case 403:
      return Failure::unauthorised;
    case 408:
      return Failure::timeout;
    case 425:
    case 429:
      return Failure::throttled;
    default:
      return Failure::refused;
  }
}

Failure server_error(const AnswerHeader& header) {
  if (header.status == 504) return Failure::timeout;
  const bool says_when = parse_retry_after(header.retry_after, header.date, std::chrono::hours(1)).has_value();
  if (header.status == 503 && says_when) return Failure::throttled;
  return Failure::server_error;
}

Verdict redirect(const AnswerHeader& header) {
  const std::string host = location_host(header.location);
  return {Failure::unauthorised,
          fmt::format("the token is not accepted, or the address is another: HTTP status {} leads to {}", header.status,
                      host.empty() ? "another page" : "host " + host)};
}

/// Any status but 200.
Verdict judge_status(const AnswerHeader& header) {
  if (header.status >= 300 && header.status < 400 && header.status != 304 && !header.location.empty()) {
    return redirect(header);
  }
  const auto because = [&](Failure failure, const char* cause) {
    return Verdict{failure, fmt::format("{} (HTTP status {})", cause, header.status)};
  };
  switch (header.status / 100) {
    case 3:
      return because(Failure::refused, "the server sends no data");
    case 4:
      break;
    case 5:
      return because(server_error(header), "the server could not answer");
    default:
      return because(Failure::broken_answer, "no status of a whole answer");
  }
  const Failure failure = client_error(header.status);
  switch (failure) {
    case Failure::unauthorised:
      return because(failure, "the token is not accepted");
    case Failure::throttled:
      return because(failure, "too many requests");
    case Failure::too_large:
      return because(failure, "the server finds the request too large");
    case Failure::timeout:
      return because(failure, "the server waited too long");
    default:
      return because(failure, "the server refuses the request");
  }
}

/// A handshake can fail because the network does, or because the two can never agree.
bool is_disagreement(const std::string& detail) {
  return detail.find("version") != std::string::npos || detail.find("unsupported protocol") != std::string::npos ||
         detail.find("no protocols available") != std::string::npos;
}

Failure transfer_failure(const Outcome& outcome) {
  switch (outcome.curl_code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
      return Failure::refused;
    case CURLE_UNSUPPORTED_PROTOCOL:
      return outcome.connected ? Failure::broken_answer : Failure::refused;
    case CURLE_SSL_CONNECT_ERROR:
      return is_disagreement(outcome.detail) ? Failure::refused : Failure::unreachable;
    case CURLE_OPERATION_TIMEDOUT:
      return outcome.connected ? Failure::timeout : Failure::unreachable;
    default:
      return outcome.wire_bytes > 0 ? Failure::broken_answer : Failure::unreachable;
  }
}

Verdict judge_transfer(const Outcome& outcome) {
  const auto code = static_cast<CURLcode>(outcome.curl_code);
  std::string cause = printable(outcome.detail.empty() ? curl_easy_strerror(code) : outcome.detail, kLongestDetail);
  // What libcurl says when one line is longer than its buffer.
  if (code == CURLE_OUT_OF_MEMORY && outcome.wire_bytes > 0)
    cause = "a header line exceeds 100 KiB, or memory is short";
  if (code == CURLE_OPERATION_TIMEDOUT) cause += outcome.connected ? " (api.timeout)" : " (api.connect_timeout)";
  return {transfer_failure(outcome), std::move(cause)};
}

std::optional<Verdict> judge_encoding(const std::string& encoding) {
  if (content_coding(encoding)) return {};
  return Verdict{Failure::broken_answer,
                 fmt::format("HTTP status 200 with content encoding '{}', and only gzip was asked for",
                             printable(encoding, kLongestType))};
}

/// A 200 whose transfer ended well.
std::optional<Verdict> judge_content(const Outcome& outcome) {
  const std::string& type = outcome.header.content_type;
  // A script that dies early leaves the framework's default type and nothing else.
  if (outcome.body_bytes == 0) return Verdict{Failure::broken_answer, kNothingInIt};
  if (is_json(type)) return judge_encoding(outcome.header.content_encoding);
  if (is_html(type))
    return Verdict{Failure::unauthorised, "the token is not accepted: HTTP status 200 with a web page"};
  return Verdict{Failure::broken_answer,
                 type.empty() ? "HTTP status 200 without a content type"
                              : fmt::format("HTTP status 200 with content type '{}'", printable(type, kLongestType))};
}

}  // namespace

std::optional<Verdict> judge(const Outcome& outcome) {
  if (outcome.over_limit) return Verdict{Failure::too_large, kOverLimit};
  if (outcome.header.complete && outcome.header.status != 200) return judge_status(outcome.header);
  if (outcome.curl_code != CURLE_OK) return judge_transfer(outcome);
  if (!outcome.header.complete) return Verdict{Failure::broken_answer, "the answer has no whole header"};
  return judge_content(outcome);
}

const char* next_step(Failure failure) {
  switch (failure) {
    case Failure::unreachable:
      return "the request is repeated after a wait";
    case Failure::throttled:
      return "the request is repeated when the server allows";
    case Failure::server_error:
    case Failure::broken_answer:
      return "the request is repeated, then a smaller window is asked for";
    case Failure::timeout:
    case Failure::too_large:
      return "a smaller window is asked for";
    case Failure::unauthorised:
      return "renew the token";
    case Failure::refused:
      return "mend the configuration";
    default:
      return "the window is done again";
  }
}

}  // namespace odetl
