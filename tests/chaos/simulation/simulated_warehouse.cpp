#include "tests/chaos/simulation/simulated_warehouse.hpp"

#include <algorithm>
#include <cstring>

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

// Big-endian, so that ids sort as the numbers do.
void put(Uuid& id, std::size_t at, std::uint64_t number) {
  number = __builtin_bswap64(number);
  std::memcpy(id.data() + at, &number, sizeof number);
}

std::uint64_t get(const Uuid& id, std::size_t at) {
  std::uint64_t number = 0;
  std::memcpy(&number, id.data() + at, sizeof number);
  return __builtin_bswap64(number);
}

bool is_among(const std::vector<Uuid>& sorted, const Uuid& id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

Uuid first_id_at(Timestamp at) { return id_of({at, 0}, 0); }

}  // namespace

Uuid id_of(const Said& said, std::int32_t occurrence) {
  Uuid id{};
  put(id, 0, static_cast<std::uint64_t>(said.at.time_since_epoch().count()));
  put(id, 8, std::uint64_t{said.what} << 32 | static_cast<std::uint32_t>(occurrence));
  return id;
}

Said said_by(const Uuid& id) {
  return {Timestamp(microseconds(static_cast<std::int64_t>(get(id, 0)))), static_cast<std::uint32_t>(get(id, 8) >> 32)};
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
  backend.holds_claims = backend.judges = backend.defers_marks = backend.confirms = false;
  backend.waits_for = nullptr;
  backend.reading.reset();
  for (auto* ids : {&backend.inserted, &backend.gone, &backend.doubted, &backend.revived}) ids->clear();
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
  backend.owner = 0;
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

std::vector<Uuid> SimulatedDatabase::doubted(const TimeWindow& window) const {
  return {doubts.lower_bound(first_id_at(window.from)), doubts.lower_bound(first_id_at(window.to))};
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

// One answer is not believed that most of a window is gone, and a second one is.
void SimulatedDatabase::check_vanished(const Backend& backend, const Reading& reading) const {
  if (!backend.judges) return;
  const auto missed_before = [&](const std::vector<Uuid>& ids) {
    return std::count_if(ids.begin(), ids.end(), [&](const Uuid& id) { return rows.at(id).missed; });
  };
  const auto gone = static_cast<std::ptrdiff_t>(backend.gone.size());
  const auto doubted = static_cast<std::ptrdiff_t>(backend.doubted.size());
  const auto live = static_cast<std::ptrdiff_t>(held(reading.window).live.size());
  const auto is_too_many = [&](std::ptrdiff_t count) { return count > 20 && 2 * count > live; };
  const auto of_the_window = [&] {
    return std::to_string(gone) + " and " + std::to_string(doubted) + " of " + std::to_string(live) + " in " +
           to_text(reading.window);
  };
  witness_.expect(!is_too_many(gone - missed_before(backend.gone)), "no answer takes most of a window away alone", of_the_window);
  witness_.expect(doubted == 0 || is_too_many(doubted), "a plausible answer is believed", of_the_window);
  witness_.expect(missed_before(backend.doubted) == 0, "a second answer is believed", of_the_window);
}

void SimulatedDatabase::change_doubts(const Backend& backend, const TimeWindow& window) {
  if (!backend.judges) return;
  for (const Uuid& id : doubted(window)) {
    doubts.erase(id);
    rows.at(id).missed = false;
  }
  for (const Uuid& id : backend.doubted) {
    doubts.insert(id);
    rows.at(id).missed = true;
  }
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
    held->second.marked = marked;
    held->second.told = reading.seen_at;
  };
  for (const Uuid& id : backend.gone) mark(id, true, "a row is marked");
  for (const Uuid& id : backend.revived) mark(id, false, "a row is revived");
}

void SimulatedDatabase::apply(const Backend& backend) {
  const Reading& reading = *backend.reading;
  check(backend, reading);
  check_vanished(backend, reading);
  change_rows(backend, reading);
  change_doubts(backend, reading.window);
  if (backend.confirms) check_confirmed(reading);
  if (!backend.confirms) remember(backend, reading);
  const auto before = state.watermark;
  state.coverage.add(reading.window);
  state.poisoned.remove(reading.window);
  state.watermark = std::max({state.watermark.value_or(reading.window.to), *state.coverage.upper(), reading.window.to});
  loads.emplace_back(++state.load_number, reading.window);
  witness_.expect(!before || *before <= *state.watermark, "the watermark never goes back",
                  [&] { return to_text(reading.window); });
  if (witness_.trace) {
    witness_.trace(std::string(backend.confirms ? "confirmed " : "committed ") + to_text(reading.reason) + " " + to_text(reading.window) + ", " +
                   std::to_string(reading.rows.size()) + " rows, " + std::to_string(backend.inserted.size()) + " new, " +
                   std::to_string(backend.gone.size()) + " gone, " + std::to_string(backend.doubted.size()) + " doubted");
  }
}

}  // namespace odetl::chaos
