#pragma once
#include <string>
#include <string_view>

#include "etl/interaction.hpp"

namespace odetl {

/// A quarantined record is kept up to this size.
inline constexpr std::size_t kMaxRejectBytes = std::size_t{1} << 20;

/// Cuts a record that is larger, between two characters, and says so at the end of the reason.
void cut_record(std::string& record, std::string& reason);

/// An interaction that the database refuses, as it goes to the quarantine. `user_id` points into the batch.
struct RefusedRecord {
  Uuid id{};
  std::string_view user_id;
  std::string reason;
  std::string record;
};
RefusedRecord refused_record(const Batch& batch, std::uint32_t interaction, std::string_view why);

}  // namespace odetl
