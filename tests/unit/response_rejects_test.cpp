// Guarantee 6 and the limits: what the parser cannot load, and what becomes of it.
#include <gmock/gmock.h>

#include <set>

#include "etl/identity.hpp"
#include "tests/unit/parsing.hpp"

namespace odetl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using ParseRejects = Parsing;

// --- guarantee 6: what cannot be loaded is kept, and the rest loads

struct Bad {
  const char* name;
  std::string_view record;
  std::string_view reason;
};

class Guarantee6 : public Parsing, public testing::WithParamInterface<Bad> {};

TEST_P(Guarantee6, KeepsTheRecordWithItsReasonAndLoadsTheRest) {
  const std::string bad(GetParam().record), reason(GetParam().reason);
  EXPECT_THAT(read(answer_of(said() + ", " + bad + " ," + said("2024-01-31T08:00:01Z"))),
              ElementsAre(R"(user "u1")", kHello, R"(  2024-01-31T08:00:01Z "text" text="hi")",
                          R"(reject "u1": )" + reason + ": " + bad));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Guarantee6,
    testing::Values(
        Bad{"Null", "null", "an interaction that is not an object"},
        Bad{"String", R"("x")", "an interaction that is not an object"},
        Bad{"Number", "1e999999", "an interaction that is not an object"}, Bad{"EmptyObject", "{}", "no 'date'"},
        Bad{"NoDate", R"({"type":"t","text":"x"})", "no 'date'"}, Bad{"NoType", R"({"date":")" AT "\"}", "no 'type'"},
        Bad{"DateIsNull", R"({"type":"t","date":null})", "'date' is not a string"},
        Bad{"DateIsANumber", R"({"type":"t","date":1706688000})", "'date' is not a string"},
        Bad{"DateIsEmpty", R"({"type":"t","date":""})", "'date' is not a date"},
        Bad{"DateIsNone", R"({"type":"t","date":"2024-02-30T08:00:00Z"})", "'date' is not a date"},
        Bad{"DateWithEscapes", R"({"type":"t","date":"2024\u002d01-31T08:00:00Z"})", "'date' is not a date"},
        Bad{"TypeIsNull", R"({"type":null,"date":")" AT "\"}", "'type' is not a string"},
        Bad{"TypeIsANumber", R"({"type":7,"date":")" AT "\"}", "'type' is not a string"},
        Bad{"TextIsANumber", R"({"type":"t","date":")" AT R"(","text":7})", "'text' is not a string"},
        Bad{"TextIsAList", R"({"type":"t","date":")" AT R"(","text":["a",{"b":[]}]})", "'text' is not a string"},
        Bad{"TypeTwice", R"({"type":"t","type":"t","date":")" AT "\"}", "the key 'type' stands twice in it"},
        Bad{"DateTwice", R"({"date":")" AT R"(","type":"t","date":")" AT "\"}", "the key 'date' stands twice in it"},
        Bad{"TextTwice", R"({"date":")" AT R"(","type":"t","text":"a","text":"b"})",
            "the key 'text' stands twice in it"},
        Bad{"DataTwice", R"({"date":")" AT R"(","type":"t","data":1,"data":1})", "the key 'data' stands twice in it"},
        Bad{"TextTwiceInTwoSpellings", R"({"date":")" AT R"(","type":"t","text":"a","t\u0065xt":"b"})",
            "the key 'text' stands twice in it"},
        Bad{"KeyThatIsNotKnownTwice", R"({"date":")" AT R"(","type":"t","x":1,"x":1})",
            "a key that is not known stands twice in it"},
        Bad{"KeyTwiceInData", R"({"date":")" AT R"(","type":"t","data":{"a":1,"a":1}})",
            "a key stands twice in the object that ends here"},
        Bad{"KeyTwiceDeepInData", R"({"date":")" AT R"(","type":"t","data":[[{"x":{"a":1,"b":2,"a":1}}]]})",
            "a key stands twice in the object that ends here"},
        Bad{"KeyTwiceInAFieldThatIsNotKnown", R"({"date":")" AT R"(","type":"t","x":{"a":1,"a":1}})",
            "a key stands twice in the object that ends here"},
        Bad{"LoneSurrogateInType", R"({"date":")" AT R"(","type":"\ud800"})", "a surrogate without its pair"},
        Bad{"LoneSurrogateInText", R"({"date":")" AT R"(","type":"t","text":"a\udc00b"})",
            "a surrogate without its pair"},
        Bad{"LoneSurrogateInData", R"({"date":")" AT R"(","type":"t","data":["\ud83d\u0041"]})",
            "a surrogate without its pair"},
        Bad{"LoneSurrogateInAKeyThatIsNotKnown", R"({"date":")" AT R"(","type":"t","\ud800":1})",
            "a surrogate without its pair"},
        Bad{"LoneSurrogateInDate", R"({"date":"\ud800","type":"t"})", "'date' is not a date"},
        Bad{"NumberPastNumeric", R"({"date":")" AT R"(","type":"t","data":{"a":1e999999}})",
            "a number outside of what PostgreSQL's numeric holds"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ParseRejects, Guarantee6_KeepsARecordOnlyInTheWindowOfItsDate) {
  const std::string on_the_seam = R"({"type":1,"date":"2024-01-31T09:00:00Z"})";
  EXPECT_THAT(read(answer_of(on_the_seam)), ElementsAre("seam 1"));
  options = options_for(kTo, "2024-01-31T10:00:00Z");
  EXPECT_THAT(read(answer_of(on_the_seam)), ElementsAre(R"(reject "u1": 'type' is not a string: )" + on_the_seam));
}

