#include "tests/simulator/faults.hpp"

#include <algorithm>

#include "tests/simulator/error_pages.hpp"
#include "tests/simulator/gzip.hpp"

namespace odetl::simulator {
namespace {

bool concerns(const Fault& fault, const Window& window, const std::function<std::size_t()>& rows) {
  if (fault.containing && (*fault.containing < window.from || *fault.containing > window.to)) return false;
  if (fault.wider_than.count() >= 0 && window.to - window.from <= fault.wider_than) return false;
  return !fault.rows_over || rows() > *fault.rows_over;
}

Response truncated(const Fault& fault, Response response) {
  const bool of_document = fault.cut == Cut::document || fault.cut == Cut::length || fault.cut == Cut::close;
  if (fault.cut == Cut::gzip) {
    response.body = gzip(response.body);
    response.content_encoding = "gzip";
  }
  // A cut of what is not compressed is one byte for byte; compressing afterwards would hide where it was.
  if (fault.cut != Cut::gzip) response.may_compress = fault.cut == Cut::document;
  const std::size_t kept = std::min(fault.at.value_or(response.body.size() / 2), response.body.size());
  if (fault.cut == Cut::length || fault.cut == Cut::shorter || fault.cut == Cut::gzip)
    response.framing = Framing::length;
  if (fault.cut == Cut::close) response.framing = Framing::close;
  if (fault.cut == Cut::shorter) response.declared_surplus = std::max<std::size_t>(1, response.body.size() - kept);
  if (fault.cut == Cut::chunked || fault.cut == Cut::shorter) response.ending = Ending::close;
  if (of_document) {
    response.body.resize(kept);
  } else {
    response.cut = kept;
  }
  return response;
}

Response badly_compressed(const Fault& fault, Response response) {
  const std::string plain = std::move(response.body);
  response.content_encoding = fault.gzip_flaw == GzipFlaw::unasked ? "br" : "gzip";
  if (fault.gzip_flaw == GzipFlaw::plain || fault.gzip_flaw == GzipFlaw::unasked) {
    response.body = plain;
    return response;
  }
  response.body = gzip(plain);
  if (fault.gzip_flaw == GzipFlaw::corrupt) response.body[response.body.size() / 2] ^= 0x55;
  if (fault.gzip_flaw == GzipFlaw::crc) response.body[response.body.size() - 6] ^= 0x55;
  if (fault.gzip_flaw == GzipFlaw::doubled) response.body = gzip(response.body);
  if (fault.gzip_flaw == GzipFlaw::trailing) response.body += "trailing";
  return response;
}

// A user of one message, dated outside the window, at the end of the list.
Response with_strange_row(const Fault& fault, Response response, const Window& window) {
  const std::size_t end = response.body.rfind("]}");
  if (end == std::string::npos) return response;
  std::string record = response.body.ends_with("[]}") ? "" : ",";
  record += R"({"stranger":{"chatbot_user_data":null,"from":")" + wire_date(window.echo_from) + R"(","to":")" +
            wire_date(window.echo_to) + R"(","interactions":[{"type":"text","date":")" +
            wire_date(window.to + fault.shift) + R"(","text":"strange","data":null}]}})";
  response.body.insert(end, record);
  return response;
}

Response with_many_headers(const Fault& fault, Response response) {
  const std::size_t line = 1000;
  for (std::size_t n = 0; n * line < fault.at.value_or(line); ++n) {
    response.headers.emplace_back("X-Padding-" + std::to_string(n), std::string(line, 'x'));
  }
  response.headers.emplace_back("Set-Cookie", "laravel_session=simulated; path=/; httponly");
  return response;
}

Response reset_mid_body(const Fault& fault, Response response) {
  response.may_compress = false;
  response.cut = fault.at.value_or(response.body.size() / 2);
  response.ending = Ending::reset;
  return response;
}

