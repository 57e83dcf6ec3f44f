#include "daemon/http_content.hpp"

#include <spdlog/fmt/fmt.h>
#include <sys/random.h>

#include <array>
#include <stdexcept>

#include "daemon/page/status_page.hpp"
#include "daemon/status_board.hpp"
#include "daemon/status_reader.hpp"

namespace odetl {
namespace {

std::string random_nonce() {
  std::array<unsigned char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("draw random bytes: the system has none; the page is not shown");
  }
  std::string nonce;
  for (const unsigned char byte : bytes) nonce += fmt::format("{:02x}", byte);
  return nonce;
}

class Shown {
 public:
  Shown(const Wiring& wiring, Metrics& metrics, const Telemetry& telemetry, const Service& service,
        const Surroundings& surroundings, std::stop_token stop)
      : wiring_(wiring),
        metrics_(metrics),
        telemetry_(telemetry),
        service_(service),
        surroundings_(surroundings),
        started_(std::chrono::floor<std::chrono::seconds>(surroundings.now())),
        reader_(wiring),
        board_([this, stop](Timestamp now) { return reader_.read(now, stop); }, surroundings.now, surroundings.steady) {
  }

  std::string metrics() const { return metrics_.expose(surroundings_.now()); }

  std::optional<std::string> not_ready() const {
    return telemetry_.not_ready(3 * wiring_.config().windows.poll_interval);
  }

  std::string status() {
    const StatusBoard::Reading reading = board_.look();
    if (reading.trouble) throw std::runtime_error(*reading.trouble);
    return status_json(*reading.status);
  }

  HttpPage page() {
    const StatusBoard::Reading reading = board_.look();
    page::PageFacts facts;
    facts.now = std::chrono::floor<std::chrono::seconds>(surroundings_.now());
    facts.started = started_;
    facts.tenant = wiring_.config().api.base_url;
    facts.warehouse = wiring_.database_name();
    facts.leads = service_.status().leads;
    facts.not_ready = not_ready();
    facts.requests = telemetry_.requests_by_code();
    if (reading.status) facts.status = *reading.status;
    facts.status_read = std::chrono::floor<std::chrono::seconds>(reading.read_at);
    facts.status_trouble = reading.trouble;
    const std::string nonce = random_nonce();
    return {page::render(facts, nonce), page::security_policy(nonce)};
  }

 private:
  const Wiring& wiring_;
  Metrics& metrics_;
  const Telemetry& telemetry_;
  const Service& service_;
  Surroundings surroundings_;
  sys_seconds started_;
  StatusReader reader_;  // used by the board, one call at a time
  StatusBoard board_;
};

}  // namespace

HttpContent make_http_content(const Wiring& wiring, Metrics& metrics, const Telemetry& telemetry,
                              const Service& service, const Surroundings& surroundings, std::stop_token stop) {
  const auto shown = std::make_shared<Shown>(wiring, metrics, telemetry, service, surroundings, stop);
  return {[shown] { return shown->metrics(); }, [shown] { return shown->not_ready(); },
          [shown] { return shown->status(); }, [shown] { return shown->page(); }};
}

}  // namespace odetl