TEST_F(ParseRejects, Guarantee6_KeepsTheInteractionsOfAProfileThatCannotBeLoaded) {
  for (const auto& [profile, reason] : std::vector<std::pair<std::string, std::string>>{
           {R"({"os":"\ud800"})", "a surrogate without its pair"},
           {R"({"os":1,"os":2})", "a key stands twice in the object that ends here"},
           {R"({"custom":{"a":1,"a":2},"os":"x"})", "a key stands twice in the object that ends here"},
           {R"([1e999999])", "a number outside of what PostgreSQL's numeric holds"}}) {
    EXPECT_THAT(read(answer(user("u1", record(said(), profile)))),
                ElementsAre(R"(user "u1")", kHello,
                            R"(reject "u1": the profile cannot be loaded: )" + reason + ": " + profile));
  }
}

struct BadUser {
  const char* name;
  std::string_view element;
  std::string_view line;
};

class Guarantee6OfUsers : public Parsing, public testing::WithParamInterface<BadUser> {};

TEST_P(Guarantee6OfUsers, KeepsWhatStandsUnderThemAndLoadsTheOthers) {
  EXPECT_THAT(
      read(answer(user("a", record(said())) + "," + std::string(GetParam().element) + "," + user("z", record(said())))),
      ElementsAre(R"(user "a")", kHello, R"(user "z")", kHello, GetParam().line));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Guarantee6OfUsers,
    testing::Values(
        BadUser{"ElementIsNull", "null",
                R"(reject "": an element of 'data' that is neither an object nor a list: null)"},
        BadUser{"ElementIsAString", R"("u1")",
                R"(reject "": an element of 'data' that is neither an object nor a list: "u1")"},
        BadUser{"RecordIsNull", R"({"u1":null})", R"(reject "u1": a user's record that is not an object: null)"},
        BadUser{"RecordIsAList", R"({"u1":[]})", R"(reject "u1": a user's record that is not an object: [])"},
        BadUser{"RecordInAListIsANumber", "[5]", R"(reject "": a user's record that is not an object: 5)"},
        BadUser{"NoInteractions", R"({"u1":{"chatbot_user_data":null}})",
                R"(reject "u1": a user's record without a list 'interactions': {"chatbot_user_data":null})"},
        BadUser{"InteractionsAreNull", R"({"u1":{"interactions":null}})",
                R"(reject "u1": a user's record whose 'interactions' is not a list: {"interactions":null})"},
        BadUser{"InteractionsAreAnObject", R"({"u1":{"interactions":{"0":{}}}})",
                R"(reject "u1": a user's record whose 'interactions' is not a list: {"interactions":{"0":{}}})"},
        BadUser{"InteractionsTwice", R"({"u1":{"interactions":[)" SAID R"(],"interactions":[]}})",
                R"(reject "u1": the key 'interactions' stands twice in it: {"interactions":[)" SAID
                R"(],"interactions":[]})"},
        BadUser{
            "ProfileTwice", R"({"u1":{"chatbot_user_data":null,"chatbot_user_data":{},"interactions":[]}})",
            R"(reject "u1": the key 'chatbot_user_data' stands twice in it: {"chatbot_user_data":null,"chatbot_user_data":{},"interactions":[]})"},
        BadUser{"FromTwice", R"({"u1":{"from":1,"from":1,"interactions":[]}})",
                R"(reject "u1": the key 'from' stands twice in it: {"from":1,"from":1,"interactions":[]})"},
        BadUser{"ToTwice", R"({"u1":{"to":1,"to":1,"interactions":[]}})",
                R"(reject "u1": the key 'to' stands twice in it: {"to":1,"to":1,"interactions":[]})"},
        BadUser{"UserIdTwice", R"({"u1":{"user_id":1,"user_id":1,"interactions":[]}})",
                R"(reject "u1": the key 'user_id' stands twice in it: {"user_id":1,"user_id":1,"interactions":[]})"},
        BadUser{
            "LoneSurrogateInTheId", R"({"u\ud800":{"interactions":[]}})",
            R"(reject "u\\ud800": the user id cannot be stored: a surrogate without its pair: {"interactions":[]})"},
        BadUser{"LoneSurrogateInTheEcho", R"({"u1":{"from":"\ud800","interactions":[]}})",
                R"(reject "u1": a surrogate without its pair: {"from":"\ud800","interactions":[]})"},
        BadUser{"LoneSurrogateInAnIdInside", R"([{"user_id":"\ud800","interactions":[]}])",
                R"(reject "": a surrogate without its pair: {"user_id":"\ud800","interactions":[]})"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ParseRejects, PassesOverWhatElseStandsBesideInteractions) {
  EXPECT_THAT(read(answer(user(
                  "u1", record(said(), "null",
                               R"("selected_scenario":"0x1","browser":{"a":1,"a":2},"\ud800":"\ud800","x":1,"x":2)")))),
              ElementsAre(R"(user "u1")", kHello));
}

TEST_F(ParseRejects, RejectsHaveIdsOfTheirOwnThatAreTheSameEveryTime) {
  const std::string text = answer_of("{},{},5," + said());
  std::vector<Uuid> first, second;
  for (const Reject& reject : parse(text).rejects) first.push_back(reject.id);
  for (const Reject& reject : parse(text).rejects) second.push_back(reject.id);
  EXPECT_EQ(first, second);
  EXPECT_EQ(std::set(first.begin(), first.end()),
            (std::set{reject_id("u1", "{}", 0), reject_id("u1", "{}", 1), reject_id("u1", "5", 0)}));
}

// --- limits

TEST_F(ParseRejects, QuarantinesWhatIsTooLargeAndKeepsTheBeginningOfIt) {
  const std::string large(kMaxRecordBytes, 'x');
  for (const auto& [field, reason] : std::vector<std::pair<std::string, std::string>>{
           {R"("type":"t","text":")" + large + "\"", "'text' of 16777218 bytes"},
           {R"("type":")" + large + "\"", "'type' of 16777218 bytes"},
           {R"("type":"t","data":")" + large + "\"", "'data' of 16777218 bytes"},
           {R"("type":"t","x":")" + large + "\"", "16777224 bytes in fields that are not known"}}) {
    const Batch& batch = parse(answer_of(R"({"date":")" AT "\"," + field + "}," + said()));
    EXPECT_EQ(batch.interactions.size(), 1U) << reason;
    ASSERT_EQ(batch.rejects.size(), 1U) << reason;
    EXPECT_THAT(std::string(batch.rejects[0].reason), testing::StartsWith(reason + " (the first 1048576 of 167772"));
    EXPECT_EQ(batch.rejects[0].record.size(), kMaxRejectBytes);
    EXPECT_TRUE(batch.rejects[0].record.starts_with(R"({"date":")" AT "\","));
  }
}

