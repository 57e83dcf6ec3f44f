#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>

#include "daemon/config.hpp"
#include "tests/unit/config_parsing.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Document {
  const char* name;
  std::string text;
  const char* problem;  ///< what the first line is; empty when the text is fine
};

class Yaml : public testing::TestWithParam<Document> {};

TEST_P(Yaml, OfAnOddShapeIsDefined) {
  const std::string all = problems(GetParam().text, {"api.base_url=https://acme.example"});
  EXPECT_EQ(all.substr(0, all.find('\n')), GetParam().problem);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Yaml,
    testing::Values(
        Document{"Empty", "", ""},  //
        Document{"OnlyComments", "# nothing\n\n", ""},
        Document{"SectionWithOnlyComments", "log:\n  # level: info\n", ""},
        Document{"ByteOrderMark",
                 "\xef\xbb\xbf"
                 "log: {level: warn}\n",
                 ""},
        Document{"Crlf", "log:\r\n  level: warn\r\n  format: text\r\n", ""},
        Document{"EndOfDocument", "---\nlog: {}\n...\n", ""},
        Document{"TabAfterAValue", "log:\n  level: info\t# loud\n\t\n", ""},
        Document{"TabInTheIndentation", "log:\n\tlevel: info\n",
                 "c.yaml:2:1: a tab in the indentation; blanks are accepted"},
        Document{"LoneCarriageReturn", "log: {}\rhttp: {}",
                 "c.yaml:1:8: a control character; a text of lines is accepted"},
        Document{"Nul", std::string("log:\0 {}", 8), "c.yaml:1:5: a control character; a text of lines is accepted"},
        Document{"Latin1", "# M\xfcnchen\n", "c.yaml:1:4: is not UTF-8; a text in UTF-8 is accepted"},
        Document{"Overlong", "# \xc0\xaf\n", "c.yaml:1:3: is not UTF-8; a text in UTF-8 is accepted"},
        Document{"Surrogate", "# \xed\xa0\x80\n", "c.yaml:1:3: is not UTF-8; a text in UTF-8 is accepted"},
        Document{"CutCharacter", "# \xe2\x82", "c.yaml:1:3: is not UTF-8; a text in UTF-8 is accepted"},
        Document{"Utf16", std::string("\xff\xfel\0", 4), "c.yaml:1:1: is not UTF-8; a text in UTF-8 is accepted"},
        Document{"List", "- a\n",
                 "c.yaml:1:1: is no mapping; api, warehouse, windows, backfill, unknown_users, http, state_dir, log "
                 "are accepted below it"},
        Document{"Scalar", "hello",
                 "c.yaml:1:1: is no mapping; api, warehouse, windows, backfill, unknown_users, http, state_dir, log "
                 "are accepted below it"},
        Document{"SecondDocument", "log: {}\n---\nhttp: {}\n",
                 "c.yaml:2:1: a second document begins; a file with one is accepted"},
        Document{"KeyTwice", "log:\n  level: info\n  level: warn\n",
                 "c.yaml:3:3: log.level: is given twice, first at c.yaml:2:3; once is accepted"},
        Document{"SectionTwice", "log: {}\nlog: {}\n",
                 "c.yaml:2:1: log: is given twice, first at c.yaml:1:1; once is accepted"},
        Document{"KeyOfARecheckTwice", "windows: {rechecks: [{every: 1h, span: 1d, every: 2h}]}",
                 "c.yaml:1:44: windows.rechecks[0].every: is given twice, first at c.yaml:1:23; once is accepted"},
        Document{"ListAsKey", "log:\n  ? [a]\n  : b\n", "c.yaml:2:5: log: a key that is no text; a name is accepted"},
        Document{"NoKey", ": a\n", "c.yaml:1:1: a key that is no text; a name is accepted"},
        Document{"Anchor", "log: &l {level: info}\n",
                 "c.yaml:1:6: an anchor is not read; the value without it is accepted"},
        Document{"Tag", "log: {level: !!str info}\n",
                 "c.yaml:1:14: a tag is not read; the value without it is accepted"},
        Document{"OpenBrace", "log: {level: info\n", "c.yaml:2:1: is not valid YAML: end of map flow not found"},
        Document{"OpenQuote", "state_dir: \"/a\nlog: {}\n",
                 "c.yaml:1:12: is not valid YAML: the quote that opens here is never closed"},
        Document{"OpenSingleQuote", "state_dir: '/a\nlog: {}\n",
                 "c.yaml:1:12: is not valid YAML: the quote that opens here is never closed"},
        Document{"WrongIndentation", "log:\n  level: info\n format: text\n",
                 "c.yaml:3:2: is not valid YAML: end of map not found"},
        Document{"TwoColons", "state_dir: a: b\n", "c.yaml:1:13: is not valid YAML: illegal map value"},
        Document{"ReferenceInBraces", "log: {level: ${X}}\n",
                 "c.yaml:1:15: is not valid YAML: end of map flow not found; inside {…} and […] a ${VAR} needs quotes"},
        Document{"DeepNesting", std::string(17, '[') + std::string(17, ']'),
                 "c.yaml:1:17: nested too deeply; 16 levels are accepted"},
        Document{"ManyNodes", "log: [" + std::string(30'000, ',') + "]",
                 "c.yaml:1:10004: too many values; up to 10000 are accepted"},
        Document{"OverAMebibyte", "#" + std::string(1 << 20, 'x'), "c.yaml: is too large; up to 1 MiB is accepted"},
        Document{"AMebibyte", "#" + std::string((1 << 20) - 1, 'x'), ""}),
    [](const auto& each) { return each.param.name; });

TEST(Yaml, BombOfAliasesIsRefusedBeforeItGrows) {
  std::string bomb = "log: &a0 [x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    bomb += "k" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias;
    for (int j = 1; j < 8; ++j) bomb += ", " + alias;
    bomb += "]\n";
  }
  const std::string lines = problems(bomb);
  EXPECT_THAT(lines, HasSubstr("c.yaml:2:10: an alias is not read; the value itself is accepted\n"));
  EXPECT_THAT(lines, testing::ContainsRegex("\nand [0-9]+ more$")) << "so that the first of them can be seen";
}

