#include "daemon/page/status_page.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "daemon/page/activity_chart.hpp"
#include "daemon/page/calendar_chart.hpp"
#include "daemon/page/html.hpp"
#include "daemon/page/style.hpp"
#include "daemon/version.hpp"

namespace odetl::page {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kGapsInWords = 6;

// A teal circle, as text in an address: browsers ask for an icon otherwise.
constexpr const char* kIcon =
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' "
    "fill='%231f857b'/%3E%3C/svg%3E";

std::string tile(std::string_view name, const std::string& big, const std::string& small, std::string_view css = "") {
  return fmt::format(R"(<dl class="tile"><dt>{}</dt><dd class="big {}">{}</dd><dd class="small">{}</dd></dl>)", name,
                     css, big, small);
}

std::string card(std::string_view title, const std::string& note, const std::string& content) {
  return fmt::format(R"(<section class="card"><div class="head"><h2>{}</h2><p>{}</p></div>{}</section>)", title, note,
                     content);
}

std::string nothing(std::string_view words) { return fmt::format(R"(<p class="empty">{}</p>)", words); }

std::string notice(std::string_view title, const std::string& words) {
  return fmt::format(R"(<p class="notice" role="status"><b>{}</b> {}</p>)", title, escaped(words));
}

std::string about(std::int64_t count, bool estimated) { return (estimated ? "about " : "") + count_text(count); }

std::string watermark_tile(const PageFacts& facts) {
  const auto& watermark = facts.status->state.watermark;
  if (!watermark) return tile("Watermark, UTC", "none yet", "nothing is loaded");
  const std::string when =
      fmt::format(R"(<time datetime="{}">{}</time>)", to_rfc3339(*watermark), clock_text(*watermark).substr(11));
  return tile("Watermark, UTC", when,
              fmt::format("{} · lag {}", clock_text(*watermark).substr(0, 10), rough_text(facts.now - *watermark)));
}

std::string role_tile(const PageFacts& facts) {
  if (facts.leads) return tile("Role", "leading", "this process polls");
  if (facts.status->leader) return tile("Role", "standing by", "another process polls");
  return tile("Role", "not leading", "no process polls", "bad");
}

std::string gaps_tile(const StatusFacts& status) {
  std::chrono::seconds sum{0};
  const auto gaps = gaps_of(status.state);
  for (const TimeWindow& gap : gaps) sum += gap.width();
  return tile("Gaps in coverage", gaps.empty() ? "none" : std::to_string(gaps.size()),
              gaps.empty() ? "from end to end" : rough_text(sum) + " in all", gaps.empty() ? "" : "warn");
}

std::string tiles(const PageFacts& facts) {
  const StatusFacts& status = *facts.status;
  return R"(<div class="tiles">)" + watermark_tile(facts) + role_tile(facts) +
         tile("Interactions", about(status.interactions, status.interactions_estimated), "in the warehouse") +
         tile("Users", about(status.users, status.users_estimated), "in the warehouse") + gaps_tile(status) +
         tile("Rejected records", count_text(status.rejected), "in quarantine", status.rejected > 0 ? "warn" : "") +
         "</div>";
}

std::string gap_list(const StatusFacts& status) {
  const auto gaps = gaps_of(status.state);
  if (gaps.empty()) return "";
  std::string out = R"(<ul class="gaps">)";
  for (std::size_t i = 0; i < std::min(gaps.size(), kGapsInWords); ++i) {
    out +=
        fmt::format("<li><b>Gap of {}</b> from {} to {}{}</li>", rough_text(gaps[i].width()),
                    time_element(gaps[i].from), time_element(gaps[i].to),
                    status.state.poisoned.overlaps(gaps[i]) ? ": the server cannot serve it; rechecks try again" : "");
  }
  if (gaps.size() > kGapsInWords) {
    out += fmt::format(R"(<li>and {} more, in <a href="status.json">status.json</a></li>)", gaps.size() - kGapsInWords);
  }
  return out + "</ul>";
}

std::string coverage_card(const StatusFacts& status) {
  if (status.calendar.days.empty()) {
    return card("Coverage", "", nothing("Nothing is loaded yet: the first window that is loaded begins the calendar."));
  }
  std::string note = "every day of history, UTC";
  if (status.rows_spread) note += "; rows as the ledger has them, in wide windows spread evenly";
  if (status.calendar.begins_before) {
    note += fmt::format("; since {}, days before {} are left out here", day_text(*status.calendar.begins_before),
                        day_text(status.calendar.days.front().day));
  }
  return card("Coverage", note, calendar_chart(status.calendar) + calendar_legend() + gap_list(status));
}

std::string outcome_legend() {
  std::string out = R"(<ul class="legend">)";
  for (const char* outcome : {"loaded", "split", "failed", "poisoned"}) {
    out += fmt::format(R"(<li><span class="swatch {0}"></span>{0}</li>)", outcome);
  }
  return out + "</ul>";
}

std::string activity_card(const PageFacts& facts) {
  if (facts.status->activity.empty()) {
    return card("Last three hours", "", nothing("No window was read in the last three hours."));
  }
  return card("Last three hours", "windows by minute; the height is the time that the longest took",
              activity_chart(facts.status->activity, facts.status_read) + outcome_legend());
}

std::string backfill_card(const PageFacts& facts) {
  const auto pace = backfill_pace(*facts.status, facts.status_read);
  if (!pace) return "";
  std::string words =
      fmt::format("<p class=\"plain\">In the last minutes it read {} rows and {} of history a second, up to {}.",
                  count_text(static_cast<std::int64_t>(pace->rows_per_second)),
                  rough_text(std::chrono::seconds(static_cast<std::int64_t>(pace->history_per_second))),
                  time_element(pace->reached));
  if (pace->time_left) words += fmt::format(" At this pace all gaps are filled in {}.", rough_text(*pace->time_left));
  return card("Backfill", "as the ledger shows it: it works in a process of its own", words + "</p>");
}

std::string_view meaning_of(int code) {
  if (code == 0) return "no answer";
  if (code == 200) return "OK";
  if (code == 401 || code == 403) return "token not accepted";
  if (code == 404) return "not found";
  if (code == 422) return "refused as invalid";
  if (code == 429) return "too many requests";
  if (code >= 500) return "server error";
  if (code >= 300 && code < 400) return "redirect";
  return "other";
}

std::string requests_card(const PageFacts& facts) {
  const std::string note = "of this process, since " + clock_text(facts.started);
  if (facts.requests.empty()) return card("Requests by answer", note, nothing("None yet."));
  std::uint64_t most = 0;
  for (const auto& [code, count] : facts.requests) most = std::max(most, count);
  std::string out = R"(<ul class="bars">)";
  for (const auto& [code, count] : facts.requests) {
    const double share = 100.0 * static_cast<double>(count) / static_cast<double>(most);
    out += fmt::format(
        R"(<li><span>{} {}</span><span>{}</span><svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">)"
        R"(<rect class="bar{}" width="{:.1f}" height="4"/></svg></li>)",
        code == 0 ? "—" : std::to_string(code), meaning_of(code), count_text(static_cast<std::int64_t>(count)),
        code == 200 ? "" : " bad", std::max(1.0, share));
  }
  return card("Requests by answer", note, out + "</ul>");
}

