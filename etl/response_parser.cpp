#include "etl/response_parser.hpp"

#include <simdjson.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "etl/canonical_json.hpp"
#include "etl/error.hpp"
#include "etl/identity.hpp"
#include "etl/json_proof.hpp"
#include "etl/profile.hpp"
#include "etl/text_arena.hpp"
#include "etl/utf8_damage.hpp"

namespace odetl {

namespace ondemand = simdjson::ondemand;
static_assert(Body::kPadding >= simdjson::SIMDJSON_PADDING);

namespace {

// What stays from answer to answer; the memory of larger ones is given back.
constexpr std::size_t kKeptRows = 16'384;
constexpr std::size_t kKeptUsers = 2'048;
constexpr std::size_t kKeptIndex = std::size_t{2} << 20;  // bytes of a body

// An assignment of {} would keep the room.
template <typename Item>
void give_back_above(std::vector<Item>& items, std::size_t kept) {
  if (items.capacity() > kept) items = std::vector<Item>();
}

// Why one record, or one group of them, cannot be loaded; the rest of the answer can.
struct Unloadable {
  std::string reason;
};

[[noreturn]] void broken(const std::string& cause) {
  throw ApiError(Failure::broken_answer, "parse answer: " + cause + "; the answer is not used");
}

// In our own words: simdjson's differ between its releases.
const char* reason_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT: return "it ends in the middle of a list or an object";
    case simdjson::UNCLOSED_STRING: return "a string is never closed";
    case simdjson::TAPE_ERROR: return "a comma, a bracket or a key is missing or too many";
    case simdjson::INCORRECT_TYPE: return "a value is not of the type that stands there";
    case simdjson::DEPTH_ERROR: return "lists and objects stand in each other too deeply";
    default: return simdjson::error_message(error);
  }
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

// The JSON text of a value, with which the document is moved past it.
std::string_view raw(ondemand::value value) {
  const std::string_view text = trimmed(simdjson::to_json_string(value).value());
  // A string was only looked at. Left to be skipped, one with a ':' behind it would pass for a key.
  if (text.starts_with('"')) static_cast<void>(value.get_raw_json_string().value());
  return text;
}

ondemand::field field_of(simdjson::simdjson_result<ondemand::field> item) {
  ondemand::field field;
  if (const auto error = std::move(item).get(field)) throw simdjson::simdjson_error(error);
  return field;
}

// A field's key with its quotes, as it stands in the body.
std::string_view raw_key(ondemand::field& field) {
  const char* begin = field.key().raw();
  const char* at = begin;
  while (*at != '"') at += *at == '\\' ? 2 : 1;
  return {begin - 1, static_cast<std::size_t>(at - begin + 2)};
}

// Refuses a key that was there before.
void once(bool& seen, std::string_view key) {
  if (seen) throw Unloadable{fmt::format("the key '{}' stands twice in it", key)};
  seen = true;
}

}  // namespace

struct JsonIndex {
  ondemand::parser parser;
};
std::shared_ptr<JsonIndex> make_json_index() { return std::make_shared<JsonIndex>(); }

class ResponseParser::Reader {
 public:
  explicit Reader(std::shared_ptr<JsonIndex> index) : index_(std::move(index)) {}
  const Batch& read(Body& body, const ParseOptions& options);

 private:
  // What is known of one user's part of the answer while it is read.
  struct Group {
    std::uint32_t user = 0;
    bool id_known = false;
    bool id_sanitised = false;
    bool reject_all = false;  // the id is lost and cannot be made up
    bool interactions_seen = false, profile_seen = false, from_seen = false, to_seen = false, user_id_seen = false;
    bool says_something = false;
    std::optional<Timestamp> first_listed;
    std::optional<Timestamp> from, to;
    std::optional<std::string_view> record_user_id, profile_id;
    std::string_view profile = "null";  // canonical, where the id is not known
  };
  struct Fields {
    bool type = false, date = false, text = false, data = false;
  };
  // One of the instants that the answer says it was asked for.
  struct Bound {
    std::string_view json;  // in the body
    std::optional<Timestamp> at;
  };

