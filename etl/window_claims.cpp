#include "etl/window_claims.hpp"

#include <algorithm>
#include <mutex>

#include "etl/warehouse.hpp"

namespace odetl {
namespace {

constexpr int kClaimsBetweenCleans = 32;  // nobody minds done ones as long as they are few

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
  int claims_until_clean_ = 0;
  DatabaseSession session_;
};

std::optional<TimeWindow> PostgresClaims::claim(const TimeWindow& window, std::chrono::seconds widest) {
  const std::scoped_lock lock(mutex_);
  return session_.transaction([&](Database& db) {
    const std::string from = to_rfc3339(window.from);
    const std::string to = to_rfc3339(window.to);
    const auto clean = [&] {
      db.run("claims/clean", {kStream, from, to, owner_});
      claims_until_clean_ = kClaimsBetweenCleans;
    };
    const auto claim = [&]() -> std::optional<TimeWindow> {
      const auto free = db.run("claims/claim", {kStream, from, to, owner_, std::to_string(widest.count())});
      if (free->size() == 0) return std::nullopt;
      const auto instant = [&](int column) { return sys_seconds(std::chrono::seconds(free->integer(0, column))); };
      return TimeWindow{instant(0), instant(1)};
    };
    db.run("claims/lock", {db.schema() + "." + kStream});
    if (claims_until_clean_-- <= 0) clean();
    auto mine = claim();
    if (mine == TimeWindow{window.from, std::min(window.to, window.from + widest)}) return mine;
    clean();  // what is in the way may be of a process that ended
    return claim();
  });
}

}  // namespace

std::unique_ptr<WindowClaims> make_window_claims(DatabaseFactory connect, std::int64_t owner) {
  return std::make_unique<PostgresClaims>(std::move(connect), owner);
}

}  // namespace odetl
