#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace odetl::simulator {

// `text` as a gzip stream at the fastest level.
std::string gzip(std::string_view text);

// A gzip stream of `prefix`, `blanks` blanks and `suffix`; takes about a thousandth of that in memory.
std::string gzip_padded(std::string_view prefix, std::size_t blanks, std::string_view suffix);

}  // namespace odetl::simulator
