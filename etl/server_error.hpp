#pragma once
#include <string>
#include <string_view>

#include "etl/error.hpp"

namespace odetl {

/// The first line of a server's or libpq's message, cut to 300 bytes: what follows it can hold values of rows.
std::string first_line(std::string_view message);

/// Throws the DatabaseError of a statement that failed, classed by its SQLSTATE (empty: the connection died under it) and
/// without any value of a row. `message` is the server's whole message, of which the context names the column.
[[noreturn]] void throw_server_error(const std::string& operation, const std::string& state, std::string_view message);

/// Whether these are libpq's words about a connection string that it cannot read. They quote parts of it, maybe of the
/// password.
bool is_malformed_dsn(std::string_view message);

}  // namespace odetl
