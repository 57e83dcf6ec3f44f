#include "etl/canonical_json.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "etl/json_proof.hpp"

namespace odetl {
namespace {

using namespace std::string_view_literals;

std::string canonical(std::string_view json) {
  Canonicaliser canonicaliser;
  return std::string(canonicaliser.canonicalise(json));
}

/// Nothing when `json` is accepted.
std::optional<JsonError> refusal(std::string_view json) {
  try {
    canonical(json);
    return {};
  } catch (const JsonError& error) {
    return error;
  }
}

bool is_json(std::string_view json) {
  try {
    prove_json(json);
    return true;
  } catch (const JsonError&) {
    return false;
  }
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string nested_objects(std::size_t depth) {
  std::string json;
  for (std::size_t i = 0; i < depth; ++i) json += R"({"a":)";
  return json + "0" + std::string(depth, '}');
}

// --- texts and what Python's json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False, separators=(',', ':'))
// writes for them, with numbers kept as they are and U+FFFD for U+0000

struct Text {
  const char* name;
  std::string_view json;
  std::string_view canonical;
};

class CanonicalJson : public testing::TestWithParam<Text> {};

TEST_P(CanonicalJson, IsWhatPythonWrites) { EXPECT_EQ(canonical(GetParam().json), GetParam().canonical); }

TEST_P(CanonicalJson, OfItselfIsItself) { EXPECT_EQ(canonical(GetParam().canonical), GetParam().canonical); }

TEST_P(CanonicalJson, IsProvenBeforeAndAfter) {
  EXPECT_TRUE(is_json(GetParam().json));
  EXPECT_TRUE(is_json(GetParam().canonical));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, CanonicalJson,
    testing::Values(
        Text{"Null", " null\n", R"(null)"}, Text{"True", R"(true)", R"(true)"}, Text{"False", "\tfalse ", R"(false)"},
        Text{"Zero", R"(0)", R"(0)"}, Text{"MinusZero", R"(-0)", R"(-0)"}, Text{"Integer", R"(-12)", R"(-12)"},
        Text{"BeyondDouble", R"(9007199254740993)", R"(9007199254740993)"},
        Text{"TwentyDigits", R"(12345678901234567890)", R"(12345678901234567890)"},
        Text{"FractionKept", R"(1.0)", R"(1.0)"}, Text{"ExponentKept", R"(1.0e+25)", R"(1.0e+25)"},
        Text{"CapitalExponentKept", R"(1E5)", R"(1E5)"}, Text{"NegativeExponent", R"(-0.1e-7)", R"(-0.1e-7)"},
        Text{"EmptyString", R"("")", R"("")"}, Text{"EmptyObject", R"( { } )", R"({})"},
        Text{"EmptyList", R"([ ])", R"([])"}, Text{"NestedEmpties", R"([ {} , [ ] , "" ])", R"([{},[],""])"},
        Text{"WhiteSpace", " {\t\"a\" :\r\n[ 1 , 2 ] } ", R"({"a":[1,2]})"},
        Text{"KeysInOrder", R"({"b":1,"a":2,"c":3})", R"({"a":2,"b":1,"c":3})"},
        Text{"KeysInOrderInside", R"({"z":{"b":1,"a":[{"d":1,"c":2}]},"a":0})",
             R"({"a":0,"z":{"a":[{"c":2,"d":1}],"b":1}})"},
        Text{"PrefixFirst", R"({"ab":1,"a":2,"":3})", R"({"":3,"a":2,"ab":1})"},
        Text{"KeysByCodePoint", R"({"\u00e9":1,"z":2,"Z":3,"\ud83d\ude00":4,"\uffff":5})",
             "{\"Z\":3,\"z\":2,\"é\":1,\"\357\277\277\":5,\"😀\":4}"},
        Text{"EscapedKeysByMeaning", R"({"a\"":1,"a#":2,"a!":3,"a\\":4,"a]":5,"a[":6})",
             R"({"a!":3,"a\"":1,"a#":2,"a[":6,"a\\":4,"a]":5})"},
        Text{"ControlKeysByMeaning", R"({"\u001f":1,"\n":2,"\u0001":3," ":4,"\u007f":5})",
             "{\"\\u0001\":3,\"\\n\":2,\"\\u001f\":1,\" \":4,\"\177\":5}"},
        Text{"EscapesInSortedOrder", R"({"\t":1,"\n":2,"x":3})", R"({"\t":1,"\n":2,"x":3})"},
        Text{"EscapedLetters", R"("\u0041\u00e9\u20ac")", R"("Aé€")"}, Text{"SameAsRaw", R"("Aé€")", R"("Aé€")"},
        Text{"Slash", R"("a\/b")", R"("a/b")"}, Text{"SlashRaw", R"("a/b")", R"("a/b")"},
        Text{"QuoteAndBackslash", R"("\"\\\u0022\u005c")", R"("\"\\\"\\")"},
        Text{"ShortEscapes", R"("\b\f\n\r\t\u0008\u000c\u000a\u000d\u0009")", R"("\b\f\n\r\t\b\f\n\r\t")"},
        Text{"OtherControls", R"("\u0001\u001b\u001f\u007f")", "\"\\u0001\\u001b\\u001f\177\""},
        Text{"HexInCapitals", R"("\u00E9\u001F")", R"("é\u001f")"},
        Text{"Astral", R"("\ud83d\ude00\udbff\udfff")", "\"😀\364\217\277\277\""}, Text{"AstralRaw", R"("😀")", R"("😀")"},
        Text{"NonCharacters", R"("\uffff\ufffe\ufdd0")", "\"\357\277\277\357\277\276\357\267\220\""},
        Text{"LineSeparators", R"("\u2028\u2029")", "\"\342\200\250\342\200\251\""},
        Text{"Bom", R"("\ufeff")", "\"\357\273\277\""}, Text{"Nul", R"("nul\u0000byte")", R"("nul�byte")"},
        Text{"NulInAKey", R"({"a\u0000":1,"b":2})", R"({"a�":1,"b":2})"}),
    [](const auto& row) { return std::string(row.param.name); });

