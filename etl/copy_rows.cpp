#include "etl/copy_rows.hpp"

#include <limits>
#include <stdexcept>
#include <utility>

namespace odetl {
namespace {

using namespace std::string_view_literals;

constexpr std::chrono::sys_days kPostgresEpoch{std::chrono::year{2000} / 1 / 1};
constexpr char kJsonbVersion = 1;

template <typename Integer>
void append_big_endian(std::string& out, Integer value) {
  char bytes[sizeof value];
  for (std::size_t i = sizeof value; i-- > 0; value = static_cast<Integer>(value >> 8)) bytes[i] = static_cast<char>(value);
  out.append(bytes, sizeof bytes);
}

}  // namespace

void CopyRows::begin_row(std::int16_t fields) { append_big_endian(bytes_, static_cast<std::uint16_t>(fields)); }

void CopyRows::null() { append_big_endian(bytes_, ~std::uint32_t{0}); }

void CopyRows::length(std::size_t bytes) {
  if (bytes > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) throw std::length_error("a field of 2 GiB");
  append_big_endian(bytes_, static_cast<std::uint32_t>(bytes));
}

void CopyRows::text(std::string_view value) {
  length(value.size());
  bytes_.append(value);
}

void CopyRows::json(std::string_view value) {
  if (value.empty()) return null();
  length(value.size() + 1);
  bytes_ += kJsonbVersion;
  bytes_.append(value);
}

void CopyRows::uuid(const Uuid& value) {
  length(value.size());
  bytes_.append(reinterpret_cast<const char*>(value.data()), value.size());
}

void CopyRows::timestamp(Timestamp value) {
  length(sizeof(std::int64_t));
  append_big_endian(bytes_, static_cast<std::uint64_t>((value - kPostgresEpoch).count()));
}

void CopyRows::integer(std::int32_t value) {
  length(sizeof value);
  append_big_endian(bytes_, static_cast<std::uint32_t>(value));
}

void CopyRows::bytes(std::string_view value) { text(value); }

BinaryArray::BinaryArray(Of type) {
  constexpr std::uint32_t kDimensions = 1;
  constexpr std::uint32_t kMayHoldNulls = 1;
  constexpr std::uint32_t kFirstIndex = 1;
  for (const std::uint32_t part : {kDimensions, kMayHoldNulls, static_cast<std::uint32_t>(type), size_, kFirstIndex}) {
    append_big_endian(fields_.bytes_, part);
  }
}

std::string BinaryArray::finish() && {
  constexpr std::size_t kPlaceOfSize = 12;
  std::string size;
  append_big_endian(size, size_);
  fields_.bytes_.replace(kPlaceOfSize, size.size(), size);
  return std::move(fields_.bytes_);
}

std::string_view copy_header() { return "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"sv; }
std::string_view copy_trailer() { return "\377\377"sv; }

std::int64_t binary_integer(std::string_view field) {
  std::uint64_t value = 0;
  if (field.size() != sizeof value) throw std::invalid_argument("a bigint has eight bytes");
  for (const char byte : field) value = value << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(value);
}

Timestamp binary_timestamp(std::string_view field) {
  const std::chrono::microseconds since(binary_integer(field));
  const Timestamp epoch = kPostgresEpoch;
  return since > Timestamp::max() - epoch ? Timestamp::max() : epoch + since;
}

}  // namespace odetl
