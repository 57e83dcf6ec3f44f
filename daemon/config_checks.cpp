#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "daemon/config_keys.hpp"
#include "daemon/config_values.hpp"
#include "daemon/secrets.hpp"

namespace odetl {
namespace {

using std::chrono::milliseconds;

/// Compares two keys that are both fine by themselves, and blames the one that was written.
class Comparison {
 public:
  Comparison(std::string file, ConfigReader& reader) : file_(std::move(file)), reader_(reader) {}

  /// Where `key` stands; failing that, its section; failing that, the file.
  std::string where(const std::string& key) const {
    for (const std::string& path : {key, key.substr(0, key.find('.'))}) {
      if (const auto found = reader_.given.find(path); found != reader_.given.end()) return found->second;
    }
    return file_;
  }

  void not_more(const std::string& low, milliseconds least, const std::string& high, milliseconds most) {
    if (least > most) blame(low, least, high, most, " is more than ", " is less than ");
  }

  void less(const std::string& low, milliseconds least, const std::string& high, milliseconds most) {
    if (least >= most) blame(low, least, high, most, " is not less than ", " is not more than ");
  }

  /// Was `key` itself, or a part of it, refused?
  bool failed(const std::string& key) const {
    return std::any_of(reader_.failed.begin(), reader_.failed.end(), [&](const std::string& each) {
      return each.starts_with(key) && (each.size() == key.size() || each[key.size()] == '.' || each[key.size()] == '[');
    });
  }

 private:
  bool written(const std::string& key) const { return reader_.given.contains(key); }

  /// A default cannot be wrong, so the one that was written is; of two, the first.
  void blame(const std::string& low, milliseconds least, const std::string& high, milliseconds most, const char* above,
             const char* below) {
    if (failed(low) || failed(high)) return;
    const bool first = written(low) || !written(high);
    const std::string& other = first ? high : low;
    const std::string text = first ? duration_text(least) + above + high + " " + duration_text(most)
                                   : duration_text(most) + below + low + " " + duration_text(least);
    reader_.refuse(where(first ? low : high), first ? low : high,
                   text + (written(other) ? "" : " (the default)") + "; change one of the two");
  }

  std::string file_;
  ConfigReader& reader_;
};

std::string recheck_path(std::size_t i, const char* part) {
  return "windows.rechecks[" + std::to_string(i) + "]." + part;
}

void check_windows(Comparison& compare, const WindowsConfig& windows) {
  compare.not_more("windows.min_width", windows.min_width, "windows.width", windows.width);
  compare.not_more("windows.width", windows.width, "windows.max_width", windows.max_width);
  if (compare.failed("windows.rechecks")) return;
  for (std::size_t i = 0; i < windows.rechecks.size(); ++i) {
    const Recheck& recheck = windows.rechecks[i];
    compare.not_more("windows.poll_interval", windows.poll_interval, recheck_path(i, "every"), recheck.every);
    compare.less("windows.lookback", windows.lookback, recheck_path(i, "span"), recheck.span);
  }
}

void check_api(const Comparison& compare, ConfigReader& reader) {
  const ApiConfig& api = reader.config.api;
  if (!api.token.empty() && !api.token_file.empty()) {
    reader.refuse(compare.where("api.token_file"), "api.token_file",
                  "contradicts api.token at " + compare.where("api.token") + "; one of the two is accepted");
  }
  if (compare.failed("api.base_url")) return;
  const auto wrong =
      api.base_url.empty()
          ? "is required; the address of your tenant such as https://acme.cloud.opendialog.ai is accepted"
          : refuse_base_url(api.base_url, api.allow_http);
  if (wrong) reader.refuse(compare.where("api.base_url"), "api.base_url", *wrong);
}

}  // namespace

void check_contradictions(const std::string& file, ConfigReader& reader) {
  Comparison compare(file, reader);
  check_api(compare, reader);
  check_windows(compare, reader.config.windows);
}

}  // namespace odetl
