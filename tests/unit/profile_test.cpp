#include "etl/profile.hpp"

#include <gtest/gtest.h>

#include <map>

namespace odetl {
namespace {

/// What read_profile makes of a text, in words that can be compared.
struct Profile {
  bool says_something = false;
  std::map<std::string, std::string> columns = {};
  std::string custom = {};
  std::string extra = {};
  std::optional<std::string> id = {};

  bool operator==(const Profile&) const = default;
};

void PrintTo(const Profile& profile, std::ostream* out) {
  *out << (profile.says_something ? "says" : "says nothing");
  for (const auto& [name, value] : profile.columns) *out << ' ' << name << "='" << value << '\'';
  *out << " custom=" << profile.custom << " extra=" << profile.extra << " id=" << profile.id.value_or("none");
}

Profile read(std::string_view json) {
  Canonicaliser canonicaliser;
  TextArena arena;
  User user;
  Profile profile;
  profile.says_something = read_profile(json, canonicaliser, arena, user);
  for (std::size_t i = 0; i < kProfileColumns.size(); ++i) {
    if (user.columns[i]) profile.columns[std::string(kProfileColumns[i])] = *user.columns[i];
  }
  profile.custom = user.custom;
  profile.extra = user.extra;
  if (const auto id = profile_user_id(canonicaliser, arena)) profile.id = *id;
  return profile;
}

struct Row {
  const char* name;
  std::string json;
  Profile profile;
};

class ReadProfile : public testing::TestWithParam<Row> {};

TEST_P(ReadProfile, KeepsAllThatIsSaid) { EXPECT_EQ(read(GetParam().json), GetParam().profile); }

INSTANTIATE_TEST_SUITE_P(
    Empty, ReadProfile,
    testing::Values(Row{"Null", " null", {}}, Row{"EmptyList", "[ ]", {}}, Row{"EmptyObject", "{}", {}},
                    Row{"EmptyString", "\"\"", {}}, Row{"NullColumns", R"({"first_name":null,"os":null})", {}},
                    Row{"EmptyColumnIsKeptButSaysNothing", R"({"first_name":""})", {false, {{"first_name", ""}}}},
                    Row{"EmptyCustomIsKeptButSaysNothing", R"({"custom":[],"os":null})", {false, {}, "[]"}},
                    Row{"NullCustom", R"({"custom":null})", {}},
                    Row{"UnknownKeyOfNullIsKeptButSaysNothing", R"({"id":null})", {false, {}, "", R"({"id":null})"}}),
    [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Full, ReadProfile,
    testing::Values(
        Row{"EveryColumn",
            R"({"first_name":"a","last_name":"b","email":"c","external_id":"d","platform":"e","ip_address":"f",
                "country":"g","browser_language":"h","os":"i","browser":"j","timezone":"Europe\/London","selected_scenario":"l"})",
            {true,
             {{"first_name", "a"},
              {"last_name", "b"},
              {"email", "c"},
              {"external_id", "d"},
              {"platform", "e"},
              {"ip_address", "f"},
              {"country", "g"},
              {"browser_language", "h"},
              {"os", "i"},
              {"browser", "j"},
              {"timezone", "Europe/London"},
              {"selected_scenario", "l"}},
             "",
             "",
             "d"}},
        Row{"ScalarsOfOtherKinds",
            R"({"first_name":12345678901234567890,"os":true,"email":1.50,"browser":false})",
            {true, {{"first_name", "12345678901234567890"}, {"os", "true"}, {"email", "1.50"}, {"browser", "false"}}}},
        Row{"ListInAColumnGoesToExtra",
            R"({"email":["a","b"],"os":{"name":"x"}})",
            {true, {}, "", R"({"email":["a","b"],"os":{"name":"x"}})"}},
        Row{"EmptyListInAColumnGoesToExtraButSaysNothing", R"({"email":[]})", {false, {}, "", R"({"email":[]})"}},
        Row{"UnknownKeysGoToExtraInOrder",
            R"({"zeta":1,"name":"Ada","alpha":null})",
            {true, {}, "", R"({"alpha":null,"name":"Ada","zeta":1})"}},
        Row{"CustomObject", R"({"custom":{"b":1,"a":[]}})", {true, {}, R"({"a":[],"b":1})"}},
        Row{"CustomList", R"({"custom":["seven","nine"]})", {true, {}, R"(["seven","nine"])"}},
        Row{"CustomString", R"({"custom":"x"})", {true, {}, R"("x")"}},
        Row{"CustomZero", R"({"custom":0})", {true, {}, "0"}},
        Row{"ScenarioOfCustom",
            R"({"custom":{"selected_scenario":"0x1f4a"}})",
            {true, {{"selected_scenario", "0x1f4a"}}, R"({"selected_scenario":"0x1f4a"})"}},
        Row{"OwnScenarioFirst",
            R"({"custom":{"selected_scenario":"a"},"selected_scenario":"b"})",
            {true, {{"selected_scenario", "b"}}, R"({"selected_scenario":"a"})"}},
        Row{"ScenarioOfCustomForNull",
            R"({"custom":{"selected_scenario":"a"},"selected_scenario":null})",
            {true, {{"selected_scenario", "a"}}, R"({"selected_scenario":"a"})"}},
        Row{"ScenarioThatIsNoScalar",
            R"({"custom":{"selected_scenario":["a"]}})",
            {true, {}, R"({"selected_scenario":["a"]})"}},
        Row{"String", R"("bob")", {true, {}, "", R"({"chatbot_user_data":"bob"})"}},
        Row{"Number", "5", {true, {}, "", R"({"chatbot_user_data":5})"}},
        Row{"False", "false", {true, {}, "", R"({"chatbot_user_data":false})"}},
        Row{"List", R"([{"os":"x"},1])", {true, {}, "", R"({"chatbot_user_data":[{"os":"x"},1]})"}},
        Row{"Escapes",
            R"({"first_name":"Zo\u00eb \"Z\" \\ \ud83d\ude00"})",
            {true, {{"first_name", "Zoë \"Z\" \\ 😀"}}}}),
    [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Nul, ReadProfile,
    testing::Values(
        Row{"InAColumn",
            R"({"first_name":"a\u0000b"})",
            {true,
             {{"first_name",
               "a\xEF\xBF\xBD"
               "b"}},
             "",
             R"({"sanitised":true})"}},
        Row{"InCustom", R"({"custom":{"\u0000":1}})", {true, {}, "{\"\xEF\xBF\xBD\":1}", R"({"sanitised":true})"}},
        Row{"BesideExtra",
            R"({"zz":1,"aa":"\u0000"})",
            {true, {}, "", "{\"aa\":\"\xEF\xBF\xBD\",\"sanitised\":true,\"zz\":1}"}},
        Row{"InAProfileThatIsAString",
            R"("\u0000")",
            {true, {}, "", "{\"chatbot_user_data\":\"\xEF\xBF\xBD\",\"sanitised\":true}"}},
        Row{"OurMarkStandsAboveAFieldOfItsName",
            R"({"sanitised":false,"os":"\u0000"})",
            {true, {{"os", "\xEF\xBF\xBD"}}, "", R"({"sanitised":true})"}},
        Row{"AFieldOfItsNameWithoutNul", R"({"sanitised":false})", {true, {}, "", R"({"sanitised":false})"}}),
    [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Id, ReadProfile,
    testing::Values(Row{"UserIdFirst",
                        R"({"external_id":"e","id":"i","user_id":"u"})",
                        {true, {{"external_id", "e"}}, "", R"({"id":"i","user_id":"u"})", "u"}},
                    Row{"IdSecond",
                        R"({"external_id":"e","id":447700900123})",
                        {true, {{"external_id", "e"}}, "", R"({"id":447700900123})", "447700900123"}},
                    Row{"ExternalIdLast",
                        R"({"external_id":"e","id":"","user_id":null})",
                        {true, {{"external_id", "e"}}, "", R"({"id":"","user_id":null})", "e"}},
                    Row{"NeverAListOrAnObject",
                        R"({"id":["a"],"user_id":{"a":1}})",
                        {true, {}, "", R"({"id":["a"],"user_id":{"a":1}})"}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(ReadProfile, RefusesWhatCannotBeStored) {
  for (const char* json :
       {R"({"os":1,"os":2})", R"({"custom":{"a":1,"a":1}})", R"({"os":"\ud800"})", R"({"x":1e999999})"}) {
    try {
      read(json);
      ADD_FAILURE() << json;
    } catch (const JsonError& error) {
      EXPECT_FALSE(error.malformed()) << json;
    }
  }
}

TEST(ReadProfile, RefusesWhatIsNotJson) { EXPECT_THROW(read(R"({"os":})"), JsonError); }

// --- scalar_text

TEST(ScalarText, IsTheTextOfAScalarAndNothingForTheRest) {
  TextArena arena;
  const std::vector<std::pair<const char*, std::optional<std::string_view>>> rows = {
      {"null", {}},          {"[]", {}},       {"{}", {}},       {R"("")", ""},
      {R"("null")", "null"}, {"true", "true"}, {"-0", "-0"},     {"1e400", "1e400"},
      {R"("a\"b")", "a\"b"}, {R"("é")", "é"},  {R"("[]")", "[]"}};
  for (const auto& [json, text] : rows) EXPECT_EQ(scalar_text(json, arena), text) << json;
}

// --- ObjectBuilder

TEST(ObjectBuilder, BuildsTheCanonicalForm) {
  TextArena arena;
  ObjectBuilder builder;
  EXPECT_EQ(builder.build(arena), "");
  builder.add("b", "1");
  builder.add(R"(a\")", "2");
  builder.add("a#", "[3]");
  builder.add("", "null");
  const std::string built(builder.build(arena));
  EXPECT_EQ(built, R"({"":null,"a\"":2,"a#":[3],"b":1})");
  Canonicaliser canonicaliser;
  EXPECT_EQ(canonicaliser.canonicalise(built), built);
  builder.clear();
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.build(arena), "");
}

TEST(ObjectBuilder, RefusesAKeyTwiceUnlessItIsReplaced) {
  TextArena arena;
  ObjectBuilder builder;
  builder.add("a", "1");
  builder.add("b", "2");
  builder.add("a", "1");
  EXPECT_THROW(builder.build(arena), JsonError);
  builder.replace("a", "3");
  EXPECT_EQ(builder.build(arena), R"({"a":3,"b":2})");
}

}  // namespace
}  // namespace odetl
