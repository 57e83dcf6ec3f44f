#include "etl/seen_users.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "etl/digest.hpp"

namespace odetl {
namespace {

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
  std::memcpy(&entry.place, digest.data() + sizeof entry.tag, sizeof entry.place);
  entry.date = date_of(observed_at);
  return entry;
}

SeenUsers::Key SeenUsers::key_for(std::string_view server_run) {
  const std::scoped_lock lock(mutex_);
  if (server_run != server_run_) {
    server_run_ = server_run;
    ++key_;
    places_.clear();
  }
  return key_;
}

void SeenUsers::forget() {
  const std::scoped_lock lock(mutex_);
  places_.clear();
}

void SeenUsers::add(Key key, const Entry& user) {
  const std::scoped_lock lock(mutex_);
  if (key != key_) return;
  if (places_.empty()) places_.resize(kPlaces);
  Place& place = places_[user.place];
  std::uint32_t date = user.date;
  std::size_t way = 0;
  while (way + 1 < kWays && place.tags[way] != user.tag) ++way;
  if (place.tags[way] == user.tag) date = std::max(date, place.dates[way]);
  for (; way > 0; --way) {
    place.tags[way] = place.tags[way - 1];
    place.dates[way] = place.dates[way - 1];
  }
  place.tags[0] = user.tag;
  place.dates[0] = date;
}

bool SeenUsers::has_newer(Key key, const Entry& user) const {
  const std::scoped_lock lock(mutex_);
  if (key != key_ || places_.empty()) return false;
  const Place& place = places_[user.place];
  for (std::size_t way = 0; way < kWays; ++way) {
    if (place.tags[way] == user.tag && place.dates[way] != 0) return user.date == kNoDate || user.date < place.dates[way];
  }
  return false;
}

}  // namespace odetl
