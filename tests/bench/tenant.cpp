#include "tests/bench/tenant.hpp"

#include <stdexcept>

#include "tests/simulator/raw_client.hpp"

namespace odetl::bench {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> command(const Range& range, std::uint64_t rows, Order order,
                                 const std::vector<std::string>& more) {
  std::vector<std::string> argv = {ODETL_SIMULATOR, "--rows",  std::to_string(rows), "--from", range.from,
                                   "--to",          range.to,  "--order",
                                   order == Order::insertion ? "insertion" : "shuffled"};
  argv.insert(argv.end(), more.begin(), more.end());
  return argv;
}

}  // namespace

Tenant::Tenant(const Range& of, std::uint64_t rows, Order order, const std::vector<std::string>& more)
    : range(of), process_(command(of, rows, order, more)), url_(process_.read_line("http://", test::Stream::out, 600s)) {
  url_ = url_.substr(url_.find("http://"));
}

double Tenant::requests() const {
  const auto port = static_cast<std::uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1)));
  const std::string answer =
      simulator::RawClient(port).exchange("GET /_simulator/summary HTTP/1.1\r\nHost: tenant\r\n\r\n").body;
  static const std::string key = "\"requests\":";
  const std::size_t at = answer.find(key);
  if (at == std::string::npos) throw std::runtime_error("the simulator's summary tells no requests: " + answer);
  return std::stod(answer.substr(at + key.size()));
}

}  // namespace odetl::bench
