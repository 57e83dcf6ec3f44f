// Whatever the text is: its canonical form, which is its own, or a JsonError that agrees with prove_json on what JSON
// is.
#include <cstdlib>
#include <optional>
#include <string>

#include "etl/canonical_json.hpp"
#include "etl/json_proof.hpp"

namespace {

using namespace odetl;

void must(bool holds) {
  if (!holds) std::abort();
}

bool is_json(std::string_view text) {
  try {
    prove_json(text);
    return true;
  } catch (const JsonError& error) {
    must(error.malformed() && error.offset() <= text.size());
    return false;
  }
}

/// Nothing when it is refused.
std::optional<std::string> canonical(Canonicaliser& canonicaliser, std::string_view text) {
  try {
    return std::string(canonicaliser.canonicalise(text));
  } catch (const JsonError& error) {
    must(error.offset() <= text.size());
    must(!error.malformed() || !is_json(text));
    return {};
  }
}

void must_survive_unquoting(const std::string& quoted) {
  std::string text(quoted.size(), '\0');
  bool sanitised = false;
  text.resize(unquote(quoted, text.data(), sanitised));
  std::string again;
  append_quoted(again, text);
  must(again == quoted && !sanitised);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static Canonicaliser canonicaliser;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto form = canonical(canonicaliser, text);
  if (!form) return 0;
  const bool is_string = canonicaliser.kind() == JsonKind::string;
  for (std::size_t i = 1; i < canonicaliser.members().size(); ++i) {
    must(compare_keys(canonicaliser.members()[i - 1].key, canonicaliser.members()[i].key) < 0);
  }
  must(is_json(text) && is_json(*form));
  must(canonical(canonicaliser, *form) == form);
  if (is_string) must_survive_unquoting(*form);
  return 0;
}
