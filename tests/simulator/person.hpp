#pragma once

#include <cstdint>
#include <string>

#include "tests/simulator/phrases.hpp"
#include "tests/simulator/random.hpp"

namespace odetl::simulator {

// A made-up user: everything follows from the seed and the user's number.
struct Person {
  enum class Channel { web, phone };

  std::string id;
  Channel channel = Channel::web;
  const Locale* locale = nullptr;
  std::string_view first_name, last_name, browser, system;
  std::string email;
  std::uint64_t trait = 0;  // further properties are drawn from this
};

Person invent_person(std::uint64_t seed, std::uint64_t number, unsigned numeric_permille);

// What the application has stored of a person by then; names and e-mail only once a form was filled in.
enum class Known { anonymous, named };
std::string profile_of(const Person& person, const Scenario& scenario, Known known, std::uint64_t visits);

}  // namespace odetl::simulator