  void iterate(Body& body);
  void read_document(ondemand::document& document);
  void read_element(ondemand::value value);
  void read_group(std::optional<std::string_view> quoted_id, ondemand::value value);
  void read_user_id(std::string_view quoted, Group& group);
  std::string_view shown_id(std::optional<std::string_view> quoted);
  void read_group_fields(ondemand::object& object, Group& group);
  void read_group_field(std::string_view key, ondemand::value value, Group& group);
  std::optional<Timestamp> read_bound(ondemand::value value, Bound& last);
  void read_profile_of(ondemand::value value, Group& group);
  void finish_group(Group& group);
  bool resolve_id(Group& group);
  void check_echo(const Group& group);
  void read_interactions(ondemand::value value, Group& group);
  void read_interaction(ondemand::value value, Group& group, bool nested);
  Interaction read_fields(ondemand::object& object, Group& group, bool nested);
  void read_field(std::string_view key, ondemand::value value, Interaction& row, Fields& seen, bool nested);
  void read_data(ondemand::value value, Interaction& row, bool nested);
  std::string_view unwrapped(std::string_view text);
  Timestamp read_date(ondemand::value value);
  std::optional<Timestamp> date_of(ondemand::object& object);
  bool is_owned(Timestamp date);
  std::string_view key_of(ondemand::field& field);
  std::string_view known_key_of(ondemand::field& field);
  std::string_view text_of(ondemand::value value, const char* key);
  std::string_view text_of_quoted(std::string_view quoted);
  void refuse_damage(ondemand::object& object);
  void reject(std::string_view user_id, std::string_view reason, std::string_view record);

  std::shared_ptr<JsonIndex> index_;
  Canonicaliser canonicaliser_;
  TextArena arena_;
  Utf8Damage damage_;
  ObjectBuilder extra_;
  Batch batch_;
  ParseOptions options_;
  Bound from_, to_;
  bool sanitised_ = false;  // of the interaction in hand
};

const Batch& ResponseParser::Reader::read(Body& body, const ParseOptions& options) {
  options_ = options;
  arena_.clear();
  damage_.clear();
  from_ = to_ = {};
  batch_.window = options.owned;
  give_back_above(batch_.interactions, kKeptRows);
  give_back_above(batch_.users, kKeptUsers);
  batch_.users.clear();
  batch_.interactions.clear();
  batch_.rejects.clear();
  batch_.seam_rows = batch_.users_without_id = 0;
  batch_.echo_differs = batch_.has_fractions = false;
  try {
    iterate(body);
  } catch (const simdjson::simdjson_error& error) {
    broken(fmt::format("not one whole JSON document ({})", reason_of(error.error())));
  } catch (const JsonError& error) {
    broken(fmt::format("not JSON: {}", error.what()));
  }
  assign_identities(batch_);
  return batch_;
}

void ResponseParser::Reader::iterate(Body& body) {
  if (body.size() == 0) broken("it is empty");
  // Newer releases of simdjson step over one; JSON has none.
  if (body.view().starts_with("\xEF\xBB\xBF")) broken("a byte order mark stands before it");
  ondemand::parser& parser = index_->parser;
  const bool too_large = parser.capacity() > kKeptIndex && body.size() <= kKeptIndex;
  if (body.size() > parser.capacity() || too_large) {
    if (parser.allocate(body.size()) != simdjson::SUCCESS) throw std::bad_alloc();
  }
  const auto start = [&] {
    return parser.iterate(body.data(), body.size(), body.size() + Body::kPadding);
  };
  auto document = start();
  if (document.error() == simdjson::UTF8_ERROR) {
    if (!damage_.repair(body)) broken("too many bytes that are not UTF-8");
    document = start();
  }
  read_document(document.value());
}

void ResponseParser::Reader::read_document(ondemand::document& document) {
  bool data_seen = false;
  for (auto item : document.get_object()) {
    ondemand::field field = field_of(item);
    if (known_key_of(field) != "data") {
      prove_json(raw(field.value()));
      continue;
    }
    if (data_seen) broken("two lists 'data'");
    data_seen = true;
    if (field.value().type() != ondemand::json_type::array) broken("'data' is not a list");
    for (auto element : field.value().get_array()) read_element(element.value());
  }
  if (!data_seen) broken("no list 'data'");
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) broken("text after its end");
}

