#include "daemon/config_values.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "daemon/config_keys.hpp"

namespace odetl {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::size_t kLongestPath = 4095;  // PATH_MAX less its NUL
constexpr std::size_t kLongestIdentifier = 63;

bool all_of(std::string_view text, std::string_view accepted) {
  return text.find_first_not_of(accepted) == std::string_view::npos;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  return error == std::errc{} && stop == end;
}

bool is_address(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(family, text.c_str(), address.data()) == 1;
}

bool is_host(const std::string& host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return is_address(AF_INET6, host.substr(1, host.size() - 2));
  }
  if (host.empty() || host.size() > 253) return false;
  if (all_of(host, "0123456789.")) return is_address(AF_INET, host);
  return all_of(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
}

}  // namespace

std::optional<std::string> refuse_listen(const std::string& text) {
  if (text.empty()) return {};
  const std::size_t colon = text.rfind(':');
  if (colon != std::string::npos && is_host(text.substr(0, colon)) &&
      is_port(std::string_view(text).substr(colon + 1))) {
    return {};
  }
  return "is no host:port; 127.0.0.1:9464, [::1]:9464 and \"\" (off) are accepted";
}

std::optional<std::string> refuse_schema(const std::string& text) {
  constexpr std::string_view kStart = "abcdefghijklmnopqrstuvwxyz_";
  const bool plain = !text.empty() && text.size() <= kLongestIdentifier &&
                     kStart.find(text.front()) != std::string_view::npos &&
                     all_of(text, "abcdefghijklmnopqrstuvwxyz_0123456789");
  if (!plain) {
    return "is no plain PostgreSQL identifier; a lower-case letter or _, then up to 62 of a-z, 0-9 and _ are accepted";
  }
  if (text.starts_with("pg_") || text == "information_schema") {
    return "belongs to PostgreSQL itself; a name that does not begin with pg_ is accepted";
  }
  return {};
}

std::optional<std::string> refuse_dsn(const std::string& text) {
  constexpr std::string_view kAccepted = "; postgresql://USER@HOST/DATABASE or host=… dbname=… is accepted";
  if (text.empty()) return std::string("is empty; leave the key out for the embedded PostgreSQL").append(kAccepted);
  if (has_control(text)) return std::string("holds a control character").append(kAccepted);
  if (text.starts_with("postgresql://") || text.starts_with("postgres://")) return {};
  const std::string_view words = std::string_view(text).substr(std::min(text.find_first_not_of(' '), text.size()));
  const std::size_t end = words.find_first_not_of("abcdefghijklmnopqrstuvwxyz_");
  const std::size_t sign = words.find_first_not_of(' ', end);
  if (end != 0 && sign != std::string_view::npos && words[sign] == '=') return {};
  return std::string("is no connection string").append(kAccepted);
}

std::optional<std::string> refuse_proxy(const std::string& text) {
  if (text.empty()) return {};
  constexpr std::array<std::string_view, 6> kSchemes{"http", "https", "socks4", "socks4a", "socks5", "socks5h"};
  const std::size_t mark = text.find("://");
  const bool known = std::find(kSchemes.begin(), kSchemes.end(), text.substr(0, mark)) != kSchemes.end();
  const bool spaced = has_control(text) || text.find(' ') != std::string::npos;
  if (mark != std::string::npos && known && mark + 3 < text.size() && !spaced) return {};
  return "is no proxy; http://HOST:PORT, https://…, socks5h://… and \"\" (none) are accepted";
}

std::optional<std::string> refuse_path(const std::string& text) {
  if (has_control(text)) return "holds a control character; a path is accepted";
  if (text.size() > kLongestPath) return "is too long; a path of up to 4095 bytes is accepted";
  return {};
}

std::optional<std::string> refuse_required_path(const std::string& text) {
  if (text.empty()) return "is empty; a path is accepted";
  return refuse_path(text);
}

namespace {

constexpr std::size_t kLongestExpansion = std::size_t{1} << 20;
constexpr std::size_t kShown = 40;      // bytes of a value in a message
constexpr std::size_t kShownKey = 100;  // and of a key

bool is_variable(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  return !name.empty() && kDigits.find(name.front()) == std::string_view::npos && all_of(name, kLetters);
}

std::string shorten(const std::string& text, std::size_t most) {
  std::string line = text.substr(0, most);
  if (text.size() > most) {
    while (!line.empty() && (static_cast<unsigned char>(text[line.size()]) & 0xc0U) == 0x80) line.pop_back();
    line += "…";
  }
  for (char& c : line) c = has_control({&c, 1}) ? '?' : c;
  return line;
}

/// The value of what stands between the braces of `${…}`. What is not a name is not shown: the text around it
/// may be a password that happens to hold `${`.
std::string expand_reference(const std::string& inside, Environment environment) {
  const std::size_t mark = inside.find(":-");
  const std::string name = inside.substr(0, mark);
  if (!is_variable(name) || inside.find("${") != std::string::npos) {
    throw BadValue(
        "holds a ${ that begins no reference; ${VAR} and ${VAR:-default} are accepted, $$ for a dollar sign");
  }
  const auto value = environment(name);
  if (mark == std::string::npos && !value) {
    throw BadValue("${" + name + "} is not set; set it, or write ${" + name + ":-default}");
  }
  if (mark == std::string::npos) return *value;
  return value && !value->empty() ? *value : inside.substr(mark + 2);
}

/// Sets `literal` to false if there was a reference.
std::string expand(const std::string& text, Environment environment, bool& literal) {
  std::string expanded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '$' && i + 1 < text.size() ? text[i + 1] : ' ';
    if (next == '$') ++i;
    if (next != '{') {
      expanded += text[i];
      continue;
    }
    const std::size_t end = std::min(text.find('}', i), text.size());
    expanded += expand_reference(end == text.size() ? "" : text.substr(i + 2, end - i - 2), environment);
    if (expanded.size() > kLongestExpansion) throw BadValue("expands to too much; up to 1 MiB is accepted");
    literal = false;
    i = end;
  }
  return expanded;
}

}  // namespace

std::string shown_key(const std::string& path) { return shorten(path, kShownKey); }

std::string join_path(const std::string& section, const std::string& name) {
  return section.empty() ? name : section + "." + name;
}

void ConfigReader::refuse(const std::string& where, const std::string& key, const std::string& message) {
  problems.push_back({where, shown_key(key), message});
  failed.insert(key);
}

Scalar ConfigReader::scalar(const ConfigNode& node) const {
  switch (node.kind) {
    case ConfigNode::Kind::scalar:
      break;
    case ConfigNode::Kind::null:
      throw BadValue("has no value; write one, or leave the key out");
    case ConfigNode::Kind::list:
      throw BadValue("is a list; a single value is accepted");
    case ConfigNode::Kind::map:
      throw BadValue("is a mapping; a single value is accepted");
    case ConfigNode::Kind::refused:
      throw BadValue("");
  }
  Scalar scalar{"", node.text.empty() ? "\"\"" : shorten(node.text, kShown), true, node.quoted};
  scalar.value = expand(node.text, environment, scalar.literal);
  return scalar;
}

void ConfigReader::attempt(const ConfigNode& node, const std::string& key, const std::function<void()>& read) try {
  read();
} catch (const BadValue& bad) {
  failed.insert(key);
  if (node.kind != ConfigNode::Kind::refused) refuse(node.where, key, bad.what());
}

}  // namespace odetl
