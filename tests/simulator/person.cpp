#include "tests/simulator/person.hpp"

#include <array>

#include "tests/simulator/php_json.hpp"

namespace odetl::simulator {
namespace {

// A random (version 4) UUID.
std::string uuid(Random& random) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  std::uint64_t bits = 0;
  for (std::size_t digit = 0; digit < 32; ++digit) {
    if (digit % 16 == 0) bits = random.next();
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) out += '-';
    out += digit == 12 ? '4' : kHex[digit == 16 ? 8 + (bits & 3U) : bits & 15U];
    bits >>= 4U;
  }
  return out;
}

// Ids that break careless readers; the number keeps them apart.
std::string odd_id(Random& random, std::uint64_t number) {
  const std::string n = std::to_string(number);
  const std::array<std::string, 8> forms{"a/b/" + n,
                                         "Zoë Ünïcode 漢字 " + n,
                                         "😀👩‍👩‍👧" + n,
                                         "say \"hi\"\\" + n,
                                         " lead and trail " + n + " ",
                                         "tab\tnl\n" + n,
                                         "<b>&amp;" + n,
                                         std::string(255 - n.size(), 'L') + n};
  return forms.at(random.below(forms.size()));
}

const Locale& pick_locale(Random& random) {
  unsigned total = 0;
  for (const Locale& locale : locales()) total += locale.weight;
  std::uint64_t drawn = random.below(total);
  for (const Locale& locale : locales()) {
    if (drawn < locale.weight) return locale;
    drawn -= locale.weight;
  }
  return locales().front();
}

std::string_view pick(std::span<const std::string_view> from, Random& random) {
  return from[random.below(from.size())];
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(out.empty() ? "{\"" : ",\"").append(name).append("\":");
  if (value.empty()) {
    out += "null";
  } else {
    append_php_string(out, value);
  }
}

std::string custom_of(const Person& person, const Scenario& scenario, std::uint64_t visits) {
  static constexpr std::array<std::string_view, 3> kRare{"[]", "null", "[\"beta\",\"vip\"]"};
  const std::uint64_t trait = person.trait % 16;
  if (trait < kRare.size()) return std::string(kRare[trait]);
  std::string out = "{\"selected_scenario\":";
  append_php_string(out, scenario.id);
  if (trait > 8) out += ",\"visits\":" + std::to_string(visits);
  return out += '}';
}

std::string address_of(const Person& person) {
  return "198.51." + std::to_string(100 + person.trait / 16 % 2) + "." + std::to_string(person.trait / 64 % 256);
}

}  // namespace

Person invent_person(std::uint64_t seed, std::uint64_t number, unsigned numeric_permille) {
  Random random(scramble(seed, number));
  Person person;
  const std::uint64_t kind = random.below(1000);
  person.locale = &pick_locale(random);
  person.first_name = pick(person.locale->first_names, random);
  person.last_name = pick(person.locale->last_names, random);
  person.browser = pick(browsers(), random);
  person.system = pick(systems(), random);
  person.trait = random.next();
  person.email = "user" + std::to_string(number) + "+od@example.org";
  if (kind < numeric_permille) {
    person.channel = Person::Channel::phone;
    person.id = std::to_string(447'700'000'000ULL + number);
  } else if (kind >= 990) {
    person.id = odd_id(random, number);
  } else if (kind >= 900) {
    person.id = person.email;
  } else {
    person.id = uuid(random);
  }
  return person;
}

std::string profile_of(const Person& person, const Scenario& scenario, Known known, std::uint64_t visits) {
  const bool named = known == Known::named;
  const bool phone = person.channel == Person::Channel::phone;
  if (phone && person.trait % 64 == 0) return "null";
  std::string out;
  append_field(out, "first_name", named || phone ? person.first_name : "");
  append_field(out, "last_name", named ? person.last_name : "");
  append_field(out, "email", named ? person.email : "");
  // Of half the phone users the profile keeps the number that the wire loses.
  append_field(out, "external_id", phone && person.trait % 2 == 0 ? person.id : "");
  append_field(out, "ip_address", phone ? "" : address_of(person));
  append_field(out, "country", person.locale->country);
  append_field(out, "browser_language", phone ? "" : person.locale->browser_language);
  append_field(out, "os", phone ? "" : person.system);
  append_field(out, "browser", phone ? "" : person.browser);
  append_field(out, "timezone", person.locale->timezone);
  append_field(out, "platform", phone ? "whatsapp" : "webchat");
  return out += ",\"custom\":" + custom_of(person, scenario, visits) + '}';
}

}  // namespace odetl::simulator
