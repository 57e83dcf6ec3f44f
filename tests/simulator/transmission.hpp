#pragma once

#include "tests/simulator/calendar.hpp"
#include "tests/simulator/connection.hpp"

namespace odetl::simulator {

// Gzips the body where client and response allow it; once.
void compress(Response& response, const Request& request);

// Sends the answer to `request` in the way the response asks for; true if the connection can serve another request.
bool transmit(Connection& connection, const Request& request, Response response, Second date);

}  // namespace odetl::simulator