// --- refusals

struct Refused {
  const char* name;
  std::string_view json;
  std::size_t offset;
};

std::string name_of(const testing::TestParamInfo<Refused>& row) { return row.param.name; }

class Malformed : public testing::TestWithParam<Refused> {};

TEST_P(Malformed, IsRefusedAsNotJson) {
  const auto error = refusal(GetParam().json);
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->malformed()) << error->what();
  EXPECT_EQ(error->offset(), GetParam().offset) << error->what();
}

TEST_P(Malformed, IsNotProven) { EXPECT_FALSE(is_json(GetParam().json)); }

INSTANTIATE_TEST_SUITE_P(
    Rows, Malformed,
    testing::Values(Refused{"Nothing", "", 0}, Refused{"BlanksOnly", "  ", 2}, Refused{"CutWord", "tru", 0},
                    Refused{"OtherCase", "True", 0}, Refused{"WordGoesOn", "nulls", 4}, Refused{"NotANumber", "NaN", 0},
                    Refused{"Infinity", "-Infinity", 1}, Refused{"PlusSign", "+1", 0}, Refused{"MinusAlone", "-", 1},
                    Refused{"LeadingZero", "012", 3}, Refused{"MinusLeadingZero", "-01", 3},
                    Refused{"NoWholePart", ".5", 0}, Refused{"NoFraction", "1.", 2}, Refused{"NoExponent", "1e", 2},
                    Refused{"SignButNoExponent", "1e+", 3}, Refused{"Hexadecimal", "0x10", 1},
                    Refused{"SingleQuotes", "'a'", 0}, Refused{"BareWord", "hello", 0},
                    Refused{"StringNotClosed", R"("abc)", 4}, Refused{"StringEndsInEscape", R"("abc\)", 4},
                    Refused{"UnknownEscape", R"("\x41")", 3}, Refused{"CutUnicodeEscape", R"("\u00e")", 3},
                    Refused{"NotHexadecimal", R"("\u00g0")", 3}, Refused{"SignInUnicodeEscape", R"("\u-001")", 3},
                    Refused{"PairCutInside", R"("\ud83d\ude")", 9},
                    Refused{"PairNotHexadecimal", R"("\ud83d\udexx")", 9}, Refused{"TabInString", "\"a\tb\"", 2},
                    Refused{"NewLineInString", "\"a\nb\"", 2}, Refused{"NulInString", "\"a\0b\""sv, 2},
                    Refused{"ListNotClosed", "[1,2", 4}, Refused{"ListWithTrailingComma", "[1,]", 3},
                    Refused{"ListWithoutComma", "[1 2]", 3}, Refused{"ListOfCommas", "[,]", 1},
                    Refused{"ObjectNotClosed", R"({"a":1)", 6}, Refused{"ObjectWithTrailingComma", R"({"a":1,})", 7},
                    Refused{"ObjectWithoutColon", R"({"a" 1})", 5}, Refused{"ObjectWithoutValue", R"({"a":})", 5},
                    Refused{"ObjectWithTwoColons", R"({"a":"b":1})", 8}, Refused{"KeyIsANumber", "{1:2}", 1},
                    Refused{"KeyWithoutQuotes", "{a:2}", 1}, Refused{"ClosedByTheOther", "[1}", 2},
                    Refused{"ObjectClosedByTheOther", R"({"a":1])", 6}, Refused{"ClosedOnly", "]", 0},
                    Refused{"TwoValues", "1 2", 2}, Refused{"TextBehind", "{} x", 3}, Refused{"NulBehind", "{}\0"sv, 2},
                    Refused{"CommentBehind", "{} // x", 3}, Refused{"ByteOrderMark", "\xEF\xBB\xBF{}", 0},
                    Refused{"FormFeedIsNoBlank", "\f{}", 0}, Refused{"NoBreakSpaceIsNoBlank", "\xC2\xA0{}", 0}),
    name_of);

