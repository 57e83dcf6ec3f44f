#include "etl/profile.hpp"

#include <algorithm>

namespace odetl {
namespace {

bool says_nothing(std::string_view canonical) {
  return canonical == "null" || canonical == "[]" || canonical == "{}" || canonical == "\"\"";
}

bool is_scalar(std::string_view canonical) { return canonical.front() != '{' && canonical.front() != '['; }

std::optional<std::string_view> find(const std::vector<Canonicaliser::Member>& members, std::string_view key) {
  for (const auto& member : members) {
    if (member.key == key) return member.value;
  }
  return std::nullopt;
}

std::optional<std::size_t> column_of(std::string_view key) {
  const auto at = std::find(kProfileColumns.begin(), kProfileColumns.end(), key);
  if (at == kProfileColumns.end()) return std::nullopt;
  return static_cast<std::size_t>(at - kProfileColumns.begin());
}

void read_scenario_of_custom(TextArena& arena, User& user) {
  auto& scenario = user.columns[*column_of("selected_scenario")];
  if (scenario || user.custom.find("\"selected_scenario\"") == user.custom.npos) return;
  Canonicaliser custom;
  custom.canonicalise(user.custom);
  if (const auto value = find(custom.members(), "selected_scenario")) scenario = scalar_text(*value, arena);
}

}  // namespace

std::optional<std::string_view> scalar_text(std::string_view canonical, TextArena& arena) {
  if (!is_scalar(canonical) || canonical == "null") return std::nullopt;
  if (canonical.front() != '"') return arena.store(canonical);
  if (canonical.find('\\') == canonical.npos) return arena.store(canonical.substr(1, canonical.size() - 2));
  char* room = arena.reserve(canonical.size());
  bool sanitised = false;  // a canonical text holds no U+0000 any more
  return std::string_view(room, unquote(canonical, room, sanitised));
}

bool read_profile(std::string_view json, Canonicaliser& canonicaliser, TextArena& arena, User& user) {
  const std::string_view canonical = canonicaliser.canonicalise(json);
  if (says_nothing(canonical)) return false;
  ObjectBuilder extra;
  bool says_something = false;
  if (canonicaliser.kind() != JsonKind::object) {
    extra.add("chatbot_user_data", canonical);
    says_something = true;
  }
  for (const auto& [key, value] : canonicaliser.members()) {
    says_something |= !says_nothing(value);
    const auto column = column_of(key);
    if (column && is_scalar(value)) {
      user.columns[*column] = scalar_text(value, arena);
    } else if (key == "custom") {
      if (value != "null") user.custom = arena.store(value);
    } else {
      extra.add(key, value);
    }
  }
  if (canonicaliser.sanitised()) extra.replace("sanitised", "true");
  user.extra = extra.build(arena);
  read_scenario_of_custom(arena, user);
  return says_something;
}

std::optional<std::string_view> profile_user_id(const Canonicaliser& canonicaliser, TextArena& arena) {
  for (const std::string_view key : {"user_id", "id", "external_id"}) {
    const auto value = find(canonicaliser.members(), key);
    if (!value || says_nothing(*value)) continue;
    if (const auto text = scalar_text(*value, arena)) return text;
  }
  return std::nullopt;
}

void ObjectBuilder::replace(std::string_view key, std::string_view value) {
  std::erase_if(members_, [&](const auto& member) { return member.key == key; });
  add(key, value);
}

std::string_view ObjectBuilder::build(TextArena& arena) {
  if (members_.empty()) return {};
  std::sort(members_.begin(), members_.end(), [](const auto& a, const auto& b) { return compare_keys(a.key, b.key) < 0; });
  const auto same = [](const auto& a, const auto& b) { return a.key == b.key; };
  if (std::adjacent_find(members_.begin(), members_.end(), same) != members_.end()) {
    throw JsonError(JsonError::Kind::unstorable, "a key that is not known stands twice in it", 0);
  }
  std::string object = "{";
  for (const auto& [key, value] : members_) {
    if (object.size() > 1) object += ',';
    object.append(1, '"').append(key).append("\":").append(value);
  }
  object += '}';
  return arena.store(object);
}

}  // namespace odetl
