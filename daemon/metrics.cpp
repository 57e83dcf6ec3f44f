#include "daemon/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "daemon/log.hpp"
#include "daemon/version.hpp"

namespace odetl {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries kSeconds = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};
const Histogram::BucketBoundaries kLateness = {1, 5, 10, 15, 30, 60, 120, 300, 900, 3600, 86400};

double seconds_of(std::chrono::milliseconds duration) { return static_cast<double>(duration.count()) / 1000.0; }

double unix_time(Timestamp at) { return static_cast<double>(at.time_since_epoch().count()) / 1e6; }

Family<Counter>& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return BuildCounter().Name(std::string("opendialog_etl_") + name).Help(help).Register(registry);
}

Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help, const prometheus::Labels& labels = {}) {
  return BuildGauge().Name(std::string("opendialog_etl_") + name).Help(help).Register(registry).Add(labels);
}

Gauge& process_gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

double open_descriptors() {
  std::error_code ignored;
  double count = -1;  // the one that lists them
  for (auto at = std::filesystem::directory_iterator("/proc/self/fd", ignored); at != std::filesystem::directory_iterator();
       at.increment(ignored)) {
    ++count;
  }
  return count;
}

struct Memory {
  double all = 0;
  double resident = 0;
};

Memory memory_bytes() {
  std::ifstream statm("/proc/self/statm");
  Memory pages;
  statm >> pages.all >> pages.resident;
  const auto size = static_cast<double>(sysconf(_SC_PAGESIZE));
  return {pages.all * size, pages.resident * size};
}

double descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;
  Gauge& watermark = gauge(registry, "watermark_timestamp_seconds", "The upper edge of what is loaded, as a Unix time.");
  Gauge& lag = gauge(registry, "lag_seconds", "How far the watermark is behind now.");
  Gauge& last_success = gauge(registry, "last_success_timestamp_seconds", "When a window was last loaded, as a Unix time.");
  Family<Counter>& interactions = counter(registry, "interactions_total", "Interactions read, by what became of them.");
  Family<Counter>& users = counter(registry, "users_total", "Users read, by what became of them.");
  Family<Counter>& windows = counter(registry, "windows_total", "Windows read, by reason and outcome.");
  Family<Counter>& requests = counter(registry, "api_requests_total", "Requests to the API, by HTTP status; 0 without an answer.");
  Histogram& request_seconds = BuildHistogram().Name("opendialog_etl_api_request_seconds").Help("Time from request to last byte.").Register(registry).Add({}, kSeconds);
  Counter& response_bytes = counter(registry, "api_response_bytes_total", "Bytes of the bodies of answers, as sent.").Add({});
  Family<Counter>& retries = counter(registry, "api_retries_total", "Failures that were tried again, by cause.");
  Histogram& load_seconds = BuildHistogram().Name("opendialog_etl_load_seconds").Help("Time of a load's transaction.").Register(registry).Add({}, kSeconds);
  Gauge& width = gauge(registry, "window_width_seconds", "How wide a window may be that begins now.");
  Histogram& lateness = BuildHistogram().Name("opendialog_etl_row_lateness_seconds").Help("Age of new interactions when they were first seen by a poll.").Register(registry).Add({}, kLateness);
  Gauge& gaps = gauge(registry, "coverage_gap_seconds", "Time behind the watermark that is not loaded.");
  Gauge& rejected = gauge(registry, "rejected_records", "Records in quarantine.");
  Counter& users_without_id = counter(registry, "users_without_id_total", "User records whose id the server lost.").Add({});
  Gauge& leader = gauge(registry, "leader", "1 while this process polls, 0 while it stands by.");
  Gauge& remaining = gauge(registry, "rate_limit_remaining", "Requests that the server still allows in this minute.");
  Gauge& backfill = gauge(registry, "backfill_progress_ratio", "Share of the running backfill that is done.");
  Gauge& config = gauge(registry, "configuration_last_load_successful", "0 when the configuration could not be reloaded.");
  Counter& lost_lines = counter(registry, "log_lines_dropped_total", "Lines of the log that standard error did not take.").Add({});
  Gauge& build = gauge(registry, "build_info", "Always 1.", {{"version", kVersion}, {"commit", kCommit}});
  Counter& cpu = BuildCounter().Name("process_cpu_seconds_total").Help("User and system time.").Register(registry).Add({});
  Gauge& resident = process_gauge(registry, "process_resident_memory_bytes", "Resident memory.");
  Gauge& virtual_memory = process_gauge(registry, "process_virtual_memory_bytes", "Address space.");
  Gauge& descriptors = process_gauge(registry, "process_open_fds", "Open file descriptors.");
  Gauge& most_descriptors = process_gauge(registry, "process_max_fds", "The limit on open file descriptors.");
  Gauge& started = process_gauge(registry, "process_start_time_seconds", "Start of the process, as a Unix time.");
  std::atomic<bool> has_watermark{false};
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {
  Families& f = *families_;
  f.build.Set(1);
  f.config.Set(1);
  f.started.Set(static_cast<double>(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
  // Series that exist from the beginning can be alerted on.
  for (const char* result : {"inserted", "updated", "unchanged", "deleted", "rejected"}) f.interactions.Add({{"result", result}});
  for (const char* result : {"inserted", "updated", "unchanged"}) f.users.Add({{"result", result}});
  for (const Reason reason : {Reason::poll, Reason::recheck}) {
    for (const Outcome outcome : {Outcome::loaded, Outcome::failed, Outcome::split, Outcome::poisoned}) {
      f.windows.Add({{"reason", to_text(reason)}, {"outcome", to_text(outcome)}});
    }
  }
  for (const char* code : {"0", "200", "401", "429", "500", "503"}) f.requests.Add({{"code", code}});
  for (int cause = 0; cause <= static_cast<int>(Failure::not_leader); ++cause) {
    f.retries.Add({{"cause", to_text(static_cast<Failure>(cause))}});
  }
}

Metrics::~Metrics() = default;

void Metrics::request(const Exchange& exchange) {
  families_->requests.Add({{"code", std::to_string(exchange.status)}}).Increment();
  families_->request_seconds.Observe(seconds_of(exchange.duration));
  families_->response_bytes.Increment(static_cast<double>(exchange.body_bytes));
  if (exchange.rate_limit.remaining) rate_limit_remaining(*exchange.rate_limit.remaining);
}

void Metrics::retry(Failure cause) { families_->retries.Add({{"cause", to_text(cause)}}).Increment(); }

void Metrics::window(const WindowReport& report) {
  Families& f = *families_;
  f.windows.Add({{"reason", to_text(report.reason)}, {"outcome", to_text(report.outcome)}}).Increment();
  if (report.outcome != Outcome::loaded) return;
  const auto add = [](Family<Counter>& family, const char* result, std::uint64_t count) {
    family.Add({{"result", result}}).Increment(static_cast<double>(count));
  };
  add(f.interactions, "inserted", report.inserted);
  add(f.interactions, "updated", report.updated);
  add(f.interactions, "unchanged", report.unchanged);
  add(f.interactions, "deleted", report.deleted);
  add(f.interactions, "rejected", report.rejected);
  add(f.users, "inserted", report.users_inserted);
  add(f.users, "updated", report.users_updated);
  add(f.users, "unchanged", report.users_unchanged);
  f.users_without_id.Increment(static_cast<double>(report.users_without_id));
  f.load_seconds.Observe(seconds_of(report.load));
  f.last_success.Set(unix_time(report.started_at));
  if (report.reason == Reason::poll) {
    for (const std::chrono::seconds late : report.lateness) f.lateness.Observe(static_cast<double>(late.count()));
  }
}

void Metrics::rejected_records(std::uint64_t now) { families_->rejected.Set(static_cast<double>(now)); }
void Metrics::window_width(std::chrono::seconds width) { families_->width.Set(static_cast<double>(width.count())); }

void Metrics::watermark(std::optional<sys_seconds> watermark, std::chrono::seconds gaps) {
  families_->gaps.Set(static_cast<double>(gaps.count()));
  families_->has_watermark = watermark.has_value();
  if (watermark) families_->watermark.Set(unix_time(*watermark));
}

void Metrics::rate_limit_remaining(std::int64_t remaining) { families_->remaining.Set(static_cast<double>(remaining)); }
void Metrics::leader(bool leads) { families_->leader.Set(leads ? 1 : 0); }
void Metrics::backfill_progress(double ratio) { families_->backfill.Set(ratio); }
void Metrics::configuration_loaded(bool well) { families_->config.Set(well ? 1 : 0); }

std::string Metrics::expose(Timestamp now) {
  Families& f = *families_;
  if (f.has_watermark) f.lag.Set(unix_time(now) - f.watermark.Value());
  f.cpu.Increment(cpu_seconds() - f.cpu.Value());
  const Memory memory = memory_bytes();
  f.resident.Set(memory.resident);
  f.virtual_memory.Set(memory.all);
  f.most_descriptors.Set(descriptor_limit());
  f.lost_lines.Increment(static_cast<double>(lost_log_lines()) - f.lost_lines.Value());
  f.descriptors.Set(open_descriptors());
  return prometheus::TextSerializer().Serialize(f.registry.Collect());
}

}  // namespace odetl