class Unstorable : public testing::TestWithParam<Refused> {};

TEST_P(Unstorable, IsRefusedButIsJson) {
  const auto error = refusal(GetParam().json);
  ASSERT_TRUE(error);
  EXPECT_FALSE(error->malformed()) << error->what();
  EXPECT_EQ(error->offset(), GetParam().offset) << error->what();
  EXPECT_TRUE(is_json(GetParam().json));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Unstorable,
    testing::Values(
        Refused{"KeyTwice", R"({"a":1,"a":2})", 13}, Refused{"KeyTwiceApart", R"({"a":1,"b":2,"a":1})", 19},
        Refused{"KeyTwiceInside", R"([{"x":{"a":1,"a":2}}])", 19}, Refused{"EmptyKeyTwice", R"({"":1,"":2})", 11},
        Refused{"KeyTwiceInTwoSpellings", R"({"é":1,"\u00e9":2})", 19},
        Refused{"KeyTwiceOnceNulIsReplaced", R"({"a\u0000":1,"a\ufffd":2})", 25},
        Refused{"HighSurrogateAlone", R"("\ud83d")", 7}, Refused{"LowSurrogateAlone", R"("\ude00")", 7},
        Refused{"HighSurrogateTwice", R"("\ud83d\ud83d")", 13}, Refused{"HighSurrogateThenText", R"("\ud83dx")", 7},
        Refused{"HighSurrogateThenEscape", R"("\ud83d\n ....")", 7}, Refused{"PairTheWrongWay", R"("\ude00\ud83d")", 7},
        Refused{"SurrogateInKey", R"({"\udfff":1})", 8}, Refused{"TooLargeExponent", "1e131072", 8},
        Refused{"AbsurdExponent", "1e99999999999999999999", 22}, Refused{"TooSmallExponent", "1e-16384", 8}),
    name_of);

// --- limits

