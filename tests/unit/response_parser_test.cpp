#include "etl/response_parser.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <set>

#include "etl/identity.hpp"
#include "etl/json_proof.hpp"
#include "tests/unit/parsing.hpp"

namespace odetl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using namespace std::string_view_literals;

using ParseAnswer = Parsing;

// Literals, to put together with others: tables of hundreds of std::string take a sanitizing compiler minutes.
#define AT "2024-01-31T08:00:00Z"
#define SAID R"({"type":"text","date":"2024-01-31T08:00:00.000000Z","text":"hi","data":null})"  // is said()
#define UFFFD "\xEF\xBF\xBD"

constexpr const char* kHello = R"(  2024-01-31T08:00:00Z "text" text="hi")";

// --- guarantee 5: an answer is used only when it is whole

struct Body5 {
  const char* name;
  std::string_view text;
};

class Guarantee5 : public Parsing, public testing::WithParamInterface<Body5> {
 protected:
  void expect_refused(const std::string& text) {
    const auto why = refusal(text);
    ASSERT_TRUE(why) << text;
    EXPECT_THAT(*why, testing::StartsWith("parse answer: "));
    EXPECT_THAT(read(answer_of(said())), ElementsAre(R"(user "u1")", kHello)) << "and the next one is read";
  }
};
using Guarantee5OfElements = Guarantee5;
using Guarantee5OfInteractions = Guarantee5;

std::string name_of(const testing::TestParamInfo<Body5>& row) { return row.param.name; }

TEST_P(Guarantee5, RefusesABodyThatIsNotOneWholeDocument) { expect_refused(std::string(GetParam().text)); }