TEST_F(ParseRejects, QuarantinesAProfileThatIsTooLarge) {
  const Batch& batch =
      parse(answer(user("u1", record(said(), R"({"os":")" + std::string(kMaxRecordBytes, 'x') + "\"}"))));
  EXPECT_EQ(batch.interactions.size(), 1U);
  ASSERT_EQ(batch.rejects.size(), 1U);
  EXPECT_THAT(std::string(batch.rejects[0].reason), HasSubstr("the profile cannot be loaded: it has 16777225 bytes"));
}

TEST_F(ParseRejects, TakesWhatIsJustSmallEnough) {
  const std::string text(kMaxRecordBytes - 2, 'x');
  const Batch& batch =
      parse(answer_of(R"({"date":")" AT R"(","type":"t","text":")" + text + R"(","data":")" + text + "\"}"));
  ASSERT_EQ(batch.interactions.size(), 1U);
  EXPECT_EQ(batch.interactions[0].text->size(), text.size());
  EXPECT_EQ(batch.interactions[0].data.size(), text.size() + 2);
}

TEST_F(ParseRejects, CutsALargeRejectBetweenCharacters) {
  for (const std::string pad : {"", "x", "xx", "xxx"}) {
    std::string text = pad;
    while (text.size() < kMaxRejectBytes + 10) text += "😀";
    const Batch& batch = parse(answer_of(json_string(text)));
    ASSERT_EQ(batch.rejects.size(), 1U);
    EXPECT_LE(batch.rejects[0].record.size(), kMaxRejectBytes);
    EXPECT_GT(batch.rejects[0].record.size(), kMaxRejectBytes - 4);
    EXPECT_TRUE(batch.rejects[0].record.ends_with("😀")) << pad.size();
  }
}