TEST(Canonicaliser, TakesWhatTheApiCanNestAndUpToItsLimit) {
  for (const std::size_t depth : {512U, 1024U}) {
    EXPECT_EQ(canonical(nested(depth)), nested(depth));
    EXPECT_EQ(canonical(nested_objects(depth)), nested_objects(depth));
  }
  for (const std::string& deeper : {nested(1025), nested_objects(1025)}) {
    const auto error = refusal(deeper);
    ASSERT_TRUE(error);
    EXPECT_FALSE(error->malformed());
  }
}

TEST(Canonicaliser, RefusesAMillionBracketsAtTheLimitWithoutReadingOn) {
  for (const std::string bracket : {"[", R"({"a":)"}) {
    std::string bomb;
    for (int i = 0; i < 1'000'000; ++i) bomb += bracket;
    const auto error = refusal(bomb);
    ASSERT_TRUE(error);
    EXPECT_FALSE(error->malformed());
    EXPECT_EQ(error->offset(), 1024 * bracket.size());
  }
}

TEST(Canonicaliser, TakesNumbersUpToTheEdgeOfNumeric) {
  for (const std::string& number : {std::string(131072, '9'), "0." + std::string(16383, '1'), std::string("1e131071"),
                                    std::string("-1e-16383"), std::string("0.001e131071")}) {
    EXPECT_EQ(canonical(number), number);
  }
}

TEST(Canonicaliser, RefusesNumbersOfTooManyDigitsAsUnstorable) {
  for (const std::string& number : {std::string(131073, '9'), "0." + std::string(16384, '1')}) {
    const auto error = refusal(number);
    ASSERT_TRUE(error);
    EXPECT_FALSE(error->malformed());
  }
}

TEST(Canonicaliser, RefusesAnObjectOfMoreThanAMillionKeys) {
  const auto object_of = [](int keys) {
    std::string json = "{";
    char key[16];
    for (int i = 0; i < keys; ++i) {
      std::snprintf(key, sizeof key, "\"%07x\":0,", static_cast<unsigned>(i));
      json += key;
    }
    json.back() = '}';
    return json;
  };
  EXPECT_FALSE(refusal(object_of(1 << 20)));
  const auto error = refusal(object_of((1 << 20) + 1));
  ASSERT_TRUE(error);
  EXPECT_FALSE(error->malformed());
}

// --- what is known of the last text

TEST(Canonicaliser, TellsTheKindOfTheOutermostValue) {
  Canonicaliser canonicaliser;
  const std::array<std::pair<const char*, JsonKind>, 7> rows = {{{"null", JsonKind::null},
                                                                 {"false", JsonKind::boolean},
                                                                 {"-1", JsonKind::number},
                                                                 {R"("{}")", JsonKind::string},
                                                                 {R"([{"a":1}])", JsonKind::array},
                                                                 {R"({"a":[1]})", JsonKind::object},
                                                                 {"true", JsonKind::boolean}}};
  for (const auto& [json, kind] : rows) {
    canonicaliser.canonicalise(json);
    EXPECT_EQ(canonicaliser.kind(), kind) << json;
  }
}

TEST(Canonicaliser, ListsTheMembersOfTheOutermostObjectByKey) {
  Canonicaliser canonicaliser;
  canonicaliser.canonicalise(R"( {"z": {"y":2, "x":1}, "a\"": "\u00e9", "": [ ] } )");
  ASSERT_EQ(canonicaliser.members().size(), 3U);
  EXPECT_EQ(canonicaliser.members()[0].key, "");
  EXPECT_EQ(canonicaliser.members()[0].value, "[]");
  EXPECT_EQ(canonicaliser.members()[1].key, R"(a\")");
  EXPECT_EQ(canonicaliser.members()[1].value, R"("é")");
  EXPECT_EQ(canonicaliser.members()[2].key, "z");
  EXPECT_EQ(canonicaliser.members()[2].value, R"({"x":1,"y":2})");
}

TEST(Canonicaliser, HasNoMembersForAListOfObjects) {
  Canonicaliser canonicaliser;
  canonicaliser.canonicalise(R"({"a":1})");
  canonicaliser.canonicalise(R"([{"a":1}])");
  EXPECT_TRUE(canonicaliser.members().empty());
}