std::string complaints(const std::vector<Complaint>& list, sys_seconds now) {
  std::string out = R"(<ul class="told">)";
  for (const Complaint& complaint : list) {
    out += fmt::format(R"(<li>{}<small>{}{}, {} ago</small></li>)", escaped(complaint.what),
                       complaint.count > 1 ? fmt::format("{} times, last ", count_text(complaint.count)) : "",
                       time_element(complaint.last), rough_text(now - complaint.last));
  }
  return out + "</ul>";
}

std::string errors_card(const PageFacts& facts) {
  const auto& errors = facts.status->errors;
  return card("Last errors", "", errors.empty() ? nothing("None in the ledger.") : complaints(errors, facts.now));
}

std::string rejects_card(const PageFacts& facts) {
  const StatusFacts& status = *facts.status;
  if (status.rejected == 0) return card("Rejected records", "", nothing("None: every record could be loaded."));
  return card("Rejected records", fmt::format("{} in quarantine; why, newest first", count_text(status.rejected)),
              complaints(status.reject_reasons, facts.now));
}

std::string window_text(const TimeWindow& window) {
  const std::string from = clock_text(window.from);
  const std::string to = clock_text(window.to);
  const bool same_day = from.substr(0, 10) == to.substr(0, 10);
  return from + " – " + (same_day ? to.substr(11) : to);
}

