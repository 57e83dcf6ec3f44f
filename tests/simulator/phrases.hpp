#pragma once

#include <span>
#include <string_view>

namespace odetl::simulator {

// Where a user is at home.
struct Locale {
  std::string_view browser_language;
  std::string_view country;
  std::string_view timezone;
  unsigned weight;  // in relation to the other locales
  std::span<const std::string_view> first_names;
  std::span<const std::string_view> last_names;
  std::span<const std::string_view> phrases;  // things a user types
};

struct Button {
  std::string_view label;
  std::string_view value;
  std::string_view callback_id;
};

struct Scenario {
  std::string_view id;  // as OpenDialog numbers them: `0x1f4a`
  std::string_view opening_callback;
  std::span<const Button> buttons;
  std::string_view form_callback;
  // A survey asks by question number, and its numeric keys are lost on the wire.
  bool survey;
};

std::span<const Locale> locales();
std::span<const Scenario> scenarios();
std::span<const std::string_view> emoji();
std::span<const std::string_view> browsers();
std::span<const std::string_view> systems();

}  // namespace odetl::simulator
