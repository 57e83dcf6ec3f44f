#include "etl/response_parser.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <set>

#include "etl/json_proof.hpp"
#include "tests/unit/parsing.hpp"

namespace odetl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using namespace std::string_view_literals;

using ParseAnswer = Parsing;

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
    testing::Values(Body5{"Nothing", ""}, Body5{"Blanks", " \r\n\t "}, Body5{"Html", "<html><body>Login</body></html>"},
                    Body5{"Word", "null"}, Body5{"Number", "1"}, Body5{"String", R"("data")"}, Body5{"EmptyList", "[]"},
                    Body5{"ListAroundIt", R"([{"data":[]}])"}, Body5{"EmptyObject", "{}"},
                    Body5{"NoData", R"({"message":"Server Error"})"}, Body5{"DataInOtherCase", R"({"Data":[]})"},
                    Body5{"DataInside", R"({"x":{"data":[]}})"}, Body5{"DataIsNull", R"({"data":null})"},
                    Body5{"DataIsAnObject", R"({"data":{}})"}, Body5{"DataIsAString", R"({"data":"[]"})"},
                    Body5{"DataTwice", R"({"data":[],"data":[]})"},
                    Body5{"DataTwiceInTwoSpellings", R"({"data":[],"d\u0061ta":[]})"},
                    // PHP never writes one, so it is a sign of something in between; simdjson would not skip it either.
                    Body5{"ByteOrderMark",
                          "\xEF\xBB\xBF"
                          R"({"data":[]})"},
                    Body5{"Utf16", "{\0\"\0d\0"sv}),
    name_of);

INSTANTIATE_TEST_SUITE_P(Behind, Guarantee5,
                         testing::Values(Body5{"Bracket", R"({"data":[]}})"}, Body5{"Word", R"({"data":[]}x)"},
                                         Body5{"Comma", R"({"data":[]},)"},
                                         Body5{"AnotherDocument", R"({"data":[]}{"data":[]})"},
                                         Body5{"AnotherDocumentOnALine", "{\"data\":[]}\n{\"data\":[]}"},
                                         Body5{"Null", R"({"data":[]} null)"}, Body5{"NulByte", "{\"data\":[]}\0"sv},
                                         Body5{"Html", R"({"data":[]}<br />)"},
                                         Body5{"ClosingListAndObject", R"({"data":[]}]})"}),
                         name_of);

INSTANTIATE_TEST_SUITE_P(
    Inside, Guarantee5,
    testing::Values(Body5{"TrailingCommaInData", R"({"data":[{"u":{"interactions":[]}},]})"},
                    Body5{"CommaAlone", R"({"data":[,]})"}, Body5{"TrailingCommaInRoot", R"({"data":[],})"},
                    Body5{"NoColon", R"({"data" []})"}, Body5{"NoComma", R"({"data":[]"x":1})"},
                    Body5{"KeyWithoutQuotes", R"({data:[]})"}, Body5{"BadEscapeInARootKey", R"({"\q":1,"data":[]})"},
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
    testing::Values(
        Body5{"NotAValue", "[[tru]]"}, Body5{"BadType", R"({"type":"\z","date":")" AT "\"}"},
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
  EXPECT_THAT(
      read(R"({"meta":{"data":[1],"deep":[[{}]]},"data":[],"links":null,"x":"\ud800","x":1e999999,"\udfff":[]})"),
      IsEmpty());
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
        answer(user("u1", record(said(), open + closed))),
        answer(user("u1", record("", "null", R"("user_id":)" + open + closed)))}) {
    const Batch& batch = parse(text);
    ASSERT_EQ(batch.rejects.size(), 1U);
    EXPECT_LE(batch.rejects[0].record.size(), kMaxRejectBytes);
  }
  EXPECT_THAT(read(R"({"x":)" + open + closed + R"(,"data":[]})"), IsEmpty());
}

