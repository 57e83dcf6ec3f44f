#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tests/simulator/calendar.hpp"

namespace odetl::simulator {

// What becomes of the fraction of a second: dropped when saved (released servers), saved and shown, or saved but
// shown as zeros.
enum class Fractions { whole, fractional, truncated };

using RowId = std::uint32_t;  // counts insertions, from 0; the server shows it to nobody

// A row of the application's table, written once as it goes on the wire: about 40 bytes and its text.
struct Row {
  Instant at;
  const char* text;  // an element of `interactions`
  std::uint32_t length;
  std::uint32_t data_offset;  // where the value of `data` begins in it; `length` if it has none
  std::uint32_t user;
  std::uint32_t profile;
  RowId id;

  std::string_view wire() const { return {text, length}; }
};

struct User {
  std::string id;
  std::string wire_key;  // the id as a JSON string
  bool lost = false;     // numeric: the wire shows a list instead of the id
};

// Append-only text in large pieces that never move.
class TextPool {
 public:
  std::string_view keep(std::string_view text);

 private:
  std::vector<std::unique_ptr<char[]>> pieces_;
  std::size_t free_ = 0;
};

// All rows of a tenant in order of time. Not thread-safe: Tenant guards it.
class RowStore {
 public:
  explicit RowStore(Fractions fractions) : fractions_(fractions) {}

  std::uint32_t user(std::string_view id);           // the same number for the same bytes
  std::uint32_t profile(std::string_view php_json);  // a new number each time

  // Adds a row; `data` is JSON as PHP writes it. `settle` must follow before anything is read.
  RowId append(std::uint32_t user, std::uint32_t profile, Instant at, std::string_view type, std::string_view text,
               std::string_view data);
  // The same with the whole element of `interactions` given.
  RowId append_verbatim(std::uint32_t user, std::uint32_t profile, Instant at, std::string_view element);

  enum class Numbering { keep, by_time };
  // Brings what was appended since the last call into the order of time, numbered anew along it if asked.
  void settle(Numbering numbering = Numbering::keep);

  // Rows with from <= at <= to; empty if from > to. Valid until the next change.
  std::span<const Row> between(Instant from, Instant to) const;
  std::span<const Row> all() const { return rows_; }

  const Row* find(RowId id) const;      // nullptr if there is none
  bool remove(RowId id);                // false if there is none
  void renumber(RowId from, RowId to);  // the row `from` must exist, `to` must not

  const User& user_at(std::uint32_t index) const { return users_[index]; }
  std::string_view profile_at(std::uint32_t index) const { return profiles_[index]; }
  std::size_t users() const { return users_.size(); }

 private:
  RowId push(std::uint32_t user, std::uint32_t profile, Instant at, std::string_view element, std::size_t data_offset);

  Fractions fractions_;
  TextPool pool_;
  std::vector<User> users_;
  std::unordered_map<std::string, std::uint32_t> user_numbers_;
  std::vector<std::string_view> profiles_;
  std::vector<Row> rows_;
  std::size_t settled_ = 0;
  RowId next_id_ = 0;
  std::string scratch_;
};

}  // namespace odetl::simulator
