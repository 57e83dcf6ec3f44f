#pragma once
#include <string_view>

namespace odetl {

/// Reads `json` to its last byte and throws JsonError (malformed) unless it is one JSON value with nothing but white
/// space around it. Refuses nothing that is JSON, however deep or large: needs one byte for each open bracket and no
/// recursion. The bytes inside strings must be UTF-8 already.
void prove_json(std::string_view json);

}  // namespace odetl
