#pragma once

#include "tests/simulator/calendar.hpp"
#include "tests/simulator/connection.hpp"

namespace odetl::simulator {

// Sends the answer to `request` in the way the response asks for; true if the connection can serve another request.
bool transmit(Connection& connection, const Request& request, Response response, Second date);

}  // namespace odetl::simulator
