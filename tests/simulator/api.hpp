#pragma once

#include <optional>

#include "tests/simulator/server.hpp"

namespace odetl::simulator {

// The interaction endpoint in its three forms.
class Api {
 public:
  explicit Api(Server& server) : server_(server) {}

  // Nothing if the path is none of the endpoint's.
  std::optional<Response> respond(const Request& request);

 private:
  struct Call;

  std::optional<Call> read_call(const Request& request) const;
  Credential credential_of(const Request& request) const;
  Response answer(const Request& request, const Call& call, RequestRecord& record);
  Response authorised(const Request& request, const Call& call, Window window, RequestRecord& record);
  Response listing(Window window, RequestRecord& record);

  Server& server_;
};

}  // namespace odetl::simulator
