#pragma once
#include <stop_token>

#include "daemon/http_endpoint.hpp"
#include "daemon/metrics.hpp"
#include "daemon/service.hpp"
#include "daemon/telemetry.hpp"
#include "daemon/wiring.hpp"

namespace odetl {

/// What the service shows of itself over HTTP. Everything must outlive the answer; reading from the warehouse ends soon
/// after `stop` is requested.
HttpContent make_http_content(const Wiring& wiring, Metrics& metrics, const Telemetry& telemetry,
                              const Service& service, const Surroundings& surroundings, std::stop_token stop);

}  // namespace odetl