INSTANTIATE_TEST_SUITE_P(
    Roots, Guarantee5,
    testing::Values(
        Body5{"Nothing", ""}, Body5{"Blanks", " \r\n\t "}, Body5{"Html", "<html><body>Login</body></html>"},
        Body5{"Word", "null"}, Body5{"Number", "1"}, Body5{"String", R"("data")"}, Body5{"EmptyList", "[]"},
        Body5{"ListAroundIt", R"([{"data":[]}])"}, Body5{"EmptyObject", "{}"},
        Body5{"NoData", R"({"message":"Server Error"})"}, Body5{"DataInOtherCase", R"({"Data":[]})"},
        Body5{"DataInside", R"({"x":{"data":[]}})"}, Body5{"DataIsNull", R"({"data":null})"},
        Body5{"DataIsAnObject", R"({"data":{}})"}, Body5{"DataIsAString", R"({"data":"[]"})"},
        Body5{"DataTwice", R"({"data":[],"data":[]})"}, Body5{"DataTwiceInTwoSpellings", R"({"data":[],"d\u0061ta":[]})"},
        // PHP never writes one, so it is a sign of something in between; simdjson would not skip it either.
        Body5{"ByteOrderMark", "\xEF\xBB\xBF" R"({"data":[]})"}, Body5{"Utf16", "{\0\"\0d\0"sv}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Behind, Guarantee5,
    testing::Values(Body5{"Bracket", R"({"data":[]}})"}, Body5{"Word", R"({"data":[]}x)"}, Body5{"Comma", R"({"data":[]},)"},
                    Body5{"AnotherDocument", R"({"data":[]}{"data":[]})"},
                    Body5{"AnotherDocumentOnALine", "{\"data\":[]}\n{\"data\":[]}"}, Body5{"Null", R"({"data":[]} null)"},
                    Body5{"NulByte", "{\"data\":[]}\0"sv}, Body5{"Html", R"({"data":[]}<br />)"},
                    Body5{"ClosingListAndObject", R"({"data":[]}]})"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Inside, Guarantee5,
    testing::Values(Body5{"TrailingCommaInData", R"({"data":[{"u":{"interactions":[]}},]})"}, Body5{"CommaAlone", R"({"data":[,]})"},
                    Body5{"TrailingCommaInRoot", R"({"data":[],})"}, Body5{"NoColon", R"({"data" []})"},
                    Body5{"NoComma", R"({"data":[]"x":1})"}, Body5{"KeyWithoutQuotes", R"({data:[]})"},
                    Body5{"BadEscapeInARootKey", R"({"\q":1,"data":[]})"},
                    Body5{"BadEscapeBehindALoneSurrogateInARootKey", R"({"\ud800\q":1,"data":[]})"},
                    Body5{"BadValueBesideData", R"({"data":[],"meta":{"a":tru}})"},
                    Body5{"BadStringBesideData", R"({"data":[],"meta":["\x"]})"},
                    Body5{"BadNumberBesideData", R"({"meta":01,"data":[]})"},
                    Body5{"UnbalancedBesideData", R"({"meta":[{]},"data":[]})"},
                    // A skipped string with a ':' behind it passes for a key with some parsers.
                    Body5{"StringThatStandsForAKey", R"({"data":[],"a":"b":1})"}),
    name_of);

TEST_P(Guarantee5OfElements, RefusesABodyWithOneOfThem) { expect_refused(answer(std::string(GetParam().text))); }

INSTANTIATE_TEST_SUITE_P(
    Rows, Guarantee5OfElements,
    testing::Values(Body5{"NotAValue", "nul"}, Body5{"RecordThatIsNotAValue", R"({"u1":tru})"},
                    Body5{"BadEscapeInAUserId", R"({"\q":{"interactions":[)" SAID "]}}"},
                    Body5{"BadEscapeInAUserIdOfNoRecord", R"({"\q":1})"},
                    Body5{"BadKeyBesideInteractions", R"({"u1":{"interactions":[)" SAID R"(],"\q":1}})"},
                    Body5{"BadValueBesideInteractions", R"({"u1":{"interactions":[)" SAID R"(],"x":+1}})"},
                    Body5{"BadProfile", R"({"u1":{"chatbot_user_data":{"os":nul},"interactions":[)" SAID "]}}"},
                    Body5{"BadEcho", R"({"u1":{"from":tru,"interactions":[)" SAID "]}}"},
                    Body5{"BadInteractions", R"({"u1":{"interactions":{1}}})"}),
    name_of);

TEST_P(Guarantee5OfInteractions, RefusesABodyWithOneOfThem) { expect_refused(answer_of(std::string(GetParam().text))); }

INSTANTIATE_TEST_SUITE_P(
    Rows, Guarantee5OfInteractions,
    testing::Values(Body5{"NotAValue", "[[tru]]"}, Body5{"BadType", R"({"type":"\z","date":")" AT "\"}"},
                    Body5{"BadText", R"({"type":"t","date":")" AT R"(","text":"\u12"})"},
                    Body5{"BadWordForText", R"({"type":"t","date":")" AT R"(","text":nulL})"},
                    Body5{"BadData", R"({"type":"t","date":")" AT R"(","data":{"a":1,}})"},
                    Body5{"BadFieldThatIsNotKnown", R"({"type":"t","date":")" AT R"(","x":[1}]})"},
                    Body5{"BadKeyThatIsNotKnown", R"({"type":"t","date":")" AT R"(","\u00zz":1})"},
                    Body5{"ControlCharacterInAText", R"({"type":"t","date":")" AT "\",\"text\":\"a\nb\"}"},
                    Body5{"StringThatStandsForAKey", R"({"type":"t","date":")" AT R"(","text":"x":1},"y":2})"},
                    Body5{"BadRestOfARejectedRecord", R"({"type":1,"date":")" AT R"(","data":[tru]})"},
                    Body5{"BadRestOfARejectedRecordOfTheSeam", R"({"type":1,"date":"2024-01-31T09:00:00Z","data":[tru]})"},
                    Body5{"BadRestBehindARepeatedKey", R"({"data":{"a":1,"a":2},"type":"t","date":")" AT R"(","x":"\q"})"}),
    name_of);

TEST_F(ParseAnswer, RefusesARecordThatIsUnbalancedBelowTheDepthThatIsRead) {
  EXPECT_TRUE(refusal(answer_of(R"({"data":)" + std::string(2000, '[') + std::string(2000, '}') + "}")));
  EXPECT_FALSE(refusal(answer_of(R"({"data":)" + std::string(2000, '[') + std::string(2000, ']') + "}")));
}

TEST_F(ParseAnswer, TakesWhiteSpaceWhereverJsonDoes) {
  EXPECT_THAT(read(" \n{ \"data\" : [ ] } \r\n\t"), IsEmpty());
  EXPECT_THAT(read("\t{\r\n\"data\"\n:\n[\n{ \"u1\" : { \"interactions\" : [ {\"date\" : \"2024-01-31T08:00:00Z\" , "
                   "\"type\"\t:\t\"text\" , \"text\" : \"hi\" } ] } } ] }\n"),
              ElementsAre(R"(user "u1")", kHello));
}

TEST_F(ParseAnswer, PassesOverWhatElseStandsBesideData) {
  EXPECT_THAT(read(R"({"meta":{"data":[1],"deep":[[{}]]},"data":[],"links":null,"x":"\ud800","x":1e999999,"\udfff":[]})"), IsEmpty());
  EXPECT_THAT(read(R"({"d\u0061ta":[]})"), IsEmpty()) << "a key is what its escapes stand for";
}

TEST_F(ParseAnswer, ReadsAnEmptyAnswer) {
  const Batch& batch = parse(R"({"data":[]})");
  EXPECT_EQ(batch.window, options.owned);
  EXPECT_TRUE(batch.users.empty() && batch.interactions.empty() && batch.rejects.empty());
  EXPECT_FALSE(batch.echo_differs || batch.has_fractions);
}

TEST_F(ParseAnswer, RefusesAMillionBracketsAnywhereOrKeepsThemOutOfTheWay) {
  const std::string open(1'000'000, '['), closed(1'000'000, ']');
  EXPECT_TRUE(refusal(open));
  EXPECT_TRUE(refusal(R"({"data":)" + open));
  EXPECT_TRUE(refusal(answer_of(R"({"data":)" + open)));
  for (const std::string& text :
       {answer(open + closed), answer_of(open + closed), answer_of(said(kFrom, R"("x":)" + open + closed)),
        answer(user("u1", record(said(), open + closed))), answer(user("u1", record("", "null", R"("user_id":)" + open + closed)))}) {
    const Batch& batch = parse(text);
    ASSERT_EQ(batch.rejects.size(), 1U);
    EXPECT_LE(batch.rejects[0].record.size(), kMaxRejectBytes);
  }
  EXPECT_THAT(read(R"({"x":)" + open + closed + R"(,"data":[]})"), IsEmpty());
}

TEST_F(ParseAnswer, IsNeverFooledByOneWrongByte) {
  const std::string whole = answer(user("u\\1", record(said(kFrom, R"("x":{"a":[1.5,"\u00e9"]})") + "," + said(), R"({"os":"a","id":null})",
                                                       R"("from":"2024-01-31T08:00:00.000000Z","to":null)")) +
                                   "," + user_without_id(record("[" + said() + "]", R"({"id":5})")));
  ASSERT_FALSE(refusal(whole));
  const std::string bytes = "{}[]:,\"\\x0-. \n\x01\xC3\xFF";
  const auto expect_honest = [this](const std::string& text) {
    if (refusal(text)) return;
    EXPECT_NO_THROW(prove_json(body.view())) << text;
  };
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char byte : bytes) {
      std::string changed = whole;
      changed[at] = byte;
      expect_honest(changed);
      changed.insert(at, 1, whole[at]);
      expect_honest(changed);
    }
    std::string shorter = whole;
    shorter.erase(at, 1);
    expect_honest(shorter);
  }
}

// --- guarantees 4 and 5: which rows

TEST_F(ParseAnswer, Guarantee4_OwnsItsFirstInstantAndLeavesTheSeamToTheNextWindow) {
  const std::string text = answer_of(said("2024-01-31T08:00:00Z") + "," + said("2024-01-31T08:59:59.999999Z") + "," +
                                     said("2024-01-31T09:00:00Z"));
  EXPECT_THAT(read(text), ElementsAre(R"(user "u1")", kHello, R"(  2024-01-31T08:59:59.999999Z "text" text="hi")", "seam 1"));
  options = options_for("2024-01-31T09:00:00Z", "2024-01-31T10:00:00Z");
  EXPECT_THAT(read(answer_of(said("2024-01-31T09:00:00Z"))), ElementsAre(R"(user "u1")", R"(  2024-01-31T09:00:00Z "text" text="hi")"));
}

