#pragma once
#include <string>
#include <string_view>

namespace odetl {

/// `text` as it can be written into a line, whoever wrote it: line ends and control characters, of C1 too, as `\n`,
/// `\t` and `\u001b`; what is not UTF-8 as U+FFFD. Quotes and backslashes stay.
std::string printable(std::string_view text);

}  // namespace odetl
