#pragma once
#include <map>
#include <optional>
#include <string>

#include "daemon/status.hpp"

namespace odetl::page {

/// What the status page tells: what the warehouse holds, and what this process knows of itself.
struct PageFacts {
  sys_seconds now{};
  sys_seconds started{};                      ///< this process
  std::string tenant;                         ///< the API's address
  std::string warehouse;                      ///< its name, without a password
  bool leads = false;                         ///< this process polls
  std::optional<std::string> not_ready;       ///< why not, in words; nothing when it is
  std::map<int, std::uint64_t> requests;      ///< of this process, by HTTP status; 0 without an answer
  std::optional<StatusFacts> status;          ///< as last read; nothing before it could be read
  sys_seconds status_read{};                  ///< when that was
  std::optional<std::string> status_trouble;  ///< why it is not as of now
};

/// One HTML document that needs nothing else, works without JavaScript, and may load nothing from anywhere.
/// `nonce`: random, another in every answer, [A-Za-z0-9]; it is what lets the page's own style and script through.
std::string render(const PageFacts& facts, const std::string& nonce);
/// The Content-Security-Policy to send along.
std::string security_policy(const std::string& nonce);

}  // namespace odetl::page