// --- bytes that are not UTF-8

struct Damage {
  const char* name;
  std::string_view element;  ///< of `data`
  std::string_view lines;    ///< that it adds, each with its end
};

class ParseDamage : public Parsing, public testing::WithParamInterface<Damage> {};

TEST_P(ParseDamage, SpoilsNoMoreThanTheRecordItIsIn) {
  std::string came;
  for (const std::string& line : read(answer(user("a", record(said())) + "," + user("b", record(said())) + "," +
                                             std::string(GetParam().element)))) {
    came += line + "\n";
  }
  const std::string others = R"(user "a")"
                             "\n" +
                             std::string(kHello) +
                             "\n"
                             R"(user "b")"
                             "\n" +
                             kHello + "\n";
  EXPECT_EQ(came, others + std::string(GetParam().lines));
}

#define U1(MORE) R"({"u1":{"interactions":[)" SAID "," MORE "]}}"
#define U1_LOADED "user \"u1\"\n  2024-01-31T08:00:00Z \"text\" text=\"hi\"\n"
INSTANTIATE_TEST_SUITE_P(
    Rows, ParseDamage,
    testing::Values(Damage{"InText",
                           U1(R"({"type":"t","date":")" AT R"(","text":")"
                              "\xE9"
                              R"("})"),
                           U1_LOADED R"(reject "u1": not UTF-8: {"type":"t","date":")" AT R"(","text":")" UFFFD R"("})"
                                     "\n"},
                    Damage{"InData",
                           U1(R"({"type":"t","date":")" AT R"(","data":{")"
                              "\xC0\xAF"
                              R"(":1}})"),
                           U1_LOADED R"(reject "u1": not UTF-8: {"type":"t","date":")" AT R"(","data":{")" UFFFD UFFFD
                                     R"(":1}})"
                                     "\n"},
                    Damage{"InTheDate",
                           U1(R"({"type":"t","date":"2024-01-31T08:00:00)"
                              "\xFF"
                              R"("})"),
                           U1_LOADED R"(reject "u1": not UTF-8: {"type":"t","date":"2024-01-31T08:00:00)" UFFFD R"("})"
                                     "\n"},
                    Damage{"InAKey",
                           U1(R"({"type":"t","date":")" AT R"(",")"
                              "\xED\xA0\x80"
                              R"(":1})"),
                           U1_LOADED R"(reject "u1": not UTF-8: {"type":"t","date":")" AT R"(",")" UFFFD UFFFD UFFFD
                                     R"(":1})"
                                     "\n"},
                    Damage{"InAnInteractionThatIsNoObject", U1("\"\xFE\""),
                           U1_LOADED R"(reject "u1": an interaction that is not an object: ")" UFFFD "\"\n"},
                    Damage{"InTheProfile",
                           R"({"u1":{"chatbot_user_data":{"os":")"
                           "\xC3"
                           R"("},"interactions":[)" SAID "]}}",
                           U1_LOADED R"(reject "u1": the profile cannot be loaded: not UTF-8: {"os":")" UFFFD R"("})"
                                     "\n"},
                    Damage{"InTheUserId", "{\"u\xFF\":{\"interactions\":[]}}",
                           R"(reject "u)" UFFFD R"(": the user id is not UTF-8: {"interactions":[]})"
                           "\n"},
                    Damage{"InTheUserIdOfNoRecord", "{\"u\xFF\":5}",
                           R"(reject "u)" UFFFD R"(": a user's record that is not an object: 5)"
                           "\n"},
                    Damage{"BesideInteractions", "{\"u1\":{\"x\":\"\xFF\",\"interactions\":[]}}",
                           R"(reject "u1": the user's record is not UTF-8: {"x":")" UFFFD R"(","interactions":[]})"
                           "\n"},
                    Damage{"InAKeyBesideInteractions", "{\"u1\":{\"\xFF\":1,\"interactions\":[]}}",
                           R"(reject "u1": the user's record is not UTF-8: {")" UFFFD R"(":1,"interactions":[]})"
                           "\n"},
                    Damage{"InAnElementThatIsNoObject", "\"\xFF\"",
                           R"(reject "": an element of 'data' that is neither an object nor a list: ")" UFFFD "\"\n"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ParseRejects, RefusesDamageToTheFormOfTheAnswer) {
  for (const char* text :
       {"{\"data\":[]\xFF}", "\xFF{\"data\":[]}", "{\"data\":[]}\xC3", "{\"data\xFF\":[]}", "{\"data\":[\xE2\x82]}"}) {
    EXPECT_TRUE(refusal(text)) << text;
  }
}

TEST_F(ParseRejects, RefusesAnAnswerThatIsNoTextAtAll) {
  EXPECT_THAT(refusal(answer_of("\"" + std::string(100'001, '\xFF') + "\"")).value_or(""),
              HasSubstr("too many bytes that are not UTF-8"));
  EXPECT_FALSE(refusal(answer_of("\"" + std::string(100'000, '\xFF') + "\"")));
}

TEST_F(ParseRejects, ForgetsTheDamageOfTheLastAnswer) {
  ASSERT_EQ(parse(answer_of("\"\xFF\"," + said())).rejects.size(), 1U);
  EXPECT_THAT(read(answer_of(R"("?",)" + said())),
              ElementsAre(R"(user "u1")", kHello, R"(reject "u1": an interaction that is not an object: "?")"));
}

}  // namespace
}  // namespace odetl
