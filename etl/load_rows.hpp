#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "etl/copy_rows.hpp"
#include "etl/database.hpp"
#include "etl/interaction.hpp"

namespace odetl {

/// The parameters of the load statements: JSON lists, array literals and, where they are many, binary arrays.

/// The batch's users that have interactions other than the `refused` ones, each once with its newest profile (of equals
/// the one listed last), sorted by id as indexes into Batch::users.
/// A user whose id the server lost counts only with an interaction that is `fresh`: what is held of such a one may stand
/// under the surrogate of another profile.
std::vector<std::uint32_t> distinct_users(const Batch& batch, const std::set<std::uint32_t>& refused,
                                          const std::vector<std::uint32_t>& fresh);

/// The array of load/known_users.
SqlParam user_ids_array(const Batch& batch, const std::vector<std::uint32_t>& users);

/// `["text", …]`.
std::string text_list_json(const std::vector<std::string>& texts);

/// The arrays of load/upsert_users and audit/profiles, one a column.
std::vector<SqlParam> user_arrays(const Batch& batch, const std::vector<std::uint32_t>& users);

/// A list of {id, extra} for load/set_extra.
std::string extras_json(const Batch& batch, const std::vector<std::uint32_t>& interactions);

/// A list of whole interactions for audit/compare, each with its index as `row`; without the user where the server lost
/// it, because it can be held under another surrogate.
std::string interactions_json(const Batch& batch, std::span<const std::uint32_t> interactions);

/// A list of {id, user_id, reason, record} for load/rejects.
std::string rejects_json(const std::vector<Reject>& rejects);

/// `{id,id}` for uuid[] parameters.
std::string uuid_array(const std::vector<Uuid>& ids);

/// The columns of a COPY into interactions, and one row of it.
extern const std::vector<std::string> kInteractionColumns;
void append_interaction(CopyRows& out, const Batch& batch, std::uint32_t index);

/// The ids in a bytea of 16 bytes an id.
std::vector<Uuid> ids_of(std::string_view bytes);

/// The JSON that an interaction stands for, for the quarantine.
std::string record_of(const Interaction& interaction);

}  // namespace odetl
