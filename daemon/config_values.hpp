#pragma once
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace odetl {

/// The forms of single values in the configuration. Each `refuse_…` returns nothing when the value will
/// do, else `what is wrong; what is accepted` without the value, as that may hold a secret.

/// `90s`, `15m`, `1h30m`, `500ms`: the shortest text that parse_duration reads back.
std::string duration_text(std::chrono::milliseconds duration);
/// `64KiB`, `4GiB`: the shortest text that parse_size reads back.
std::string size_text(std::size_t bytes);

/// "" or host:port, an IPv6 address in brackets; port 0 lets the system choose.
std::optional<std::string> refuse_listen(const std::string& text);
/// A PostgreSQL identifier that needs no quotes and is not the server's own.
std::optional<std::string> refuse_schema(const std::string& text);
/// The postgresql:// URI or the keyword=value form; what is in it is for libpq to judge.
std::optional<std::string> refuse_dsn(const std::string& text);
/// "" or scheme://host:port, as libcurl reads it.
std::optional<std::string> refuse_proxy(const std::string& text);
/// A path, or "" for none.
std::optional<std::string> refuse_path(const std::string& text);
/// The same, but there must be one.
std::optional<std::string> refuse_required_path(const std::string& text);

}  // namespace odetl
