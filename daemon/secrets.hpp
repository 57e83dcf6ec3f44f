#pragma once
#include <optional>
#include <string>

#include "daemon/config.hpp"

namespace odetl {

/// Reads the API token: `api.token`, else `api.token_file`, else the systemd credential
/// `$CREDENTIALS_DIRECTORY/opendialog-token`, each time afresh so that a replaced file is taken up.
/// One trailing line end is cut off. Refused with ConfigError, naming the source and never the value: no
/// source, empty, over 64 KiB, a control character or blank inside, a file that is not regular.
/// `warning` is set when the file can be read by others (mode & 0o077, not for systemd credentials).
std::string read_token(const ApiConfig& api, Environment environment, std::string* warning = nullptr);

/// Nothing when `token` can be sent, else what is wrong with it; never the value.
std::optional<std::string> refuse_token(const std::string& token);

/// `text` less one `\n` or `\r\n` at its end.
std::string trim_line_end(std::string text);

/// Is `text`, as it would be written for `key`, a secret or a holder of one? A `${VAR}` alone is none.
bool holds_secret(const std::string& key, const std::string& text);

/// `dsn` with the password replaced by `***`, in both the URI and the keyword form: for messages.
/// A text that is neither is hidden from where it stops making sense; a proxy's URI will do as well.
std::string redact_dsn(const std::string& dsn);

}  // namespace odetl
