#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulator/php_json.hpp"
#include "tests/simulator/raw_client.hpp"
#include "tests/simulator/server.hpp"

// The vocabulary of the simulator's own tests.
namespace odetl::simulator {

// Headers of a client that is let in.
inline constexpr const char* kAsk = "Authorization: Bearer simulator-token\r\nAccept: application/json\r\n";
inline constexpr const char* kProfile =
    R"({"first_name":null,"last_name":null,"email":null,"external_id":null,"ip_address":null,"country":null,)"
    R"("browser_language":"en-GB","os":"Mac OS X","browser":"Chrome 105.0.0.0","timezone":"Europe/London",)"
    R"("custom":{"selected_scenario":"0x1f4a"}})";

inline Instant at(const std::string& text) { return read_moment(text).value().echo; }
inline Second second(const std::string& text) { return read_moment(text).value().wall; }

// A recorded body or head of the real server.
inline std::string sample(const std::string& name) {
  std::ifstream file(ODETL_SOURCE_DIR "/tests/fixtures/wire/" + name);
  if (!file) throw std::runtime_error("sample '" + name + "': cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Interaction message(const std::string& user, const std::string& when, const std::string& text) {
  return {.user_id = user,
          .at = at(when),
          .text = text,
          .data = "{\"text\":" + php_string(text) + "}",
          .profile = kProfile};
}

inline std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t found = text.find(part); found != text.npos; found = text.find(part, found + 1)) ++count;
  return count;
}

// A tenant behind a server, and a client for one request at a time.
struct Bench {
  explicit Bench(TenantOptions tenant_options = {.order = Order::insertion}, ServerOptions server_options = {})
      : tenant(tenant_options), server(tenant, std::move(server_options)) {}

  Reply send(const std::string& line, const std::string& headers = kAsk, const std::string& body = "") {
    return RawClient(server.port())
        .exchange(line + " HTTP/1.1\r\nHost: tenant\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body);
  }
  static std::string target(std::string from, std::string to) {
    for (std::string* bound : {&from, &to}) {
      if (const std::size_t blank = bound->find(' '); blank != bound->npos) bound->replace(blank, 1, "%20");
    }
    return "/public/api/user-interactions?from=" + from + "&to=" + to;
  }
  Reply window(const std::string& from, const std::string& to, const std::string& headers = kAsk) {
    return send("GET " + target(from, to), headers);
  }
  // Everything there is, in one answer.
  Reply all(const std::string& headers = kAsk) { return window("2000-01-01", "2099-01-01", headers); }

  Tenant tenant;
  Server server;
};

// Twenty users within one hour, one after it, and faults on the hour.
struct FaultBench : Bench {
  FaultBench() {
    for (int n = 0; n < 20; ++n) tenant.add(message('u' + std::to_string(n), "2024-01-01 10:00:00", "hello"));
    tenant.add(message("later", "2024-01-01 11:30:00", "later"));
    whole = hour().body;
  }

  Reply hour(const std::string& headers = kAsk) {
    return window("2024-01-01 10:00:00", "2024-01-01 11:00:00", headers);
  }

  Reply struck_by(const std::string& line, const std::string& headers = kAsk) {
    server.faults().clear();
    server.faults().add(read_fault(line));
    return hour(headers);
  }

  std::string whole;
};

}  // namespace odetl::simulator
