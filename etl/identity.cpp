#include "etl/identity.hpp"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>

namespace odetl {
namespace {

using Digest = std::array<std::uint8_t, 16>;

// The bytes that are hashed, put together in memory that is kept.
class Framed {
 public:
  explicit Framed(std::string_view purpose) { restart(purpose); }

  Framed& restart(std::string_view purpose) {
    bytes_.assign(purpose);
    return *this;
  }

  Framed& number(std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes_ += static_cast<char>(value >> (8 * i));
    return *this;
  }
  Framed& text(std::string_view value) {
    number(value.size(), 4);
    bytes_.append(value);
    return *this;
  }
  Framed& text_or_null(std::optional<std::string_view> value) {
    return value ? text(*value) : number(0xFFFFFFFF, 4);
  }

  Digest digest() const {
    static const int ready = sodium_init();  // picks the fastest implementation of this processor
    if (ready < 0) throw std::runtime_error("libsodium cannot be initialised");
    Digest out{};
    crypto_generichash(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size(),
                       nullptr, 0);
    return out;
  }

 private:
  std::string bytes_;
};

Uuid as_version_8(Uuid bytes) {
  bytes[6] = static_cast<std::uint8_t>(0x80 | (bytes[6] & 0x0F));
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3F));
  return bytes;
}

std::string hex(const std::uint8_t* bytes, std::size_t count) {
  static constexpr const char* digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

// Numbers the rows that share an id; `order` decides among them by content, never by position.
template <typename Row, typename Order, typename Renumber>
void number_twins(std::vector<Row>& rows, Order order, Renumber renumber) {
  std::vector<std::uint32_t> index(rows.size());
  for (std::uint32_t i = 0; i < index.size(); ++i) index[i] = i;
  std::sort(index.begin(), index.end(), [&](auto a, auto b) { return rows[a].id < rows[b].id; });
  for (auto first = index.begin(); first != index.end();) {
    const Uuid id = rows[*first].id;
    const auto last = std::find_if(first, index.end(), [&](auto i) { return rows[i].id != id; });
    if (last - first > 1) {
      std::sort(first, last, [&](auto a, auto b) { return order(rows[a], rows[b]); });
      for (auto twin = first + 1; twin != last; ++twin) {
        renumber(rows[*twin], static_cast<std::int32_t>(twin - first));
      }
    }
    first = last;
  }
}

}  // namespace

Uuid interaction_id(std::string_view user_id, Timestamp occurred_at, std::string_view type,
                    std::optional<std::string_view> text, std::string_view data, std::int32_t occurrence) {
  const auto micros = occurred_at.time_since_epoch().count();
  thread_local Framed framed("");
  framed.restart("interaction/1").text(user_id).number(static_cast<std::uint64_t>(micros), 8).text(type).text_or_null(text);
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

std::array<std::uint8_t, 16> profile_hash(const User& user) {
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

std::string to_text(const Uuid& id) {
  std::string text = hex(id.data(), id.size());
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

std::string surrogate_user_id(std::string_view canonical_profile) {
  const Digest digest = Framed("unknown user/1").text(canonical_profile).digest();
  return "unknown:" + hex(digest.data(), digest.size());
}

}  // namespace odetl