Response with_status(const Fault& fault) {
  Response response = error_page(fault.code == 0 ? 500 : fault.code);
  if (!fault.retry_after.empty()) response.headers.emplace_back("Retry-After", fault.retry_after);
  return response;
}

Response redirected(const Fault& fault) {
  Response response = redirect_page(fault.text);
  if (fault.code != 0) response.status = fault.code;
  return response;
}

Response with_body(const Fault& fault, std::string body, Response response) {
  response.body = std::move(body);
  response.status = fault.code == 0 ? 200 : fault.code;
  return response;
}

// Another answer altogether; nothing if the fault leaves the real one in place.
std::optional<Response> replacement(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::status:
      return with_status(fault);
    case FaultKind::html:
      return login_page();
    case FaultKind::redirect:
      return redirected(fault);
    case FaultKind::empty_list:
      return with_body(fault, R"({"data":[]})", {});
    case FaultKind::empty_body:
      return with_body(fault, "", {.content_type = "text/html; charset=UTF-8"});
    case FaultKind::body:
      return with_body(fault, fault.text, {});
    default:
      return std::nullopt;
  }
}

// The real answer with one property of it or of its transfer changed.
Response with_property(const Fault& fault, Response response) {
  response.reset_at_once = fault.kind == FaultKind::reset;
  response.silent = fault.kind == FaultKind::black_hole;
  if (fault.kind == FaultKind::content_type) response.content_type = fault.text;
  if (fault.kind == FaultKind::garbage) response.body += fault.text;
  if (fault.kind == FaultKind::bad_chunk) response.chunk_header = fault.text;
  if (fault.kind == FaultKind::padding) response.leading_blanks = fault.at.value_or(0);
  return response;
}

Response changed(const Fault& fault, Response response, const Window& window) {
  if (auto other = replacement(fault)) return *std::move(other);
  switch (fault.kind) {
    case FaultKind::truncate:
      return truncated(fault, std::move(response));
    case FaultKind::reset_mid_body:
      return reset_mid_body(fault, std::move(response));
    case FaultKind::bad_gzip:
      return badly_compressed(fault, std::move(response));
    case FaultKind::strange_row:
      return with_strange_row(fault, std::move(response), window);
    case FaultKind::headers:
      return with_many_headers(fault, std::move(response));
    default:
      return with_property(fault, std::move(response));
  }
}

}  // namespace

Window bend(const Fault& fault, Window window, const Tenant& tenant) {
  switch (fault.kind) {
    case FaultKind::other_window:
      window.from += fault.shift;
      window.to += fault.shift;
      [[fallthrough]];
    case FaultKind::wrong_echo:
      window.echo_from += fault.shift;
      window.echo_to += fault.shift;
      break;
    case FaultKind::ignore_bounds: {
      const Tenant::Extent extent = tenant.extent();
      window.from = std::chrono::floor<std::chrono::seconds>(extent.first);
      window.to = std::chrono::ceil<std::chrono::seconds>(extent.last);
      break;
    }
    case FaultKind::cap:
      window.most_rows = fault.at.value_or(0);
      break;
    default:
      break;
  }
  return window;
}

Response spoil(const Fault& fault, Response response, const Window& window) {
  response = changed(fault, std::move(response), window);
  response.delay = fault.delay;
  response.bytes_per_second = fault.bytes_per_second;
  return response;
}

void FaultScript::add(Fault fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back({.fault = std::move(fault)});
}

void FaultScript::clear() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

std::optional<Fault> FaultScript::strike(const Window& window, const std::function<std::size_t()>& rows) {
  const std::lock_guard lock(mutex_);
  for (Standing& standing : faults_) {
    const Fault& fault = standing.fault;
    const bool spent = fault.next != 0 && standing.struck >= fault.next;
    if (spent || !concerns(fault, window, rows)) continue;
    if (standing.seen++ < fault.skip) continue;
    ++standing.struck;
    return fault;
  }
  return std::nullopt;
}

std::vector<FaultScript::Standing> FaultScript::standing() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

}  // namespace odetl::simulator