TEST(Canonicaliser, SaysWhetherItReplacedANul) {
  Canonicaliser canonicaliser;
  for (const char* json : {R"("\u0000")", R"({"\u0000":1})", R"([{"a":["x\u0000"]}])"}) {
    canonicaliser.canonicalise(json);
    EXPECT_TRUE(canonicaliser.sanitised()) << json;
    canonicaliser.canonicalise(R"("\ufffd\\u0000")");
    EXPECT_FALSE(canonicaliser.sanitised());
  }
}

TEST(Canonicaliser, WorksOnAfterARefusal) {
  Canonicaliser canonicaliser;
  for (const char* bad : {R"({"b":1,"a":{"d":1,"c":)", R"({"a":1,"a":1})", R"(["\u0000\ud800"])"}) {
    EXPECT_THROW(canonicaliser.canonicalise(bad), JsonError);
    EXPECT_EQ(canonicaliser.canonicalise(R"({"b":1,"a":2})"), R"({"a":2,"b":1})");
    EXPECT_EQ(canonicaliser.members().size(), 2U);
    EXPECT_FALSE(canonicaliser.sanitised());
  }
}

TEST(Canonicaliser, LeavesInAnArenaWhatItWroteThere) {
  Canonicaliser canonicaliser;
  TextArena arena;
  for (const std::size_t size : {std::size_t{5}, std::size_t{70'000}, std::size_t{300'000}}) {
    const std::string text(size, 'x');
    const std::string json = R"({ "z" : ")" + text + R"(", "a": "\u0041" })";
    const std::string_view kept = canonicaliser.canonicalise(json, arena);
    const auto members = canonicaliser.members();
    EXPECT_THROW(canonicaliser.canonicalise(R"({"a":"\ud800"})", arena), JsonError);
    EXPECT_EQ(canonicaliser.canonicalise("[1]", arena), "[1]");
    EXPECT_EQ(canonicaliser.canonicalise("[ 2 ]"), "[2]");
    EXPECT_EQ(kept, R"({"a":"A","z":")" + text + R"("})");
    EXPECT_EQ(members.at(1).value, '"' + text + '"');
  }
}

TEST(Canonicaliser, GivesBackTheRoomOfWhatItRefuses) {
  Canonicaliser canonicaliser;
  TextArena arena;
  for (const std::size_t size : {std::size_t{10}, std::size_t{100'000}}) {
    const std::string refused = '"' + std::string(size, 'x') + R"(\ud800")";
    EXPECT_THROW(canonicaliser.canonicalise(refused, arena), JsonError);
    const char* const first = canonicaliser.canonicalise("1", arena).data();
    EXPECT_THROW(canonicaliser.canonicalise(refused, arena), JsonError);
    EXPECT_EQ(canonicaliser.canonicalise("2", arena).data(), first + 1);
  }
}

TEST(Canonicaliser, OrdersKeysThatBeginAlike) {
  EXPECT_EQ(canonical(R"({"callback_value":1,"callback_id":2,"callback":3,"callback\t":4,"callback\"":5,"callb":6})"),
            R"({"callb":6,"callback":3,"callback\t":4,"callback\"":5,"callback_id":2,"callback_value":1})");
  EXPECT_TRUE(refusal(R"({"callback_id":1,"callback":2,"callback\u005fid":3})")) << "the same key";
}

