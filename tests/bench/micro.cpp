#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <stdexcept>

#include "etl/canonical_json.hpp"
#include "etl/content_coding.hpp"
#include "etl/copy_rows.hpp"
#include "etl/identity.hpp"
#include "etl/known_answer.hpp"
#include "etl/load_rows.hpp"
#include "etl/planner.hpp"
#include "etl/response_parser.hpp"
#include "etl/window_diff.hpp"
#include "tests/simulator/gzip.hpp"
#include "tests/simulator/tenant.hpp"

// What each step of a window costs, over one full answer of the simulated tenant. bytes_per_second counts the JSON; of the
// hash the compressed bytes, of identity and of differences what is hashed or compared, of COPY what the database gets.
namespace odetl::bench {
namespace {

using std::chrono::hours;

constexpr std::uint64_t kRows = 8'000;
constexpr int kWindows = 10'000;
constexpr std::size_t kMaxResponse = std::size_t{256} << 20;
constexpr sys_seconds kFrom = std::chrono::sys_days(std::chrono::year(2024) / 1 / 15);
constexpr TimeWindow kDay{kFrom, kFrom + hours(24)};

// One answer, and what becomes of it on its way.
struct Sample {
  Sample();
  std::string json;
  std::string gzip;
  std::string answered;            // the data of every interaction, as served
  std::vector<std::string_view> data;
  Body body;
  ParseOptions options;
  ResponseParser parser;
  const Batch* batch = nullptr;
};

std::string full_answer() {
  simulator::TenantOptions options;
  options.order = simulator::Order::insertion;
  simulator::Tenant tenant(options);
  tenant.generate({.from = kDay.from, .to = kDay.to, .rows = kRows, .users = kRows / 25, .numeric_permille = 0});
  return tenant.list(simulator::window_between(kDay.from, kDay.to)).value().body;
}

Sample::Sample() : json(full_answer()), gzip(simulator::gzip(json)) {
  body.assign(json);
  options.asked = {kDay.from, kDay.to};
  options.owned = kDay;
  batch = &parser.parse(body, options);
  simdjson::ondemand::parser reader;
  const simdjson::padded_string padded(json);
  auto document = reader.iterate(padded);
  std::vector<std::size_t> ends;
  for (auto record : document["data"]) {
    for (auto user : record.get_object()) {
      for (auto interaction : user.value()["interactions"]) {
        answered += simdjson::to_json_string(interaction["data"].value()).value();
        ends.push_back(answered.size());
      }
    }
  }
  for (std::size_t begin = 0; const std::size_t end : ends) {
    data.push_back(std::string_view(answered).substr(begin, end - begin));
    begin = end;
  }
}

Sample& sample() {
  static Sample one;
  return one;
}

void count(benchmark::State& state, const char* what, std::size_t items) {
  const auto all = static_cast<double>(state.iterations()) * static_cast<double>(items);
  state.counters[what] = benchmark::Counter(all, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void count_rows(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
  count(state, "a_row", sample().batch->interactions.size());
}

// --- the limit: simdjson over the same bytes ---------------------------------------------------------------------

void simdjson_stage_1(benchmark::State& state) {
  const simdjson::padded_string padded(sample().json);
  std::unique_ptr<simdjson::internal::dom_parser_implementation> finder;
  const auto failed =
      simdjson::get_active_implementation()->create_dom_parser_implementation(padded.size(), kMaxJsonDepth, finder);
  if (failed != simdjson::SUCCESS) throw std::bad_alloc();
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(padded.data());
  for (auto _ : state) {
    if (finder->stage1(bytes, padded.size(), simdjson::stage1_mode::regular) != simdjson::SUCCESS) {
      throw std::runtime_error("no JSON");
    }
  }
  count_rows(state, padded.size());
}
BENCHMARK(simdjson_stage_1);

std::size_t walk(simdjson::ondemand::value value) {
  std::size_t values = 1;
  switch (value.type()) {
    case simdjson::ondemand::json_type::object:
      for (auto field : value.get_object()) values += walk(field.value());
      break;
    case simdjson::ondemand::json_type::array:
      for (auto element : value.get_array()) values += walk(element.value());
      break;
    default:
      benchmark::DoNotOptimize(value.raw_json_token());
  }
  return values;
}

// Visits every value and reads none.
void simdjson_walk(benchmark::State& state) {
  const simdjson::padded_string padded(sample().json);
  simdjson::ondemand::parser parser;
  for (auto _ : state) {
    auto document = parser.iterate(padded);
    benchmark::DoNotOptimize(walk(document.get_value().value()));
  }
  count_rows(state, padded.size());
}
BENCHMARK(simdjson_walk);

// --- the way of an answer ----------------------------------------------------------------------------------------

void hash_of_the_answer(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(answer_hash(sample().gzip, sample().options));
  count_rows(state, sample().gzip.size());
}
BENCHMARK(hash_of_the_answer);

void decode_gzip(benchmark::State& state) {
  Answer answer;
  Body body;
  for (auto _ : state) {
    answer.coding = ContentCoding::gzip;
    answer.bytes.assign(sample().gzip);  // a tenth of the work at most
    if (decode(answer, body, kMaxResponse)) throw std::runtime_error("not decoded");
  }
  count_rows(state, body.size());
}
BENCHMARK(decode_gzip);

// Identities and canonical JSON included.
void parse(benchmark::State& state) {
  Body body;
  body.assign(sample().json);
  ResponseParser parser;
  for (auto _ : state) benchmark::DoNotOptimize(parser.parse(body, sample().options));
  count_rows(state, body.size());
}
BENCHMARK(parse);

void canonical_data(benchmark::State& state) {
  Canonicaliser canonicaliser;
  for (auto _ : state) {
    for (const std::string_view data : sample().data) benchmark::DoNotOptimize(canonicaliser.canonicalise(data));
  }
  count_rows(state, sample().answered.size());
}
BENCHMARK(canonical_data);

void identity(benchmark::State& state) {
  const Batch& batch = *sample().batch;
  for (auto _ : state) {
    for (const Interaction& row : batch.interactions) {
      benchmark::DoNotOptimize(
          interaction_id(batch.users[row.user].identity, row.occurred_at, row.type, row.text, row.data, 0));
    }
  }
  std::size_t bytes = 0;  // the frame's not counted
  for (const Interaction& row : batch.interactions) {
    bytes += batch.users[row.user].identity.size() + row.type.size() + row.text.value_or("").size() + row.data.size();
  }
  count_rows(state, bytes);
}
BENCHMARK(identity);

void difference_to_the_same(benchmark::State& state) {
  HeldIds held;
  for (const Interaction& row : sample().batch->interactions) held.live.push_back(row.id);
  for (auto _ : state) benchmark::DoNotOptimize(difference(sample().batch->interactions, held));
  count_rows(state, held.live.size() * sizeof(Uuid));
}
BENCHMARK(difference_to_the_same);


// The fields that the warehouse writes.
void copy_rows(benchmark::State& state) {
  const Batch& batch = *sample().batch;
  CopyRows out;
  for (auto _ : state) {
    out.clear();
    for (std::uint32_t i = 0; i < batch.interactions.size(); ++i) append_interaction(out, batch, i);
    benchmark::DoNotOptimize(out.bytes());
  }
  count_rows(state, out.bytes().size());
}
BENCHMARK(copy_rows);

// --- the planner -------------------------------------------------------------------------------------------------

void read_all(benchmark::State& state, const PlanOptions& options) {
  WidthLimits limits;
  limits.first = limits.max = hours(1);
  std::size_t windows = 0;
  for (auto _ : state) {
    WindowWidth width(limits);
    WindowPlan plan({{kFrom, kFrom + hours(kWindows)}}, {}, width, options);
    for (auto next = plan.next({}); next.task; next = plan.next({}), ++windows) {
      plan.succeeded(*next.task, next.task->window.to, {1 << 20, 4'000, std::chrono::milliseconds(100)});
    }
  }
  if (windows != static_cast<std::size_t>(state.iterations()) * kWindows) throw std::logic_error("other windows than meant");
  count(state, "a_window", kWindows);
}

void plan_windows(benchmark::State& state) { read_all(state, {}); }
BENCHMARK(plan_windows);

void plan_known_windows(benchmark::State& state) {
  PlanOptions options;
  for (int i = 0; i < kWindows; ++i) {
    options.known_answers.push_back({{kFrom + hours(i), kFrom + hours(i + 1)}, {}, 4'000, 1 << 20});
  }
  read_all(state, options);
}
BENCHMARK(plan_known_windows);

}  // namespace
}  // namespace odetl::bench
