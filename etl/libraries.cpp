#include "etl/libraries.hpp"

#include <curl/curl.h>
#include <libdeflate.h>
#include <simdjson.h>
#include <sodium.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/version.h>

#include <pqxx/version>

namespace odetl {

std::string library_versions() {
  return fmt::format("libcurl {}\nlibdeflate {}\nsimdjson {} ({})\nlibpqxx {}\nlibsodium {}\nspdlog {}.{}.{}\n",
                     curl_version_info(CURLVERSION_NOW)->version, LIBDEFLATE_VERSION_STRING,
                     SIMDJSON_STRINGIFY(SIMDJSON_VERSION), simdjson::get_active_implementation()->name(), PQXX_VERSION,
                     sodium_version_string(), SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH);
}

}  // namespace odetl