TEST_F(ParseAnswer, IsNeverFooledByOneWrongByte) {
  const std::string whole =
      answer(user("u\\1", record(said(kFrom, R"("x":{"a":[1.5,"\u00e9"]})") + "," + said(), R"({"os":"a","id":null})",
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
  EXPECT_THAT(read(text),
              ElementsAre(R"(user "u1")", kHello, R"(  2024-01-31T08:59:59.999999Z "text" text="hi")", "seam 1"));
  options = options_for("2024-01-31T09:00:00Z", "2024-01-31T10:00:00Z");
  EXPECT_THAT(read(answer_of(said("2024-01-31T09:00:00Z"))),
              ElementsAre(R"(user "u1")", R"(  2024-01-31T09:00:00Z "text" text="hi")"));
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
  for (const char* date : {"2024-01-31T07:59:59.999999Z", "2024-01-31T09:00:00.000001Z", "2023-01-31T08:30:00Z",
                           "9999-12-31T23:59:59Z", "2024-01-31T08:30:00+14:00"}) {
    EXPECT_THAT(refusal(answer_of(said() + "," + said(date))).value_or(""), HasSubstr("was not asked for")) << date;
    EXPECT_THAT(refusal(answer_of(R"({"type":1,"date":")" + std::string(date) + "\"}")).value_or(""),
                HasSubstr("was not asked for"))
        << "nor one that cannot be loaded: " << date;
  }
}

TEST_F(ParseAnswer, TakesATightAskThatEndsASecondBeforeWhatItOwns) {
  options.asked.to = options.owned.to - std::chrono::seconds(1);
  EXPECT_THAT(read(answer_of(said("2024-01-31T08:59:59Z"))),
              ElementsAre(R"(user "u1")", R"(  2024-01-31T08:59:59Z "text" text="hi")"));
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
  EXPECT_TRUE(parse(answer_of(R"({"date":"2024-01-31T08:00:00.5Z"})")).has_fractions)
      << "also of one that cannot be loaded";
}

TEST_F(ParseAnswer, TakesNothingOfTheSeam) {
  const Batch& batch = parse(answer_of(said("2024-01-31T09:00:00Z")));
  EXPECT_EQ(batch.seam_rows, 1U);
  EXPECT_TRUE(batch.interactions.empty());
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
    testing::Values(Echo{"Equal", R"("from":"2024-01-31T08:00:00.000000Z","to":"2024-01-31T09:00:00.000000Z")", true},
                    Echo{"OtherSpelling", R"("to":"2024-01-31 09:00:00","from":"2024-01-31T10:00:00+02:00")", true},
                    Echo{"FractionOfTheSecond",
                         R"("from":"2024-01-31T08:00:00.999999Z","to":"2024-01-31T09:00:00.999999Z")", true},
                    Echo{"EscapedSlashes", R"("from":"2024-01-31T08:00:00\u005a","to":"2024-01-31T09:00:00Z")", true},
                    Echo{"OtherFrom", R"("from":"2024-01-31T08:00:01Z","to":"2024-01-31T09:00:00Z")", false},
                    Echo{"OtherTo", R"("from":"2024-01-31T08:00:00Z","to":"2024-01-31T08:59:59Z")", false},
                    Echo{"None", "", false}, Echo{"NoTo", R"("from":"2024-01-31T08:00:00Z")", false},
                    Echo{"Null", R"("from":null,"to":null)", false},
                    Echo{"NotADate", R"("from":"today","to":"2024-01-31T09:00:00Z")", false},
                    Echo{"NotAString", R"("from":1706688000,"to":[])", false}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ParseAnswer, ComparesTheEchoWithWhatWasAskedAndNotWithWhatIsOwned) {
  options.echo = EchoRule::fail;
  options.asked.to = options.owned.to - std::chrono::seconds(1);
  EXPECT_FALSE(refusal(
      answer(user("u1", record(said(), "null", R"("from":"2024-01-31T08:00:00Z","to":"2024-01-31T08:59:59Z")")))));
  EXPECT_TRUE(refusal(
      answer(user("u1", record(said(), "null", R"("from":"2024-01-31T08:00:00Z","to":"2024-01-31T09:00:00Z")")))));
}

TEST_F(ParseAnswer, ComparesTheEchoOfEveryUser) {
  const std::string same = R"("from":"2024-01-31T08:00:00Z","to":"2024-01-31T09:00:00Z")";
  options.echo = EchoRule::fail;
  options.surrogate_unknown_users = false;
  const std::string from = R"("from":"2024-01-31T07:00:00Z","to":"2024-01-31T09:00:00Z")";
  const std::string to = R"("from":"2024-01-31T08:00:00Z","to":"2024-01-31T09:00:01Z")";
  for (const std::string& other : {user("u2", record(said())), user_without_id(record(said())), user("u2", record("")),
                                   user("u2", record(said(), "null", from)), user("u2", record(said(), "null", to))}) {
    EXPECT_TRUE(refusal(answer(user("u1", record(said(), "null", same)) + "," + other))) << other;
  }
  EXPECT_FALSE(refusal(answer(user("u1", record(said(), "null", same)) + "," + user("u2", record(said(), "null", same)))));
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
  EXPECT_THAT(read(answer_of("{" + std::string(GetParam().interaction) + "}")),
              ElementsAre(R"(user "u1")", GetParam().line));
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
        Field{
            "LiftedNumberAndBoolean",
            R"("type":"t","date":")" AT R"(","data":{"callback_id":false,"value":9007199254740993})",
            "  " AT
            R"( "t" value="9007199254740993" callback_id="false" data={"callback_id":false,"value":9007199254740993})"},
        Field{"LiftedEmptyText", R"("type":"t","date":")" AT R"(","data":{"value":""})",
              "  " AT R"( "t" value="" data={"value":""})"},
        Field{"NotLiftedNull", R"("type":"t","date":")" AT R"(","data":{"callback_id":null,"value":null})",
              "  " AT R"( "t" data={"callback_id":null,"value":null})"},
        Field{"NotLiftedListOrObject", R"("type":"t","date":")" AT R"(","data":{"callback_id":["a"],"value":{"a":1}})",
              "  " AT R"( "t" data={"callback_id":["a"],"value":{"a":1}})"},
        Field{"NotLiftedFromInside", R"("type":"t","date":")" AT R"(","data":{"form":{"value":"v"}})",
              "  " AT R"( "t" data={"form":{"value":"v"}})"},
        Field{"NotLiftedFromAList", R"("type":"t","date":")" AT R"(","data":[{"value":"v"}])",
              "  " AT R"( "t" data=[{"value":"v"}])"},
        Field{"DataOfOtherKinds", R"("type":"t","date":")" AT R"(","data":"plain")", "  " AT R"( "t" data="plain")"},
        Field{"DataFalse", R"("type":"t","date":")" AT R"(","data":false)", "  " AT R"( "t" data=false)"},
        Field{"NumbersAsWritten",
              R"("type":"t","date":")" AT R"(","data":[-0,1.0,1e400,0.1,123456789012345678901234567890])",
              "  " AT R"( "t" data=[-0,1.0,1e400,0.1,123456789012345678901234567890])"},
        Field{"FieldsThatAreNotKnown", R"("zz":{"b":1,"a":[2]},"type":"t","date":")" AT R"(","a\"":"\u00e9","a#":null)",
              "  " AT R"( "t" extra={"a\"":"é","a#":null,"zz":{"a":[2],"b":1}})"},
        Field{"EmptyKey", R"("":"","type":"t","date":")" AT "\"", "  " AT R"( "t" extra={"":""})"},
        Field{"FieldsOfOtherCase", R"("Type":1,"type":"t","date":")" AT R"(","TEXT":2)",
              "  " AT R"( "t" extra={"TEXT":2,"Type":1})"},
        Field{"ValueBesideDataIsNotLifted", R"("value":"v","type":"t","date":")" AT "\"",
              "  " AT R"( "t" extra={"value":"v"})"}),
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
        Field{"EscapedBackslashBeforeItIsNone", R"("type":"t","date":")" AT R"(","text":"\\u0000")",
              "  " AT R"( "t" text="\\u0000")"},
        Field{"OurMarkStandsAboveAFieldOfItsName", R"("type":"t","date":")" AT R"(","text":"\u0000","sanitised":0)",
              "  " AT R"( "t" text=")" UFFFD R"(" extra={"sanitised":true})"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ParseAnswer, MarksTheRowsOfAUserIdWithNul) {
  EXPECT_THAT(
      read(answer(R"({"a\u0000b":)" + record(said()) + "}," + user("c", record(said())))),
      ElementsAre("user \"a" UFFFD "b\"", std::string(kHello) + R"( extra={"sanitised":true})", R"(user "c")", kHello));
}

