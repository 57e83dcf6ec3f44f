#include "etl/api_headers.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

namespace odetl {
namespace {

using std::chrono::seconds;

constexpr std::size_t kLongestValue = 2048;
constexpr std::size_t kLongestHost = 253;
constexpr std::int64_t kYear10000 = 253'402'300'800;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// The media type alone, in lower case.
std::string media_type(std::string_view content_type) {
  return lower(trim(content_type.substr(0, content_type.find(';'))));
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Digits only; what does not fit is the largest number.
std::optional<std::int64_t> parse_count(std::string_view text) {
  if (!is_digits(text)) return {};
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? value : std::numeric_limits<std::int64_t>::max();
}

std::optional<sys_seconds> parse_unix_time(std::string_view text) {
  const auto count = parse_count(text);
  if (!count || *count == 0 || *count >= kYear10000) return {};
  return sys_seconds{seconds{*count}};
}

void read_status_line(std::string_view line, AnswerHeader& header) {
  header = {};
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos) return;
  const std::string_view code = line.substr(blank + 1, 3);
  if (code.size() == 3 && is_digits(code)) header.status = static_cast<int>(*parse_count(code));
}

void read_field(std::string_view name, std::string_view value, AnswerHeader& header) {
  const std::string field = lower(name);
  if (field == "content-type")
    header.content_type = value;
  else if (field == "content-encoding")
    header.content_encoding += (header.content_encoding.empty() ? "" : ", ") + std::string(value);
  else if (field == "location")
    header.location = value;
  else if (field == "retry-after")
    header.retry_after = value;
  else if (field == "date")
    header.date = parse_http_date(value);
  else if (field == "x-ratelimit-limit")
    header.rate_limit.limit = parse_count(value);
  else if (field == "x-ratelimit-remaining")
    header.rate_limit.remaining = parse_count(value);
  else if (field == "x-ratelimit-reset")
    header.rate_limit.reset = parse_unix_time(value);
}

}  // namespace

void read_header_line(std::string_view line, AnswerHeader& header) {
  if (header.complete) return;
  if (line.starts_with("HTTP/")) return read_status_line(line, header);
  if (trim(line).empty()) {
    header.complete = header.status >= 200 || header.status == 101;
    return;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  read_field(line.substr(0, colon), trim(line.substr(colon + 1)).substr(0, kLongestValue), header);
}

std::optional<seconds> parse_retry_after(std::string_view text, std::optional<sys_seconds> date, seconds longest) {
  text = trim(text);
  const bool negative = text.starts_with('-');
  if (const auto count = parse_count(text.substr(negative ? 1 : 0))) {
    return negative ? seconds{0} : std::min(seconds{*count}, longest);
  }
  const auto until = parse_http_date(text);
  if (!until || !date) return {};
  return std::clamp(*until - *date, seconds{0}, longest);
}

bool is_json(std::string_view content_type) {
  const std::string type = media_type(content_type);
  return type == "application/json" || (type.starts_with("application/") && type.ends_with("+json"));
}

bool is_html(std::string_view content_type) {
  const std::string type = media_type(content_type);
  return type == "text/html" || type == "application/xhtml+xml";
}

std::optional<ContentCoding> content_coding(std::string_view content_encoding) {
  const std::string coding = lower(trim(content_encoding));
  if (coding.empty() || coding == "identity") return ContentCoding::identity;
  if (coding == "gzip" || coding == "x-gzip") return ContentCoding::gzip;
  return {};
}

std::string location_host(std::string_view location) {
  const auto mark = location.find("//");
  if (mark == std::string_view::npos || (mark > 0 && location[mark - 1] != ':')) return {};
  location.remove_prefix(mark + 2);
  location = location.substr(0, location.find_first_of("/?#\\"));
  if (const auto at = location.rfind('@'); at != std::string_view::npos) location.remove_prefix(at + 1);
  const auto bracket = location.find(']');
  location = location.substr(0, location.find(':', bracket == std::string_view::npos ? 0 : bracket));
  const auto is_host = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-'; };
  const bool is_address = location.starts_with('[') && location.ends_with(']');
  const bool is_name = std::all_of(location.begin(), location.end(), is_host);
  return is_address || is_name ? printable(location, kLongestHost) : "";
}

std::string printable(std::string_view text, std::size_t longest) {
  std::string out(text.substr(0, longest));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

}  // namespace odetl
