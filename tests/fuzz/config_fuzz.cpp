// Whatever the file and a `--set` hold: a Config or a ConfigError, in bounded time, without the secret.
#include <cstdlib>
#include <string>

#include "daemon/config.hpp"

namespace {

constexpr const char* kSecret = "s3cr3t-hunter2";

std::optional<std::string> environment(const std::string& name) {
  if (name != "OPENDIALOG_TOKEN") return {};
  return kSecret;
}

/// The fuzzer learns the secret from the comparison and writes it itself.
bool typed(const std::string& text, const std::vector<std::string>& overrides) {
  std::string all = text;
  for (const std::string& each : overrides) all += each;
  return all.find(std::string(kSecret).substr(0, 4)) != std::string::npos;
}

void parse(const std::string& text, const std::vector<std::string>& overrides) {
  try {
    odetl::parse_config(text, "c.yaml", overrides, environment);
  } catch (const odetl::ConfigError& error) {
    const bool shown = std::string(error.what()).find(kSecret) != std::string::npos;
    if (shown && !typed(text, overrides)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  parse(text, {});
  parse("", {text});
  parse("", {"windows.rechecks=" + text, "api.filters=" + text});
  return 0;
}
