#pragma once
#include <string_view>

#include "etl/canonical_json.hpp"
#include "etl/interaction.hpp"
#include "etl/text_arena.hpp"

namespace odetl {

/// The text of a canonical JSON scalar: of a string what it stands for, of a number or boolean its token; nothing for
/// null, lists and objects.
std::optional<std::string_view> scalar_text(std::string_view canonical, TextArena& arena);

/// Reads `chatbot_user_data`, whatever the server made of it, into `user`'s columns, `custom` and `extra`; the texts
/// go to `arena`. Returns whether it says anything at all: null, `[]`, `{}` and an object of nothing but such values
/// and empty strings do not. What is neither object nor empty is kept in `extra` as `{"chatbot_user_data": …}`.
/// `selected_scenario` is taken from the profile or else from its `custom`. Throws JsonError.
bool read_profile(std::string_view json, Canonicaliser& canonicaliser, TextArena& arena, User& user);

/// The first of `user_id`, `id`, `external_id` that the profile last read by `canonicaliser` has as a scalar that
/// is not empty.
std::optional<std::string_view> profile_user_id(const Canonicaliser& canonicaliser, TextArena& arena);

/// A canonical JSON object of members with canonical keys (without quotes) and values, put in order.
class ObjectBuilder {
 public:
  void clear() { members_.clear(); }
  bool empty() const { return members_.empty(); }
  void add(std::string_view key, std::string_view value) { members_.push_back({key, value}); }
  /// Adds a member in place of all that have its key.
  void replace(std::string_view key, std::string_view value);
  /// Empty for an object without members. Throws JsonError when a key was added twice.
  std::string_view build(TextArena& arena);

 private:
  std::vector<Canonicaliser::Member> members_;
};

}  // namespace odetl
