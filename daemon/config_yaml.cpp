#include "daemon/config_yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace odetl {
namespace {

using Kind = ConfigNode::Kind;

constexpr std::size_t kMostNodes = 10'000;
constexpr std::size_t kDeepest = 16;

/// Points into one text.
struct Source {
  const std::string& name;
  const std::string& text;

  std::string where(int line, int column) const {
    return name + ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1);
  }
  std::string where(std::size_t offset) const {
    const std::string_view before = std::string_view(text).substr(0, offset);
    const std::size_t start = before.rfind('\n') + 1;
    return where(static_cast<int>(std::count(before.begin(), before.end(), '\n')), static_cast<int>(offset - start));
  }
  std::string where(const YAML::Mark& mark) const { return mark.is_null() ? name : where(mark.line, mark.column); }
};

/// The document cannot be read to its end.
struct Unreadable {
  std::string where;
  std::string message;
};

/// Builds a ConfigNode of the parser's events. Unlike YAML::Node it sees keys that are given twice, and aliases
/// before they multiply.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(Source source, std::vector<ConfigProblem>& problems) : source_(source), problems_(problems) {}

  ConfigNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1)
      throw Unreadable{source_.where(mark), "a second document begins; a file with one is accepted"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(Kind::null, mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    report(mark, "an alias is not read; the value itself is accepted");
    add(Kind::refused, mark);
  }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    report(mark, "an anchor is not read; the value without it is accepted");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    refuse_tag(mark, tag);
    ConfigNode& node = add(Kind::scalar, mark);
    node.text = value;
    node.quoted = tag == "!";
    refuse_open_quote(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(add(Kind::list, mark), mark);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(add(Kind::map, mark), mark);
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  ConfigNode& place(Kind kind) {
    if (open_.empty()) return root_;
    ConfigNode& parent = *open_.back();
    const bool is_key = parent.kind == Kind::map && parent.keys.size() == parent.items.size();
    return (is_key ? parent.keys : parent.items).emplace_back(ConfigNode{.kind = kind});
  }

  ConfigNode& add(Kind kind, const YAML::Mark& mark) {
    if (++nodes_ > kMostNodes) throw Unreadable{source_.where(mark), "too many values; up to 10000 are accepted"};
    ConfigNode& node = place(kind);
    node.kind = kind;
    node.where = source_.where(mark);
    return node;
  }

  /// The pointer stays good: a parent gets its next child only after this one is closed.
  void open(ConfigNode& node, const YAML::Mark& mark) {
    if (open_.size() == kDeepest) throw Unreadable{source_.where(mark), "nested too deeply; 16 levels are accepted"};
    open_.push_back(&node);
  }

  void report(const YAML::Mark& mark, const char* message) { problems_.push_back({source_.where(mark), "", message}); }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.size() > 1) report(mark, "a tag is not read; the value without it is accepted");
  }

  /// yaml-cpp takes a quote that is never closed as closed at the end of the file.
  void refuse_open_quote(const YAML::Mark& mark) {
    const auto start = static_cast<std::size_t>(mark.pos);
    const char quote = start < source_.text.size() ? source_.text[start] : ' ';
    if (quote != '"' && quote != '\'') return;
    for (std::size_t i = start + 1; i < source_.text.size(); ++i) {
      if (quote == '"' && source_.text[i] == '\\')
        ++i;
      else if (source_.text[i] == quote)
        return;
    }
    throw Unreadable{source_.where(mark), "is not valid YAML: the quote that opens here is never closed"};
  }

  Source source_;
  std::vector<ConfigProblem>& problems_;
  ConfigNode root_;
  std::vector<ConfigNode*> open_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

std::size_t length_of_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool outside = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
  return overlong || outside ? 0 : length;
}

/// What YAML forbids and yaml-cpp lets pass, or takes for something else.
void refuse_odd_bytes(const Source& source) {
  const std::string_view text = source.text;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = length_of_utf8(text.substr(i));
    if (length == 0) throw Unreadable{source.where(i), "is not UTF-8; a text in UTF-8 is accepted"};
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
      throw Unreadable{source.where(i), "a control character; a text of lines is accepted"};
    }
    i += length;
  }
}

void report_tabs(const Source& source, std::vector<ConfigProblem>& problems) {
  const std::string_view text = source.text;
  for (std::size_t line = 0; line < text.size();) {
    const std::size_t end = std::min(text.find('\n', line), text.size());
    const std::string_view content = text.substr(line, end - line);
    const std::size_t indentation = content.find_first_not_of(" \t");
    const std::size_t tab = content.find('\t');
    if (indentation != std::string_view::npos && tab < indentation) {
      problems.push_back({source.where(line + tab), "", "a tab in the indentation; blanks are accepted"});
      if (problems.size() == kMostProblems) return;
    }
    line = end + 1;
  }
}

/// Without its byte order mark and with `\n` for `\r\n`.
std::string normalise(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' || text.substr(i + 1, 1) != "\n") plain += text[i];
  }
  return plain;
}

std::string syntax_message(const Source& source, const YAML::ParserException& error) {
  std::istringstream lines(source.text);
  std::string line;
  for (int i = 0; i <= error.mark.line && std::getline(lines, line); ++i) {
  }
  const bool reference = line.find("${") != std::string::npos;
  return "is not valid YAML: " + error.msg + (reference ? "; inside {…} and […] a ${VAR} needs quotes" : "");
}

void parse_yaml(const Source& source, TreeBuilder& builder) try {
  refuse_odd_bytes(source);
  std::istringstream stream(source.text);
  YAML::Parser parser(stream);
  while (parser.HandleNextDocument(builder)) {
  }
} catch (const YAML::ParserException& error) {
  throw Unreadable{source.where(error.mark), syntax_message(source, error)};
}

}  // namespace

std::optional<ConfigNode> read_tree(std::string_view raw, const std::string& name,
                                    std::vector<ConfigProblem>& problems) {
  if (raw.size() > kLargestConfigFile) {
    problems.push_back({name, "", "is too large; up to 1 MiB is accepted"});
    return {};
  }
  const std::string text = normalise(raw);
  const Source source{name, text};
  report_tabs(source, problems);
  if (!problems.empty()) return {};
  try {
    TreeBuilder builder(source, problems);
    parse_yaml(source, builder);
    return builder.take_root();
  } catch (const Unreadable& error) {
    problems.push_back({error.where, "", error.message});
    return {};
  }
}

}  // namespace odetl
