// What the warehouse keeps of answers, to know them again: sql/load/known_answers.sql, confirm, remember and forget.
#include <algorithm>
#include <cstring>

#include "tests/chaos/simulation/simulated_warehouse.hpp"

namespace odetl::chaos {

AnswerHash hash_of(const std::vector<Said>& answer, const AskedRange& asked, const TimeWindow& owned) {
  std::uint64_t sum = 0;
  const auto add = [&](auto number) { sum = simulator::scramble(sum, static_cast<std::uint64_t>(number)); };
  for (const sys_seconds bound : {asked.from, asked.to, owned.from, owned.to}) add(bound.time_since_epoch().count());
  for (const Said& said : answer) {
    add(said.at.time_since_epoch().count());
    add(said.what);
  }
  AnswerHash hash{};
  std::memcpy(hash.data(), &sum, sizeof sum);
  return hash;
}

bool SimulatedDatabase::is_known(const Reading& reading) const {
  const auto known = known_answers.find(reading.window.from);
  return known != known_answers.end() && known->second.window == reading.window && known->second.hash == reading.hash &&
         known->second.rows == held(reading.window).live.size();
}

void SimulatedDatabase::check_confirmed(const Reading& reading) const {
  std::vector<Uuid> served;
  for (const Interaction& row : reading.rows) served.push_back(row.id);
  witness_.expect(served == held(reading.window).live, "what is confirmed is what is held",
                  [&] { return to_text(reading.window); });
}

void SimulatedDatabase::remember(const Backend& backend, const Reading& reading) {
  const bool all_done = backend.doubted.empty() && !backend.defers_marks;
  const bool changes = !backend.inserted.empty() || !backend.gone.empty() || !backend.revived.empty();
  if (all_done && !reading.hash && !changes) return;
  std::erase_if(known_answers, [&](const auto& each) { return each.second.window.overlaps(reading.window); });
  if (!all_done || !reading.hash) return;
  known_answers[reading.window.from] = {reading.window, *reading.hash, reading.rows.size(), reading.rows.size()};
}

Act<std::vector<KnownAnswer>> Session::known_answers(TimeWindow range) {
  co_await begin_writing();
  co_await step();
  std::vector<KnownAnswer> known;
  for (const auto& [from, answer] : database_.known_answers) {
    if (range.from <= from && answer.window.to <= range.to) known.push_back(answer);
  }
  co_await commit({});
  co_return known;
}

Act<std::int64_t> Session::confirm(std::shared_ptr<const Reading> reading) {
  co_await begin_writing();
  backend_->reading = reading;
  co_await step();
  const std::int64_t begun = database_.state.load_number;
  const bool has_doubts = !database_.doubted(reading->window).empty();
  if (!has_doubts) co_await step();
  if (has_doubts || !database_.is_known(*reading)) {
    co_await commit({});
    co_return 0;
  }
  co_await lock_state();
  if (database_.is_loaded_since(reading->window, begun)) {
    co_await fail(Failure::db_conflict, "loaded by another meanwhile");
  }
  backend_->confirms = true;
  co_await step();
  co_return co_await commit_load();
}

}  // namespace odetl::chaos
