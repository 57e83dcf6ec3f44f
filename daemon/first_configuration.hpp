#pragma once
#include <optional>
#include <string>

#include "daemon/command_line.hpp"
#include "daemon/exit_code.hpp"

namespace odetl {

/// What a first configuration is made from.
struct FirstAnswers {
  std::string url;         ///< of the tenant
  std::string token_file;  ///< absolute
  std::string database;    ///< a connection string, maybe `${VAR}`; empty: the embedded PostgreSQL
};

/// The commented file, as load_config reads it.
std::string first_configuration(const FirstAnswers& answers);

/// Nothing when the answer will do, else what is wrong with it and what is accepted.
std::optional<std::string> refuse_url(const std::string& url);
std::optional<std::string> refuse_token_file(const std::string& file);
std::optional<std::string> refuse_database(const std::string& database);

/// The command `init`: takes the answers from `invocation`, asks for what is missing where there is a terminal, writes
/// `file` and says what to do next. Throws CommandError: usage for answers that are missing or wrong, no for a file
/// that is there already and may not be replaced, configuration for one that cannot be written.
ExitCode init(const Invocation& invocation, const std::string& file);

}  // namespace odetl
