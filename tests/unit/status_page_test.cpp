#include "daemon/page/status_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/page/html.hpp"

namespace odetl::page {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

sys_seconds at(const char* text) { return std::chrono::floor<std::chrono::seconds>(*parse_timestamp(text)); }

// What is wrong with the nesting, the attributes or the references of a document; empty when it is well formed.
std::string malformed(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t i = html.find('\n'); i < html.size(); ++i) {
    const std::string here = html.substr(i, 60);
    if (html[i] == '&' && !testing::internal::RE::PartialMatch(here, testing::internal::RE("^&(amp|lt|gt|quot|#39);")))
      return "bad reference: " + here;
    if (html[i] != '<') continue;
    const bool closes = html[i + 1] == '/';
    std::size_t end = i + 1;
    bool quoted = false;
    for (; end < html.size() && (quoted || html[end] != '>'); ++end) {
      if (html[end] == '"') quoted = !quoted;
      if (html[end] == '<' && !quoted) return "< inside of a tag: " + here;
    }
    const std::string tag = html.substr(i + 1 + closes, html.find_first_of(" />", i + 2) - i - 1 - closes);
    if (closes) {
      if (open.empty() || open.back() != tag) return "closes what is not open: " + here;
      open.pop_back();
    } else if (html[end - 1] != '/') {
      open.push_back(tag);
      // What stands in these is not markup.
      if (tag == "style" || tag == "script") end = html.find("</" + tag, end) - 1;
    }
    i = end;
  }
  return open.empty() ? "" : "left open: " + open.back();
}

PageFacts facts() {
  PageFacts facts;
  facts.now = at("2024-03-06T12:00:15Z");
  facts.started = at("2024-03-06T08:00:00Z");
  facts.tenant = "https://acme.example";
  facts.warehouse = "postgresql://etl@db/dw";
  facts.leads = true;
  facts.requests = {{0, 2}, {200, 1234}, {429, 5}};
  facts.status_read = facts.now;
  StatusFacts& status = facts.status.emplace();
  status.state.coverage.add({at("2023-11-01T00:00:00Z"), at("2024-01-01T00:00:00Z")});
  status.state.coverage.add({at("2024-02-01T00:00:00Z"), at("2024-03-06T12:00:00Z")});
  status.state.poisoned.add({at("2024-01-05T00:00:00Z"), at("2024-01-05T00:00:01Z")});
  status.state.watermark = status.state.coverage.upper();
  status.leader = true;
  status.users = 1'000;
  status.interactions = 1'234'567;
  status.calendar = make_calendar(
      status.state, RowsByDay{{std::chrono::floor<std::chrono::days>(at("2024-03-05T00:00:00Z")), 345.0}}, facts.now);
  status.activity = {{at("2024-03-06T11:58:00Z"), "poll", "loaded", 2, 50, 45, 120ms, 900s, at("2024-03-06T11:58:00Z")},
                     {at("2024-03-06T11:59:00Z"), "backfill", "failed", 1, 0, 0, 3s, 900s, at("2024-03-06T11:58:00Z")}};
  status.windows = {
      {"{}", {at("2024-03-06T11:44:00Z"), at("2024-03-06T12:00:00Z")}, "poll", "loaded", 50, 45, 120ms, facts.now, ""}};
  return facts;
}

std::string page(const PageFacts& facts) { return render(facts, "n0nce"); }

TEST(StatusPage, IsWellFormedInEveryState) {
  PageFacts empty = facts();
  empty.status = StatusFacts{};
  PageFacts away = facts();
  away.status.reset();
  away.status_trouble = "connect to the database: refused";
  away.not_ready = "nothing was loaded yet";
  for (const PageFacts& each : {facts(), empty, away, PageFacts{}}) EXPECT_EQ(malformed(page(each)), "");
}

TEST(StatusPage, TellsWhereTheWatermarkIsAndWhoPolls) {
  const std::string html = page(facts());
  EXPECT_THAT(html, HasSubstr(R"(<time datetime="2024-03-06T12:00:00Z">12:00:00</time>)"));
  EXPECT_THAT(html, HasSubstr("2024-03-06 · lag 15 s"));
  EXPECT_THAT(html, HasSubstr("this process polls"));
  EXPECT_THAT(html, HasSubstr("<i></i>ready"));
  EXPECT_THAT(html, HasSubstr("1,234,567"));
  PageFacts standby = facts();
  standby.leads = false;
  EXPECT_THAT(page(standby), HasSubstr("another process polls"));
  standby.status->leader = false;
  EXPECT_THAT(page(standby), HasSubstr("no process polls"));
}

TEST(StatusPage, SaysWhyItIsNotReady) {
  PageFacts broken = facts();
  broken.not_ready = "the API is away";
  EXPECT_THAT(page(broken), HasSubstr("<b>Not ready:</b> the API is away"));
  EXPECT_THAT(page(broken), HasSubstr("<title>not ready"));
}

TEST(StatusPage, KeepsWhatItKnowsWhenTheDatabaseIsAway) {
  PageFacts away = facts();
  away.status_trouble = "connect to the database: refused";
  away.status_read = at("2024-03-06T11:50:00Z");
  EXPECT_THAT(page(away), HasSubstr("refused — What follows is as of 2024-03-06 11:50:00 UTC."));
  EXPECT_THAT(page(away), HasSubstr("1,234,567"));
  away.status.reset();
  EXPECT_THAT(page(away), HasSubstr("<b>The warehouse cannot be read:</b> connect to the database: refused</p>"));
  EXPECT_THAT(page(away), HasSubstr("Requests by answer"));
}

