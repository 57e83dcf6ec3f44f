#include "etl/seen_users.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "etl/digest.hpp"

namespace odetl {
namespace {

constexpr std::size_t kSlots = std::size_t{1} << 16;
constexpr std::uint32_t kNoDate = 1;

std::uint32_t date_of(std::optional<Timestamp> observed_at) {
  if (!observed_at) return kNoDate;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*observed_at).time_since_epoch().count();
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds + 3, kNoDate + 1, kMost));
}

}  // namespace

SeenUsers::Entry SeenUsers::entry_of(std::string_view user_id, std::optional<Timestamp> observed_at) {
  const Digest digest = digest_of(user_id, "seen user");
  Entry entry{};
  std::memcpy(&entry.tag, digest.data(), sizeof entry.tag);
  std::memcpy(&entry.slot, digest.data() + sizeof entry.tag, sizeof entry.slot);
  entry.date = date_of(observed_at);
  return entry;
}

void SeenUsers::add(const Entry& user) {
  if (tags_.empty()) {
    tags_.resize(kSlots);
    dates_.resize(kSlots);
  }
  const bool is_same = tags_[user.slot] == user.tag;
  dates_[user.slot] = is_same ? std::max(dates_[user.slot], user.date) : user.date;
  tags_[user.slot] = user.tag;
}

bool SeenUsers::has_newer(const Entry& user) const {
  if (tags_.empty() || tags_[user.slot] != user.tag || dates_[user.slot] == 0) return false;
  return user.date == kNoDate || user.date < dates_[user.slot];
}

void SeenUsers::clear() {
  tags_.clear();
  dates_.clear();
}

}  // namespace odetl
