#include "tests/simulator/rows.hpp"

#include <algorithm>
#include <cstring>

#include "tests/simulator/php_json.hpp"

namespace odetl::simulator {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20U;

bool earlier(const Row& a, const Row& b) { return a.at != b.at ? a.at < b.at : a.id < b.id; }

}  // namespace

std::string_view TextPool::keep(std::string_view text) {
  if (text.size() > free_) {
    free_ = std::max(kPiece, text.size());
    pieces_.push_back(std::make_unique_for_overwrite<char[]>(free_));
  }
  free_ -= text.size();  // a piece is filled from its end
  char* place = pieces_.back().get() + free_;
  std::memcpy(place, text.data(), text.size());
  return {place, text.size()};
}

std::uint32_t RowStore::user(std::string_view id) {
  const auto [found, is_new] = user_numbers_.try_emplace(std::string(id), static_cast<std::uint32_t>(users_.size()));
  if (is_new) users_.push_back({.id = std::string(id), .wire_key = php_string(id), .lost = is_numeric(id)});
  return found->second;
}

std::uint32_t RowStore::profile(std::string_view php_json) {
  profiles_.push_back(pool_.keep(php_json));
  return static_cast<std::uint32_t>(profiles_.size() - 1);
}

RowId RowStore::append(std::uint32_t user, std::uint32_t profile, Instant at, std::string_view type,
                       std::string_view text, std::string_view data) {
  const Instant second = std::chrono::floor<std::chrono::seconds>(at);
  scratch_ = "{\"type\":";
  append_php_string(scratch_, type);
  scratch_ += ",\"date\":\"";
  append_wire_date(scratch_, fractions_ == Fractions::fractional ? at : second);
  scratch_ += "\",\"text\":";
  append_php_string(scratch_, text);
  scratch_ += ",\"data\":";
  const std::size_t data_offset = scratch_.size();
  scratch_.append(data).append(1, '}');
  return push(user, profile, at, scratch_, data_offset);
}

RowId RowStore::append_verbatim(std::uint32_t user, std::uint32_t profile, Instant at, std::string_view element) {
  return push(user, profile, at, element, element.size());
}

RowId RowStore::push(std::uint32_t user, std::uint32_t profile, Instant at, std::string_view element,
                     std::size_t data_offset) {
  const std::string_view kept = pool_.keep(element);
  rows_.push_back({.at = fractions_ == Fractions::whole ? std::chrono::floor<std::chrono::seconds>(at) : at,
                   .text = kept.data(),
                   .length = static_cast<std::uint32_t>(kept.size()),
                   .data_offset = static_cast<std::uint32_t>(data_offset),
                   .user = user,
                   .profile = profile,
                   .id = next_id_});
  return next_id_++;
}

void RowStore::settle(Numbering numbering) {
  const auto fresh = rows_.begin() + static_cast<std::ptrdiff_t>(settled_);
  std::sort(fresh, rows_.end(), earlier);
  if (numbering == Numbering::by_time) {
    RowId id = next_id_ - static_cast<RowId>(rows_.end() - fresh);
    std::for_each(fresh, rows_.end(), [&](Row& row) { row.id = id++; });
  }
  if (settled_ > 0 && fresh != rows_.end() && earlier(*fresh, *(fresh - 1))) {
    std::inplace_merge(rows_.begin(), fresh, rows_.end(), earlier);
  }
  settled_ = rows_.size();
}

std::span<const Row> RowStore::between(Instant from, Instant to) const {
  if (from > to) return {};
  const auto first =
      std::lower_bound(rows_.begin(), rows_.end(), from, [](const Row& row, Instant at) { return row.at < at; });
  const auto last = std::upper_bound(first, rows_.end(), to, [](Instant at, const Row& row) { return at < row.at; });
  return {first, last};
}

const Row* RowStore::find(RowId id) const {
  const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) { return row.id == id; });
  return found == rows_.end() ? nullptr : &*found;
}

bool RowStore::remove(RowId id) {
  const Row* row = find(id);
  if (row == nullptr) return false;
  rows_.erase(rows_.begin() + (row - rows_.data()));
  settled_ = rows_.size();
  return true;
}

void RowStore::renumber(RowId from, RowId to) {
  rows_[static_cast<std::size_t>(find(from) - rows_.data())].id = to;
  std::sort(rows_.begin(), rows_.end(), earlier);
}

}  // namespace odetl::simulator