TEST(Canonicaliser, RefusesATextCutAtAnyByte) {
  const std::string whole = R"({"k\u00e9y":[1.5e+3,true,null,"\ud83d\ude00\\",{"a":{},"b":[]}],"":-0})";
  ASSERT_FALSE(refusal(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(refusal(std::string_view(whole).substr(0, size))) << size;
    EXPECT_FALSE(is_json(std::string_view(whole).substr(0, size))) << size;
  }
}

// --- one meaning, many spellings

/// Writes one random value in two ways that mean the same.
class TwoSpellings {
 public:
  explicit TwoSpellings(std::uint32_t seed) : random_(seed) {}

  std::pair<std::string, std::string> value(int depth) {
    switch (pick(depth > 3 ? 3 : 5)) {
      case 0:
        return string();
      case 1:
        return same(std::to_string(static_cast<int>(random_())));
      case 2:
        return same(pick(2) == 0 ? "null" : "true");
      case 3:
        return list(depth);
      default:
        return object(depth);
    }
  }

 private:
  using Pair = std::pair<std::string, std::string>;

  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }
  static Pair same(const std::string& text) { return {text, text}; }
  std::string blank() { return std::array{"", "", " ", "\n", "\t ", "\r\n"}[pick(6)]; }

  Pair string() {
    static const std::array<Pair, 10> pieces = {{{"a", "\\u0061"},
                                                 {"/", "\\/"},
                                                 {"é", "\\u00e9"},
                                                 {"é", "\\u00E9"},
                                                 {"😀", "\\ud83d\\ude00"},
                                                 {"\\n", "\\u000a"},
                                                 {"\\\"", "\\u0022"},
                                                 {"\\\\", "\\u005c"},
                                                 {"\\u001f", "\\u001F"},
                                                 {"\\u0000", "\\ufffd"}}};
    Pair text{"\"", "\""};
    for (unsigned i = pick(6); i > 0; --i) {
      const Pair& piece = pieces[pick(pieces.size())];
      text.first += pick(2) == 0 ? piece.first : piece.second;
      text.second += pick(2) == 0 ? piece.first : piece.second;
    }
    return {text.first + '"', text.second + '"'};
  }

  Pair list(int depth) {
    std::vector<std::string> first, second;
    for (unsigned i = pick(4); i > 0; --i) {
      const Pair element = value(depth + 1);
      first.push_back(element.first);
      second.push_back(element.second);
    }
    return {joined('[', first, ']'), joined('[', second, ']')};
  }

  Pair object(int depth) {
    std::vector<std::string> first, second;
    for (unsigned i = 0, count = pick(5); i < count; ++i) {
      const Pair key = string();
      const Pair content = value(depth + 1);
      first.push_back(member(key.first, i, content.first));
      second.push_back(member(key.second, i, content.second));
    }
    std::shuffle(second.begin(), second.end(), random_);
    return {joined('{', first, '}'), joined('{', second, '}')};
  }

  /// A number of its own keeps the keys of an object apart.
  std::string member(std::string key, unsigned number, const std::string& content) {
    key.insert(key.size() - 1, std::to_string(number));
    return key + blank() + ':' + blank() + content;
  }

  std::string joined(char open, const std::vector<std::string>& parts, char closed) {
    std::string text(1, open);
    text += blank();
    for (const std::string& part : parts) {
      if (&part != &parts[0]) text += ',';
      text += blank() + part + blank();
    }
    return text + closed;
  }

  std::mt19937 random_;
};

TEST(Canonicaliser, GivesOneFormToAllSpellingsOfOneMeaning) {
  constexpr std::uint32_t seed = 20240131;
  TwoSpellings spellings(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto [one, other] = spellings.value(0);
    const std::string form = canonical(one);
    ASSERT_EQ(form, canonical(other)) << "seed " << seed << ", value " << i << "\n" << one << "\n" << other;
    ASSERT_EQ(form, canonical(form)) << "seed " << seed << ", value " << i;
    ASSERT_TRUE(is_json(one) && is_json(form)) << "seed " << seed << ", value " << i;
  }
}

// --- compare_keys

TEST(CompareKeys, OrdersByWhatTheEscapesStandFor) {
  const std::vector<std::string> in_order = {"",      R"(\u0001)", R"(\b)", R"(\t)", R"(\u001f)", " ",      "!",
                                             R"(\")", R"(\"a)",    "#",     "[",     R"(\\)",     "]",      "a",
                                             "a!",    R"(a\")",    "a#",    "b",     "é",         "\uFFFF", "😀"};
  for (std::size_t i = 0; i < in_order.size(); ++i) {
    for (std::size_t j = 0; j < in_order.size(); ++j) {
      EXPECT_EQ(compare_keys(in_order[i], in_order[j]) < 0, i < j) << in_order[i] << " and " << in_order[j];
      EXPECT_EQ(compare_keys(in_order[i], in_order[j]) == 0, i == j) << in_order[i] << " and " << in_order[j];
    }
  }
}

