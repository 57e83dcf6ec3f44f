// What the parser makes of whole bodies: those captured from a real server (tests/fixtures/wire) and our own worst ones
// (tests/fixtures/hostile, where NAME.txt says what NAME.json must come to).

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "etl/identity.hpp"
#include "etl/json_proof.hpp"
#include "tests/unit/parsing.hpp"

namespace odetl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// --- captured bodies

const std::string kProfile =
    R"( browser_language="en-GB" os="Mac OS X" browser="Chrome 105.0.0.0" timezone="Europe/London")";
const std::string kScenario = kProfile + R"( selected_scenario="0x1f4a" custom={"selected_scenario":"0x1f4a"})";

class WireFixture : public Parsing {
 protected:
  /// Reads a body that was asked for one whole day.
  const Batch& parse_day(const std::string& name, const std::string& day) {
    options = {
        {second(day + "T00:00:00Z"), second(day + "T23:59:59Z")}, {second(day + "T00:00:00Z"), {}}, EchoRule::fail};
    options.owned.to = options.owned.from + std::chrono::days(1);
    return parse(fixture("wire/" + name + ".json"));
  }
  std::vector<std::string> read_day(const std::string& name, const std::string& day) {
    return shown(parse_day(name, day));
  }

  static std::string observed(const std::string& date) { return " observed " + date; }
};

const auto kBasic = ElementsAre(
    R"(user "u1" observed 2022-10-01T08:19:33Z)" + kScenario,
    R"(  2022-10-01T08:19:33Z "chat_open" text="" value="" callback_id="WELCOME" data={"callback_id":"WELCOME","value":""})",
    R"(  2022-10-01T08:19:41Z "button_response" text="" value="yes" callback_id="intent.app.yes" )"
    R"(data={"callback_id":"intent.app.yes","text":"Yes / please","value":"yes"})");

TEST_F(WireFixture, Basic) { EXPECT_THAT(read_day("r_basic", "2022-10-01"), kBasic); }

TEST_F(WireFixture, BasicOfThePublicForm) { EXPECT_THAT(read_day("pub_basic", "2022-10-01"), kBasic); }

TEST_F(WireFixture, BasicOfTheOldNestedFormEqualsTheFlatOne) { EXPECT_THAT(read_day("n_basic", "2022-10-01"), kBasic); }

TEST_F(WireFixture, BasicHasTheIdsThatItsDescriptionSaysInEveryForm) {
  for (const char* name : {"r_basic", "pub_basic", "n_basic"}) {
    const Batch& batch = parse_day(name, "2022-10-01");
    ASSERT_EQ(batch.interactions.size(), 2U);
    EXPECT_EQ(to_text(batch.interactions[0].id), "018392a1-1208-8628-af3c-fa90edc70f54");
    EXPECT_EQ(to_text(batch.interactions[1].id), "018392a1-3148-85a2-8ca5-eb90f60fdabb");
  }
}

TEST_F(WireFixture, Empty) {
  EXPECT_THAT(read_day("r_empty", "2022-10-01"), IsEmpty());
  EXPECT_THAT(read_day("low0", "2022-10-01"), IsEmpty());
}

TEST_F(WireFixture, ErrorBodiesAreNoAnswers) {
  for (const char* name : {"e401", "e422", "e429", "e500", "e503"}) {
    EXPECT_TRUE(refusal(fixture("wire/" + std::string(name) + ".json"))) << name;
  }
}

// Guarantee 4: what is dated at the upper bound came with the answer and belongs to the next window.
TEST_F(WireFixture, Guarantee4_Bounds) {
  options = options_for("2022-11-05T10:00:00Z", "2022-11-05T11:00:00Z");
  options.echo = EchoRule::fail;
  EXPECT_THAT(read(fixture("wire/r_bounds.json")),
              ElementsAre("user \"u1\" observed 2022-11-05T10:00:00Z" + kScenario,
                          R"(  2022-11-05T10:00:00Z "text" text="at from" data={"text":"at from"})",
                          R"(  2022-11-05T10:00:00Z "text" text="at from, second" data={"text":"at from, second"})",
                          R"(  2022-11-05T10:30:00Z "text" text="middle" data={"text":"middle"})", "seam 1"));
}