TEST(StatusPage, DrawsEveryDayInWords) {
  const std::string html = page(facts());
  EXPECT_THAT(html, HasSubstr("<title>2024-03-05 Tue: 345 rows</title>"));
  EXPECT_THAT(html, HasSubstr("<title>2024-03-04 Mon: loaded, nobody spoke</title>"));
  EXPECT_THAT(html, HasSubstr("<title>2024-01-31 Wed: not loaded</title>"));
  EXPECT_THAT(html, HasSubstr("<title>2024-01-05 Fri: 0 rows; seconds that the server cannot serve</title>"));
  EXPECT_THAT(html, HasSubstr("<figcaption>2024</figcaption>"));
  EXPECT_LT(html.find("<figcaption>2024</figcaption>"), html.find("<figcaption>2023</figcaption>"));
  EXPECT_THAT(html, HasSubstr("<b>Gap of 31 d</b>"));
}

TEST(StatusPage, SaysWhenTheBeginningOfHistoryIsLeftOut) {
  PageFacts old = facts();
  old.status->state.coverage.add({at("2001-01-01T00:00:00Z"), at("2024-01-01T00:00:00Z")});
  old.status->calendar = make_calendar(old.status->state, RowsByDay{}, old.now);
  EXPECT_THAT(page(old), HasSubstr("since 2001-01-01, days before"));
  EXPECT_LT(page(old).size(), 700'000U);
}

TEST(StatusPage, ShowsWhatWasDoneByMinute) {
  const std::string html = page(facts());
  EXPECT_THAT(html, HasSubstr("<title>11:58: 45 new rows</title>"));
  EXPECT_THAT(html, HasSubstr("<title>11:58 poll: 2 loaded (50 rows, 45 new, longest 120 ms)</title>"));
  EXPECT_THAT(html, HasSubstr(R"(<rect class="failed")"));
}

TEST(StatusPage, CountsRequestsByAnswer) {
  EXPECT_THAT(page(facts()), HasSubstr("200 OK</span><span>1,234</span>"));
  EXPECT_THAT(page(facts()), HasSubstr("429 too many requests</span><span>5</span>"));
  EXPECT_THAT(page(facts()), HasSubstr("— no answer</span><span>2</span>"));
}

TEST(StatusPage, EscapesEveryText) {
  const std::string evil = "<script>alert(\"'&\x01\xff\xc2\x9b\")</script>";
  PageFacts hostile = facts();
  hostile.tenant = hostile.warehouse = evil;
  hostile.not_ready = hostile.status_trouble = evil;
  StatusFacts& status = *hostile.status;
  status.rejected = 1;
  status.errors = status.reject_reasons = {{evil, 3, hostile.now}};
  status.activity[0].reason = status.activity[0].outcome = evil;
  status.windows[0].reason = status.windows[0].outcome = status.windows[0].error = evil;
  const std::string html = page(hostile);
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(
      html,
      HasSubstr("&lt;script&gt;alert(&quot;&#39;&amp;\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD&quot;)&lt;/script&gt;"));
  EXPECT_EQ(malformed(html), "");
}

TEST(StatusPage, LoadsNothingFromAnywhere) {
  const std::string html = page(facts());
  for (const char* attribute : {" src=", "@import", "url(http", "href=\"http", "href=\"//"})
    EXPECT_THAT(html, Not(HasSubstr(attribute)));
  const std::string policy = security_policy("n0nce");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("script-src 'nonce-n0nce'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_THAT(html, Not(HasSubstr(" style=")));  // which the policy would forbid
}

TEST(StatusPage, TellsABackfillByTheLedger) {
  PageFacts busy = facts();
  EXPECT_THAT(page(busy), Not(HasSubstr("<h2>Backfill</h2>")));
  busy.status->activity = {{at("2024-03-06T11:59:00Z"), "backfill", "loaded", 10, 6'000, 6'000, 1s,
                            std::chrono::hours(24), at("2024-01-15T00:00:00Z")}};
  EXPECT_THAT(page(busy), HasSubstr("<h2>Backfill</h2>"));
  EXPECT_THAT(page(busy), HasSubstr("read 100 rows and 24 min of history a second"));
  busy.status->activity[0].minute = at("2024-03-06T11:50:00Z");
  EXPECT_THAT(page(busy), Not(HasSubstr("<h2>Backfill</h2>")));
}

TEST(PageText, TellsDurationsInTwoFigures) {
  EXPECT_EQ(duration_text(5ms), "5 ms");
  EXPECT_EQ(duration_text(2340ms), "2.3 s");
  EXPECT_EQ(rough_text(59s), "59 s");
  EXPECT_EQ(rough_text(200s), "3 min 20 s");
  EXPECT_EQ(rough_text(std::chrono::hours(30)), "1 d 6 h");
  EXPECT_EQ(rough_text(std::chrono::hours(24 * 400 + 5)), "400 d");
}

}  // namespace
}  // namespace odetl::page