void ResponseParser::Reader::reject(std::string_view user_id, std::string_view reason, std::string_view record) {
  // The rest of it may be unread, and simdjson only counts brackets past that.
  prove_json(record);
  std::string text = damage_.touches(record) ? damage_.restored(record) : std::string(record);
  std::string why(reason);
  cut_record(text, why);
  batch_.rejects.push_back({user_id, arena_.store(why), arena_.store(text), {}});
}

void ResponseParser::Reader::read_element(ondemand::value value) {
  const auto type = value.type().value();
  if (type == ondemand::json_type::array) {
    for (auto group : value.get_array()) read_group(std::nullopt, group.value());
    return;
  }
  if (type != ondemand::json_type::object) {
    return reject({}, "an element of 'data' that is neither an object nor a list", raw(value));
  }
  for (auto item : value.get_object()) {
    ondemand::field field = field_of(item);
    const std::string_view key = raw_key(field);
    read_group(key, field.value());
  }
}

void ResponseParser::Reader::read_group(std::optional<std::string_view> quoted_id, ondemand::value value) {
  Group group;
  group.user = static_cast<std::uint32_t>(batch_.users.size());
  group.id_known = quoted_id.has_value();
  const std::size_t first_interaction = batch_.interactions.size();
  const std::size_t first_reject = batch_.rejects.size();
  const std::uint64_t seam_rows = batch_.seam_rows;
  const auto start_over = [&] {
    batch_.interactions.resize(first_interaction);
    batch_.rejects.resize(first_reject);
    batch_.users.resize(group.user);
    batch_.seam_rows = seam_rows;
  };
  if (quoted_id) prove_json(*quoted_id);
  if (value.type() != ondemand::json_type::object) {
    return reject(shown_id(quoted_id), "a user's record that is not an object", raw(value));
  }
  ondemand::object object = value.get_object();
  const auto refuse = [&](std::string_view reason) {
    start_over();
    object.reset();
    reject(shown_id(quoted_id), reason, trimmed(object.raw_json().value()));
  };
  batch_.users.emplace_back();
  try {
    if (quoted_id) read_user_id(*quoted_id, group);
    refuse_damage(object);
    read_group_fields(object, group);
    finish_group(group);
    if (group.reject_all && !batch_.interactions.empty() && batch_.interactions.size() > first_interaction) {
      start_over();
      Group again;
      again.user = group.user;
      again.reject_all = true;
      batch_.users.emplace_back();
      object.reset();
      read_group_fields(object, again);
    }
  } catch (const Unloadable& unloadable) {
    refuse(unloadable.reason);
  } catch (const JsonError& error) {
    if (error.malformed()) throw;
    refuse(error.what());
  }
}

void ResponseParser::Reader::read_user_id(std::string_view quoted, Group& group) {
  if (damage_.touches(quoted)) throw Unloadable{"the user id is not UTF-8"};
  sanitised_ = false;
  try {
    batch_.users[group.user].user_id = text_of_quoted(quoted);
  } catch (const JsonError& error) {
    throw Unloadable{fmt::format("the user id cannot be stored: {}", error.what())};
  }
  group.id_sanitised = sanitised_;
}

// The user id for the quarantine: as it stands in the answer when it cannot be stored.
std::string_view ResponseParser::Reader::shown_id(std::optional<std::string_view> quoted) {
  if (!quoted) return {};
  const std::string_view inside = quoted->substr(1, quoted->size() - 2);
  if (damage_.touches(inside)) return arena_.store(damage_.restored(inside));
  try {
    return text_of_quoted(*quoted);
  } catch (const JsonError&) {
    return inside;
  }
}

// Bad bytes inside a profile or an interaction are those parts' own affair; elsewhere they spoil the whole record.
void ResponseParser::Reader::refuse_damage(ondemand::object& object) {
  if (damage_.empty()) return;
  std::size_t inside = 0;
  for (auto item : object) {
    ondemand::field field = field_of(item);
    const std::string_view key = raw_key(field);
    ondemand::value value = field.value();
    const std::string_view text = raw(value);
    if (key == "\"interactions\"" || key == "\"chatbot_user_data\"") inside += damage_.count(text);
  }
  object.reset();
  const std::size_t all = damage_.count(object.raw_json().value());
  object.reset();
  if (all > inside) throw Unloadable{"the user's record is not UTF-8"};
}

