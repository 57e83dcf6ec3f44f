// Whose the interactions of an answer are, and how old what it says of them is.
#include <gmock/gmock.h>

#include <set>

#include "etl/identity.hpp"
#include "tests/unit/parsing.hpp"

namespace odetl {
namespace {

using testing::ElementsAre;

using ParseUsers = Parsing;

// --- users

TEST_F(ParseUsers, ReadsSeveralUsersOfOneElementAndOneUserOfSeveral) {
  const Batch& batch =
      parse(answer(R"({"a":)" + record(said()) + R"(,"b":)" + record(said()) + "}," + user("a", record(said()))));
  EXPECT_THAT(shown(batch), ElementsAre(R"(user "a")", testing::StartsWith(kHello), R"(user "b")", kHello,
                                        R"(user "a")", testing::StartsWith(kHello)));
  EXPECT_EQ(batch.interactions[0].occurrence + batch.interactions[2].occurrence, 1) << "the two are twins";
}

TEST_F(ParseUsers, ComparesUserIdsByteByByte) {
  std::string elements;
  const std::vector<std::string> ids = {"a", "A", "a ", " a", "\u00e9", "e\u0301", "", "null", "__proto__", "data"};
  for (const std::string& id : ids) add(elements, user(id, record(said())));
  const Batch& batch = parse(answer(elements));
  ASSERT_EQ(batch.users.size(), ids.size());
  std::set<Uuid> seen;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(batch.users[i].user_id, ids[i]);
    EXPECT_EQ(batch.interactions[i].occurrence, 0);
    seen.insert(batch.interactions[i].id);
  }
  EXPECT_EQ(seen.size(), ids.size());
}

TEST_F(ParseUsers, DatesAProfileByTheMessageItWasListedWith) {
  const auto observed = [&](const std::string& interactions) {
    return parse(answer(user("u1", record(interactions, R"({"os":"x"})")))).users[0].observed_at;
  };
  EXPECT_EQ(observed(said("2024-01-31T08:00:05Z") + "," + said("2024-01-31T08:00:03Z")),
            instant("2024-01-31T08:00:05Z"));
  EXPECT_EQ(observed(said("2024-01-31T09:00:00Z") + "," + said("2024-01-31T08:00:03Z")),
            instant("2024-01-31T09:00:00Z"))
      << "of the seam";
  EXPECT_EQ(observed(R"({"type":1,"date":"2024-01-31T08:00:07Z"},)" + said()), instant("2024-01-31T08:00:07Z"))
      << "of a reject";
  EXPECT_EQ(observed("5," + said()), instant(kFrom)) << "the first that has a date";
  EXPECT_EQ(observed("5"), instant(kFrom)) << "the window's beginning for want of one";
}

TEST_F(ParseUsers, DatesAProfileThatFollowsItsMessages) {
  const Batch& batch = parse(R"({"data":[{"u1":{"interactions":[)" + said("2024-01-31T08:00:05Z") +
                             R"(],"chatbot_user_data":{"os":"x"}}}]})");
  EXPECT_EQ(batch.users[0].observed_at, instant("2024-01-31T08:00:05Z"));
}

TEST_F(ParseUsers, DatesNoProfileThatSaysNothing) {
  for (const char* profile : {"null", "[]", "{}", R"({"os":null,"custom":[]})", "\"\""}) {
    EXPECT_FALSE(parse(answer(user("u1", record(said(), profile)))).users[0].observed_at) << profile;
  }
  EXPECT_FALSE(parse(R"({"data":[{"u1":{"interactions":[)" + said() + "]}}]}").users[0].observed_at);
}

// --- users whose id the server lost

TEST_F(ParseUsers, TakesALostIdFromTheRecordThenFromTheProfile) {
  const auto id_of = [&](const std::string& profile, const std::string& more) {
    return std::string(parse(answer(user_without_id(record(said(), profile, more)))).users[0].user_id);
  };
  EXPECT_EQ(id_of(R"({"id":"p"})", R"("user_id":"r")"), "r");
  EXPECT_EQ(id_of(R"({"id":"p"})", R"("user_id":447700900123)"), "447700900123");
  EXPECT_EQ(id_of(R"({"id":"p"})", R"("user_id":"")"), "p");
  EXPECT_EQ(id_of(R"({"id":"p"})", R"("user_id":null)"), "p");
  EXPECT_EQ(id_of(R"({"id":"p"})", R"("user_id":["r"])"), "p");
  EXPECT_EQ(id_of(R"({"external_id":"e","id":"p","user_id":"u"})", ""), "u");
  EXPECT_EQ(id_of(R"({"external_id":"e"})", ""), "e");
  options.trust_record_user_id = false;
  EXPECT_EQ(id_of(R"({"id":"p"})", R"("user_id":"r")"), "p") << "what repeats a filter is no fact";
}

TEST_F(ParseUsers, MakesUpALostIdFromTheMeaningOfTheProfile) {
  const auto id_of = [&](const std::string& profile) {
    return std::string(parse(answer(user_without_id(record(said(), profile)))).users[0].user_id);
  };
  EXPECT_EQ(id_of("null"), surrogate_user_id("null"));
  EXPECT_EQ(id_of(R"({"os":"x","browser":"é"})"), surrogate_user_id(R"({"browser":"é","os":"x"})"));
  EXPECT_EQ(id_of(R"({"os":"x","browser":"é"})"), id_of(" { \"browser\" : \"\\u00e9\" , \"os\":\"x\"} "));
  EXPECT_NE(id_of(R"({"os":"x"})"), id_of(R"({"os":"y"})"));
  EXPECT_EQ(id_of(R"({"os":"\ud800"})"), surrogate_user_id("null")) << "of a profile that cannot be loaded";
}

TEST_F(ParseUsers, CountsAndMarksUsersWithoutAnId) {
  const Batch& batch = parse(answer(user_without_id(record(said())) + "," + user("u1", record(said())) + ",[" +
                                    record(said()) + "," + record("") + "]"));
  EXPECT_EQ(batch.users_without_id, 3U);
  EXPECT_TRUE(batch.users[0].id_lost);
  EXPECT_EQ(batch.users[0].identity, kLostIdentity);
  EXPECT_FALSE(batch.users[1].id_lost);
  EXPECT_EQ(batch.users[1].identity, "u1");
  EXPECT_TRUE(batch.users[2].id_lost && batch.users[3].id_lost);
}

// Another window shows another snapshot of the profile, and must not make other rows of the same messages.
TEST_F(ParseUsers, GivesRowsOfALostIdTheSameIdsUnderAnyProfile) {
  const auto row_of = [&](const std::string& profile) {
    return parse(answer(user_without_id(record(said(), profile)))).interactions[0].id;
  };
  const Uuid id = row_of("null");
  EXPECT_EQ(row_of(R"({"os":"x"})"), id);
  EXPECT_EQ(row_of(R"({"id":"p"})"), id);
  EXPECT_NE(parse(answer(user_without_id(record(said(), "null", R"("user_id":"r")")))).interactions[0].id, id);
}

TEST_F(ParseUsers, RejectsRecordsOfALostIdWhereThatIsAskedFor) {
  options.surrogate_unknown_users = false;
  const std::string lost = "the server lost the user id (unknown_users: reject)";
  const Batch& batch =
      parse(answer(user("a", record(said())) + "," +
                   user_without_id(record(said() + "," + said("2024-01-31T09:00:00Z") +
                                              R"(,{},{"date":")" AT R"("},{"type":1,"date":"2024-01-31T09:00:00Z"})",
                                          R"({"os":"x"})")) +
                   "," + user("z", record(said()))));
  EXPECT_THAT(shown(batch),
              ElementsAre(R"(user "a")", kHello, R"(user "z")", kHello, R"(reject "": )" + lost + ": " + said(),
                          R"(reject "": no 'date': {})", R"(reject "": no 'type': {"date":")" AT "\"}", "seam 2"));
  EXPECT_EQ(batch.users_without_id, 1U);
}

TEST_F(ParseUsers, KeepsAProfileThatCannotBeLoadedAlsoWhereItsRecordsAreRejected) {
  options.surrogate_unknown_users = false;
  EXPECT_THAT(read(answer(user_without_id(record(said(), R"({"os":"\ud800"})")))),
              ElementsAre(R"(reject "": the profile cannot be loaded: a surrogate without its pair: {"os":"\ud800"})",
                          R"(reject "": the server lost the user id (unknown_users: reject): )" + said()));
}

TEST_F(ParseUsers, LoadsRecordsWhoseIdIsFoundAlsoWhereTheOthersAreRejected) {
  options.surrogate_unknown_users = false;
  EXPECT_THAT(read(answer(user_without_id(record(said(), R"({"id":"p"})")))),
              ElementsAre("user \"p\" lost observed " AT R"( extra={"id":"p"})", kHello));
}

}  // namespace
}  // namespace odetl
