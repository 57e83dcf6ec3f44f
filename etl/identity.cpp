#include "etl/identity.hpp"

#include <endian.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>

#include "etl/hex.hpp"

namespace odetl {
namespace {

// The bytes that are hashed, put together in memory that is kept.
class Framed {
 public:
  explicit Framed(std::string_view purpose) : purpose_(purpose) {}

  Framed& restart() {
    bytes_.clear();
    return *this;
  }
  Framed& number(std::uint64_t value, std::size_t width) {
    const std::uint64_t little_endian = htole64(value);
    bytes_.append(reinterpret_cast<const char*>(&little_endian), width);
    return *this;
  }
  Framed& text(std::string_view value) {
    length(value.size() + 1);
    bytes_.append(value);
    return *this;
  }
  Framed& text_or_null(std::optional<std::string_view> value) { return value ? text(*value) : length(0); }

  Digest digest() const { return digest_of(bytes_, purpose_); }

 private:
  // LEB128: short ones are one byte, so that most of what is hashed fills one block.
  Framed& length(std::size_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(0x80 | (value & 0x7F));
    bytes_ += static_cast<char>(value);
    return *this;
  }

  std::string_view purpose_;
  std::string bytes_;
};

Uuid as_version_8(Uuid bytes) {
  bytes[6] = static_cast<std::uint8_t>(0x80 | (bytes[6] & 0x0F));
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3F));
  return bytes;
}

using IdIndex = std::vector<std::pair<UuidKey, std::uint32_t>>;

// The rows that share an id with another, by id.
template <typename Row>
IdIndex twins_of(const std::vector<Row>& rows) {
  IdIndex twins;
  const auto add = [&](std::uint32_t row) { twins.emplace_back(key_of(rows[row].id), row); };
  std::vector<std::uint32_t> places(std::bit_ceil(2 * rows.size() + 1));  // 0: nobody; else a row, and 1
  const std::size_t mask = places.size() - 1;
  for (std::uint32_t row = 0; row < rows.size(); ++row) {
    std::size_t place = key_of(rows[row].id).second & mask;  // the end of an id is of a hash
    while (places[place] != 0 && rows[places[place] - 1].id != rows[row].id) place = (place + 1) & mask;
    if (places[place] == 0) {
      places[place] = row + 1;
      continue;
    }
    add(places[place] - 1);
    add(row);
  }
  std::sort(twins.begin(), twins.end());
  twins.erase(std::unique(twins.begin(), twins.end()), twins.end());
  return twins;
}

// Numbers the rows that share an id; `order` decides among them by content, never by position.
template <typename Row, typename Order, typename Renumber>
void number_twins(std::vector<Row>& rows, Order order, Renumber renumber) {
  IdIndex index = twins_of(rows);
  for (auto first = index.begin(); first != index.end();) {
    const auto last = std::find_if(first, index.end(), [&](const auto& entry) { return entry.first != first->first; });
    std::sort(first, last, [&](const auto& a, const auto& b) { return order(rows[a.second], rows[b.second]); });
    for (auto twin = first + 1; twin != last; ++twin) {
      renumber(rows[twin->second], static_cast<std::int32_t>(twin - first));
    }
    first = last;
  }
}

}  // namespace

Uuid interaction_id(std::string_view user_id, Timestamp occurred_at, std::string_view type,
                    std::optional<std::string_view> text, std::string_view data, std::int32_t occurrence) {
  const auto micros = occurred_at.time_since_epoch().count();
  thread_local Framed framed("interaction/1");
  framed.restart().text(user_id).number(static_cast<std::uint64_t>(micros), 8).text(type).text_or_null(text);
  framed.text_or_null(data.empty() ? std::nullopt : std::optional(data));
  framed.number(static_cast<std::uint32_t>(occurrence), 4);

  const Digest digest = framed.digest();
  const std::uint64_t millis = micros < 0 ? 0 : static_cast<std::uint64_t>(micros) / 1000;
  Uuid id{};
  for (std::size_t i = 0; i < 6; ++i) id[i] = static_cast<std::uint8_t>(millis >> (40 - 8 * i));
  std::copy_n(digest.begin(), 10, id.begin() + 6);
  return as_version_8(id);
}

Uuid reject_id(std::string_view user_id, std::string_view record, std::int32_t occurrence) {
  return as_version_8(Framed("reject/1")
                          .text(user_id)
                          .text(record)
                          .number(static_cast<std::uint32_t>(occurrence), 4)
                          .digest());
}

Digest profile_hash(const User& user) {
  Framed framed("profile/1");
  for (const auto& column : user.columns) framed.text_or_null(column);
  return framed.text(user.custom).text(user.extra).digest();
}

void assign_identities(Batch& batch) {
  const auto identify = [&batch](Interaction& row, std::int32_t occurrence) {
    row.occurrence = occurrence;
    row.id = interaction_id(batch.users[row.user].identity, row.occurred_at, row.type, row.text, row.data, occurrence);
  };
  for (Interaction& row : batch.interactions) identify(row, 0);
  number_twins(
      batch.interactions,
      [](const Interaction& a, const Interaction& b) {
        return std::tie(a.type, a.text, a.data, a.extra) < std::tie(b.type, b.text, b.data, b.extra);
      },
      identify);

  const auto identify_reject = [](Reject& reject, std::int32_t occurrence) {
    reject.id = reject_id(reject.user_id, reject.record, occurrence);
  };
  for (Reject& reject : batch.rejects) identify_reject(reject, 0);
  number_twins(
      batch.rejects, [](const Reject& a, const Reject& b) { return a.record < b.record; }, identify_reject);
}

void append_text(std::string& out, const Uuid& id) {
  std::array<char, 36> text{};
  char* at = text.data();
  const std::uint8_t* bytes = id.data();
  for (const std::size_t group : {4U, 2U, 2U, 2U, 6U}) {
    if (at != text.data()) *at++ = '-';
    at = write_hex(at, {bytes, group});
    bytes += group;
  }
  out.append(text.data(), text.size());
}

std::string to_text(const Uuid& id) {
  std::string text;
  append_text(text, id);
  return text;
}

UuidKey key_of(const Uuid& id) {
  std::uint64_t halves[2];
  std::memcpy(halves, id.data(), sizeof halves);
  return {be64toh(halves[0]), be64toh(halves[1])};
}

std::string surrogate_user_id(std::string_view canonical_profile) {
  const Digest digest = Framed("unknown user/1").text(canonical_profile).digest();
  return "unknown:" + hex_of(digest);
}

}  // namespace odetl
