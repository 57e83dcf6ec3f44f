#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "etl/interaction.hpp"

namespace odetl {

/// Rows in PostgreSQL's binary COPY format, as its manual's page of COPY has it ("Binary Format"): what spares the server
/// the reading of texts, a sixth of all its work. The buffer is kept and used again.
class CopyRows {
 public:
  /// The next row. Exactly so many fields must follow, in the order of the columns and of their types.
  void begin_row(std::int16_t fields);
  void null();
  /// UTF-8. The server refuses U+0000 (22021).
  void text(std::string_view value);
  /// A jsonb from its text; empty is NULL.
  void json(std::string_view value);
  void uuid(const Uuid& value);
  void timestamp(Timestamp value);
  void integer(std::int32_t value);
  /// A bytea.
  void bytes(std::string_view value);

  std::string_view bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }

 private:
  friend class BinaryArray;
  void length(std::size_t bytes);
  std::string bytes_;
};

/// An array of one dimension in the same form, for a statement's parameter.
class BinaryArray {
 public:
  enum class Of : std::uint32_t { bytea = 17, text = 25, timestamptz = 1184, jsonb = 3802 };  ///< oids, the same in all servers
  explicit BinaryArray(Of type);

  /// The next element: one field must follow.
  CopyRows& add() {
    ++size_;
    return fields_;
  }
  std::string finish() &&;

 private:
  std::uint32_t size_ = 0;
  CopyRows fields_;  // behind what stands before the first
};

/// What stands before the first row, and behind the last one.
std::string_view copy_header();
std::string_view copy_trailer();

/// A field of eight bytes (bigint) in the same form, and one of a timestamptz; infinity is the last instant there is.
std::int64_t binary_integer(std::string_view field);
Timestamp binary_timestamp(std::string_view field);

}  // namespace odetl
