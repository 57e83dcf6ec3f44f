// etl/window_claims.cpp and sql/claims, on the simulated database.
#include <algorithm>

#include "tests/chaos/simulation/simulated_warehouse.hpp"

namespace odetl::chaos {

SimulatedDatabase::Backend* SimulatedDatabase::claims_holder() {
  const auto found = std::find_if(backends_.begin(), backends_.end(), [](const auto& each) { return each->holds_claims; });
  return found == backends_.end() ? nullptr : found->get();
}

const SimulatedDatabase::Backend* SimulatedDatabase::session_of(std::int64_t owner) const {
  const auto found =
      std::find_if(backends_.begin(), backends_.end(), [&](const auto& each) { return each->owner == owner; });
  return found == backends_.end() ? nullptr : found->get();
}

std::vector<SimulatedDatabase::Claim> SimulatedDatabase::cleaned_claims(const TimeWindow& window,
                                                                        std::int64_t owner) const {
  std::vector<Claim> counting = claims;
  std::erase_if(counting, [&](const Claim& each) {
    const bool is_made_anew = window.from <= each.window.from && each.window.to <= window.to;
    const bool is_done = is_made_anew || state.coverage.contains(each.window);
    return session_of(each.owner) == nullptr || (each.owner == owner && is_done);
  });
  return counting;
}

void SimulatedDatabase::write_claims(std::vector<Claim> counting, const std::optional<Claim>& fresh) {
  claims = std::move(counting);
  if (!fresh) return;
  for (const Claim& each : claims) {
    witness_.expect(each.owner == fresh->owner || !each.window.overlaps(fresh->window),
                    "what one backfill claims no other does",
                    [&] { return to_text(fresh->window) + " of " + to_text(each.window); });
  }
  claims.push_back(*fresh);
  if (witness_.trace) witness_.trace("claimed " + to_text(fresh->window));
}

// A new session waits until the server has found out that the one before it is gone.
Act<> Session::own() {
  co_await step();
  while (const Backend* before = database_.session_of(owner_)) co_await await_end_of(before);
  backend_->owner = owner_;
}

Act<std::optional<TimeWindow>> Session::claim(TimeWindow window, seconds widest) {
  co_await begin();
  co_await step();
  while (const Backend* other = database_.claims_holder()) co_await await_end_of(other);
  backend_->holds_claims = true;
  co_await step();
  const auto counting = database_.cleaned_claims(window, owner_);
  co_await step();
  Coverage taken = database_.state.coverage;
  for (const auto& each : counting) {
    if (each.owner != owner_) taken.add(each.window);
  }
  std::optional<SimulatedDatabase::Claim> mine;
  if (const auto parts = taken.gaps(window); !parts.empty()) {
    const TimeWindow& first = parts.front();
    mine = {{first.from, std::min<sys_seconds>(first.to, first.from + widest)}, owner_};
  }
  const std::function<void()> change = [database = &database_, counting, mine] { database->write_claims(counting, mine); };
  co_await commit(change);
  co_return mine ? std::optional(mine->window) : std::nullopt;
}

Act<std::optional<TimeWindow>> SimulatedClaims::claim(TimeWindow window, seconds widest) {
  while (is_busy_) co_await timeline_.wait(who_, is_free_);
  is_busy_ = true;
  std::optional<TimeWindow> part;
  const auto fault = co_await Attempt(claim_alone(window, widest, part));
  is_busy_ = false;
  timeline_.notify(is_free_);
  if (fault) co_await BreakOff{*fault};
  co_return part;
}

Act<> SimulatedClaims::claim_alone(TimeWindow window, seconds widest, std::optional<TimeWindow>& part) {
  part = co_await session_.claim(window, widest);
}

}  // namespace odetl::chaos