TEST_F(ParseAnswer, MarksAProfileWithNulAndNotItsRows) {
  EXPECT_THAT(read(answer(user("u1", record(said(), R"({"os":"\u0000"})")))),
              ElementsAre("user \"u1\" observed " AT " os=\"" UFFFD R"(" extra={"sanitised":true})", kHello));
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
  for (const std::string data :
       {R"([{"a":1},{"b":2}])", R"([{"a":1},5,{"b":2}])", "[]", "[1]", R"(["{}"])", R"(["{","}"])", R"([[{"a":1}]])"}) {
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
  EXPECT_EQ(parse(answer_of(R"([{"type":"t","date":")" AT R"(","data":[{"a":"\u0000"}]}])")).interactions.at(0).extra,
            R"({"sanitised":true})");
}

TEST_F(ParseAnswer, RejectsWhatIsNestedDeeperStill) {
  EXPECT_THAT(read(answer_of("[[" + said() + "]]")),
              ElementsAre(R"(reject "u1": an interaction that is not an object: [)" + said() + "]"));
}

// --- memory

TEST_F(ParseAnswer, ItsViewsHoldUntilTheNextOne) {
  std::string elements;
  std::vector<std::string> expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string id = "u\n" + std::to_string(i), text(static_cast<std::size_t>(i), 'x');
    add(elements, user(id, record(R"({"type":"t","date":")" AT R"(","text":"\u00e9)" + text +
                                  R"(","data":{"b":1,"a":")" + text + R"("}})")));
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
    add(elements,
        user("user-" + std::to_string(u), record(rows, R"({"os":"Linux","custom":{"selected_scenario":"0x1"}})")));
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