// --- quoting

std::string unquoted(std::string_view quoted, bool& sanitised) {
  std::string room(quoted.size(), '?');
  room.resize(unquote(quoted, room.data(), sanitised));
  return room;
}

TEST(AppendQuoted, WritesTheCanonicalFormOfAText) {
  std::string out = "x";
  append_quoted(out, "a\"b\\c/d\n\r\t\b\f\x01\x1f\x7f é 😀");
  EXPECT_EQ(out, "x\"a\\\"b\\\\c/d\\n\\r\\t\\b\\f\\u0001\\u001f\x7f é 😀\"");
  EXPECT_EQ(canonical(out.substr(1)), out.substr(1));
}

TEST(AppendQuoted, IsUndoneByUnquote) {
  std::string all;
  for (int c = 1; c < 128; ++c) all += static_cast<char>(c);
  all += "é€😀";
  for (const std::string& text : {all, std::string(), std::string(100'000, '\\')}) {
    std::string quoted;
    append_quoted(quoted, text);
    bool sanitised = false;
    EXPECT_EQ(unquoted(quoted, sanitised), text);
    EXPECT_FALSE(sanitised);
  }
}

TEST(Unquote, ReadsEveryEscapeAndReplacesNul) {
  bool sanitised = false;
  EXPECT_EQ(unquoted(R"("\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00")", sanitised), "\"\\/\b\f\n\r\té€😀");
  EXPECT_FALSE(sanitised);
  EXPECT_EQ(unquoted(R"("a\u0000b")", sanitised),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_TRUE(sanitised);
}

TEST(Unquote, KeepsTheFlagOfAnEarlierText) {
  bool sanitised = true;
  unquoted(R"("a")", sanitised);
  EXPECT_TRUE(sanitised);
}

TEST(Unquote, RefusesWhatIsNoString) {
  bool sanitised = false;
  for (const char* text : {"", "\"", "a", "\"a", "a\"", "\"a\"b\"", "\"a\nb\"", R"("\")", R"("\q")", R"("\u12")"}) {
    try {
      unquoted(text, sanitised);
      ADD_FAILURE() << text;
    } catch (const JsonError& error) {
      EXPECT_TRUE(error.malformed()) << text;
    }
  }
}

TEST(Unquote, RefusesALoneSurrogateAsUnstorable) {
  bool sanitised = false;
  for (const char* text : {R"("\ud800")", R"("x\udfff")", R"("\ud800\u0041")"}) {
    try {
      unquoted(text, sanitised);
      ADD_FAILURE() << text;
    } catch (const JsonError& error) {
      EXPECT_FALSE(error.malformed()) << text;
    }
  }
}

// --- prove_json

TEST(ProveJson, GoesAsDeepAsTheTextWithoutUsingTheStack) {
  EXPECT_TRUE(is_json(nested(1'000'000)));
  EXPECT_TRUE(is_json(nested_objects(1'000'000)));
  EXPECT_FALSE(is_json(nested(1'000'000) + "]"));
  EXPECT_FALSE(is_json(std::string(1'000'000, '[')));
  EXPECT_FALSE(is_json(std::string(1'000'000, '[') + std::string(1'000'000, '}')));
}

TEST(ProveJson, AgreesWithTheCanonicaliserOnEveryTextOneByteAway) {
  const std::string whole = R"( {"a":[1,-0.5e+3,true,"\u00e9\n"],"b":{"c":null,"":[{}]}} )";
  const std::string bytes = "{}[]:,\"\\ua0e.-+ntx \x01";
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char byte : bytes) {
      std::string changed = whole;
      changed[at] = byte;
      const auto error = refusal(changed);
      EXPECT_EQ(is_json(changed), !error || !error->malformed()) << changed;
    }
  }
}

}  // namespace
}  // namespace odetl
