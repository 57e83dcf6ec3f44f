#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "etl/digest.hpp"
#include "etl/interaction.hpp"

namespace odetl {

/// The identity of an interaction: a UUIDv8 (RFC 9562) that is the same on every machine, in every run and for every
/// window that shows the interaction. 48 bits of `occurred_at` in milliseconds since 1970 (0 before it), then 74 bits
/// of BLAKE2b-128 with the personalisation "interaction/1" over, in this order: user id, `occurred_at` in microseconds (8
/// bytes, little endian), type, text, canonical data (see Canonicaliser), occurrence (4 bytes, little endian). Each text
/// goes in as its length plus one (LEB128) and its UTF-8 bytes; a NULL as one byte 0.
/// `text` and `data` are as they are stored, with U+FFFD for U+0000; an empty `data` stands for NULL.
/// Where the server lost the user id, kLostIdentity stands for it (see User::identity).
Uuid interaction_id(std::string_view user_id, Timestamp occurred_at, std::string_view type,
                    std::optional<std::string_view> text, std::string_view data, std::int32_t occurrence);

/// The identity of a quarantined record: a UUIDv8 of hash bits alone, over user id, record and occurrence.
Uuid reject_id(std::string_view user_id, std::string_view record, std::int32_t occurrence);

/// 128 bits over texts of a profile, to see whether it changed.
Digest profile_hash(const User& user);

/// Sets `id` and `occurrence` of every interaction and reject of the batch. Otherwise identical interactions of one
/// instant are numbered 0, 1, 2…; where they differ in `extra` alone, in the order of their `extra`, so that the order
/// in which the server lists them never matters.
void assign_identities(Batch& batch);

/// Lower-case, with hyphens.
std::string to_text(const Uuid& id);
void append_text(std::string& out, const Uuid& id);

/// The id as two numbers, in the same order as its bytes: what sorts and compares fast.
using UuidKey = std::pair<std::uint64_t, std::uint64_t>;
UuidKey key_of(const Uuid& id);

/// The surrogate of a user whose id the server lost: `unknown:` and 32 hexadecimal digits of the canonical profile.
std::string surrogate_user_id(std::string_view canonical_profile);

}  // namespace odetl
