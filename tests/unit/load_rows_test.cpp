#include "etl/load_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "etl/canonical_json.hpp"
#include "etl/hex.hpp"
#include "etl/identity.hpp"

namespace odetl {
namespace {

Timestamp at(std::string_view text) { return parse_timestamp(text).value(); }

Uuid id(int number) {
  Uuid uuid{};
  uuid[15] = static_cast<std::uint8_t>(number);
  return uuid;
}

/// All that is written must be JSON as it stands.
std::string proven(const std::string& json) {
  Canonicaliser canonicaliser;
  canonicaliser.canonicalise(json);
  return json;
}

// --- distinct_users

class DistinctUsers : public testing::Test {
 protected:
  /// A user with one interaction; `observed_at` is nothing where no profile came.
  void add(std::string_view user_id, const char* observed_at = nullptr) {
    User& user = batch.users.emplace_back();
    user.user_id = user.identity = user_id;
    if (observed_at != nullptr) user.observed_at = at(observed_at);
    say();
  }
  void say() { batch.interactions.emplace_back().user = static_cast<std::uint32_t>(batch.users.size() - 1); }

  using Indexes = std::vector<std::uint32_t>;
  Indexes distinct(const std::set<std::uint32_t>& refused = {}, const Indexes& fresh = {}) {
    return distinct_users(batch, refused, fresh);
  }
  Batch batch;
};

TEST_F(DistinctUsers, AreInTheOrderOfTheBytesOfTheirIds) {
  for (const char* user_id : {"b", "B", "é", "a", "", "a b", "10", "9"}) add(user_id);
  EXPECT_EQ(distinct(), (Indexes{4, 6, 7, 1, 3, 5, 0, 2}));
}

TEST_F(DistinctUsers, LeaveOutWhoSaidNothing) {
  add("a");
  batch.users.emplace_back().user_id = "b";
  EXPECT_EQ(distinct(), Indexes{0});
}

TEST_F(DistinctUsers, LeaveOutWhoseEveryRowWasRefused) {
  add("a");
  add("b");
  say();
  EXPECT_EQ(distinct({0, 1}), Indexes{1});
  EXPECT_EQ(distinct({0, 1, 2}), Indexes{});
}

// Guarantee 8: the newer profile, of equals the later reading, and never one that says nothing.
TEST_F(DistinctUsers, Guarantee8_TakeTheNewestProfileOfAUserListedTwice) {
  add("newer first", "2024-01-31T08:00:01Z");
  add("newer first", "2024-01-31T08:00:00Z");
  add("newer last", "2024-01-31T08:00:00Z");
  add("newer last", "2024-01-31T08:00:01Z");
  add("none first");
  add("none first", "2024-01-31T08:00:00Z");
  add("none last", "2024-01-31T08:00:00Z");
  add("none last");
  add("same", "2024-01-31T08:00:00Z");
  add("same", "2024-01-31T08:00:00Z");
  EXPECT_EQ(distinct(), (Indexes{0, 3, 5, 6, 9}));
}

TEST_F(DistinctUsers, LookAtNoProfileThatCameWithoutRows) {
  add("a", "2024-01-31T08:00:00Z");
  batch.users.push_back(batch.users[0]);
  batch.users[1].observed_at = at("2024-01-31T09:00:00Z");
  EXPECT_EQ(distinct(), Indexes{0});
}

TEST_F(DistinctUsers, WithoutAnIdCountOnlyWithAFreshRow) {
  for (const char* surrogate : {"unknown:1", "unknown:2"}) {
    add(surrogate, "2024-01-31T08:00:00Z");
    batch.users.back().identity = kLostIdentity;
  }
  EXPECT_EQ(distinct(), Indexes{});
  EXPECT_EQ(distinct({}, {1}), Indexes{1});
}

// --- parameters

using Elements = std::vector<std::optional<std::string>>;
constexpr std::uint32_t kText = 25;  // oids
constexpr std::uint32_t kJson = 3802;

// What array_recv of PostgreSQL reads.
Elements elements(const SqlParam& array, std::uint32_t type) {
  EXPECT_TRUE(array.is_binary);
  std::string_view bytes = array.value();
  const auto number = [&bytes] {
    std::uint32_t value = 0;
    for (const char byte : bytes.substr(0, 4)) value = value << 8 | static_cast<unsigned char>(byte);
    bytes.remove_prefix(std::min<std::size_t>(4, bytes.size()));
    return value;
  };
  EXPECT_EQ(number(), 1U);  // dimensions
  EXPECT_LE(number(), 1U);  // whether there may be NULLs
  EXPECT_EQ(number(), type);
  Elements found(number());
  EXPECT_EQ(number(), 1U);  // the first one's index
  for (auto& element : found) {
    const std::uint32_t size = number();
    if (size == 0xFFFFFFFF) continue;
    element = bytes.substr(0, size);
    bytes.remove_prefix(std::min<std::size_t>(size, bytes.size()));
  }
  EXPECT_EQ(bytes, "");
  return found;
}

class LoadRows : public testing::Test {
 protected:
  Batch batch;
};

TEST_F(LoadRows, OfNothingAreEmptyLists) {
  EXPECT_EQ(elements(user_ids_array(batch, {}), kText), Elements{});
  const auto arrays = user_arrays(batch, {});
  ASSERT_EQ(arrays.size(), 17U);
  EXPECT_EQ(elements(arrays[13], kJson), Elements{});
  EXPECT_EQ(extras_json(batch, {}), "[]");
  EXPECT_EQ(rejects_json({}), "[]");
  EXPECT_EQ(uuid_array({}), "{}");
}

TEST_F(LoadRows, WriteUserIdsByteByByte) {
  for (const char* user_id : {"", "a\"b\\", "x\ny", "é'; DROP TABLE users; --"})
    batch.users.emplace_back().user_id = user_id;
  EXPECT_EQ(elements(user_ids_array(batch, {3, 2, 1, 0}), kText), (Elements{"é'; DROP TABLE users; --", "x\ny", "a\"b\\", ""}));
}

TEST_F(LoadRows, WriteUsersAsAnArrayOfEachColumn) {
  User& bare = batch.users.emplace_back();
  bare.user_id = "a\\b\"";
  User& full = batch.users.emplace_back();
  full.user_id = "NULL";
  full.columns[0] = R"(Zoë "Z" {,} \\)";
  full.columns[2] = "";
  full.columns[11] = "0x1";
  full.custom = R"({"k":[1.50]})";
  full.extra = R"({"id":9007199254740993})";
  full.observed_at = at("2024-01-31T08:00:00.5Z");
  const auto arrays = user_arrays(batch, {0, 1});
  ASSERT_EQ(arrays.size(), 17U);
  EXPECT_EQ(elements(arrays[0], kText), (Elements{"a\\b\"", "NULL"}));
  EXPECT_EQ(elements(arrays[1], kText), (Elements{std::nullopt, R"(Zoë "Z" {,} \\)"}));
  EXPECT_EQ(elements(arrays[2], kText), (Elements{std::nullopt, std::nullopt}));
  EXPECT_EQ(elements(arrays[3], kText), (Elements{std::nullopt, ""}));
  EXPECT_EQ(elements(arrays[12], kText), (Elements{std::nullopt, "0x1"}));
  EXPECT_EQ(elements(arrays[13], kJson), (Elements{std::nullopt, "\1{\"k\":[1.50]}"}));
  EXPECT_EQ(elements(arrays[14], kJson), (Elements{std::nullopt, "\1{\"id\":9007199254740993}"}));
  const Elements dates = elements(arrays[15], 1184);
  EXPECT_EQ(dates[0], std::nullopt);
  EXPECT_EQ(binary_timestamp(dates[1].value()), *full.observed_at);
  const auto hash = [&](std::size_t user) {
    const Digest digest = profile_hash(batch.users[user]);
    return std::string(digest.begin(), digest.end());
  };
  EXPECT_EQ(elements(arrays[16], 17), (Elements{hash(0), hash(1)}));
}

TEST(Hex, ComesBack) {
  std::array<std::uint8_t, 3> bytes{};
  bytes_of_hex(hex_of(std::array<std::uint8_t, 3>{0, 171, 255}), bytes);
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 3>{0, 171, 255}));
  EXPECT_THROW(bytes_of_hex("00ab", bytes), std::invalid_argument);
  EXPECT_THROW(bytes_of_hex("00abfg", bytes), std::invalid_argument);
}

