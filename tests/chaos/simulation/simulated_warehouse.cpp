#include "tests/chaos/simulation/simulated_warehouse.hpp"

#include <algorithm>

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

template <typename Number>
void put(Uuid& id, std::size_t at, Number number) {
  for (std::size_t i = 0; i < sizeof number; ++i) {
    id[at + i] = static_cast<std::uint8_t>(number >> (8 * (sizeof number - 1 - i)));
  }
}

std::uint64_t get(const Uuid& id, std::size_t at, std::size_t bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number = number << 8 | id[at + i];
  return number;
}

bool is_among(const std::vector<Uuid>& sorted, const Uuid& id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

Uuid first_id_at(Timestamp at) { return id_of({at, 0}, 0); }

}  // namespace

Uuid id_of(const Said& said, std::int32_t occurrence) {
  Uuid id{};
  put(id, 0, static_cast<std::uint64_t>(said.at.time_since_epoch().count()));
  put(id, 8, said.what);
  put(id, 12, static_cast<std::uint32_t>(occurrence));
  return id;
}

Said said_by(const Uuid& id) {
  return {Timestamp(microseconds(static_cast<std::int64_t>(get(id, 0, 8)))), static_cast<std::uint32_t>(get(id, 8, 4))};
}

std::uint64_t SimulatedDatabase::fault_permille(Timestamp now) const {
  std::uint64_t most = 0;
  for (const Trouble& trouble : troubles) {
    if (trouble.from <= now && now < trouble.to) most = std::max(most, trouble.permille);
  }
  return most;
}

std::shared_ptr<SimulatedDatabase::Backend> SimulatedDatabase::connect() {
  std::erase_if(backends_, [](const auto& each) { return !each->is_alive; });
  return backends_.emplace_back(std::make_shared<Backend>());
}

void SimulatedDatabase::roll_back(Backend& backend) {
  for (const auto& each : backends_) {
    if (each->waits_for == &backend) each->waits_for = nullptr;
  }
  backend.in_transaction = backend.is_committing = backend.holds_state = false;
  backend.waits_for = nullptr;
  backend.reading.reset();
  for (auto* ids : {&backend.inserted, &backend.gone, &backend.revived}) ids->clear();
  backend.at_commit = nullptr;
  timeline_.notify(transaction_ended);
}

void SimulatedDatabase::commit(Backend& backend) {
  if (backend.at_commit) backend.at_commit();
  roll_back(backend);  // nothing is left to be
}

void SimulatedDatabase::end(Backend& backend) {
  if (!backend.is_alive) return;
  roll_back(backend);
  backend.is_alive = false;
  if (std::exchange(backend.leads, false)) timeline_.notify(lead_ended);
}

void SimulatedDatabase::terminate(std::uint64_t permille) {
  for (const auto& each : backends_) {
    if (timeline_.random().permille(permille)) end(*each);
  }
}

void SimulatedDatabase::lose(Backend& backend) {
  Random& random = timeline_.random();
  const bool commits = backend.is_committing && random.permille(600);
  const auto noticed = random.permille(500) ? 0us : timeline_.some(20s);
  const auto last = [this, lost = backend.shared_from_this(), commits] {
    if (!lost->is_alive) return;
    if (commits) commit(*lost);
    end(*lost);
  };
  if (noticed == 0us) return last();
  timeline_.call(timeline_.now() + noticed, last);
}

bool SimulatedDatabase::is_loaded_since(const TimeWindow& window, std::int64_t last) const {
  for (auto load = loads.rbegin(); load != loads.rend() && load->first > last; ++load) {
    if (load->second.overlaps(window)) return true;
  }
  return false;
}

HeldIds SimulatedDatabase::held(const TimeWindow& window) const {
  HeldIds ids;
  const auto end = rows.lower_bound(first_id_at(window.to));
  for (auto row = rows.lower_bound(first_id_at(window.from)); row != end; ++row) {
    (row->second.marked ? ids.marked : ids.live).push_back(row->first);
  }
  return ids;
}

SimulatedDatabase::Backend* SimulatedDatabase::inserter_of(const Uuid& id, const Backend& other_than) {
  for (const auto& each : backends_) {
    if (each.get() != &other_than && is_among(each->inserted, id)) return each.get();
  }
  return nullptr;
}

bool SimulatedDatabase::is_led_by_other(const Backend& than) const {
  return std::any_of(backends_.begin(), backends_.end(),
                     [&](const auto& each) { return each.get() != &than && each->leads; });
}

bool SimulatedDatabase::is_led() const {
  return std::any_of(backends_.begin(), backends_.end(), [](const auto& each) { return each->leads; });
}

SimulatedDatabase::Backend* SimulatedDatabase::state_holder() {
  for (const auto& each : backends_) {
    if (each->holds_state) return each.get();
  }
  return nullptr;
}

void SimulatedDatabase::check(const Backend& backend, const Reading& reading) const {
  const auto is_loaded = [&](const char* how) { return [&, how] { return to_text(reading.window) + how; }; };
  witness_.expect(backend.holds_state, "one loader at a time", is_loaded(" is committed without the state's lock"));
  witness_.expect(reading.reason == Reason::backfill || backend.leads, "one daemon polls",
                  is_loaded(" is loaded by one that does not lead"));
  witness_.expect(!reading.settled_until || reading.window.to <= *reading.settled_until,
                  "never past the server's clock less settle", [&] {
                    return to_text(reading.window) + " is loaded when settled is " + to_rfc3339(*reading.settled_until);
                  });
}

void SimulatedDatabase::change_rows(const Backend& backend, const Reading& reading) {
  for (const Uuid& id : backend.inserted) {
    const bool is_new = rows.try_emplace(id, Held{false, reading.seen_at}).second;
    witness_.expect(is_new, "none twice", [&] { return "a key is inserted twice at " + to_rfc3339(said_by(id).at); });
  }
  for (const Interaction& row : reading.rows) {
    const auto held = rows.find(row.id);
    if (held != rows.end() && !held->second.marked) held->second.told = std::max(held->second.told, reading.seen_at);
  }
  const auto mark = [&](const Uuid& id, bool marked, const char* what) {
    const auto held = rows.find(id);
    if (held == rows.end() || held->second.marked == marked) return;
    witness_.expect(held->second.told <= reading.seen_at, "an older answer changes nothing", [&] {
      return std::string(what) + " at " + to_rfc3339(said_by(id).at) + " against a newer one";
    });
    held->second = {marked, reading.seen_at};
  };
  for (const Uuid& id : backend.gone) mark(id, true, "a row is marked");
  for (const Uuid& id : backend.revived) mark(id, false, "a row is revived");
}

void SimulatedDatabase::apply(const Backend& backend) {
  const Reading& reading = *backend.reading;
  check(backend, reading);
  change_rows(backend, reading);
  const auto before = state.watermark;
  state.coverage.add(reading.window);
  state.poisoned.remove(reading.window);
  state.watermark = std::max({state.watermark.value_or(reading.window.to), *state.coverage.upper(), reading.window.to});
  loads.emplace_back(++state.load_number, reading.window);
  witness_.expect(!before || *before <= *state.watermark, "the watermark never goes back",
                  [&] { return to_text(reading.window); });
  if (witness_.trace) {
    witness_.trace(std::string("committed ") + to_text(reading.reason) + " " + to_text(reading.window) + ", " +
                   std::to_string(reading.rows.size()) + " rows, " + std::to_string(backend.inserted.size()) + " new, " +
                   std::to_string(backend.gone.size()) + " gone");
  }
}

}  // namespace odetl::chaos
