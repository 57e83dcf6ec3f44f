#pragma once
#include <string>

namespace odetl {

/// Completion scripts out of the command line and the table of keys: commands, their options, the words that
/// --log-level and --log-format take, the keys of --set, and files for --config.
std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace odetl