TEST_F(LoadRows, WriteExtrasAndLeaveOutThatOfARowThatLostIt) {
  batch.interactions.emplace_back().id = id(1);
  batch.interactions.emplace_back().id = id(2);
  batch.interactions[1].extra = R"({"note":"\"x\""})";
  EXPECT_EQ(proven(extras_json(batch, {1, 0})),
            R"([{"id":"00000000-0000-0000-0000-000000000002","extra":{"note":"\"x\""}},)"
            R"({"id":"00000000-0000-0000-0000-000000000001"}])");
}

TEST_F(LoadRows, WriteRejectsWithTheRecordAsText) {
  EXPECT_EQ(proven(rejects_json({{"u\t1", "no 'date'", R"({"text":"\ud800"})", id(3)}})),
            R"([{"id":"00000000-0000-0000-0000-000000000003","user_id":"u\t1","reason":"no 'date'",)"
            R"("record":"{\"text\":\"\\ud800\"}"}])");
}

TEST_F(LoadRows, WriteIdsAsAnArray) {
  EXPECT_EQ(uuid_array({id(1), id(255)}),
            "{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-0000000000ff}");
}

// --- ids_of

TEST(IdsOf, AreSixteenBytesEach) {
  EXPECT_TRUE(ids_of("").empty());
  const std::vector<Uuid> all = {interaction_id("u", at("2024-01-31T08:00:00Z"), "t", {}, "", 0), id(1), id(254)};
  std::string bytes;
  for (const Uuid& uuid : all) bytes.append(reinterpret_cast<const char*>(uuid.data()), uuid.size());
  EXPECT_EQ(ids_of(bytes), all);
}

// --- record_of

TEST(RecordOf, IsTheJsonOfTheInteraction) {
  Interaction row;
  row.occurred_at = at("2024-01-31T08:00:00.000001Z");
  row.type = "button";
  EXPECT_EQ(proven(record_of(row)), R"({"date":"2024-01-31T08:00:00.000001Z","type":"button"})");
  row.text = "a\"b\n";
  row.data = R"({"value":1})";
  row.extra = R"({"note":[]})";
  EXPECT_EQ(
      proven(record_of(row)),
      R"({"date":"2024-01-31T08:00:00.000001Z","type":"button","text":"a\"b\n","data":{"value":1},"extra":{"note":[]}})");
}

}  // namespace
}  // namespace odetl
