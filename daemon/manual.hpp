#pragma once
#include <string>

namespace odetl {

/// The manual pages, in roff's man(7) macros, out of what the program itself goes by: its command line, its exit codes,
/// its table of keys.
std::string manual_of_program();        ///< opendialog-etl(1)
std::string manual_of_configuration();  ///< opendialog-etl.yaml(5)

}  // namespace odetl
