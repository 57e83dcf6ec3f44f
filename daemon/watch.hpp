#pragma once
#include <functional>
#include <stop_token>
#include <string>

namespace odetl {

/// Whether standard output is a terminal that wants colours ($NO_COLOR, $TERM).
bool wants_colour();

/// Shows what `text` answers again and again, until `stop` is requested: on a terminal in place, every two seconds,
/// until `q` is typed as well; elsewhere one block after the other, every five, until nobody reads them any more.
void watch(const std::function<std::string()>& text, std::stop_token stop);

}  // namespace odetl