TEST_F(ParseAnswer, Guarantee4_LosesAndDoublesNothingHoweverTheTimeIsCut) {
  std::vector<std::string> dates;
  for (int tenth = 0; tenth < 60; ++tenth) {
    dates.push_back("2024-01-31T08:00:0" + std::to_string(tenth / 10) + "." + std::to_string(tenth % 10) + "Z");
  }
  for (int cut = 1; cut < 6; ++cut) {
    std::multiset<std::string> seen;
    for (const auto& [from, to] : {std::pair(0, cut), std::pair(cut, 6)}) {
      const auto at = [](int s) { return second("2024-01-31T08:00:00Z") + std::chrono::seconds(s); };
      std::string served;
      for (const std::string& date : dates) {
        if (instant(date) < at(from) || instant(date) > at(to)) continue;
        add(served, said(date));
      }
      options = {{at(from), at(to)}, {at(from), at(to)}, EchoRule::off};
      for (const Interaction& row : parse(answer_of(served)).interactions) seen.insert(to_rfc3339(row.occurred_at));
    }
    EXPECT_EQ(seen.size(), dates.size()) << cut;
    EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), dates.size()) << cut;
  }
}

TEST_F(ParseAnswer, Guarantee5_RefusesTheWholeAnswerForARowThatWasNotAskedFor) {
  for (const char* date : {"2024-01-31T07:59:59.999999Z", "2024-01-31T09:00:00.000001Z", "2023-01-31T08:30:00Z", "9999-12-31T23:59:59Z",
                           "2024-01-31T08:30:00+14:00"}) {
    EXPECT_THAT(refusal(answer_of(said() + "," + said(date))).value_or(""), HasSubstr("was not asked for")) << date;
    EXPECT_THAT(refusal(answer_of(R"({"type":1,"date":")" + std::string(date) + "\"}")).value_or(""), HasSubstr("was not asked for"))
        << "nor one that cannot be loaded: " << date;
  }
}

TEST_F(ParseAnswer, TakesATightAskThatEndsASecondBeforeWhatItOwns) {
  options.asked.to = options.owned.to - std::chrono::seconds(1);
  EXPECT_THAT(read(answer_of(said("2024-01-31T08:59:59Z"))), ElementsAre(R"(user "u1")", R"(  2024-01-31T08:59:59Z "text" text="hi")"));
  EXPECT_TRUE(refusal(answer_of(said("2024-01-31T08:59:59.5Z"))));
  EXPECT_TRUE(refusal(answer_of(said("2024-01-31T09:00:00Z"))));
}

TEST_F(ParseAnswer, TakesAnAskOfOneSecondWithItsFractions) {
  options = {{second(kFrom), second(kFrom)}, {second(kFrom), second(kFrom) + std::chrono::seconds(1)}, EchoRule::off};
  EXPECT_THAT(read(answer_of(said() + "," + said("2024-01-31T08:00:00.999999Z"))),
              ElementsAre(R"(user "u1")", kHello, R"(  2024-01-31T08:00:00.999999Z "text" text="hi")"));
  EXPECT_TRUE(refusal(answer_of(said("2024-01-31T08:00:01Z"))));
}

TEST_F(ParseAnswer, TellsWhetherAnyDateHasAFraction) {
  EXPECT_FALSE(parse(answer_of(said("2024-01-31T08:00:00.000000Z"))).has_fractions);
  EXPECT_TRUE(parse(answer_of(said("2024-01-31T08:00:00.000001Z"))).has_fractions);
  EXPECT_FALSE(parse(answer_of(said())).has_fractions) << "the flag is of the last answer";
  EXPECT_TRUE(parse(answer_of(R"({"date":"2024-01-31T08:00:00.5Z"})")).has_fractions) << "also of one that cannot be loaded";
}

TEST_F(ParseAnswer, TakesNoUserForWhomOnlyTheSeamSpeaks) {
  const Batch& batch = parse(answer_of(said("2024-01-31T09:00:00Z")));
  EXPECT_EQ(batch.seam_rows, 1U);
  ASSERT_EQ(batch.users.size(), 1U);
  EXPECT_FALSE(batch.users[0].has_interactions);
}

// --- the echo

struct Echo {
  const char* name;
  std::string fields;
  bool same;
};

class ParseEcho : public Parsing, public testing::WithParamInterface<Echo> {};