TEST_F(WireFixture, FiveEqualMessages) {
  auto lines = read_day("r_dups", "2022-11-04");
  ASSERT_EQ(lines.size(), 6U);
  std::sort(lines.begin() + 1, lines.end());
  const std::string row = R"(  2022-11-04T08:19:33Z "text" text="ok" data={"text":"ok"})";
  EXPECT_THAT(lines, ElementsAre("user \"u1\" observed 2022-11-04T08:19:33Z" + kScenario, row, row + " #1", row + " #2",
                                 row + " #3", row + " #4"));
}

TEST_F(WireFixture, OrderOfInsertionAndNotOfTime) {
  EXPECT_THAT(read_day("r_order", "2022-11-07"),
              ElementsAre("user \"A\" observed 2022-11-07T12:00:03Z" + kScenario,
                          R"(  2022-11-07T12:00:03Z "text" text="A3 inserted first" data={"text":"A3 inserted first"})",
                          R"(  2022-11-07T12:00:01Z "text" text="A1" data={"text":"A1"})",
                          R"(  2022-11-07T12:00:02Z "text" text="A2" data={"text":"A2"})",
                          "user \"B\" observed 2022-11-07T12:00:01Z" + kScenario,
                          R"(  2022-11-07T12:00:01Z "text" text="B1" data={"text":"B1"})",
                          R"(  2022-11-07T12:00:02Z "text" text="B2" data={"text":"B2"})"));
}

TEST_F(WireFixture, FormsOfData) {
  const std::string at = "  2022-10-26T08:19:33Z \"text\" text=";
  EXPECT_THAT(
      read_day("r_data_forms", "2022-10-26"),
      ElementsAre(
          "user \"u1\" observed 2022-10-26T08:19:33Z" + kScenario, at + R"("null")", at + R"("emptystr")",
          at + R"("a0" data=[])", at + R"("assoc" value="v" callback_id="c" data={"callback_id":"c","value":"v"})",
          at + R"("nested" data={"form":{"addr":{"line":null},"name":"Ada","tags":[]}})",
          at + R"("list" data=["a","b"])", at + R"("from1" data=["one","two"])", at + R"("sparse" data=["ten","five"])",
          at + R"("nested-numeric" data={"answers":["yes","no"]})", at + R"("mixed" data={"0":"zero","k":"v"})",
          at + R"("numeric-strings" data=["a","b"])", at + R"("string" data="plain")", at + R"("false" data=false)",
          at + R"("true" data=true)", at + R"("zero" data=0)",
          at + R"("int" data={"e":1.0e+25,"f":0.1,"f1":1,"i":9007199254740993,"neg":-0})", at + R"("std" data={"a":1})",
          at + R"("stdempty" data={})", at + R"("stdnum" data={"1":"one"})", at + R"("nulls" data={"text":null})"));
}

