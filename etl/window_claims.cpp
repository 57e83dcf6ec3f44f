#include "etl/window_claims.hpp"

#include <mutex>

#include "etl/warehouse.hpp"

namespace odetl {
namespace {

class PostgresClaims final : public WindowClaims {
 public:
  PostgresClaims(DatabaseFactory connect, std::int64_t owner)
      : owner_(std::to_string(owner)), session_(std::move(connect), [this](Database& db) { own(db); }) {}

  std::optional<TimeWindow> claim(const TimeWindow& window, std::chrono::seconds widest) override;
  void cancel() noexcept override { session_.cancel(); }

 private:
  void own(Database& db) const {
    db.begin();
    db.run("claims/own", {owner_});
    db.commit();
  }

  std::mutex mutex_;
  const std::string owner_;
  DatabaseSession session_;
};

std::optional<TimeWindow> PostgresClaims::claim(const TimeWindow& window, std::chrono::seconds widest) {
  const std::scoped_lock lock(mutex_);
  return session_.transaction([&](Database& db) -> std::optional<TimeWindow> {
    const std::string from = to_rfc3339(window.from);
    const std::string to = to_rfc3339(window.to);
    db.run("claims/lock", {db.schema() + "." + kStream});
    db.run("claims/clean", {kStream, from, to, owner_});
    const auto free = db.run("claims/claim", {kStream, from, to, owner_, std::to_string(widest.count())});
    if (free->size() == 0) return std::nullopt;
    const auto instant = [&](int column) { return sys_seconds(std::chrono::seconds(free->integer(0, column))); };
    return TimeWindow{instant(0), instant(1)};
  });
}

}  // namespace

std::unique_ptr<WindowClaims> make_window_claims(DatabaseFactory connect, std::int64_t owner) {
  return std::make_unique<PostgresClaims>(std::move(connect), owner);
}

}  // namespace odetl