// Newer releases of yaml-cpp tell its name.
TEST(Yaml, AnUnknownAliasIsRefused) {
  EXPECT_THAT(problems("log: *l\n"),
              testing::StartsWith("c.yaml:1:6: is not valid YAML: the referenced anchor is not defined"));
}

TEST(Yaml, DeepNestingIsRefusedBeforeItIsFollowed) {
  for (const char* open : {"[", "{", "- ", "? ", "{? ", "[a: "}) {
    std::string text;
    while (text.size() < 100'000) text += open;
    EXPECT_THAT(problems(text), HasSubstr("nested too deeply; 16 levels are accepted")) << open;
  }
}

std::string file_text(const std::string& name) {
  std::ifstream file(std::string(ODETL_SOURCE_DIR) + "/config/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::pair<std::string, std::string> split(const std::string& path) {
  const std::size_t dot = path.find('.');
  return dot == std::string::npos ? std::pair<std::string, std::string>("", path)
                                  : std::pair(path.substr(0, dot), path.substr(dot + 1));
}

TEST(Example, LoadsAndIsTheDefaults) {
  Config expected;
  expected.api.base_url = "https://acme.cloud.opendialog.ai";
  expected.api.token = "hunter2";
  EXPECT_EQ(parse(file_text("opendialog-etl.yaml")), expected);
}

/// `path: default  # words or range` below its description; without default it has an example and may be a comment.
TEST(Example, ShowsEveryKeyOfTheTableWithDescriptionDefaultAndWhatIsAccepted) {
  const std::string text = file_text("opendialog-etl.yaml");
  for (const ConfigKey& key : config_keys()) {
    const auto [section, name] = split(key.path);
    const std::string indent = section.empty() ? "" : "  ";
    std::string note;
    for (const std::string& word : key.accepted) note += (note.empty() ? "" : " | ") + word;
    if (note.empty()) note = key.range;
    const std::size_t at = text.find("\n" + indent + "# " + key.description + "\n");
    ASSERT_NE(at, std::string::npos) << key.path;
    const std::string line = text.substr(text.find('\n', at + 1) + 1,
                                         text.find('\n', text.find('\n', at + 1) + 1) - text.find('\n', at + 1) - 1);
    if (!key.default_text.empty()) {
      EXPECT_EQ(line, indent + name + ": " + key.default_text + (note.empty() ? "" : "  # " + note));
    } else {
      EXPECT_TRUE(line.starts_with(indent + name + ": ") || line.starts_with(indent + "# " + name + ": ")) << line;
    }
  }
}

TEST(Example, LoadsWithEveryCommentedKeyTakenIn) {
  std::string text = file_text("opendialog-etl.yaml");
  for (const char* key : {"dsn", "start"}) text.replace(text.find(std::string("# ") + key + ":"), 2, "");
  text = std::regex_replace(text, std::regex("  token: .*\n"), "");
  text.replace(text.find("# token_file:"), 2, "");
  const Config config = parse(text);
  EXPECT_EQ(config.api.token_file, "/etc/opendialog-etl/token");
  EXPECT_EQ(config.windows.start, sys_seconds{1704067200s});
  EXPECT_NE(config.warehouse.dsn, "");
}

class Schema : public testing::Test {
 protected:
  /// JSON is YAML, whose nodes are easier to walk.
  YAML::Node schema_ = YAML::Load(file_text("opendialog-etl.schema.json"));

  YAML::Node property(const std::string& path) const {
    const auto [section, name] = split(path);
    return section.empty() ? schema_["properties"][name] : schema_["properties"][section]["properties"][name];
  }
  YAML::Node alternative(const std::string& path) const {
    const YAML::Node node = property(path);
    return node["anyOf"] ? node["anyOf"][0] : node;
  }
  bool matches(const std::string& pattern, const std::string& text) const {
    return std::regex_search(text, std::regex(pattern));
  }
};

std::string plain(const YAML::Node& node) {
  if (node.IsScalar()) return node.Scalar();
  std::string text = node.IsMap() ? "{" : "[";
  if (node.IsMap()) {
    for (const auto& entry : node) text += entry.first.Scalar() + ": " + plain(entry.second) + ", ";
  } else {
    for (const auto& item : node) text += plain(item) + ", ";
  }
  return text + "}";
}

TEST_F(Schema, IsJson) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  EXPECT_EQ(parser.load(std::string(ODETL_SOURCE_DIR) + "/config/opendialog-etl.schema.json").get(root),
            simdjson::SUCCESS);
}

TEST_F(Schema, HasEveryKeyOfTheTableWithItsDescriptionDefaultAndWords) {
  for (const ConfigKey& key : config_keys()) {
    const YAML::Node node = property(key.path);
    ASSERT_TRUE(node) << key.path;
    EXPECT_EQ(node["description"].as<std::string>(), key.description);
    EXPECT_EQ(node["default"].IsDefined(), !key.default_text.empty()) << key.path;
    const YAML::Node written = node["default"];
    EXPECT_EQ(written ? plain(written) : "", written ? plain(YAML::Load(key.default_text)) : "") << key.path;
    const YAML::Node words = alternative(key.path)["enum"];
    EXPECT_EQ(words ? words.as<std::vector<std::string>>() : std::vector<std::string>{}, key.accepted) << key.path;
  }
}

TEST_F(Schema, HasNoKeyThatTheTableLacksAndAllowsNoOther) {
  std::vector<std::string> paths;
  EXPECT_FALSE(schema_["additionalProperties"].as<bool>());
  for (const auto& top : schema_["properties"]) {
    const std::string name = top.first.Scalar();
    const bool section = std::any_of(config_keys().begin(), config_keys().end(),
                                     [&](const ConfigKey& key) { return key.path.starts_with(name + "."); });
    if (!section) paths.push_back(name);
    if (!section) continue;
    EXPECT_FALSE(top.second["additionalProperties"].as<bool>()) << name;
    for (const auto& each : top.second["properties"]) paths.push_back(name + "." + each.first.Scalar());
  }
  std::vector<std::string> expected;
  for (const ConfigKey& key : config_keys()) expected.push_back(key.path);
  EXPECT_EQ(paths, expected);
}

TEST_F(Schema, BoundsIntegersAsTheProgramDoes) {
  for (const ConfigKey& key : config_keys()) {
    if (key.type != "integer") continue;
    const auto least = alternative(key.path)["minimum"].as<long>();
    const auto most = alternative(key.path)["maximum"].as<long>();
    const auto fine = [&](long value) { return problems_of_sets({key.path + "=" + std::to_string(value)}).empty(); };
    EXPECT_TRUE(fine(least) && fine(most)) << key.path;
    EXPECT_FALSE(fine(least - 1) || fine(most + 1)) << key.path;
  }
}

TEST_F(Schema, PatternsAgreeWithTheProgram) {
  const auto duration = schema_["$defs"]["duration"]["pattern"].as<std::string>();
  for (const char* text :
       {"0", "90s", "1h30m", "500ms", "7d", "1d1h1m1s1ms", "", "60", "1s1s", "30m1h", "s", "1.5h", "-1s", "1m1ms"}) {
    EXPECT_EQ(matches(duration, text), parse_duration(text).has_value()) << text;
  }
  const auto size = alternative("api.max_response")["pattern"].as<std::string>();
  for (const char* text : {"1024", "64KiB", "10MB", "1kB", "1B", "", "KiB", "1KB", "1.5GiB", "1 MB", "-1"}) {
    EXPECT_EQ(matches(size, text), parse_size(text).has_value()) << text;
  }
  const std::map<std::string, std::vector<std::string>> samples{
      {"warehouse.schema",
       {"a", "_a1", "pg", "pg_a", "A", "1a", "a-b", "information_schema", "information_schema2", std::string(63, 'a'),
        std::string(64, 'a')}},
      {"warehouse.dsn", {"postgresql://h/d", "postgres://", "host=h", "host = h", "mysql://h", "h"}},
      {"http.listen", {"", "127.0.0.1:0", "[::1]:9464", "a.example:80", "::1:80", ":80", "a", "a:b", "a b:80"}},
      {"api.proxy", {"", "http://p:1", "socks5h://p", "p:1", "ftp://p", "http://", "http://a b"}},
      {"state_dir", {"a", "/var/lib"}}};
  for (const auto& [path, texts] : samples) {
    const auto pattern = alternative(path)["pattern"].as<std::string>();
    for (const std::string& text : texts) {
      EXPECT_EQ(matches(pattern, text),
                problems(kBase + split(path).first + (split(path).first.empty() ? "" : ": ") +
                         (split(path).first.empty() ? split(path).second + ": \"" + text + "\""
                                                    : "{" + split(path).second + ": \"" + text + "\"}"))
                        .find(path) == std::string::npos)
          << path << " " << text;
    }
  }
}

}  // namespace
}  // namespace odetl
