#include "tests/simulator/http.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace odetl::simulator {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// What stands before `mark`, taken off `rest` together with the mark; all of it if there is no mark.
std::string_view take_until(std::string_view& rest, std::string_view mark) {
  const std::size_t at = rest.find(mark);
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(at == rest.npos ? rest.size() : at + mark.size());
  return taken;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

std::optional<std::string> Request::parameter(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(), [&](const auto& pair) { return pair.first == name; });
  return found == query.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Request> read_head(std::string_view head) {
  Request request;
  std::string_view line = take_until(head, "\r\n");
  request.method = take_until(line, " ");
  request.target = take_until(line, " ");
  if (!line.starts_with("HTTP/1.") || request.target.empty()) return std::nullopt;
  request.http_1_0 = line == "HTTP/1.0";
  std::string_view rest = request.target;
  request.path = take_until(rest, "?");
  request.query = read_form(rest);
  while (!head.empty()) {
    line = take_until(head, "\r\n");
    const std::string name = lower(take_until(line, ":"));
    request.headers[name] = trimmed(line);
  }
  return request;
}

std::string percent_decoded(std::string_view text, Plus plus) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned code = 0;
    const char* digits = text.data() + at + 1;
    if (text[at] == '%' && at + 2 < text.size() && std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2) {
      out += static_cast<char>(code);
      at += 2;
    } else {
      out += text[at] == '+' && plus == Plus::blank ? ' ' : text[at];
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> read_form(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!text.empty()) {
    std::string_view value = take_until(text, "&");
    if (value.empty()) continue;
    std::string name = percent_decoded(take_until(value, "="), Plus::blank);
    pairs.emplace_back(std::move(name), percent_decoded(value, Plus::blank));
  }
  return pairs;
}

std::string_view reason_phrase(int status) {
  using Named = std::pair<int, std::string_view>;
  static constexpr std::array kPhrases{
      Named{200, "OK"},
      Named{204, "No Content"},
      Named{206, "Partial Content"},
      Named{301, "Moved Permanently"},
      Named{302, "Found"},
      Named{304, "Not Modified"},
      Named{307, "Temporary Redirect"},
      Named{308, "Permanent Redirect"},
      Named{400, "Bad Request"},
      Named{401, "Unauthorized"},
      Named{403, "Forbidden"},
      Named{404, "Not Found"},
      Named{405, "Method Not Allowed"},
      Named{410, "Gone"},
      Named{413, "Content Too Large"},
      Named{418, "I'm a teapot"},
      Named{422, "Unprocessable Content"},
      Named{429, "Too Many Requests"},
      Named{500, "Internal Server Error"},
      Named{502, "Bad Gateway"},
      Named{503, "Service Unavailable"},
      Named{504, "Gateway Timeout"},
  };
  const auto found = std::find_if(kPhrases.begin(), kPhrases.end(), [&](const Named& n) { return n.first == status; });
  return found == kPhrases.end() ? "Unknown" : found->second;
}

}  // namespace odetl::simulator
