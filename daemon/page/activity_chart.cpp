#include "daemon/page/activity_chart.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>

#include "daemon/page/html.hpp"

namespace odetl::page {
namespace {

using namespace std::chrono_literals;

constexpr int kMinutes = static_cast<int>(std::chrono::minutes(kActivitySpan).count());
constexpr int kStep = 4;  // a minute
constexpr int kMark = 3;  // a mark in it
constexpr int kRowsHeight = 64;
constexpr int kLaneHeight = 26;
constexpr std::array kReasons = {"poll", "recheck", "backfill", "verify"};
constexpr std::array kOutcomes = {"loaded", "split", "failed", "poisoned"};  // the worst last

template <typename... Args>
void append(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

// What one reason did in one minute.
struct Mark {
  std::size_t worst = 0;
  std::chrono::milliseconds longest{0};
  std::string words;
};

std::size_t rank(const std::string& outcome) {
  const auto at = std::find(kOutcomes.begin(), kOutcomes.end(), outcome);
  return at == kOutcomes.end() ? 0 : static_cast<std::size_t>(at - kOutcomes.begin());
}

std::string head(std::string_view name, std::string_view detail) {
  return fmt::format(R"(<div class="lane"><div class="lane-name">{}<span>{}</span></div>)", escaped(name),
                     escaped(detail));
}

std::string drawing(int height, const std::string& label) {
  return fmt::format(R"(<svg viewBox="0 0 {} {}" preserveAspectRatio="none" class="h{}" role="img" aria-label="{}">)",
                     kMinutes * kStep, height, height, escaped(label));
}

// Marks of one lane: from the bottom, the square root of a share of the height, so that small ones are seen.
std::string mark(int minute, double share, int height, std::string_view css, const std::string& words) {
  const double tall = std::max(2.0, std::sqrt(std::clamp(share, 0.0, 1.0)) * height);
  return fmt::format(R"(<rect class="{}" x="{}" y="{:.1f}" width="{}" height="{:.1f}"><title>{}</title></rect>)", css,
                     minute * kStep, height - tall, kMark, tall, escaped(words));
}

class Chart {
 public:
  explicit Chart(sys_seconds now) : last_(std::chrono::floor<std::chrono::minutes>(now)) {}

  void add(const Activity& part) {
    const int minute =
        kMinutes - 1 - static_cast<int>((last_ - std::chrono::floor<std::chrono::minutes>(part.minute)).count());
    if (minute < 0 || minute >= kMinutes) return;
    rows_[minute] += part.inserted;
    Mark& mark = lanes_[part.reason][minute];
    if (mark.words.empty()) mark.words = fmt::format("{} {}:", minute_text(part.minute), part.reason);
    mark.words += fmt::format(" {} {} ({} rows, {} new, longest {})", part.windows, part.outcome,
                              count_text(part.rows_read), count_text(part.inserted), duration_text(part.longest));
    mark.worst = std::max(mark.worst, rank(part.outcome));
    mark.longest = std::max(mark.longest, part.longest);
  }

  std::string html() const {
    std::string out = R"(<div class="activity">)" + rows();
    for (const char* reason : kReasons) {
      if (const auto lane = lanes_.find(reason); lane != lanes_.end()) out += windows(lane->first, lane->second);
    }
    return out + axis() + "</div>";
  }

 private:
  std::string rows() const {
    std::int64_t most = 0, all = 0;
    for (const auto& [minute, count] : rows_) {
      most = std::max(most, count);
      all += count;
    }
    std::string out = head("new rows a minute", fmt::format("at most {}", count_text(most)));
    out += drawing(kRowsHeight, fmt::format("{} new rows in the last three hours, at most {} in a minute",
                                            count_text(all), count_text(most)));
    for (const auto& [minute, count] : rows_) {
      if (count <= 0) continue;
      const double share = static_cast<double>(count) / static_cast<double>(most);
      out += mark(minute, share * share, kRowsHeight, "rows",
                  fmt::format("{}: {} new rows", time_of(minute), count_text(count)));
    }
    return out + "</svg></div>";
  }

  std::string windows(const std::string& reason, const std::map<int, Mark>& marks) const {
    std::chrono::milliseconds longest{1};
    for (const auto& [minute, mark] : marks) longest = std::max(longest, mark.longest);
    std::string out = head(reason, "longest " + duration_text(longest));
    out += drawing(kLaneHeight, fmt::format("Windows read for {}, the longest in {}", reason, duration_text(longest)));
    for (const auto& [minute, window] : marks) {
      const double share = static_cast<double>(window.longest.count()) / static_cast<double>(longest.count());
      out += mark(minute, share, kLaneHeight, kOutcomes[window.worst], window.words);
    }
    return out + "</svg></div>";
  }

  // The hours, under the marks.
  std::string axis() const {
    std::string out = R"(<div class="lane axis" aria-hidden="true"><div></div><div class="hours">)";
    for (int minute = 0; minute < kMinutes; minute += 30) append(out, "<span>{}</span>", time_of(minute));
    return out + "</div></div>";
  }

  std::string time_of(int minute) const { return minute_text(last_ - std::chrono::minutes(kMinutes - 1 - minute)); }

  std::chrono::sys_time<std::chrono::minutes> last_;
  std::map<int, std::int64_t> rows_;
  std::map<std::string, std::map<int, Mark>> lanes_;
};

}  // namespace

std::string activity_chart(const std::vector<Activity>& activity, sys_seconds now) {
  Chart chart(now);
  for (const Activity& part : activity) chart.add(part);
  return chart.html();
}

}  // namespace odetl::page
