#include "etl/window_diff.hpp"

#include <algorithm>

namespace odetl {
namespace {

enum class State : std::uint8_t { live, live_with_extra, marked };

struct Held {
  Uuid id;
  State state;
  bool served = false;
};

std::vector<Held> sorted(const HeldIds& held) {
  std::vector<Held> all;
  all.reserve(held.live.size() + held.live_with_extra.size() + held.marked.size());
  for (const Uuid& id : held.live) all.push_back({id, State::live});
  for (const Uuid& id : held.live_with_extra) all.push_back({id, State::live_with_extra});
  for (const Uuid& id : held.marked) all.push_back({id, State::marked});
  std::sort(all.begin(), all.end(), [](const Held& a, const Held& b) { return a.id < b.id; });
  return all;
}

}  // namespace

WindowDiff difference(const std::vector<Interaction>& served, const HeldIds& held) {
  WindowDiff diff;
  std::vector<Held> all = sorted(held);
  for (std::uint32_t i = 0; i < served.size(); ++i) {
    const auto at = std::lower_bound(all.begin(), all.end(), served[i].id,
                                     [](const Held& h, const Uuid& id) { return h.id < id; });
    if (at == all.end() || at->id != served[i].id) {
      diff.fresh.push_back(i);
      continue;
    }
    at->served = true;
    if (at->state == State::marked) {
      diff.revived.push_back(at->id);
    } else {
      ++diff.held;
    }
    if (at->state == State::live_with_extra || !served[i].extra.empty()) diff.with_extra.push_back(i);
  }
  for (const Held& row : all) {
    if (!row.served && row.state != State::marked) diff.gone.push_back(row.id);
  }
  return diff;
}

}  // namespace odetl