TEST_F(WireFixture, FormsOfText) {
  const auto said = [](const std::string& text, const std::string& extra = "") {
    return "  2022-10-23T08:19:33Z \"text\" text=" + text + " data={\"text\":" + text + "}" + extra;
  };
  EXPECT_THAT(read_day("r_text_forms", "2022-10-23"),
              ElementsAre("user \"u1\" observed 2022-10-23T08:19:33Z" + kScenario, said("\"\""),
                          said(R"("<script>alert(\"x\")</script> & <br/>")"),
                          said(R"("👍🏽 caf\\u00e9 literal and café")"), said(R"("He said \"no\" — it's 'fine'")"),
                          said(R"("line1\nline2\r\nline3\ttab")"), said(R"("C:\\path\\new")"),
                          said("\"a\u2028b\u2029c\""), said("\"\uFEFFbom\""), said("\"\u202Ertl שלום\""),
                          said(R"("http://x/y?z=1&w=2")"), said("\"nul\uFFFDbyte\"", R"( extra={"sanitised":true})"),
                          said("\"\\u0001\\b\\f\\u001b\x7F\""), said(R"("12345678901234567890")"), said(R"("   ")"),
                          said(R"("null")"), said("\"😀\U0010FFFF\uFFFD\uFFFF\"")));
}

TEST_F(WireFixture, TypesKnownAndUnknown) {
  std::vector<std::string> expected = {"user \"u1\" observed 2022-11-08T08:19:33Z" + kScenario};
  for (const std::string type : {"chat_open", "text", "webchat_message", "trigger", "webchat_trigger",
                                 "button_response", "webchat_button_response", "url_click", "webchat_click",
                                 "longtext_response", "form_response", "image", "", "future_type_x"}) {
    const std::string text = type == "text" || type == "webchat_message" ? "typed" : "";
    expected.push_back("  2022-11-08T08:19:33Z \"" + type + "\" text=\"" + text +
                       R"(" value="v" callback_id="cb" data={"callback_id":"cb","value":"v"})");
  }
  EXPECT_EQ(read_day("r_types", "2022-11-08"), expected);
}

TEST_F(WireFixture, NumericUserIdsAreLost) {
  const std::vector<std::tuple<std::string, std::string, std::string>> rows = {
      {"r_uid_numeric_0", "2022-10-06", "from 0"},
      {"r_uid_numeric_1", "2022-10-07", "from 123"},
      {"r_uid_numeric_3", "2022-10-09", "from 447700900123"}};
  for (const auto& [name, day, text] : rows) {
    EXPECT_THAT(
        read_day(name, day),
        ElementsAre("user \"unknown:d81980147e79b188e5075581ed554494\" lost observed " + day + "T08:19:33Z" + kScenario,
                    "  " + day + "T08:19:33Z \"text\" text=\"" + text + "\" data={\"text\":\"" + text + "\"}"));
  }
}

TEST_F(WireFixture, NumericUserIdsAreLostBesideOthers) {
  const std::string row = R"(  2022-10-18T08:19:33Z "text" text="hello" data={"text":"hello"})";
  const std::string lost =
      "user \"unknown:d81980147e79b188e5075581ed554494\" lost observed 2022-10-18T08:19:33Z" + kScenario;
  const Batch& batch = parse_day("r_uid_numeric_mixed", "2022-10-18");
  EXPECT_EQ(batch.users_without_id, 3U);
  auto lines = shown(batch);
  std::sort(lines.begin(), lines.end());
  EXPECT_THAT(lines,
              testing::UnorderedElementsAre(lost, lost, lost, row, row + " #1", row + " #2",
                                            "user \"abc\" observed 2022-10-18T08:19:33Z" + kScenario, row,
                                            R"(  2022-10-18T08:20:00Z "text" text="hello" data={"text":"hello"})"));
}

TEST_F(WireFixture, OddUserIds) {
  std::vector<std::string> expected;
  const std::vector<std::string> ids = {"a/b/c",
                                        "jo.o'neil+x@example.org",
                                        "Zoë Ünïcode 漢字",
                                        "😀👩\u200D👩\u200D👧",
                                        R"(say \"hi\"\\)",
                                        " lead and trail ",
                                        "..",
                                        R"(tab\tnl\n)",
                                        "<b>&amp;",
                                        std::string(255, 'L'),
                                        "",
                                        "null",
                                        "true",
                                        "data",
                                        "__proto__"};
  for (const std::string& id : ids) {
    expected.push_back("user \"" + id + "\" observed 2022-10-19T08:19:33Z" + kScenario);
    expected.push_back(R"(  2022-10-19T08:19:33Z "text" text="hello" data={"text":"hello"})");
  }
  EXPECT_EQ(read_day("r_uid_odd", "2022-10-19"), expected);
}

TEST_F(WireFixture, FormsOfCustomAndOfTheWholeProfile) {
  std::vector<std::string> expected;
  const std::string observed = " observed 2022-10-04T08:19:33Z";
  for (const std::string& user :
       {"\"c-empty\"" + observed + kProfile + " custom=[]", "\"c-null\"" + observed + kProfile,
        "\"c-std\"" + observed + kProfile + " custom={}", "\"c-list\"" + observed + kProfile + R"( custom=["a","b"])",
        "\"c-numkeys\"" + observed + kProfile + R"( custom=["seven","nine"])", std::string("\"c-whole-empty\""),
        "\"c-string\"" + observed + R"( extra={"chatbot_user_data":"bob"})",
        "\"c-int\"" + observed + R"( extra={"chatbot_user_data":5})"}) {
    expected.push_back("user " + user);
    expected.push_back(R"(  2022-10-04T08:19:33Z "text" text="hello" data={"text":"hello"})");
  }
  EXPECT_EQ(read_day("r_user_custom_forms", "2022-10-04"), expected);
}

TEST_F(WireFixture, NullProfile) {
  EXPECT_THAT(read_day("r_user_null", "2022-10-03"),
              ElementsAre(R"(user "u1")", R"(  2022-10-03T08:19:33Z "text" text="hello" data={"text":"hello"})"));
}

// --- every body that is accepted, captured or hostile

/// The names of those below tests/fixtures that are accepted, or are not.
std::vector<std::string> bodies(bool accepted) {
  std::vector<std::string> names;
  const std::filesystem::path fixtures = std::string(ODETL_SOURCE_DIR) + "/tests/fixtures";
  for (const char* directory : {"wire", "hostile"}) {
    for (const auto& entry : std::filesystem::directory_iterator(fixtures / directory)) {
      if (entry.path().extension() != ".json") continue;
      const std::string name = std::string(directory) + "/" + entry.path().stem().string();
      const bool refused =
          name.starts_with("wire/e") || (name.starts_with("hostile/") && fixture(name + ".txt").starts_with("refused"));
      if (refused != accepted) names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class EveryBody : public Parsing, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    if (GetParam().starts_with("hostile/")) return;
    options = {{second("2022-01-01T00:00:00Z"), second("2023-01-01T00:00:00Z")}, {}, EchoRule::off};
    options.owned = {options.asked.from, options.asked.to};
  }
};

// Guarantee 5: a transfer that was cut is never taken for a whole answer.
TEST_P(EveryBody, Guarantee5_CutAtAnyByteIsNeverAccepted) {
  const std::string whole = fixture(GetParam() + ".json");
  const std::size_t end = whole.find_last_not_of(" \r\n\t") + 1;
  const std::size_t step = std::max<std::size_t>(1, end / 10'000);  // of large ones not every byte
  for (std::size_t size = 0; size < end; size += step) {
    EXPECT_TRUE(refusal(std::string_view(whole).substr(0, size))) << "cut at " << size << " of " << whole.size();
  }
}

TEST_P(EveryBody, Guarantee5_FollowedByAnythingIsNeverAccepted) {
  const std::string whole = fixture(GetParam() + ".json");
  for (const std::string& more :
       {std::string("}"), std::string("x"), std::string("{}"), std::string(1, '\0'), std::string("\xFF"), whole}) {
    EXPECT_TRUE(refusal(whole + more)) << more.substr(0, 10);
  }
}

TEST_P(EveryBody, IsAnHonestDocument) {
  ASSERT_FALSE(refusal(fixture(GetParam() + ".json")));
  EXPECT_NO_THROW(prove_json(body.view()));
}

INSTANTIATE_TEST_SUITE_P(Accepted, EveryBody, testing::ValuesIn(bodies(true)), [](const auto& row) {
  std::string name = row.param;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
});

// --- hostile bodies

class Hostile : public Parsing, public testing::WithParamInterface<std::string> {};

TEST_P(Hostile, ComesToWhatItShould) {
  std::string came;
  try {
    for (const std::string& line : read(fixture(GetParam() + ".json"))) came += line + "\n";
  } catch (const ApiError& error) {
    came = "refused: " + std::string(error.what()) + "\n";
  }
  EXPECT_EQ(came, fixture(GetParam() + ".txt"));
}

std::vector<std::string> hostile_bodies() {
  std::vector<std::string> names = bodies(true), refused = bodies(false);
  names.insert(names.end(), refused.begin(), refused.end());
  std::erase_if(names, [](const std::string& name) { return !name.starts_with("hostile/"); });
  return names;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Hostile, testing::ValuesIn(hostile_bodies()),
                         [](const auto& row) { return row.param.substr(row.param.find('/') + 1); });

}  // namespace
}  // namespace odetl
