#include "etl/load_rows.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "etl/canonical_json.hpp"
#include "etl/identity.hpp"

namespace odetl {
namespace {

// Writes `"name":value,` pairs of one object; NULLs are left out.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  ~ObjectWriter() {
    if (out_.back() == ',') out_.pop_back();
    out_ += '}';
  }
  ObjectWriter(const ObjectWriter&) = delete;

  void text(std::string_view name, std::optional<std::string_view> value) {
    if (!value) return;
    key(name);
    append_quoted(out_, *value);
    out_ += ',';
  }
  void json(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    key(name);
    out_ += value;
    out_ += ',';
  }

 private:
  void key(std::string_view name) {
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  std::string& out_;
};

template <typename Items, typename Write>
std::string json_list(const Items& items, Write write) {
  std::string list = "[";
  for (const auto& item : items) {
    if (list.size() > 1) list += ',';
    write(list, item);
  }
  return list + ']';
}

void write_user(std::string& out, const User& user) {
  ObjectWriter object(out);
  object.text("user_id", user.user_id);
  for (std::size_t i = 0; i < kProfileColumns.size(); ++i) object.text(kProfileColumns[i], user.columns[i]);
  object.json("custom", user.custom);
  object.json("extra", user.extra);
  if (user.observed_at) object.text("observed_at", to_rfc3339(*user.observed_at));
  object.text("profile_hash", hex_of(user.profile_hash));
}

bool replaces(const User& later, const User& earlier) {
  if (!later.observed_at) return false;
  return !earlier.observed_at || *later.observed_at >= *earlier.observed_at;
}

}  // namespace

std::string hex_of(const std::array<std::uint8_t, 16>& bytes) {
  std::string text = to_text(bytes);
  std::erase(text, '-');
  return text;
}

std::vector<std::uint32_t> distinct_users(const Batch& batch, const std::set<std::uint32_t>& refused,
                                          const std::vector<std::uint32_t>& fresh) {
  std::vector<bool> has_rows(batch.users.size());
  for (std::uint32_t i = 0; i < batch.interactions.size(); ++i) {
    const std::uint32_t user = batch.interactions[i].user;
    if (batch.users[user].identity != kLostIdentity && !refused.contains(i)) has_rows[user] = true;
  }
  for (const std::uint32_t i : fresh) has_rows[batch.interactions[i].user] = true;
  std::unordered_map<std::string_view, std::uint32_t> best;
  best.reserve(batch.users.size());
  for (std::uint32_t i = 0; i < batch.users.size(); ++i) {
    if (!has_rows[i]) continue;
    const auto [at, is_new] = best.try_emplace(batch.users[i].user_id, i);
    if (!is_new && replaces(batch.users[i], batch.users[at->second])) at->second = i;
  }
  std::vector<std::uint32_t> users;
  users.reserve(best.size());
  for (const auto& [id, index] : best) users.push_back(index);
  // All loaders write users in one order, so that they never wait for each other in a circle.
  std::sort(users.begin(), users.end(),
            [&](auto a, auto b) { return batch.users[a].user_id < batch.users[b].user_id; });
  return users;
}

std::string user_ids_json(const Batch& batch, const std::vector<std::uint32_t>& users) {
  return json_list(users, [&](std::string& out, std::uint32_t i) { append_quoted(out, batch.users[i].user_id); });
}

std::string text_list_json(const std::vector<std::string>& texts) {
  return json_list(texts, [](std::string& out, const std::string& text) { append_quoted(out, text); });
}

std::string users_json(const Batch& batch, const std::vector<std::uint32_t>& users) {
  return json_list(users, [&](std::string& out, std::uint32_t i) { write_user(out, batch.users[i]); });
}

std::string extras_json(const Batch& batch, const std::vector<std::uint32_t>& interactions) {
  return json_list(interactions, [&](std::string& out, std::uint32_t i) {
    ObjectWriter object(out);
    object.text("id", to_text(batch.interactions[i].id));
    object.json("extra", batch.interactions[i].extra);
  });
}

std::string interactions_json(const Batch& batch, std::span<const std::uint32_t> interactions) {
  return json_list(interactions, [&](std::string& out, std::uint32_t i) {
    const Interaction& row = batch.interactions[i];
    const User& user = batch.users[row.user];
    ObjectWriter object(out);
    object.json("row", std::to_string(i));
    object.text("id", to_text(row.id));
    if (user.identity != kLostIdentity) object.text("user_id", user.user_id);
    object.text("occurred_at", to_rfc3339(row.occurred_at));
    object.text("type", row.type);
    object.text("text", row.text);
    object.text("value", row.value);
    object.text("callback_id", row.callback_id);
    object.json("data", row.data);
    object.json("extra", row.extra);
    object.json("occurrence", std::to_string(row.occurrence));
  });
}

std::string rejects_json(const std::vector<Reject>& rejects) {
  return json_list(rejects, [](std::string& out, const Reject& reject) {
    ObjectWriter object(out);
    object.text("id", to_text(reject.id));
    object.text("user_id", reject.user_id);
    object.text("reason", reject.reason);
    object.text("record", reject.record);
  });
}

std::string uuid_array(const std::vector<Uuid>& ids) {
  std::string list = "{";
  for (const Uuid& id : ids) {
    if (list.size() > 1) list += ',';
    list += to_text(id);
  }
  return list + '}';
}

std::vector<Uuid> ids_of(std::string_view bytes) {
  std::vector<Uuid> ids(bytes.size() / sizeof(Uuid));
  if (!ids.empty()) std::memcpy(ids.data(), bytes.data(), ids.size() * sizeof(Uuid));
  return ids;
}

std::string record_of(const Interaction& interaction) {
  std::string record;
  {
    ObjectWriter object(record);
    object.text("date", to_rfc3339(interaction.occurred_at));
    object.text("type", interaction.type);
    object.text("text", interaction.text);
    object.json("data", interaction.data);
    object.json("extra", interaction.extra);
  }
  return record;
}

}  // namespace odetl
