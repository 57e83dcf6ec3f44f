#include "etl/window_diff.hpp"

#include <algorithm>

#include "etl/identity.hpp"

namespace odetl {
namespace {

enum class State : std::uint8_t { live, live_with_extra, marked };

struct Held {
  UuidKey key;
  Uuid id;
  State state;
  bool served = false;
};

std::vector<Held> sorted(const HeldIds& held) {
  std::vector<Held> all;
  all.reserve(held.live.size() + held.live_with_extra.size() + held.marked.size());
  for (const Uuid& id : held.live) all.push_back({key_of(id), id, State::live});
  for (const Uuid& id : held.live_with_extra) all.push_back({key_of(id), id, State::live_with_extra});
  for (const Uuid& id : held.marked) all.push_back({key_of(id), id, State::marked});
  std::sort(all.begin(), all.end(), [](const Held& a, const Held& b) { return a.key < b.key; });
  return all;
}

}  // namespace

WindowDiff difference(const std::vector<Interaction>& served, const HeldIds& held) {
  WindowDiff diff;
  std::vector<Held> all = sorted(held);
  for (std::uint32_t i = 0; i < served.size(); ++i) {
    const UuidKey key = key_of(served[i].id);
    const auto at = std::lower_bound(all.begin(), all.end(), key,
                                     [](const Held& h, const UuidKey& wanted) { return h.key < wanted; });
    if (at == all.end() || at->key != key) {
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