void ResponseParser::Reader::read_group_fields(ondemand::object& object, Group& group) {
  for (auto item : object) {
    ondemand::field field = field_of(item);
    const std::string_view key = known_key_of(field);
    read_group_field(key, field.value(), group);
  }
  if (!group.interactions_seen) throw Unloadable{"a user's record without a list 'interactions'"};
}

void ResponseParser::Reader::read_group_field(std::string_view key, ondemand::value value, Group& group) {
  if (key == "interactions") {
    once(group.interactions_seen, key);
    if (value.type() != ondemand::json_type::array) {
      prove_json(raw(value));
      throw Unloadable{"a user's record whose 'interactions' is not a list"};
    }
    read_interactions(value, group);
  } else if (key == "chatbot_user_data") {
    once(group.profile_seen, key);
    read_profile_of(value, group);
  } else if (key == "from" || key == "to") {
    once(key == "from" ? group.from_seen : group.to_seen, key);
    (key == "from" ? group.from : group.to) = read_bound(value, key == "from" ? from_ : to_);
  } else if (key == "user_id") {
    once(group.user_id_seen, key);
    const std::string_view canonical = canonicaliser_.canonicalise(raw(value));
    if (canonical != "\"\"") group.record_user_id = scalar_text(canonical, arena_);
  } else {
    prove_json(raw(value));
  }
}

// Every record repeats the same two.
std::optional<Timestamp> ResponseParser::Reader::read_bound(ondemand::value value, Bound& last) {
  const std::string_view json = raw(value);
  if (json == last.json) return last.at;
  const std::string_view text = canonicaliser_.canonicalise(json);
  const bool is_text = canonicaliser_.kind() == JsonKind::string;
  last = {json, is_text ? parse_timestamp(text.substr(1, text.size() - 2)) : std::nullopt};
  return last.at;
}

void ResponseParser::Reader::read_profile_of(ondemand::value value, Group& group) {
  const std::string_view text = raw(value);
  User& user = batch_.users[group.user];
  try {
    if (damage_.touches(text)) throw JsonError(JsonError::Kind::unstorable, "not UTF-8", 0);
    if (text.size() > kMaxRecordBytes) {
      throw JsonError(JsonError::Kind::unstorable, fmt::format("it has {} bytes", text.size()), 0);
    }
    group.says_something = read_profile(text, canonicaliser_, arena_, user);
    if (group.id_known) return;
    group.profile_id = profile_user_id(canonicaliser_, arena_);
    group.profile = arena_.store(canonicaliser_.canonicalise(text));
  } catch (const JsonError& error) {
    if (error.malformed()) throw;
    // The interactions load without it.
    const std::string_view user_id = user.user_id;
    user = User{};
    user.user_id = user_id;
    reject(user_id, fmt::format("the profile cannot be loaded: {}", error.what()), text);
  }
}

bool ResponseParser::Reader::resolve_id(Group& group) {
  User& user = batch_.users[group.user];
  user.id_lost = true;
  user.identity = kLostIdentity;
  ++batch_.users_without_id;
  if (options_.trust_record_user_id && group.record_user_id) {
    user.user_id = user.identity = *group.record_user_id;
  } else if (group.profile_id) {
    user.user_id = *group.profile_id;
  } else if (options_.surrogate_unknown_users) {
    user.user_id = arena_.store(surrogate_user_id(group.profile));
  } else {
    return false;
  }
  return true;
}

void ResponseParser::Reader::finish_group(Group& group) {
  check_echo(group);
  if (!group.id_known && !resolve_id(group)) {
    group.reject_all = true;
    return;
  }
  User& user = batch_.users[group.user];
  if (group.id_known) user.identity = user.user_id;
  if (group.says_something) user.observed_at = group.first_listed.value_or(options_.owned.from);
}

void ResponseParser::Reader::check_echo(const Group& group) {
  if (options_.echo == EchoRule::off) return;
  const bool same = group.from && group.to && std::chrono::floor<std::chrono::seconds>(*group.from) == options_.asked.from &&
                    std::chrono::floor<std::chrono::seconds>(*group.to) == options_.asked.to;
  if (same) return;
  batch_.echo_differs = true;
  if (options_.echo == EchoRule::warn) return;
  const auto show = [](const std::optional<Timestamp>& at) { return at ? to_rfc3339(*at) : std::string("nothing"); };
  broken(fmt::format("it repeats from={} to={}, but was asked for from={} to={} (api.check_echo says whether that "
                     "matters)",
                     show(group.from), show(group.to), to_rfc3339(options_.asked.from), to_rfc3339(options_.asked.to)));
}