TEST_P(ParseEcho, IsJudgedAsTheRuleSays) {
  const std::string text = answer(user("u1", record(said(), "null", GetParam().fields)));
  options.echo = EchoRule::off;
  EXPECT_FALSE(parse(text).echo_differs);
  options.echo = EchoRule::warn;
  EXPECT_EQ(parse(text).echo_differs, !GetParam().same);
  EXPECT_EQ(parse(text).interactions.size(), 1U);
  options.echo = EchoRule::fail;
  const auto why = refusal(text);
  EXPECT_EQ(!why, GetParam().same);
  EXPECT_THAT(why.value_or("api.check_echo"), HasSubstr("api.check_echo"));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ParseEcho,
    testing::Values(
        Echo{"Equal", R"("from":"2024-01-31T08:00:00.000000Z","to":"2024-01-31T09:00:00.000000Z")", true},
        Echo{"OtherSpelling", R"("to":"2024-01-31 09:00:00","from":"2024-01-31T10:00:00+02:00")", true},
        Echo{"FractionOfTheSecond", R"("from":"2024-01-31T08:00:00.999999Z","to":"2024-01-31T09:00:00.999999Z")", true},
        Echo{"EscapedSlashes", R"("from":"2024-01-31T08:00:00\u005a","to":"2024-01-31T09:00:00Z")", true},
        Echo{"OtherFrom", R"("from":"2024-01-31T08:00:01Z","to":"2024-01-31T09:00:00Z")", false},
        Echo{"OtherTo", R"("from":"2024-01-31T08:00:00Z","to":"2024-01-31T08:59:59Z")", false},
        Echo{"None", "", false}, Echo{"NoTo", R"("from":"2024-01-31T08:00:00Z")", false},
        Echo{"Null", R"("from":null,"to":null)", false}, Echo{"NotADate", R"("from":"today","to":"2024-01-31T09:00:00Z")", false},
        Echo{"NotAString", R"("from":1706688000,"to":[])", false}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ParseAnswer, ComparesTheEchoWithWhatWasAskedAndNotWithWhatIsOwned) {
  options.echo = EchoRule::fail;
  options.asked.to = options.owned.to - std::chrono::seconds(1);
  EXPECT_FALSE(refusal(answer(user("u1", record(said(), "null", R"("from":"2024-01-31T08:00:00Z","to":"2024-01-31T08:59:59Z")")))));
  EXPECT_TRUE(refusal(answer(user("u1", record(said(), "null", R"("from":"2024-01-31T08:00:00Z","to":"2024-01-31T09:00:00Z")")))));
}

TEST_F(ParseAnswer, ComparesTheEchoOfEveryUser) {
  const std::string same = R"("from":"2024-01-31T08:00:00Z","to":"2024-01-31T09:00:00Z")";
  options.echo = EchoRule::fail;
  options.surrogate_unknown_users = false;
  for (const std::string& other : {user("u2", record(said())), user_without_id(record(said())), user("u2", record(""))}) {
    EXPECT_TRUE(refusal(answer(user("u1", record(said(), "null", same)) + "," + other))) << other;
  }
  EXPECT_FALSE(refusal(answer("")));
}

// --- fields of an interaction

struct Field {
  const char* name;
  std::string_view interaction;  ///< without its braces
  std::string_view line;
};

class ParseInteraction : public Parsing, public testing::WithParamInterface<Field> {};

TEST_P(ParseInteraction, KeepsAllThatItSays) {
  EXPECT_THAT(read(answer_of("{" + std::string(GetParam().interaction) + "}")), ElementsAre(R"(user "u1")", GetParam().line));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ParseInteraction,
    testing::Values(
        Field{"NoTextNoData", R"("type":"t","date":")" AT "\"", "  " AT R"( "t")"},
        Field{"NullTextNullData", R"("type":"t","date":")" AT R"(","text":null,"data":null)", "  " AT R"( "t")"},
        Field{"EmptyTypeAndText", R"("type":"","date":")" AT R"(","text":"")", "  " AT R"( "" text="")"},
        Field{"KeysInOtherOrder", R"("data":{"value":"v"},"text":"x","date":")" AT R"(","type":"t")",
              "  " AT R"( "t" text="x" value="v" data={"value":"v"})"},
        Field{"KeysInEscapes", R"("\u0074ype":"t","da\u0074e":")" AT R"(","\u0074ext":"x","dat\u0061":[])",
              "  " AT R"( "t" text="x" data=[])"},
        Field{"OffsetDate", R"("type":"t","date":"2024-01-31T10:00:00.000000+02:00")", "  " AT R"( "t")"},
        Field{"DateWithBlankAndNoZone", R"("type":"t","date":"2024-01-31 08:00:00")", "  " AT R"( "t")"},
        Field{"LiftedText", R"("type":"t","date":")" AT R"(","data":{"callback_id":"a\/b","value":"\u00e9"})",
              "  " AT R"( "t" value="é" callback_id="a/b" data={"callback_id":"a/b","value":"é"})"},
        Field{"LiftedNumberAndBoolean", R"("type":"t","date":")" AT R"(","data":{"callback_id":false,"value":9007199254740993})",
              "  " AT R"( "t" value="9007199254740993" callback_id="false" data={"callback_id":false,"value":9007199254740993})"},
        Field{"LiftedEmptyText", R"("type":"t","date":")" AT R"(","data":{"value":""})", "  " AT R"( "t" value="" data={"value":""})"},
        Field{"NotLiftedNull", R"("type":"t","date":")" AT R"(","data":{"callback_id":null,"value":null})",
              "  " AT R"( "t" data={"callback_id":null,"value":null})"},
        Field{"NotLiftedListOrObject", R"("type":"t","date":")" AT R"(","data":{"callback_id":["a"],"value":{"a":1}})",
              "  " AT R"( "t" data={"callback_id":["a"],"value":{"a":1}})"},
        Field{"NotLiftedFromInside", R"("type":"t","date":")" AT R"(","data":{"form":{"value":"v"}})",
              "  " AT R"( "t" data={"form":{"value":"v"}})"},
        Field{"NotLiftedFromAList", R"("type":"t","date":")" AT R"(","data":[{"value":"v"}])", "  " AT R"( "t" data=[{"value":"v"}])"},
        Field{"DataOfOtherKinds", R"("type":"t","date":")" AT R"(","data":"plain")", "  " AT R"( "t" data="plain")"},
        Field{"DataFalse", R"("type":"t","date":")" AT R"(","data":false)", "  " AT R"( "t" data=false)"},
        Field{"NumbersAsWritten", R"("type":"t","date":")" AT R"(","data":[-0,1.0,1e400,0.1,123456789012345678901234567890])",
              "  " AT R"( "t" data=[-0,1.0,1e400,0.1,123456789012345678901234567890])"},
        Field{"FieldsThatAreNotKnown", R"("zz":{"b":1,"a":[2]},"type":"t","date":")" AT R"(","a\"":"\u00e9","a#":null)",
              "  " AT R"( "t" extra={"a\"":"é","a#":null,"zz":{"a":[2],"b":1}})"},
        Field{"EmptyKey", R"("":"","type":"t","date":")" AT "\"", "  " AT R"( "t" extra={"":""})"},
        Field{"FieldsOfOtherCase", R"("Type":1,"type":"t","date":")" AT R"(","TEXT":2)", "  " AT R"( "t" extra={"TEXT":2,"Type":1})"},
        Field{"ValueBesideDataIsNotLifted", R"("value":"v","type":"t","date":")" AT "\"", "  " AT R"( "t" extra={"value":"v"})"}),
    [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Nul, ParseInteraction,
    testing::Values(
        Field{"InText", R"("type":"t","date":")" AT R"(","text":"a\u0000b")",
              "  " AT R"( "t" text="a)" UFFFD R"(b" extra={"sanitised":true})"},
        Field{"InType", R"("type":"\u0000","date":")" AT "\"", "  " AT " \"" UFFFD R"(" extra={"sanitised":true})"},
        Field{"InData", R"("type":"t","date":")" AT R"(","data":{"value":"\u0000"})",
              "  " AT R"( "t" value=")" UFFFD R"(" data={"value":")" UFFFD R"("} extra={"sanitised":true})"},
        Field{"InAKeyOfData", R"("type":"t","date":")" AT R"(","data":{"\u0000":1})",
              "  " AT R"( "t" data={")" UFFFD R"(":1} extra={"sanitised":true})"},
        Field{"InAFieldThatIsNotKnown", R"("type":"t","date":")" AT R"(","x":"\u0000")",
              "  " AT R"( "t" extra={"sanitised":true,"x":")" UFFFD R"("})"},
        Field{"InAKeyThatIsNotKnown", R"("type":"t","date":")" AT R"(","x\u0000":1)",
              "  " AT R"( "t" extra={"sanitised":true,"x)" UFFFD R"(":1})"},
        Field{"EscapedBackslashBeforeItIsNone", R"("type":"t","date":")" AT R"(","text":"\\u0000")", "  " AT R"( "t" text="\\u0000")"},
        Field{"OurMarkStandsAboveAFieldOfItsName", R"("type":"t","date":")" AT R"(","text":"\u0000","sanitised":0)",
              "  " AT R"( "t" text=")" UFFFD R"(" extra={"sanitised":true})"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ParseAnswer, MarksTheRowsOfAUserIdWithNul) {
  EXPECT_THAT(read(answer(R"({"a\u0000b":)" + record(said()) + "}," + user("c", record(said())))),
              ElementsAre("user \"a" UFFFD "b\"", std::string(kHello) + R"( extra={"sanitised":true})", R"(user "c")", kHello));
}

TEST_F(ParseAnswer, MarksAProfileWithNulAndNotItsRows) {
  EXPECT_THAT(read(answer(user("u1", record(said(), R"({"os":"\u0000"})")))),
              ElementsAre("user \"u1\" observed " AT " os=\"" UFFFD R"(" extra={"sanitised":true})", kHello));
}

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
        Bad{"Null", "null", "an interaction that is not an object"}, Bad{"String", R"("x")", "an interaction that is not an object"},
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
        Bad{"TextTwice", R"({"date":")" AT R"(","type":"t","text":"a","text":"b"})", "the key 'text' stands twice in it"},
        Bad{"DataTwice", R"({"date":")" AT R"(","type":"t","data":1,"data":1})", "the key 'data' stands twice in it"},
        Bad{"TextTwiceInTwoSpellings", R"({"date":")" AT R"(","type":"t","text":"a","t\u0065xt":"b"})", "the key 'text' stands twice in it"},
        Bad{"KeyThatIsNotKnownTwice", R"({"date":")" AT R"(","type":"t","x":1,"x":1})", "a key that is not known stands twice in it"},
        Bad{"KeyTwiceInData", R"({"date":")" AT R"(","type":"t","data":{"a":1,"a":1}})", "a key stands twice in the object that ends here"},
        Bad{"KeyTwiceDeepInData", R"({"date":")" AT R"(","type":"t","data":[[{"x":{"a":1,"b":2,"a":1}}]]})",
            "a key stands twice in the object that ends here"},
        Bad{"KeyTwiceInAFieldThatIsNotKnown", R"({"date":")" AT R"(","type":"t","x":{"a":1,"a":1}})",
            "a key stands twice in the object that ends here"},
        Bad{"LoneSurrogateInType", R"({"date":")" AT R"(","type":"\ud800"})", "a surrogate without its pair"},
        Bad{"LoneSurrogateInText", R"({"date":")" AT R"(","type":"t","text":"a\udc00b"})", "a surrogate without its pair"},
        Bad{"LoneSurrogateInData", R"({"date":")" AT R"(","type":"t","data":["\ud83d\u0041"]})", "a surrogate without its pair"},
        Bad{"LoneSurrogateInAKeyThatIsNotKnown", R"({"date":")" AT R"(","type":"t","\ud800":1})", "a surrogate without its pair"},
        Bad{"LoneSurrogateInDate", R"({"date":"\ud800","type":"t"})", "'date' is not a date"},
        Bad{"NumberPastNumeric", R"({"date":")" AT R"(","type":"t","data":{"a":1e999999}})",
            "a number outside of what PostgreSQL's numeric holds"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ParseAnswer, Guarantee6_KeepsARecordOnlyInTheWindowOfItsDate) {
  const std::string on_the_seam = R"({"type":1,"date":"2024-01-31T09:00:00Z"})";
  EXPECT_THAT(read(answer_of(on_the_seam)), ElementsAre("seam 1"));
  options = options_for(kTo, "2024-01-31T10:00:00Z");
  EXPECT_THAT(read(answer_of(on_the_seam)), ElementsAre(R"(reject "u1": 'type' is not a string: )" + on_the_seam));
}

TEST_F(ParseAnswer, Guarantee6_KeepsTheInteractionsOfAProfileThatCannotBeLoaded) {
  for (const auto& [profile, reason] : std::vector<std::pair<std::string, std::string>>{
           {R"({"os":"\ud800"})", "a surrogate without its pair"},
           {R"({"os":1,"os":2})", "a key stands twice in the object that ends here"},
           {R"({"custom":{"a":1,"a":2},"os":"x"})", "a key stands twice in the object that ends here"},
           {R"([1e999999])", "a number outside of what PostgreSQL's numeric holds"}}) {
    EXPECT_THAT(read(answer(user("u1", record(said(), profile)))),
                ElementsAre(R"(user "u1")", kHello, R"(reject "u1": the profile cannot be loaded: )" + reason + ": " + profile));
  }
}

struct BadUser {
  const char* name;
  std::string_view element;
  std::string_view line;
};

class Guarantee6OfUsers : public Parsing, public testing::WithParamInterface<BadUser> {};

TEST_P(Guarantee6OfUsers, KeepsWhatStandsUnderThemAndLoadsTheOthers) {
  EXPECT_THAT(read(answer(user("a", record(said())) + "," + std::string(GetParam().element) + "," + user("z", record(said())))),
              ElementsAre(R"(user "a")", kHello, R"(user "z")", kHello, GetParam().line));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Guarantee6OfUsers,
    testing::Values(
        BadUser{"ElementIsNull", "null", R"(reject "": an element of 'data' that is neither an object nor a list: null)"},
        BadUser{"ElementIsAString", R"("u1")", R"(reject "": an element of 'data' that is neither an object nor a list: "u1")"},
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
                R"(reject "u1": the key 'interactions' stands twice in it: {"interactions":[)" SAID R"(],"interactions":[]})"},
        BadUser{"ProfileTwice", R"({"u1":{"chatbot_user_data":null,"chatbot_user_data":{},"interactions":[]}})",
                R"(reject "u1": the key 'chatbot_user_data' stands twice in it: {"chatbot_user_data":null,"chatbot_user_data":{},"interactions":[]})"},
        BadUser{"FromTwice", R"({"u1":{"from":1,"from":1,"interactions":[]}})",
                R"(reject "u1": the key 'from' stands twice in it: {"from":1,"from":1,"interactions":[]})"},
        BadUser{"ToTwice", R"({"u1":{"to":1,"to":1,"interactions":[]}})",
                R"(reject "u1": the key 'to' stands twice in it: {"to":1,"to":1,"interactions":[]})"},
        BadUser{"UserIdTwice", R"({"u1":{"user_id":1,"user_id":1,"interactions":[]}})",
                R"(reject "u1": the key 'user_id' stands twice in it: {"user_id":1,"user_id":1,"interactions":[]})"},
        BadUser{"LoneSurrogateInTheId", R"({"u\ud800":{"interactions":[]}})",
                R"(reject "u\\ud800": the user id cannot be stored: a surrogate without its pair: {"interactions":[]})"},
        BadUser{"LoneSurrogateInTheEcho", R"({"u1":{"from":"\ud800","interactions":[]}})",
                R"(reject "u1": a surrogate without its pair: {"from":"\ud800","interactions":[]})"},
        BadUser{"LoneSurrogateInAnIdInside", R"([{"user_id":"\ud800","interactions":[]}])",
                R"(reject "": a surrogate without its pair: {"user_id":"\ud800","interactions":[]})"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ParseAnswer, PassesOverWhatElseStandsBesideInteractions) {
  EXPECT_THAT(read(answer(user("u1", record(said(), "null", R"("selected_scenario":"0x1","browser":{"a":1,"a":2},"\ud800":"\ud800","x":1,"x":2)")))),
              ElementsAre(R"(user "u1")", kHello));
}

TEST_F(ParseAnswer, RejectsHaveIdsOfTheirOwnThatAreTheSameEveryTime) {
  const std::string text = answer_of("{},{},5," + said());
  std::vector<Uuid> first, second;
  for (const Reject& reject : parse(text).rejects) first.push_back(reject.id);
  for (const Reject& reject : parse(text).rejects) second.push_back(reject.id);
  EXPECT_EQ(first, second);
  EXPECT_EQ(std::set(first.begin(), first.end()), (std::set{reject_id("u1", "{}", 0), reject_id("u1", "{}", 1), reject_id("u1", "5", 0)}));
}

// --- limits

TEST_F(ParseAnswer, QuarantinesWhatIsTooLargeAndKeepsTheBeginningOfIt) {
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

TEST_F(ParseAnswer, QuarantinesAProfileThatIsTooLarge) {
  const Batch& batch = parse(answer(user("u1", record(said(), R"({"os":")" + std::string(kMaxRecordBytes, 'x') + "\"}"))));
  EXPECT_EQ(batch.interactions.size(), 1U);
  ASSERT_EQ(batch.rejects.size(), 1U);
  EXPECT_THAT(std::string(batch.rejects[0].reason), HasSubstr("the profile cannot be loaded: it has 16777225 bytes"));
}

TEST_F(ParseAnswer, TakesWhatIsJustSmallEnough) {
  const std::string text(kMaxRecordBytes - 2, 'x');
  const Batch& batch = parse(answer_of(R"({"date":")" AT R"(","type":"t","text":")" + text + R"(","data":")" + text + "\"}"));
  ASSERT_EQ(batch.interactions.size(), 1U);
  EXPECT_EQ(batch.interactions[0].text->size(), text.size());
  EXPECT_EQ(batch.interactions[0].data.size(), text.size() + 2);
}

TEST_F(ParseAnswer, CutsALargeRejectBetweenCharacters) {
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
  for (const std::string& line : read(answer(user("a", record(said())) + "," + user("b", record(said())) + "," + std::string(GetParam().element)))) {
    came += line + "\n";
  }
  const std::string others = R"(user "a")" "\n" + std::string(kHello) + "\n" R"(user "b")" "\n" + kHello + "\n";
  EXPECT_EQ(came, others + std::string(GetParam().lines));
}

#define U1(MORE) R"({"u1":{"interactions":[)" SAID "," MORE "]}}"
#define U1_LOADED "user \"u1\"\n  2024-01-31T08:00:00Z \"text\" text=\"hi\"\n"
INSTANTIATE_TEST_SUITE_P(
    Rows, ParseDamage,
    testing::Values(
        Damage{"InText", U1(R"({"type":"t","date":")" AT R"(","text":")" "\xE9" R"("})"),
               U1_LOADED R"(reject "u1": not UTF-8: {"type":"t","date":")" AT R"(","text":")" UFFFD R"("})" "\n"},
        Damage{"InData", U1(R"({"type":"t","date":")" AT R"(","data":{")" "\xC0\xAF" R"(":1}})"),
               U1_LOADED R"(reject "u1": not UTF-8: {"type":"t","date":")" AT R"(","data":{")" UFFFD UFFFD R"(":1}})" "\n"},
        Damage{"InTheDate", U1(R"({"type":"t","date":"2024-01-31T08:00:00)" "\xFF" R"("})"),
               U1_LOADED R"(reject "u1": not UTF-8: {"type":"t","date":"2024-01-31T08:00:00)" UFFFD R"("})" "\n"},
        Damage{"InAKey", U1(R"({"type":"t","date":")" AT R"(",")" "\xED\xA0\x80" R"(":1})"),
               U1_LOADED R"(reject "u1": not UTF-8: {"type":"t","date":")" AT R"(",")" UFFFD UFFFD UFFFD R"(":1})" "\n"},
        Damage{"InAnInteractionThatIsNoObject", U1("\"\xFE\""),
               U1_LOADED R"(reject "u1": an interaction that is not an object: ")" UFFFD "\"\n"},
        Damage{"InTheProfile", R"({"u1":{"chatbot_user_data":{"os":")" "\xC3" R"("},"interactions":[)" SAID "]}}",
               U1_LOADED R"(reject "u1": the profile cannot be loaded: not UTF-8: {"os":")" UFFFD R"("})" "\n"},
        Damage{"InTheUserId", "{\"u\xFF\":{\"interactions\":[]}}",
               R"(reject "u)" UFFFD R"(": the user id is not UTF-8: {"interactions":[]})" "\n"},
        Damage{"InTheUserIdOfNoRecord", "{\"u\xFF\":5}", R"(reject "u)" UFFFD R"(": a user's record that is not an object: 5)" "\n"},
        Damage{"BesideInteractions", "{\"u1\":{\"x\":\"\xFF\",\"interactions\":[]}}",
               R"(reject "u1": the user's record is not UTF-8: {"x":")" UFFFD R"(","interactions":[]})" "\n"},
        Damage{"InAKeyBesideInteractions", "{\"u1\":{\"\xFF\":1,\"interactions\":[]}}",
               R"(reject "u1": the user's record is not UTF-8: {")" UFFFD R"(":1,"interactions":[]})" "\n"},
        Damage{"InAnElementThatIsNoObject", "\"\xFF\"",
               R"(reject "": an element of 'data' that is neither an object nor a list: ")" UFFFD "\"\n"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ParseAnswer, RefusesDamageToTheFormOfTheAnswer) {
  for (const char* text : {"{\"data\":[]\xFF}", "\xFF{\"data\":[]}", "{\"data\":[]}\xC3", "{\"data\xFF\":[]}", "{\"data\":[\xE2\x82]}"}) {
    EXPECT_TRUE(refusal(text)) << text;
  }
}

TEST_F(ParseAnswer, RefusesAnAnswerThatIsNoTextAtAll) {
  EXPECT_THAT(refusal(answer_of("\"" + std::string(100'001, '\xFF') + "\"")).value_or(""), HasSubstr("too many bytes that are not UTF-8"));
  EXPECT_FALSE(refusal(answer_of("\"" + std::string(100'000, '\xFF') + "\"")));
}

TEST_F(ParseAnswer, ForgetsTheDamageOfTheLastAnswer) {
  ASSERT_EQ(parse(answer_of("\"\xFF\"," + said())).rejects.size(), 1U);
  EXPECT_THAT(read(answer_of(R"("?",)" + said())),
              ElementsAre(R"(user "u1")", kHello, R"(reject "u1": an interaction that is not an object: "?")"));
}

// --- users

TEST_F(ParseAnswer, ReadsSeveralUsersOfOneElementAndOneUserOfSeveral) {
  const Batch& batch = parse(answer(R"({"a":)" + record(said()) + R"(,"b":)" + record(said()) + "}," + user("a", record(said()))));
  EXPECT_THAT(shown(batch), ElementsAre(R"(user "a")", testing::StartsWith(kHello), R"(user "b")", kHello, R"(user "a")",
                                        testing::StartsWith(kHello)));
  EXPECT_EQ(batch.interactions[0].occurrence + batch.interactions[2].occurrence, 1) << "the two are twins";
}

TEST_F(ParseAnswer, ComparesUserIdsByteByByte) {
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

TEST_F(ParseAnswer, DatesAProfileByTheMessageItWasListedWith) {
  const auto observed = [&](const std::string& interactions) { return parse(answer(user("u1", record(interactions, R"({"os":"x"})")))).users[0].observed_at; };
  EXPECT_EQ(observed(said("2024-01-31T08:00:05Z") + "," + said("2024-01-31T08:00:03Z")), instant("2024-01-31T08:00:05Z"));
  EXPECT_EQ(observed(said("2024-01-31T09:00:00Z") + "," + said("2024-01-31T08:00:03Z")), instant("2024-01-31T09:00:00Z")) << "of the seam";
  EXPECT_EQ(observed(R"({"type":1,"date":"2024-01-31T08:00:07Z"},)" + said()), instant("2024-01-31T08:00:07Z")) << "of a reject";
  EXPECT_EQ(observed("5," + said()), instant(kFrom)) << "the first that has a date";
  EXPECT_EQ(observed("5"), instant(kFrom)) << "the window's beginning for want of one";
}

TEST_F(ParseAnswer, DatesAProfileThatFollowsItsMessages) {
  const Batch& batch = parse(R"({"data":[{"u1":{"interactions":[)" + said("2024-01-31T08:00:05Z") + R"(],"chatbot_user_data":{"os":"x"}}}]})");
  EXPECT_EQ(batch.users[0].observed_at, instant("2024-01-31T08:00:05Z"));
}

TEST_F(ParseAnswer, DatesNoProfileThatSaysNothing) {
  for (const char* profile : {"null", "[]", "{}", R"({"os":null,"custom":[]})", "\"\""}) {
    EXPECT_FALSE(parse(answer(user("u1", record(said(), profile)))).users[0].observed_at) << profile;
  }
  EXPECT_FALSE(parse(R"({"data":[{"u1":{"interactions":[)" + said() + "]}}]}").users[0].observed_at);
}

// --- users whose id the server lost

TEST_F(ParseAnswer, TakesALostIdFromTheRecordThenFromTheProfile) {
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

TEST_F(ParseAnswer, MakesUpALostIdFromTheMeaningOfTheProfile) {
  const auto id_of = [&](const std::string& profile) {
    return std::string(parse(answer(user_without_id(record(said(), profile)))).users[0].user_id);
  };
  EXPECT_EQ(id_of("null"), surrogate_user_id("null"));
  EXPECT_EQ(id_of(R"({"os":"x","browser":"é"})"), surrogate_user_id(R"({"browser":"é","os":"x"})"));
  EXPECT_EQ(id_of(R"({"os":"x","browser":"é"})"), id_of(" { \"browser\" : \"\\u00e9\" , \"os\":\"x\"} "));
  EXPECT_NE(id_of(R"({"os":"x"})"), id_of(R"({"os":"y"})"));
  EXPECT_EQ(id_of(R"({"os":"\ud800"})"), surrogate_user_id("null")) << "of a profile that cannot be loaded";
}

TEST_F(ParseAnswer, CountsAndMarksUsersWithoutAnId) {
  const Batch& batch = parse(answer(user_without_id(record(said())) + "," + user("u1", record(said())) + ",[" + record(said()) + "," +
                                    record("") + "]"));
  EXPECT_EQ(batch.users_without_id, 3U);
  EXPECT_TRUE(batch.users[0].id_lost);
  EXPECT_EQ(batch.users[0].identity, kLostIdentity);
  EXPECT_FALSE(batch.users[1].id_lost);
  EXPECT_EQ(batch.users[1].identity, "u1");
  EXPECT_TRUE(batch.users[2].id_lost && batch.users[3].id_lost);
}

// Another window shows another snapshot of the profile, and must not make other rows of the same messages.
TEST_F(ParseAnswer, GivesRowsOfALostIdTheSameIdsUnderAnyProfile) {
  const auto row_of = [&](const std::string& profile) { return parse(answer(user_without_id(record(said(), profile)))).interactions[0].id; };
  const Uuid id = row_of("null");
  EXPECT_EQ(row_of(R"({"os":"x"})"), id);
  EXPECT_EQ(row_of(R"({"id":"p"})"), id);
  EXPECT_NE(parse(answer(user_without_id(record(said(), "null", R"("user_id":"r")")))).interactions[0].id, id);
}

TEST_F(ParseAnswer, RejectsRecordsOfALostIdWhereThatIsAskedFor) {
  options.surrogate_unknown_users = false;
  const std::string lost = "the server lost the user id (unknown_users: reject)";
  const Batch& batch = parse(answer(user("a", record(said())) + "," +
                                    user_without_id(record(said() + "," + said("2024-01-31T09:00:00Z") + R"(,{},{"date":")" AT
                                                           R"("},{"type":1,"date":"2024-01-31T09:00:00Z"})",
                                                           R"({"os":"x"})")) +
                                    "," + user("z", record(said()))));
  EXPECT_THAT(shown(batch), ElementsAre(R"(user "a")", kHello, R"(user "z")", kHello, R"(reject "": )" + lost + ": " + said(),
                                        R"(reject "": no 'date': {})", R"(reject "": no 'type': {"date":")" AT "\"}", "seam 2"));
  EXPECT_EQ(batch.users_without_id, 1U);
}

TEST_F(ParseAnswer, KeepsAProfileThatCannotBeLoadedAlsoWhereItsRecordsAreRejected) {
  options.surrogate_unknown_users = false;
  EXPECT_THAT(read(answer(user_without_id(record(said(), R"({"os":"\ud800"})")))),
              ElementsAre(R"(reject "": the profile cannot be loaded: a surrogate without its pair: {"os":"\ud800"})",
                          R"(reject "": the server lost the user id (unknown_users: reject): )" + said()));
}

TEST_F(ParseAnswer, LoadsRecordsWhoseIdIsFoundAlsoWhereTheOthersAreRejected) {
  options.surrogate_unknown_users = false;
  EXPECT_THAT(read(answer(user_without_id(record(said(), R"({"id":"p"})")))),
              ElementsAre("user \"p\" lost observed " AT R"( extra={"id":"p"})", kHello));
}

// --- the old form, nested once more

TEST_F(ParseAnswer, ReadsTheOldNestedFormAsTheFlatOne) {
  const std::string data = R"({"value":"v","n":1})";
  const auto interaction = [](const std::string& of) { return R"({"type":"t","date":")" AT R"(","data":)" + of + "}"; };
  const auto flat = read(answer_of(interaction(data) + "," + interaction("null")));
  EXPECT_EQ(read(answer_of("[" + interaction("[" + data + "]") + "," + interaction("null") + "]")), flat);
  EXPECT_EQ(read(answer_of("[" + interaction("[ " + data + " ]") + "],[" + interaction("null") + "],[]")), flat);
}

TEST_F(ParseAnswer, UnwrapsNoListOfSeveralAndNoListInTheFlatForm) {
  const auto data_of = [&](bool nested, const std::string& data) {
    const std::string row = R"({"type":"t","date":")" AT R"(","data":)" + data + "}";
    return std::string(parse(answer_of(nested ? "[" + row + "]" : row)).interactions.at(0).data);
  };
  for (const std::string data : {R"([{"a":1},{"b":2}])", R"([{"a":1},5,{"b":2}])", "[]", "[1]", R"(["{}"])", R"(["{","}"])", R"([[{"a":1}]])"}) {
    EXPECT_EQ(data_of(true, data), data);
  }
  for (const std::string data : {R"({"a":1})", R"({"a":"},{"})", "{}"}) {
    EXPECT_EQ(data_of(true, "[" + data + "]"), data);
    EXPECT_EQ(data_of(true, data), data);
    EXPECT_EQ(data_of(false, "[" + data + "]"), "[" + data + "]");
  }
}

TEST_F(ParseAnswer, LiftsNothingFromANestedListOfSeveral) {
  const Batch& batch = parse(answer_of(R"([{"type":"t","date":")" AT R"(","data":[{"value":"a"},{"value":"b"}]}])"));
  EXPECT_FALSE(batch.interactions.at(0).value);
}

TEST_F(ParseAnswer, KeepsTheMarkOfNulThroughTheNestedForm) {
  EXPECT_EQ(parse(answer_of(R"([{"type":"t","date":")" AT R"(","data":[{"a":"\u0000"}]}])")).interactions.at(0).extra, R"({"sanitised":true})");
}

TEST_F(ParseAnswer, RejectsWhatIsNestedDeeperStill) {
  EXPECT_THAT(read(answer_of("[[" + said() + "]]")), ElementsAre(R"(reject "u1": an interaction that is not an object: [)" + said() + "]"));
}

// --- memory

TEST_F(ParseAnswer, ItsViewsHoldUntilTheNextOne) {
  std::string elements;
  std::vector<std::string> expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string id = "u\n" + std::to_string(i), text(static_cast<std::size_t>(i), 'x');
    add(elements, user(id, record(R"({"type":"t","date":")" AT R"(","text":"\u00e9)" + text + R"(","data":{"b":1,"a":")" + text + R"("}})")));
    expected.push_back("user " + json_string(id));
    expected.push_back("  " AT R"( "t" text="é)" + text + R"(" data={"a":")" + text + R"(","b":1})");
  }
  EXPECT_EQ(read(answer(elements)), expected);
  EXPECT_THAT(read(answer_of(said())), ElementsAre(R"(user "u1")", kHello));
  EXPECT_EQ(read(answer(elements)), expected);
}

TEST_F(ParseAnswer, AMovedParserGoesOn) {
  ASSERT_FALSE(refusal(answer_of(said())));
  ResponseParser moved(std::move(parser));
  body.assign(answer_of(said()));
  EXPECT_EQ(moved.parse(body, options).interactions.size(), 1U);
}

TEST_F(ParseAnswer, ReadsAHundredThousandRowsInGoodTime) {
  std::string elements;
  for (int u = 0; u < 1000; ++u) {
    std::string rows;
    for (int i = 0; i < 100; ++i) {
      char date[32];
      std::snprintf(date, sizeof date, "2024-01-31T08:%02d:%02d.000000Z", i % 60, u % 60);
      const std::string number = std::to_string(i);
      add(rows, R"({"type":"text","date":")" + std::string(date) + R"(","text":"message )" + number +
                    R"( caf\u00e9","data":{"text":"message","value":")" + number + R"("}})");
    }
    add(elements, user("user-" + std::to_string(u), record(rows, R"({"os":"Linux","custom":{"selected_scenario":"0x1"}})")));
  }
  const std::string text = answer(elements);
  const auto start = std::chrono::steady_clock::now();
  const Batch& batch = parse(text);
  const auto taken = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(batch.interactions.size(), 100'000U);
  EXPECT_TRUE(batch.rejects.empty());
  EXPECT_LT(taken, std::chrono::seconds(20));  // a tenth of a second as a rule; with sanitizers on a busy machine a few
}

}  // namespace
}  // namespace odetl
