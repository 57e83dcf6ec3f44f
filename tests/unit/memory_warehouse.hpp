#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "etl/warehouse.hpp"

namespace odetl::test {

struct StoredInteraction {
  std::string user_id;
  std::string type;
  std::optional<std::string> text;
  std::string data, extra;
  std::int32_t occurrence = 0;
  bool is_deleted = false;
};

struct StoredUser {
  std::optional<Timestamp> observed_at;
  std::array<std::uint8_t, 16> profile_hash{};
  std::array<std::optional<std::string>, kProfileColumns.size()> columns;
};

struct LedgerRow {
  std::optional<std::int64_t> load_number;
  WindowReport report;
  LoadRequest request;
};

/// What transactions leave behind.
struct MemoryTables {
  std::map<std::pair<Timestamp, Uuid>, StoredInteraction> interactions;  ///< by date and id
  std::map<std::string, StoredUser> users;
  std::map<Uuid, std::string> rejects;  ///< reason by id
  std::vector<LedgerRow> ledger;
  StreamState state;
  std::map<sys_seconds, KnownAnswer> known_answers;  ///< by the window's first instant
};

/// Where failures come from: each is called at its place in every load or record, by the loading thread and with no
/// lock held, and can throw anything.
struct MemoryFaults {
  std::function<void(const TimeWindow&)> before_load;
  std::function<void(const TimeWindow&)> before_confirm;
  std::function<void(const TimeWindow&)> after_commit;  ///< the caller cannot know that it was committed
  std::function<void(const WindowReport&)> before_record;
  bool loads_hang = false;  ///< until cancelled
};

/// A warehouse in memory, shared by any number of sessions. Transactions run one after the other, each wholly or not at
/// all.
class MemoryStore {
 public:
  explicit MemoryStore(OnMissing on_missing = OnMissing::mark) : on_missing_(on_missing) {}

  std::unique_ptr<Warehouse> connect();
  /// Set before sessions work.
  MemoryFaults& faults() { return faults_; }
  MemoryTables tables() const;
  void lose_interaction();  ///< one that somebody takes away by hand
  /// Until a load hangs.
  void await_hanging_load();

 private:
  friend class MemoryWarehouse;

  const OnMissing on_missing_;
  MemoryFaults faults_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  MemoryTables tables_;
  const void* leader_ = nullptr;
  int hanging_loads_ = 0;
};

/// One session.
class MemoryWarehouse final : public Warehouse {
 public:
  explicit MemoryWarehouse(MemoryStore& store) : store_(store) {}
  ~MemoryWarehouse() override;

  StreamState read_state() override;
  std::int64_t load(const Batch& batch, const LoadRequest& request, WindowReport& report) override;
  std::vector<KnownAnswer> known_answers(const TimeWindow& range) override;
  std::optional<std::int64_t> confirm(const TimeWindow& window, const AnswerHash& answer, WindowReport& report) override;
  void record(const WindowReport& report) override;
  void set_poll_from(sys_seconds from) override;
  void set_last_recheck(std::chrono::seconds span, sys_seconds begun) override;
  bool try_lead() override;
  void summarise(const TimeWindow&, std::chrono::milliseconds) override {}
  void cancel() noexcept override;

 private:
  void hang();

  MemoryStore& store_;
  bool cancelled_ = false;  // since the last load that hung; guarded by the store's mutex
};

}  // namespace odetl::test