void ResponseParser::Reader::read_interactions(ondemand::value value, Group& group) {
  for (auto item : value.get_array()) {
    ondemand::value element = item.value();
    if (element.type() != ondemand::json_type::array) {
      read_interaction(element, group, false);
      continue;
    }
    for (auto inner : element.get_array()) read_interaction(inner.value(), group, true);
  }
}

void ResponseParser::Reader::read_interaction(ondemand::value value, Group& group, bool nested) {
  const std::string_view user_id = batch_.users[group.user].user_id;
  if (value.type() != ondemand::json_type::object) {
    return reject(user_id, "an interaction that is not an object", raw(value));
  }
  ondemand::object object = value.get_object();
  std::string reason;
  try {
    if (!damage_.empty()) {
      const bool damaged = damage_.touches(object.raw_json().value());
      object.reset();
      if (damaged) throw Unloadable{"not UTF-8"};
    }
    Interaction row = read_fields(object, group, nested);
    row.user = group.user;
    if (!group.first_listed) group.first_listed = row.occurred_at;
    if (!is_owned(row.occurred_at)) return;
    if (!group.reject_all) {
      batch_.interactions.push_back(row);
      return;
    }
    reason = "the server lost the user id (unknown_users: reject)";
  } catch (const Unloadable& unloadable) {
    reason = unloadable.reason;
  } catch (const JsonError& error) {
    if (error.malformed()) throw;
    reason = error.what();
  }
  object.reset();
  const auto date = date_of(object);
  if (date && !group.first_listed) group.first_listed = date;
  object.reset();
  const std::string_view record = trimmed(object.raw_json().value());
  if (date && !is_owned(*date)) return prove_json(record);
  reject(user_id, reason, record);
}

// The date of a record that cannot be loaded, to see which window it belongs to.
std::optional<Timestamp> ResponseParser::Reader::date_of(ondemand::object& object) {
  std::optional<Timestamp> date;
  for (auto item : object) {
    ondemand::field field = field_of(item);
    const bool is_date = known_key_of(field) == "date";
    ondemand::value value = field.value();
    const std::string_view text = raw(value);
    if (is_date && text.size() > 2 && !date) date = parse_timestamp(text.substr(1, text.size() - 2));
  }
  return date;
}

// Counts rows of the seam, and refuses the whole answer for a row that was not asked for.
bool ResponseParser::Reader::is_owned(Timestamp date) {
  const bool point = options_.asked.from == options_.asked.to;
  const bool late = point ? date >= options_.asked.to + std::chrono::seconds(1) : date > options_.asked.to;
  if (date < options_.asked.from || late) {
    broken(fmt::format("a row dated {} was not asked for (from={} to={})", to_rfc3339(date),
                       to_rfc3339(options_.asked.from), to_rfc3339(options_.asked.to)));
  }
  if (date.time_since_epoch() % std::chrono::seconds(1) != std::chrono::microseconds(0)) batch_.has_fractions = true;
  if (options_.owned.owns(date)) return true;
  ++batch_.seam_rows;
  return false;
}

Interaction ResponseParser::Reader::read_fields(ondemand::object& object, Group& group, bool nested) {
  Interaction row;
  Fields seen;
  extra_.clear();
  sanitised_ = group.id_sanitised;
  for (auto item : object) {
    ondemand::field field = field_of(item);
    const std::string_view key = key_of(field);
    read_field(key, field.value(), row, seen, nested);
  }
  if (!seen.date) throw Unloadable{"no 'date'"};
  if (!seen.type) throw Unloadable{"no 'type'"};
  if (sanitised_) extra_.replace("sanitised", "true");
  row.extra = extra_.build(arena_);
  if (row.extra.size() > kMaxRecordBytes) {
    throw Unloadable{fmt::format("{} bytes in fields that are not known", row.extra.size())};
  }
  return row;
}

