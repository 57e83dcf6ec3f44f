#include "etl/identity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "etl/response_parser.hpp"

namespace odetl {
namespace {

Timestamp at(std::string_view text) { return parse_timestamp(text).value(); }

// --- known answers, computed apart from this program from the description of interaction_id

struct Known {
  const char* name;
  std::string user_id;
  const char* date;
  std::string type;
  std::optional<std::string> text;
  std::string data;
  std::int32_t occurrence;
  const char* id;
};

class KnownIdentity : public testing::TestWithParam<Known> {};

TEST_P(KnownIdentity, IsWhatItsDescriptionSays) {
  const Known& row = GetParam();
  EXPECT_EQ(to_text(interaction_id(row.user_id, at(row.date), row.type, row.text, row.data, row.occurrence)), row.id);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, KnownIdentity,
    testing::Values(
        Known{"Plain", "u1", "2024-01-31T08:00:00.123456Z", "text", "hello", R"({"text":"hello"})", 0,
              "018d5e88-307b-8cee-8971-11809fbe747e"},
        Known{"ItsTwin", "u1", "2024-01-31T08:00:00.123456Z", "text", "hello", R"({"text":"hello"})", 1,
              "018d5e88-307b-8774-955c-993af79c8989"},
        Known{"NullTextAndData",
              "u1",
              "2024-01-31T08:00:00.123456Z",
              "text",
              {},
              "",
              0,
              "018d5e88-307b-870c-bcfc-b4ba3b3c4681"},
        Known{"EmptyTextIsNotNull", "u1", "2024-01-31T08:00:00.123456Z", "text", "", "", 0,
              "018d5e88-307b-8ec0-99e2-0bdc013dc59e"},
        Known{"AllEmptyAt1970", "", "1970-01-01T00:00:00Z", "", "", R"("")", 0, "00000000-0000-81a5-8ee9-b37754fb3c5b"},
        Known{"LengthOfTwoBytes", "u1", "2024-01-31T08:00:00Z", "text",
              "éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé", "", 0, "018d5e88-3000-852e-94a8-f4168ea4fdb2"},
        Known{"Unicode", "Zoë 😀", "2038-01-19T03:14:08Z", "webchat_button_response", "é/\n",
              R"({"callback_id":"x","value":9007199254740993})", std::numeric_limits<std::int32_t>::max(),
              "01f40000-0000-8267-8b22-9d5b6e0fed76"},
        Known{"Before1970HasNoMilliseconds", "u1", "1969-12-31T23:59:59.5Z", "text", "before", "", 0,
              "00000000-0000-8616-b9a3-caebc6c5dede"},
        Known{"LastInstant", "u1", "9999-12-31T23:59:59.999999Z", "text", "last", "[]", 0,
              "e677d21f-dbff-8bde-868d-7fe21e2e6a7f"},
        Known{"FirstInstant", "u1", "0001-01-01T00:00:00Z", "t", {}, "{}", 3, "00000000-0000-8228-86b4-5507c7fb8a20"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(RejectId, IsWhatItsDescriptionSays) {
  EXPECT_EQ(to_text(reject_id("u1", R"({"date":1})", 0)), "13ad02bd-8c64-8ce5-9ddb-546b13f1213b");
  EXPECT_EQ(to_text(reject_id("u1", R"({"date":1})", 1)), "bd67d769-b36f-84e7-933f-f1d8ec3bad70");
  EXPECT_EQ(to_text(reject_id("", "", 0)), "9be8d7d2-1536-8841-b696-703f879c3d0a");
}

TEST(SurrogateUserId, IsAHashOfTheProfile) {
  EXPECT_EQ(surrogate_user_id("null"), "unknown:a6a83fe58f46517373856fe8a9ffb02d");
  EXPECT_EQ(surrogate_user_id(R"({"a":1})"), "unknown:5200c88b030b524b4d02a40b0da87fda");
}

std::string hex(const std::array<std::uint8_t, 16>& bytes) {
  std::string text = to_text(bytes);
  std::erase(text, '-');
  return text;
}

TEST(ProfileHash, IsWhatItsDescriptionSays) {
  User user;
  EXPECT_EQ(hex(profile_hash(user)), "110ba9e4a4f902c3f4e55f38da46a745");
  user.columns[0] = "Ada";
  user.columns[2] = "";
  user.custom = R"({"a":1})";
  user.extra = R"({"x":2})";
  EXPECT_EQ(hex(profile_hash(user)), "2ec029d95de58a52e316815928cef174");
}

TEST(ProfileHash, ChangesWithEveryFieldOfTheProfileAndWithNothingElse) {
  std::set<std::string> hashes = {hex(profile_hash({}))};
  std::size_t profiles = 1;
  for (std::size_t i = 0; i < kProfileColumns.size(); ++i) {
    for (const std::string_view value : {"", "x", "y"}) {
      User user;
      user.columns[i] = value;
      hashes.insert(hex(profile_hash(user)));
      ++profiles;
    }
  }
  User custom, extra;
  custom.custom = extra.extra = "{}";
  hashes.insert(hex(profile_hash(custom)));
  hashes.insert(hex(profile_hash(extra)));
  EXPECT_EQ(hashes.size(), profiles + 2);

  User other;
  other.user_id = "u1";
  other.observed_at = at("2024-01-31T08:00:00Z");
  other.id_lost = true;
  EXPECT_EQ(profile_hash(other), profile_hash({}));
}

// --- the form

TEST(InteractionId, IsAVersion8OfTheRfcsVariant) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const Timestamp date{std::chrono::microseconds(static_cast<std::int64_t>(random() % 250'000'000'000'000'000))};
    const Uuid id = interaction_id(std::to_string(random()), date, "text", std::nullopt, "", 0);
    ASSERT_EQ(id[6] >> 4, 8);
    ASSERT_EQ(id[8] >> 6, 2);
  }
}

TEST(InteractionId, SortsByTheMillisecondItHappened) {
  Uuid last{};
  Timestamp date = at("1970-01-01T00:00:00Z");
  for (int i = 0; i < 1000; ++i) {
    const Uuid id = interaction_id("u1", date, "text", "x", "", 0);
    ASSERT_TRUE(i == 0 || last < id) << to_rfc3339(date);
    last = id;
    date += std::chrono::milliseconds(1) + std::chrono::hours(i);
  }
}

// Each of these pairs would be one under a hash that strings its texts together.
TEST(InteractionId, TellsApartWhatReadsTheSameWithoutItsBorders) {
  const Timestamp date = at("2024-01-31T08:00:00Z");
  const auto id = [&](std::string_view user, std::string_view type, std::optional<std::string_view> text,
                      std::string_view data, std::int32_t occurrence = 0) {
    return to_text(interaction_id(user, date, type, text, data, occurrence));
  };
  const std::set<std::string> ids = {
      id("ab", "c", "d", "[]"),    id("a", "bc", "d", "[]"),     id("ab", "", "cd", "[]"),
      id("ab", "c", "", "d[]"),    id("ab", "c", "d[]", ""),     id("ab", "c", {}, "[]"),
      id("ab", "c", "null", "[]"), id("ab", "c", "d", ""),       id("ab", "c", "d", "null"),
      id("ab", "c", "d", R"("")"), id("ab", "c", "d", "{}"),     id("ab ", "c", "d", "[]"),
      id("AB", "c", "d", "[]"),    id("e\u0301", "", "", ""),    id("\u00e9", "", "", ""),
      id("ab", "c", "d", "[]", 1), id("ab", "c", "d", "[]", 256)};
  EXPECT_EQ(ids.size(), 17U);
}

TEST(InteractionId, TellsApartInstantsOfOneMillisecond) {
  EXPECT_NE(interaction_id("u", at("2024-01-31T08:00:00.000001Z"), "t", {}, "", 0),
            interaction_id("u", at("2024-01-31T08:00:00.000002Z"), "t", {}, "", 0));
}

TEST(ToText, IsLowerCaseWithHyphens) {
  Uuid id{};
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = static_cast<std::uint8_t>(0xF0 + i);
  EXPECT_EQ(to_text(id), "f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff");
  EXPECT_EQ(to_text(Uuid{}), "00000000-0000-0000-0000-000000000000");
}

// --- twins

User user_of(std::string_view user_id) {
  User user;
  user.user_id = user.identity = user_id;
  return user;
}

/// A batch of one user whose interactions differ in nothing but `extra`.
Batch batch_of(const std::vector<std::string>& extras) {
  Batch batch;
  batch.users.push_back(user_of("u1"));
  for (const std::string& extra : extras) {
    Interaction& row = batch.interactions.emplace_back();
    row.occurred_at = at("2024-01-31T08:00:00Z");
    row.type = "text";
    row.text = "ok";
    row.extra = extra;
  }
  return batch;
}

std::vector<std::int32_t> occurrences(const Batch& batch) {
  std::vector<std::int32_t> numbers;
  for (const Interaction& row : batch.interactions) numbers.push_back(row.occurrence);
  return numbers;
}

TEST(AssignIdentities, NumbersTwinsFromNought) {
  const std::vector<std::string> extras(1000, "");
  Batch batch = batch_of(extras);
  assign_identities(batch);
  auto numbers = occurrences(batch);
  std::sort(numbers.begin(), numbers.end());
  std::set<Uuid> ids;
  for (std::int32_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(numbers[static_cast<std::size_t>(i)], i);
    ids.insert(batch.interactions[static_cast<std::size_t>(i)].id);
  }
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(AssignIdentities, FindsEveryTwinAmongMany) {
  constexpr int kRows = 20'000;
  const std::vector<std::string> extras(kRows, "");
  Batch batch = batch_of(extras);
  std::mt19937 random(20240131);
  std::map<Timestamp, std::int32_t> said;  // how often at an instant
  for (Interaction& row : batch.interactions) {
    row.occurred_at += std::chrono::seconds(random() % (kRows / 2));
    ++said[row.occurred_at];
  }
  assign_identities(batch);
  std::map<Timestamp, std::set<std::int32_t>> numbers;
  for (const Interaction& row : batch.interactions) numbers[row.occurred_at].insert(row.occurrence);
  for (const auto& [instant, times] : said) {
    ASSERT_EQ(std::ssize(numbers[instant]), times);
    ASSERT_EQ(*numbers[instant].begin(), 0);
    ASSERT_EQ(*numbers[instant].rbegin(), times - 1);
  }
}

TEST(AssignIdentities, NumbersTwinsByTheirExtraInWhateverOrderTheyCome) {
  std::vector<std::string> extras = {"", "", R"({"a":1})", R"({"a":2})", R"({"b":0})"};
  do {
    Batch batch = batch_of(extras);
    assign_identities(batch);
    std::map<std::int32_t, std::string_view> by_number;
    for (const Interaction& row : batch.interactions) by_number[row.occurrence] = row.extra;
    const std::map<std::int32_t, std::string_view> expected = {
        {0, ""}, {1, ""}, {2, R"({"a":1})"}, {3, R"({"a":2})"}, {4, R"({"b":0})"}};
    ASSERT_EQ(by_number, expected);
  } while (std::next_permutation(extras.begin(), extras.end()));
}

TEST(AssignIdentities, GivesTheSameIdToTheSameNumber) {
  const std::vector<std::string> extras(3, "");
  Batch batch = batch_of(extras);
  assign_identities(batch);
  for (const Interaction& row : batch.interactions) {
    EXPECT_EQ(row.id, interaction_id("u1", row.occurred_at, row.type, row.text, row.data, row.occurrence));
  }
}

TEST(AssignIdentities, DoesNotTakeTheNeighboursForTwins) {
  const std::vector<std::string> extras(6, "");
  Batch batch = batch_of(extras);
  batch.users.push_back(user_of("u2"));
  batch.interactions[1].user = 1;
  batch.interactions[2].occurred_at += std::chrono::microseconds(1);
  batch.interactions[3].text = "OK";
  batch.interactions[4].data = "[]";
  batch.interactions[5].type = "button";
  assign_identities(batch);
  EXPECT_EQ(occurrences(batch), std::vector<std::int32_t>(6, 0));
}

TEST(AssignIdentities, SeesTwinsOfAUserThatIsListedTwice) {
  const std::vector<std::string> extras(2, "");
  Batch batch = batch_of(extras);
  batch.users.push_back(user_of("u1"));
  batch.interactions[1].user = 1;
  assign_identities(batch);
  EXPECT_NE(batch.interactions[0].occurrence, batch.interactions[1].occurrence);
  EXPECT_NE(batch.interactions[0].id, batch.interactions[1].id);
}

// What a profile says of a user is another in another window, so it must not decide what a row is.
TEST(AssignIdentities, OfUsersWithoutAnIdAreThoseOfNobodyInParticular) {
  const std::vector<std::string> extras(2, "");
  Batch batch = batch_of(extras);
  for (const char* surrogate : {"unknown:1", "unknown:2"}) {
    batch.users.push_back(user_of(surrogate));
    batch.users.back().identity = kLostIdentity;
  }
  batch.interactions[0].user = 1;
  batch.interactions[1].user = 2;
  assign_identities(batch);
  std::set<Uuid> ids = {batch.interactions[0].id, batch.interactions[1].id};
  const Interaction& row = batch.interactions[0];
  const std::set<Uuid> expected = {interaction_id("unknown:", row.occurred_at, "text", "ok", "", 0),
                                   interaction_id("unknown:", row.occurred_at, "text", "ok", "", 1)};
  EXPECT_EQ(ids, expected);
}

TEST(AssignIdentities, NumbersEqualRejectsToo) {
  Batch batch;
  for (const char* record : {"{}", "[]", "{}"}) batch.rejects.push_back({"u1", "why", record, {}});
  batch.rejects.push_back({"u2", "why", "{}", {}});
  assign_identities(batch);
  std::set<Uuid> ids;
  for (const Reject& reject : batch.rejects) ids.insert(reject.id);
  const std::set<Uuid> expected = {reject_id("u1", "{}", 0), reject_id("u1", "{}", 1), reject_id("u1", "[]", 0),
                                   reject_id("u2", "{}", 0)};
  EXPECT_EQ(ids, expected);
}

// --- whatever the server makes of one conversation, the ids are the same

/// One thing said, in its meaning.
struct Said {
  std::string user_id;
  std::int64_t second = 0;
  std::string type;
  std::string text;   // as JSON
  std::string value;  // as JSON
  int note = 0;       // goes to extra; 0 for none
};

/// Writes the same things in many ways: order of users, interactions and keys, white space, escapes.
class Scribe {
 public:
  explicit Scribe(std::uint32_t seed) : random_(seed) {}

  std::vector<Said> conversation() {
    static const std::vector<std::string> users = {"u1", "U1", "u1 ", "é", "a/b", "😀", ""};
    static const std::vector<std::string> texts = {"", "ok", "é/", "\"q\"", "😀\n", "x"};
    std::vector<Said> all;
    for (unsigned i = 0, count = 20 + pick(60); i < count; ++i) {
      all.push_back({users[pick(users.size())], pick(8), pick(2) == 0 ? "text" : "button", texts[pick(texts.size())],
                     texts[pick(texts.size())], static_cast<int>(pick(5)) - 2});
    }
    return all;
  }

  std::string answer(std::vector<Said> all) {
    std::shuffle(all.begin(), all.end(), random_);
    std::vector<std::string> order;
    std::map<std::string, std::string> interactions;
    for (const Said& said : all) {
      auto [group, is_new] = interactions.try_emplace(said.user_id);
      if (is_new) order.push_back(said.user_id);
      if (!is_new) group->second += ',' + blank();
      group->second += interaction(said);
    }
    std::string body = blank() + "{" + blank() + "\"data\":[";
    for (const std::string& user_id : order) {
      if (user_id != order.front()) body += ',';
      body += blank() + "{" + quoted(user_id) + blank() + ":" +
              object({"\"chatbot_user_data\":null", "\"from\":\"2024-01-31T08:00:00.000000Z\"",
                      "\"interactions\":[" + blank() + interactions[user_id] + "]"}) +
              "}";
    }
    return body + blank() + "]}" + blank();
  }

 private:
  std::uint32_t pick(std::size_t below) { return static_cast<std::uint32_t>(random_() % below); }
  std::string blank() { return std::array{"", "", "", " ", "\n", "\t "}[pick(6)]; }

  std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool escape = pick(2) == 0;
      if (text.substr(i).starts_with("é")) {
        out += escape ? "\\u00e9" : "é";
        i += 1;
      } else if (text.substr(i).starts_with("😀")) {
        out += escape ? "\\uD83D\\ude00" : "😀";
        i += 3;
      } else if (text[i] == '/') {
        out += escape ? "\\/" : "/";
      } else if (text[i] == '"') {
        out += escape ? "\\\"" : "\\u0022";
      } else if (text[i] == '\n') {
        out += escape ? "\\n" : "\\u000A";
      } else {
        out += text[i];
      }
    }
    return out + '"';
  }

  std::string object(std::vector<std::string> members) {
    std::shuffle(members.begin(), members.end(), random_);
    std::string out = "{";
    for (const std::string& member : members) {
      if (&member != &members[0]) out += ',';
      out += blank() + member + blank();
    }
    return out + "}";
  }

  std::string interaction(const Said& said) {
    std::vector<std::string> members = {
        "\"date\":\"2024-01-31T08:00:0" + std::to_string(said.second) + ".000000Z\"", "\"type\":" + quoted(said.type),
        "\"text\" : " + quoted(said.text),
        "\"data\":" + object({"\"value\":" + quoted(said.value), "\"callback_id\":\"c\"", "\"n\":[1,2.50]"})};
    if (said.note > 0) members.push_back("\"note\":" + std::to_string(said.note));
    return object(members);
  }

  std::mt19937 random_;
};

/// What is stored for a window: each id with its occurrence and extra.
using Stored = std::map<std::string, std::pair<std::int32_t, std::string>>;

Stored stored(const std::string& answer, const char* from, const char* to) {
  const TimeWindow window{std::chrono::floor<std::chrono::seconds>(at(from)),
                          std::chrono::floor<std::chrono::seconds>(at(to))};
  ResponseParser parser;
  Body body;
  body.assign(answer);
  const ParseOptions options{{sys_seconds{}, window.to + std::chrono::hours(1)}, window, EchoRule::off};
  Stored ids;
  for (const Interaction& row : parser.parse(body, options).interactions) {
    const bool is_new = ids.try_emplace(to_text(row.id), row.occurrence, row.extra).second;
    EXPECT_TRUE(is_new) << "one id twice";
  }
  return ids;
}

TEST(Identities, AreTheSameHoweverTheServerWritesAndOrdersTheAnswer) {
  constexpr std::uint32_t seed = 31012024;
  Scribe scribe(seed);
  for (int round = 0; round < 100; ++round) {
    const auto conversation = scribe.conversation();
    const Stored first = stored(scribe.answer(conversation), "2024-01-31T08:00:00Z", "2024-01-31T08:00:08Z");
    ASSERT_EQ(first.size(), conversation.size()) << "seed " << seed << ", round " << round;
    for (int again = 0; again < 10; ++again) {
      const std::string answer = scribe.answer(conversation);
      ASSERT_EQ(stored(answer, "2024-01-31T08:00:00Z", "2024-01-31T08:00:08Z"), first)
          << "seed " << seed << ", round " << round << "\n"
          << answer;
    }
  }
}

TEST(Identities, AreTheSameWhereverTheWindowIsCut) {
  constexpr std::uint32_t seed = 1022024;
  Scribe scribe(seed);
  for (int round = 0; round < 50; ++round) {
    const auto conversation = scribe.conversation();
    const Stored whole = stored(scribe.answer(conversation), "2024-01-31T08:00:00Z", "2024-01-31T08:00:08Z");
    for (int cut = 0; cut <= 8; ++cut) {
      std::string middle = "2024-01-31T08:00:00Z";
      middle[18] = static_cast<char>('0' + cut);
      Stored parts = stored(scribe.answer(conversation), "2024-01-31T08:00:00Z", middle.c_str());
      parts.merge(stored(scribe.answer(conversation), middle.c_str(), "2024-01-31T08:00:08Z"));
      ASSERT_EQ(parts, whole) << "seed " << seed << ", round " << round << ", cut at " << cut;
    }
  }
}

}  // namespace
}  // namespace odetl
