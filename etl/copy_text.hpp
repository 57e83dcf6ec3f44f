#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace odetl {

/// Appends one row in PostgreSQL's COPY text format, without the line end. Nothing becomes `\N`. The texts must be
/// UTF-8 without U+0000.
void append_copy_row(std::string& line, std::span<const std::optional<std::string_view>> fields);

}  // namespace odetl
