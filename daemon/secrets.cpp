#include "daemon/secrets.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace odetl {
namespace {

constexpr std::size_t kLongestToken = 64 * 1024;
constexpr const char* kCredential = "opendialog-token";
constexpr const char* kStars = "***";
constexpr const char* kBlanks = " \t\r\n\f\v";

/// Where a token comes from: the file for messages, and the key that named it.
struct Source {
  std::string path;
  std::string key;
};

[[noreturn]] void refuse(const Source& source, const std::string& message) {
  throw ConfigError({{source.path, source.key, message}});
}

class File {
 public:
  explicit File(const std::string& path)
      // A FIFO without a writer would block the open.
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

/// At most one byte more than a token may have.
std::string read_all(int descriptor, const Source& source) {
  std::string text;
  std::array<char, 4096> block;
  while (text.size() <= kLongestToken) {
    const ssize_t got = ::read(descriptor, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw ConfigError({source.path, source.key, "cannot be read"}, errno, "");
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode & 07777U);
  return text.data();
}

std::string read_file(const Source& source, mode_t& mode) {
  const File file(source.path);
  struct stat about {};
  if (file.descriptor() < 0 || ::fstat(file.descriptor(), &about) != 0) {
    throw ConfigError({source.path, source.key, "cannot be opened"}, errno, "; a file that holds the token is accepted");
  }
  if (!S_ISREG(about.st_mode)) refuse(source, "is no regular file; a file that holds the token is accepted");
  mode = about.st_mode;
  return read_all(file.descriptor(), source);
}

/// The token out of `text`, or ConfigError.
std::string accept(const Source& source, std::string text) {
  text = trim_line_end(std::move(text));
  if (const auto wrong = refuse_token(text)) refuse(source, *wrong);
  return text;
}

std::string read_credential(const Source& source) {
  mode_t mode = 0;
  return accept(source, read_file(source, mode));
}

std::string read_token_file(const Source& source, std::string* warning) {
  mode_t mode = 0;
  std::string token = accept(source, read_file(source, mode));
  if (warning != nullptr && (mode & 077U) != 0) {
    *warning =
        source.key + " '" + source.path + "': others can read it (mode " + octal(mode) + "); chmod 600 keeps it secret";
  }
  return token;
}

/// The names under which libpq takes secrets; one that is percent-encoded could be any of them.
bool is_secret_name(std::string_view name) {
  return name.find("password") != std::string_view::npos || name.find("secret") != std::string_view::npos ||
         name.find('%') != std::string_view::npos;
}

/// Where the `?` of the query stands, or the end. A `?` inside a password is not followed by `name=`.
std::size_t find_query(const std::string& uri) {
  for (std::size_t at = uri.find('?'); at != std::string::npos; at = uri.find('?', at + 1)) {
    const std::size_t end = uri.find_first_not_of("abcdefghijklmnopqrstuvwxyz_%0123456789ABCDEF", at + 1);
    if (end != std::string::npos && end > at + 1 && uri[end] == '=') return at;
  }
  return uri.size();
}

std::string redact_query(const std::string& query) {
  std::string text;
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find('&', at + 1), query.size());
    const std::string part = query.substr(at, end - at);
    const std::size_t sign = part.find('=');
    text +=
        sign != std::string::npos && is_secret_name(part.substr(0, sign)) ? part.substr(0, sign + 1) + kStars : part;
    at = end;
  }
  return text;
}

std::string redact_uri(const std::string& uri) {
  const std::size_t query = find_query(uri);
  std::string text = uri.substr(0, query);
  const std::size_t user = text.find("://") + 3;
  // The last @, not the first: a password may hold one that its owner forgot to encode.
  const std::size_t at = text.rfind('@');
  const std::size_t colon = text.find(':', user);
  if (at != std::string::npos && colon < at) text.replace(colon + 1, at - colon - 1, kStars);
  return text + redact_query(uri.substr(query));
}

/// The end of the value that begins at `at`: libpq's quotes and backslashes.
std::size_t end_of_value(const std::string& dsn, std::size_t at) {
  const bool quoted = at < dsn.size() && dsn[at] == '\'';
  for (std::size_t i = quoted ? at + 1 : at; i < dsn.size(); ++i) {
    if (dsn[i] == '\\')
      ++i;
    else if (quoted && dsn[i] == '\'')
      return i + 1;
    else if (!quoted && std::strchr(kBlanks, dsn[i]) != nullptr)
      return i;
  }
  return dsn.size();
}

std::string redact_keywords(const std::string& dsn) {
  std::string text;
  for (std::size_t at = 0; at < dsn.size();) {
    const std::size_t name = dsn.find_first_not_of(kBlanks, at);
    if (name == std::string::npos) return text + dsn.substr(at);
    const std::size_t sign = dsn.find('=', name);
    if (sign == std::string::npos) return text + dsn.substr(at, name - at) + kStars;
    const std::size_t value = std::min(dsn.find_first_not_of(kBlanks, sign + 1), dsn.size());
    const std::size_t end = end_of_value(dsn, value);
    text += dsn.substr(at, value - at);
    text += is_secret_name(std::string_view(dsn).substr(name, sign - name)) ? kStars : dsn.substr(value, end - value);
    at = end;
  }
  return text;
}

}  // namespace

std::optional<std::string> refuse_token(const std::string& token) {
  constexpr const char* kAccepted = "; one token of visible ASCII characters, up to 64 KiB, is accepted";
  if (token.empty()) return std::string("is empty") + kAccepted;
  if (token.size() > kLongestToken) return std::string("is too long") + kAccepted;
  const auto visible = [](unsigned char c) { return c > 0x20 && c < 0x7f; };
  if (std::all_of(token.begin(), token.end(), visible)) return {};
  return std::string("holds a blank, a line end or another character that cannot be sent") + kAccepted;
}

std::string trim_line_end(std::string text) {
  if (!text.ends_with('\n')) return text;
  text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

bool holds_secret(const std::string& key, const std::string& text) {
  if (text.empty() || text.find("${") != std::string::npos) return false;
  if (key == "api.token") return true;
  return (key == "warehouse.dsn" || key == "api.proxy") && redact_dsn(text) != text;
}

std::string read_token(const ApiConfig& api, Environment environment, std::string* warning) {
  if (warning != nullptr) warning->clear();
  if (!api.token.empty()) return accept({"", "api.token"}, api.token);
  const auto directory = environment("CREDENTIALS_DIRECTORY");
  if (!api.token_file.empty()) {
    // The service manager lets only this user in; the mode of its files is the mask of an access list.
    const bool guarded = directory && !directory->empty() && api.token_file.starts_with(*directory + "/");
    return read_token_file({api.token_file, "api.token_file"}, guarded ? nullptr : warning);
  }
  if (directory && !directory->empty()) {
    const std::string path = *directory + "/" + kCredential;
    if (::access(path.c_str(), F_OK) == 0) return read_credential({path, ""});
  }
  refuse({"", "api.token"},
         "is not set; api.token, api.token_file or a systemd credential named opendialog-token is accepted");
}

std::string redact_dsn(const std::string& dsn) {
  return dsn.find("://") != std::string::npos && dsn.find("://") < dsn.find_first_of("=' ") ? redact_uri(dsn)
                                                                                            : redact_keywords(dsn);
}

}  // namespace odetl
