#include "tests/unit/memory_warehouse.hpp"

#include <algorithm>
#include <set>

#include "etl/identity.hpp"

namespace odetl::test {
namespace {

// One load. Throws before it changes anything.
class Load {
 public:
  Load(MemoryTables& tables, const Batch& batch, const LoadRequest& request, OnMissing on_missing, WindowReport& report)
      : tables_(tables), batch_(batch), request_(request), on_missing_(on_missing), report_(report) {}

  std::int64_t run() {
    report_.rows_read = batch_.interactions.size();
    report_.inserted = report_.updated = report_.unchanged = report_.deleted = 0;
    report_.users_inserted = report_.users_updated = report_.users_unchanged = 0;
    report_.rejected = batch_.rejects.size();
    report_.users_without_id = batch_.users_without_id;
    report_.marks_deferred = false;
    // Where nothing was ever loaded, the rows that are there are another loader's of this moment.
    const bool compares = request_.compare || tables_.state.coverage.overlaps(batch_.window);
    if (!compares) refuse_held_rows();
    for (const Interaction& row : batch_.interactions) write(row);
    if (compares) mark_missing();
    std::set<std::uint32_t> speakers;
    for (const Interaction& row : batch_.interactions) speakers.insert(row.user);
    for (const std::uint32_t user : speakers) write(batch_.users[user]);
    report_.users_inserted = count(written_users_, true);
    report_.users_updated = count(written_users_, false);
    report_.users_unchanged = served_users_.size() - written_users_.size();
    for (const Reject& reject : batch_.rejects) tables_.rejects[reject.id] = std::string(reject.reason);
    remember();
    return finish();
  }

 private:
  void remember() {
    auto& known = tables_.known_answers;
    std::erase_if(known, [&](const auto& entry) { return entry.second.window.overlaps(batch_.window); });
    const bool all_done = batch_.rejects.empty() && !report_.marks_deferred;
    if (!request_.answer || !all_done) return;
    known[batch_.window.from] = {batch_.window, *request_.answer, report_.rows_read, report_.bytes};
  }

  static std::uint64_t count(const std::map<std::string_view, bool>& users, bool is_new) {
    return static_cast<std::uint64_t>(
        std::count_if(users.begin(), users.end(), [&](const auto& user) { return user.second == is_new; }));
  }

  bool newer_load_overlaps() const {
    return std::any_of(tables_.ledger.begin(), tables_.ledger.end(), [&](const LedgerRow& row) {
      return row.load_number && *row.load_number > request_.seen_load && row.report.window.overlaps(batch_.window);
    });
  }

  // An older answer must not change what a newer one told of the rows that are there.
  bool may_change() {
    if (!newer_load_overlaps()) return true;
    report_.marks_deferred = true;
    return false;
  }

  void refuse_held_rows() const {
    for (const Interaction& row : batch_.interactions) {
      if (!tables_.interactions.contains({row.occurred_at, row.id})) continue;
      throw DatabaseError(Failure::db_conflict, "load window: a row is there already", "23505");
    }
  }

  void write(const Interaction& row) {
    served_.insert(row.id);
    const auto [held, is_new] = tables_.interactions.try_emplace({row.occurred_at, row.id});
    if (is_new) {
      held->second = {std::string(batch_.users[row.user].user_id),
                      std::string(row.type),
                      {},
                      std::string(row.data),
                      std::string(row.extra),
                      row.occurrence};
      if (row.text) held->second.text = *row.text;
      ++report_.inserted;
      return;
    }
    const bool changes = held->second.is_deleted || held->second.extra != row.extra;
    if (!changes || !may_change()) {
      report_.unchanged += held->second.is_deleted ? 0 : 1;
      return;
    }
    held->second.is_deleted = false;
    held->second.extra = row.extra;
    ++report_.updated;
  }

  void mark_missing() {
    if (on_missing_ == OnMissing::keep) return;
    auto& rows = tables_.interactions;
    std::vector<std::pair<Timestamp, Uuid>> gone;
    const auto end = rows.lower_bound({batch_.window.to, Uuid{}});
    for (auto row = rows.lower_bound({batch_.window.from, Uuid{}}); row != end; ++row) {
      if (!row->second.is_deleted && !served_.contains(row->first.second)) gone.push_back(row->first);
    }
    if (gone.empty() || !may_change()) return;
    for (const auto& key : gone) {
      if (on_missing_ == OnMissing::remove) {
        rows.erase(key);
      } else {
        rows[key].is_deleted = true;
      }
    }
    report_.deleted = gone.size();
  }

  void write(const User& user) {
    served_users_.insert(user.user_id);
    const auto [held, is_new] = tables_.users.try_emplace(std::string(user.user_id));
    StoredUser& known = held->second;
    const bool is_newer =
        user.observed_at && (!known.observed_at || *user.observed_at > *known.observed_at ||
                             (user.observed_at == known.observed_at && profile_hash(user) != known.profile_hash));
    if (!is_new && !is_newer) return;
    written_users_.try_emplace(user.user_id, is_new);
    known.observed_at = user.observed_at;
    known.profile_hash = profile_hash(user);
    for (std::size_t i = 0; i < known.columns.size(); ++i) {
      known.columns[i].reset();
      if (user.columns[i]) known.columns[i] = *user.columns[i];
    }
  }

