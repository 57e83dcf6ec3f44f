#pragma once

#include "tests/simulator/server.hpp"

namespace odetl::simulator {

// The endpoints below /_simulator/ by which another process sets and asks the simulator. They need no token and
// count in no throttle.
//
//   GET    summary                 what there is and what was asked
//   GET    requests                the record of API requests; DELETE forgets it
//   GET    rows?from=&to=          the truth as JSON lines, both ends inclusive
//   POST   rows                    one row a line, as a form: user_id=&at=&type=&text=&data=&profile=&verbatim=
//   DELETE rows?id=                the row vanishes
//   GET    faults                  those in force; POST adds one a line; DELETE removes all
//   POST   settings                a form: token, rate_limit, memory_limit, poison, heal, clock_offset_s, clock_at
class Control {
 public:
  explicit Control(Server& server) : server_(server) {}

  Response respond(const Request& request);

 private:
  Response route(const Request& request);
  Response summary() const;
  Response requests() const;
  Response rows(const Request& request) const;
  Response add_rows(const Request& request);
  Response remove_row(const Request& request);
  Response faults() const;
  Response add_faults(const Request& request);
  Response change_settings(const Request& request);
  void change(const std::string& name, const std::string& value);

  Server& server_;
};

}  // namespace odetl::simulator
