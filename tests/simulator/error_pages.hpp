#pragma once

#include <string_view>

#include "tests/simulator/http.hpp"

namespace odetl::simulator {

// The answer of the application, or of the proxy before it (502, 504: HTML), with this status.
Response error_page(int status);

// A 200 of HTML: where a refused client ends that follows redirects.
Response login_page();

// A 302 to `location`.
Response redirect_page(std::string_view location);

}  // namespace odetl::simulator