  std::int64_t finish() {
    StreamState& state = tables_.state;
    state.coverage.add(batch_.window);
    state.poisoned.remove(batch_.window);
    state.watermark = std::max(state.watermark.value_or(batch_.window.to), *state.coverage.upper());
    ++state.load_number;
    report_.outcome = Outcome::loaded;
    tables_.ledger.push_back({state.load_number, report_, request_});
    return state.load_number;
  }

  MemoryTables& tables_;
  const Batch& batch_;
  const LoadRequest& request_;
  const OnMissing on_missing_;
  WindowReport& report_;
  std::set<Uuid> served_;
  std::set<std::string_view> served_users_;
  std::map<std::string_view, bool> written_users_;  // whether new
};

}  // namespace

std::unique_ptr<Warehouse> MemoryStore::connect() { return std::make_unique<MemoryWarehouse>(*this); }

MemoryTables MemoryStore::tables() const {
  const std::scoped_lock lock(mutex_);
  return tables_;
}

void MemoryStore::lose_interaction() {
  const std::scoped_lock lock(mutex_);
  tables_.interactions.erase(tables_.interactions.begin());
}

void MemoryStore::await_hanging_load() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return hanging_loads_ > 0; });
}

MemoryWarehouse::~MemoryWarehouse() {
  const std::scoped_lock lock(store_.mutex_);
  if (store_.leader_ == this) store_.leader_ = nullptr;
}

StreamState MemoryWarehouse::read_state() { return store_.tables().state; }

std::int64_t MemoryWarehouse::load(const Batch& batch, const LoadRequest& request, WindowReport& report) {
  if (store_.faults_.loads_hang) hang();
  if (store_.faults_.before_load) store_.faults_.before_load(batch.window);
  std::int64_t number = 0;
  {
    const std::scoped_lock lock(store_.mutex_);
    number = Load(store_.tables_, batch, request, store_.on_missing_, report).run();
    if (request.state != nullptr) *request.state = store_.tables_.state;
  }
  if (store_.faults_.after_commit) store_.faults_.after_commit(batch.window);
  return number;
}

std::vector<KnownAnswer> MemoryWarehouse::known_answers(const TimeWindow& range) {
  const std::scoped_lock lock(store_.mutex_);
  std::vector<KnownAnswer> known;
  for (const auto& [from, answer] : store_.tables_.known_answers) {
    if (from >= range.from && answer.window.to <= range.to) known.push_back(answer);
  }
  return known;
}

std::optional<std::int64_t> MemoryWarehouse::confirm(const TimeWindow& window, const AnswerHash& answer,
                                                     WindowReport& report) {
  if (store_.faults_.before_confirm) store_.faults_.before_confirm(window);
  const std::scoped_lock lock(store_.mutex_);
  MemoryTables& tables = store_.tables_;
  const auto known = tables.known_answers.find(window.from);
  if (known == tables.known_answers.end() || known->second.window != window || known->second.hash != answer) {
    return std::nullopt;
  }
  const auto live = std::count_if(tables.interactions.begin(), tables.interactions.end(), [&](const auto& row) {
    return window.owns(row.first.first) && !row.second.is_deleted;
  });
  if (static_cast<std::uint64_t>(live) != known->second.rows) return std::nullopt;
  report.rows_read = report.unchanged = known->second.rows;
  report.bytes = known->second.bytes;
  report.outcome = Outcome::loaded;
  tables.ledger.push_back({++tables.state.load_number, report, {}});
  return tables.state.load_number;
}

void MemoryWarehouse::hang() {
  std::unique_lock lock(store_.mutex_);
  ++store_.hanging_loads_;
  store_.changed_.notify_all();
  store_.changed_.wait(lock, [this] { return cancelled_; });
  --store_.hanging_loads_;
  cancelled_ = false;
  throw DatabaseError(Failure::db_retry, "load window: cancelled", "57014");
}

void MemoryWarehouse::record(const WindowReport& report) {
  if (store_.faults_.before_record) store_.faults_.before_record(report);
  const std::scoped_lock lock(store_.mutex_);
  if (report.outcome == Outcome::poisoned) {
    for (const TimeWindow& part : store_.tables_.state.coverage.gaps(report.window)) {
      store_.tables_.state.poisoned.add(part);
    }
  }
  store_.tables_.ledger.push_back({std::nullopt, report, {}});
}

void MemoryWarehouse::set_poll_from(sys_seconds from) {
  const std::scoped_lock lock(store_.mutex_);
  store_.tables_.state.poll_from = from;
}

void MemoryWarehouse::set_last_recheck(std::chrono::seconds span, sys_seconds begun) {
  const std::scoped_lock lock(store_.mutex_);
  store_.tables_.state.rechecked[span] = begun;
}

bool MemoryWarehouse::try_lead() {
  const std::scoped_lock lock(store_.mutex_);
  if (store_.leader_ == nullptr) store_.leader_ = this;
  return store_.leader_ == this;
}

void MemoryWarehouse::cancel() noexcept {
  const std::scoped_lock lock(store_.mutex_);
  cancelled_ = true;
  store_.changed_.notify_all();
}

}  // namespace odetl::test
