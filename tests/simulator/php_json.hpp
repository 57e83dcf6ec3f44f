#pragma once

#include <string>
#include <string_view>

// JSON as PHP's json_encode writes it, after the framework's resource layer has been over it.
namespace odetl::simulator {

// Appends `utf8` as a JSON string: slashes as `\/`, everything beyond ASCII as `\uXXXX` in lower case, astral
// characters as surrogate pairs. Throws std::invalid_argument for bytes that are not UTF-8: the server cannot
// serve such a row either.
void append_php_string(std::string& out, std::string_view utf8);
std::string php_string(std::string_view utf8);

// Rewrites any JSON text that way: no blanks, a map whose keys are all numeric (so also an empty one) becomes a
// list, `1.0` becomes `1`; integers keep all their digits. Throws std::invalid_argument for broken JSON.
std::string php_json(std::string_view json);

// PHP's is_numeric: `12`, `-1.5e3`, `.5`, ` 7 `; these are the keys the framework loses.
bool is_numeric(std::string_view text);

}  // namespace odetl::simulator
