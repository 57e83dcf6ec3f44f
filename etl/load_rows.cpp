#include "etl/load_rows.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

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

void append_or_null(CopyRows& out, const std::optional<std::string_view>& value) {
  value ? out.text(*value) : out.null();
}

bool replaces(const User& later, const User& earlier) {
  if (!later.observed_at) return false;
  return !earlier.observed_at || *later.observed_at >= *earlier.observed_at;
}

}  // namespace

const std::vector<std::string> kInteractionColumns = {"interaction_id", "user_id",     "occurred_at", "type",  "text",
                                                      "value",          "callback_id", "data",        "extra", "occurrence"};

std::vector<std::uint32_t> distinct_users(const Batch& batch, const std::set<std::uint32_t>& refused,
                                          const std::vector<std::uint32_t>& fresh) {
  std::vector<bool> has_rows(batch.users.size());
  for (std::uint32_t i = 0; i < batch.interactions.size(); ++i) {
    const std::uint32_t user = batch.interactions[i].user;
    if (batch.users[user].identity != kLostIdentity && !refused.contains(i)) has_rows[user] = true;
  }
  for (const std::uint32_t i : fresh) has_rows[batch.interactions[i].user] = true;
  std::vector<std::uint32_t> listed;
  for (std::uint32_t i = 0; i < batch.users.size(); ++i) {
    if (has_rows[i]) listed.push_back(i);
  }
  // All loaders write users in one order, so that they never wait for each other in a circle.
  std::sort(listed.begin(), listed.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int order = batch.users[a].user_id.compare(batch.users[b].user_id);
    return order != 0 ? order < 0 : a < b;
  });
  std::vector<std::uint32_t> users;
  for (const std::uint32_t i : listed) {
    if (users.empty() || batch.users[users.back()].user_id != batch.users[i].user_id) {
      users.push_back(i);
    } else if (replaces(batch.users[i], batch.users[users.back()])) {
      users.back() = i;
    }
  }
  return users;
}

SqlParam user_ids_array(const Batch& batch, const std::vector<std::uint32_t>& users) {
  BinaryArray ids(BinaryArray::Of::text);
  for (const std::uint32_t i : users) ids.add().text(batch.users[i].user_id);
  return SqlParam::binary(std::move(ids).finish());
}

std::string text_list_json(const std::vector<std::string>& texts) {
  return json_list(texts, [](std::string& out, const std::string& text) { append_quoted(out, text); });
}

std::vector<SqlParam> user_arrays(const Batch& batch, const std::vector<std::uint32_t>& users) {
  using Of = BinaryArray::Of;
  std::vector<BinaryArray> arrays(1 + kProfileColumns.size(), BinaryArray(Of::text));
  for (const Of type : {Of::jsonb, Of::jsonb, Of::timestamptz, Of::bytea}) arrays.emplace_back(type);
  for (const std::uint32_t i : users) {
    const User& user = batch.users[i];
    auto array = arrays.begin();
    (array++)->add().text(user.user_id);
    for (const auto& column : user.columns) append_or_null((array++)->add(), column);
    (array++)->add().json(user.custom);
    (array++)->add().json(user.extra);
    CopyRows& observed_at = (array++)->add();
    user.observed_at ? observed_at.timestamp(*user.observed_at) : observed_at.null();
    const Digest hash = profile_hash(user);
    (array++)->add().bytes({reinterpret_cast<const char*>(hash.data()), hash.size()});
  }
  std::vector<SqlParam> params;
  for (BinaryArray& array : arrays) params.push_back(SqlParam::binary(std::move(array).finish()));
  return params;
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

void append_interaction(CopyRows& out, const Batch& batch, std::uint32_t index) {
  const Interaction& row = batch.interactions[index];
  out.begin_row(static_cast<std::int16_t>(kInteractionColumns.size()));
  out.uuid(row.id);
  out.text(batch.users[row.user].user_id);
  out.timestamp(row.occurred_at);
  out.text(row.type);
  append_or_null(out, row.text);
  append_or_null(out, row.value);
  append_or_null(out, row.callback_id);
  out.json(row.data);
  out.json(row.extra);
  out.integer(row.occurrence);
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
