#include "daemon/service_manager.hpp"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdint>

namespace odetl {
namespace {

constexpr std::size_t kStatusLimit = 1000;  // bytes; systemd drops datagrams of over 4096

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// A newline would begin another assignment of the protocol.
std::string one_line(const std::string& text) {
  auto end = std::min(text.size(), kStatusLimit);
  while (end < text.size() && end > 0 && continues_character(text[end])) --end;
  std::string line = text.substr(0, end);
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  std::replace_if(line.begin(), line.end(), is_control, ' ');
  return line;
}

/// libsystemd does nothing by itself without NOTIFY_SOCKET. What it cannot send is lost on purpose: the work goes on.
class Systemd : public ServiceManager {
 public:
  void ready() override { sd_notify(0, "READY=1"); }

  void reloading() override {
    using namespace std::chrono;
    const auto now = duration_cast<microseconds>(steady_clock::now().time_since_epoch());  // CLOCK_MONOTONIC
    sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count())).c_str());
  }

  void stopping() override { sd_notify(0, "STOPPING=1"); }
  void status(const std::string& line) override { sd_notify(0, ("STATUS=" + one_line(line)).c_str()); }
  void alive() override { sd_notify(0, "WATCHDOG=1"); }

  std::optional<std::chrono::microseconds> watchdog_interval() const override {
    std::uint64_t limit = 0;
    if (sd_watchdog_enabled(0, &limit) <= 0) return std::nullopt;
    return std::chrono::microseconds(limit / 2);
  }
};

}  // namespace

std::unique_ptr<ServiceManager> make_service_manager() { return std::make_unique<Systemd>(); }

}  // namespace odetl
