#include <algorithm>
#include <cctype>
#include <string_view>

#include "etl/api_client.hpp"

namespace odetl {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// RFC 3986: what never needs encoding.
bool is_unreserved(char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'; }

bool consists_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

/// The instant as it stands in an address: only the blank needs encoding, and a `+` for it would make the
/// path form select another window.
std::string in_address(sys_seconds instant) {
  std::string text = to_wire(instant);
  if (const auto blank = text.find(' '); blank != std::string::npos) text.replace(blank, 1, "%20");
  return text;
}

/// The parts of `scheme://host:port/path` that matter here.
struct Address {
  bool secure = false;
  std::string_view host{};
  std::optional<std::string_view> port{};
  std::string_view path{};
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// Nothing for another scheme.
std::optional<Address> take_apart(std::string_view url) {
  const auto mark = url.find("://");
  if (mark == std::string_view::npos) return {};
  const std::string scheme = lower(url.substr(0, mark));
  if (scheme != "http" && scheme != "https") return {};
  std::string_view rest = url.substr(mark + 3);
  const auto slash = std::min(rest.find('/'), rest.size());
  Address address{.secure = scheme == "https", .path = rest.substr(slash)};
  rest = rest.substr(0, slash);
  const auto bracket = rest.rfind(']');
  const auto colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  address.host = rest.substr(0, colon);
  if (colon != std::string_view::npos) address.port = rest.substr(colon + 1);
  return address;
}

bool is_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return consists_of(host.substr(1, host.size() - 2), std::string(kHexDigits) + ":.");
  }
  return !host.empty() && host.front() != '.' && host.front() != '-' &&
         std::all_of(host.begin(), host.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

bool is_port(std::string_view port) {
  return port.size() <= 5 && consists_of(port, kDigits) && std::stoi(std::string(port)) >= 1 &&
         std::stoi(std::string(port)) <= 65'535;
}

bool is_path(std::string_view path) {
  return std::all_of(path.begin(), path.end(), [](char c) { return is_unreserved(c) || c == '/' || c == '%'; });
}

/// Only the plain spellings: `127.1`, `0x7f.1` and the like mean something else to some resolver.
bool is_loopback(std::string_view host) {
  if (lower(host) == "localhost" || host == "[::1]") return true;
  if (!host.starts_with("127.") || std::count(host.begin(), host.end(), '.') != 3) return false;
  for (std::string_view rest = host; !rest.empty();) {
    const auto dot = std::min(rest.find('.'), rest.size());
    const std::string_view octet = rest.substr(0, dot);
    if (octet.size() > 3 || !consists_of(octet, kDigits) || (octet.size() > 1 && octet.front() == '0')) return false;
    if (std::stoi(std::string(octet)) > 255) return false;
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  return host.back() != '.';
}

}  // namespace

std::optional<std::string> refuse_base_url(const std::string& base_url, bool allow_http) {
  if (base_url.find_first_of("@") != std::string::npos) {
    return "holds a user name or password; put the token under api.token or api.token_file";
  }
  if (base_url.find_first_of("?#") != std::string::npos) {
    return "has a query or a fragment; name the tenant's address alone, and filters under api.filters";
  }
  const auto address = take_apart(base_url);
  if (!address) return "is no address of the web; https://TENANT.cloud.opendialog.ai is the form";
  if (!is_host(address->host)) return "has no valid host name; https://TENANT.cloud.opendialog.ai is the form";
  if (address->port && !is_port(*address->port)) return "has no valid port; 1 to 65535 are accepted";
  if (!is_path(address->path)) return "has a path with characters that need percent-encoding";
  if (!address->secure && !allow_http && !is_loopback(address->host)) {
    return "would send the token in the clear; use https://, or set api.allow_http";
  }
  return {};
}

std::optional<std::string> refuse_filter(const std::string& name) {
  const auto is_allowed = [](char c) { return is_alphanumeric(c) || c == '_' || c == '-'; };
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_allowed)) {
    return "is no name of a filter; letters, digits, '_' and '-' are accepted";
  }
  if (name == "from" || name == "to") return "would replace the window that is asked for";
  if (name == "api_token") return "would put the token into the address; use api.token or api.token_file";
  return {};
}

std::string request_url(const ApiOptions& options, const AskedRange& asked) {
  std::string url = options.base_url;
  while (url.ends_with('/')) url.pop_back();
  if (options.endpoint == Endpoint::public_api) url += "/public";
  url += "/api/user-interactions";
  char separator = '?';
  const auto add = [&](std::string_view name, std::string_view encoded) {
    url += separator;
    url.append(name).append("=").append(encoded);
    separator = '&';
  };
  if (options.endpoint == Endpoint::path) {
    url.append("/").append(in_address(asked.from)).append("/").append(in_address(asked.to));
  } else {
    add("from", in_address(asked.from));
    add("to", in_address(asked.to));
  }
  for (const auto& [name, value] : options.filters) add(percent_encode(name), percent_encode(value));
  return url;
}

}  // namespace odetl