std::string windows_card(const StatusFacts& status) {
  if (status.windows.empty()) return card("Latest windows", "", nothing("None yet."));
  std::string out =
      R"(<div class="scroll" id="windows" tabindex="0" role="region" aria-label="Latest windows"><table><thead><tr>)"
      R"(<th scope="col">read at</th><th scope="col">window</th><th scope="col">for</th><th scope="col">outcome</th>)"
      R"(<th scope="col" class="n">rows</th><th scope="col" class="n">new</th><th scope="col" class="n">took</th></tr></thead><tbody>)";
  for (const LedgerRow& row : status.windows) {
    out += fmt::format(R"(<tr><td>{}</td><td>{}</td><td>{}</td><td title="{}"><span class="dot {}"></span>{}</td>)"
                       R"(<td class="n">{}</td><td class="n">{}</td><td class="n">{}</td></tr>)",
                       clock_text(row.finished).substr(11), window_text(row.window), escaped(row.reason),
                       escaped(row.error), escaped(row.outcome), escaped(row.outcome), count_text(row.rows_read),
                       count_text(row.inserted), duration_text(row.took));
  }
  return card("Latest windows", "newest first", out + "</tbody></table></div>");
}

std::string trouble(const PageFacts& facts) {
  std::string out;
  if (facts.not_ready) out += notice("Not ready:", *facts.not_ready);
  if (facts.status_trouble) {
    const std::string since =
        facts.status ? fmt::format("What follows is as of {} UTC.", clock_text(facts.status_read)) : "";
    out += notice("The warehouse cannot be read:", *facts.status_trouble + (since.empty() ? "" : " — " + since));
  }
  return out;
}

std::string title(const PageFacts& facts) { return facts.not_ready ? "not ready – opendialog-etl" : "opendialog-etl"; }

std::string main_part(const PageFacts& facts) {
  std::string out = fmt::format(R"(<main data-title="{}"><header><h1>opendialog-etl</h1><span class="from">{}</span>)"
                                R"(<span class="pill{}"><i></i>{}</span></header>)",
                                title(facts), escaped(facts.tenant), facts.not_ready ? " bad" : "",
                                facts.not_ready ? "not ready" : "ready") +
                    trouble(facts);
  if (facts.status) {
    out += tiles(facts) + backfill_card(facts) + coverage_card(*facts.status) + activity_card(facts) +
           R"(<div class="pair">)" + errors_card(facts) + rejects_card(facts) + requests_card(facts) + "</div>" +
           windows_card(*facts.status);
  } else {
    out += requests_card(facts);
  }
  return out +
         fmt::format(
             R"(<footer><span>as of {} UTC</span><span>{}</span><span>version {} ({})</span><span>)"
             R"(<a href="status.json">status.json</a> · <a href="metrics">metrics</a> · <a href="readyz">readyz</a>)"
             R"(</span></footer></main>)",
             time_element(facts.now), escaped(facts.warehouse), kVersion, kCommit);
}

}  // namespace

std::string security_policy(const std::string& nonce) {
  return fmt::format(
      "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; img-src data:; connect-src 'self'; "
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      nonce);
}

std::string render(const PageFacts& facts, const std::string& nonce) {
  return fmt::format(
      R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="robots" content="noindex"/><meta name="referrer" content="no-referrer"/>
<noscript><meta http-equiv="refresh" content="30"/></noscript>
<title>{}</title><link rel="icon" href="{}"/><style nonce="{}">{}</style></head>
<body><div class="wrap"><p id="lost" class="notice" role="alert"><b>No answer from this process.</b> What follows is what it told last; trying again.</p>{}</div>
<script nonce="{}">{}</script></body></html>
)",
      title(facts), kIcon, nonce, kStyle, main_part(facts), nonce, kScript);
}

}  // namespace odetl::page