void ResponseParser::Reader::read_field(std::string_view key, ondemand::value value, Interaction& row, Fields& seen,
                                        bool nested) {
  if (key == "type") {
    once(seen.type, key);
    row.type = text_of(value, "type");
  } else if (key == "date") {
    once(seen.date, key);
    row.occurred_at = read_date(value);
  } else if (key == "text") {
    once(seen.text, key);
    if (value.type() == ondemand::json_type::null) {
      prove_json(raw(value));
    } else {
      row.text = text_of(value, "text");
    }
  } else if (key == "data") {
    once(seen.data, key);
    read_data(value, row, nested);
  } else {
    const std::string_view canonical = canonicaliser_.canonicalise(raw(value), arena_);
    sanitised_ |= canonicaliser_.sanitised();
    extra_.add(key, canonical);
  }
}

// The old branch form wraps `data` in a list of one.
std::string_view ResponseParser::Reader::unwrapped(std::string_view text) {
  const std::string_view canonical = canonicaliser_.canonicalise(text);
  if (canonicaliser_.kind() == JsonKind::array) {
    sanitised_ |= canonicaliser_.sanitised();
    const std::string_view inner = canonical.substr(1, canonical.size() - 2);
    try {
      if (inner.starts_with('{') && inner.ends_with('}')) return canonicaliser_.canonicalise(inner, arena_);
    } catch (const JsonError&) {
      // A list of more than one stays as it is.
    }
  }
  return canonicaliser_.canonicalise(text, arena_);
}

void ResponseParser::Reader::read_data(ondemand::value value, Interaction& row, bool nested) {
  std::string_view text = raw(value);
  if (text.size() > kMaxRecordBytes) throw Unloadable{fmt::format("'data' of {} bytes", text.size())};
  const std::string_view canonical = nested ? unwrapped(text) : canonicaliser_.canonicalise(text, arena_);
  sanitised_ |= canonicaliser_.sanitised();
  if (canonical == "null") return;
  for (const auto& member : canonicaliser_.members()) {
    if (member.key == "value") row.value = scalar_text(member.value, arena_);
    if (member.key == "callback_id") row.callback_id = scalar_text(member.value, arena_);
  }
  row.data = canonical;
}

Timestamp ResponseParser::Reader::read_date(ondemand::value value) {
  if (value.type() != ondemand::json_type::string) {
    prove_json(raw(value));
    throw Unloadable{"'date' is not a string"};
  }
  const std::string_view quoted = raw(value);
  const auto date = parse_timestamp(quoted.substr(1, quoted.size() - 2));
  if (!date) throw Unloadable{"'date' is not a date"};
  return *date;
}

// A field's key in its canonical form, without the quotes.
std::string_view ResponseParser::Reader::key_of(ondemand::field& field) {
  const std::string_view quoted = raw_key(field);
  if (quoted.find('\\') == quoted.npos) return quoted.substr(1, quoted.size() - 2);
  const std::string_view canonical = canonicaliser_.canonicalise(quoted, arena_);
  sanitised_ |= canonicaliser_.sanitised();
  return canonical.substr(1, canonical.size() - 2);
}

// For where other keys are passed over: a key that cannot be stored is none of those that are known.
std::string_view ResponseParser::Reader::known_key_of(ondemand::field& field) {
  try {
    return key_of(field);
  } catch (const JsonError& error) {
    if (error.malformed()) throw;
    prove_json(raw_key(field));
    return {};
  }
}

std::string_view ResponseParser::Reader::text_of(ondemand::value value, const char* key) {
  if (value.type() != ondemand::json_type::string) {
    prove_json(raw(value));
    throw Unloadable{fmt::format("'{}' is not a string", key)};
  }
  const std::string_view quoted = raw(value);
  if (quoted.size() > kMaxRecordBytes) throw Unloadable{fmt::format("'{}' of {} bytes", key, quoted.size())};
  return text_of_quoted(quoted);
}

// A string without escapes is used where it stands in the body.
std::string_view ResponseParser::Reader::text_of_quoted(std::string_view quoted) {
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  if (inside.find('\\') == inside.npos) return inside;
  char* room = arena_.reserve(quoted.size());
  const std::size_t size = unquote(quoted, room, sanitised_);
  arena_.give_back(room, quoted.size(), quoted.size() - size);
  return {room, size};
}

ResponseParser::ResponseParser(std::shared_ptr<JsonIndex> index) : reader_(std::make_unique<Reader>(std::move(index))) {}
ResponseParser::~ResponseParser() = default;
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;

const Batch& ResponseParser::parse(Body& body, const ParseOptions& options) { return reader_->read(body, options); }

}  // namespace odetl
