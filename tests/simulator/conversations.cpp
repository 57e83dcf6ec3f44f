#include "tests/simulator/conversations.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/simulator/person.hpp"
#include "tests/simulator/php_json.hpp"

namespace odetl::simulator {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::seconds;

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kRowsPerUser = 25;
constexpr unsigned kBurstPermille = 12;  // of the hours

// How lively each hour of the day (UTC) and each day of the week (from Sunday) is.
constexpr std::array<std::uint64_t, 24> kHours{4,  3,  2,  2,  2,  4,  9,  18, 34, 48, 52, 50,
                                               46, 50, 52, 50, 46, 40, 38, 42, 40, 30, 18, 9};
constexpr std::array<std::uint64_t, 7> kWeekdays{4, 10, 10, 10, 9, 8, 5};

// An hour of the plan, or the part of it that the plan covers.
struct Slot {
  Second from;
  Second to;
  bool burst = false;
  std::uint64_t rows = 0;
};

bool is_burst(std::uint64_t seed, Second hour) {
  return scramble(seed ^ 0xb0057U, static_cast<std::uint64_t>(hour.time_since_epoch().count())) % 1000 < kBurstPermille;
}

std::uint64_t weight(const Slot& slot) {
  const auto day = floor<days>(slot.from);
  const auto hour = static_cast<std::size_t>((slot.from - day) / hours(1));
  return kHours.at(hour) * kWeekdays.at(std::chrono::weekday(day).c_encoding()) * (slot.burst ? 5 : 1) *
         static_cast<std::uint64_t>((slot.to - slot.from).count());
}

// Cuts the plan at full hours and deals its rows out by liveliness, exactly.
std::vector<Slot> slots_of(const ConversationPlan& plan) {
  std::vector<Slot> slots;
  std::uint64_t total = 0;
  for (Second at = plan.from; at < plan.to; at = slots.back().to) {
    const Second hour = floor<hours>(at);
    slots.push_back({.from = at, .to = std::min(plan.to, Second(hour + hours(1))), .burst = is_burst(plan.seed, hour)});
    total += weight(slots.back());
  }
  std::uint64_t passed = 0, dealt = 0;
  for (Slot& slot : slots) {
    passed += weight(slot);
    const auto due = static_cast<std::uint64_t>(Wide(plan.rows) * passed / total);
    slot.rows = due - dealt;
    dealt = due;
  }
  return slots;
}

class Generator {
 public:
  Generator(const ConversationPlan& plan, RowStore& store)
      : plan_(plan), store_(store), pool_(plan.users != 0 ? plan.users : plan.rows / kRowsPerUser + 1) {}

  void run() {
    for (const Slot& slot : slots_of(plan_)) fill(slot);
  }

 private:
  struct Visitor {
    Person person;
    std::uint32_t user = 0;
    std::uint64_t visits = 0;
    Known known = Known::anonymous;
  };

  // One sitting of one user.
  struct Session {
    Visitor& visitor;
    const Scenario& scenario;
    std::uint32_t profile;
    Instant at;
  };

  void fill(const Slot& slot) {
    Random random(scramble(plan_.seed, static_cast<std::uint64_t>(slot.from.time_since_epoch().count())));
    const auto width = static_cast<std::uint64_t>((slot.to - slot.from).count());
    const std::uint64_t crowd = slot.burst ? std::min<std::uint64_t>(width, 300) : width;
    const std::uint64_t start = random.below(width - crowd + 1);
    for (std::uint64_t left = slot.rows; left > 0;) {
      const std::uint64_t length = std::min(left, length_of(random));
      converse(random, slot.from + seconds(start + random.below(crowd)), length);
      left -= length;
    }
  }

  // Each draw is a statement of its own: the order within an expression is the compiler's to choose.
  static std::uint64_t length_of(Random& random) {
    const std::uint64_t least = 2 + random.below(5);
    return least + random.below(9);
  }

  Visitor& visitor(Random& random) {
    // The smaller of two draws: some users come often, many rarely.
    const std::uint64_t number = std::min(random.below(pool_), random.below(pool_));
    const auto [found, is_new] = visitors_.try_emplace(number);
    if (is_new) {
      found->second.person = invent_person(plan_.seed, number, plan_.numeric_permille);
      found->second.user = store_.user(found->second.person.id);
    }
    return found->second;
  }

  void converse(Random& random, Second start, std::uint64_t length) {
    Visitor& who = visitor(random);
    const Scenario& scenario = scenarios()[random.below(scenarios().size())];
    gaps_.clear();
    microseconds duration{0};
    for (std::uint64_t n = 0; n < length; ++n) {
      gaps_.push_back(n == 0 ? microseconds(0) : gap(random));
      duration += gaps_.back();
    }
    const Instant latest = Instant(plan_.to) - seconds(1) - duration;
    const Instant first = std::min(Instant(start) + microseconds(random.below(1'000'000)), latest);
    Session session{who, scenario, 0, std::max(first, Instant(plan_.from))};
    ++who.visits;
    snapshot(session);
    speak(random, session);
  }

  // Reading and typing take seconds; now and then two messages share an instant.
  static microseconds gap(Random& random) {
    if (random.permille(15)) return microseconds(0);
    return microseconds(2'000'000 + random.below(26'000'000));
  }

  void snapshot(Session& session) {
    const Visitor& who = session.visitor;
    session.profile = store_.profile(profile_of(who.person, session.scenario, who.known, who.visits));
  }

  // The messages of a session, one for each gap.
  void speak(Random& random, Session& session) {
    bool form_open = false;
    for (std::size_t n = 0; n < gaps_.size(); ++n) {
      // A double click says the same once more in the same instant.
      if (n == 0 || !random.permille(6)) {
        session.at = std::min(session.at + gaps_[n], Instant(plan_.to) - microseconds(1));
        compose(random, session, n, form_open);
      }
      say(session);
    }
  }

  void compose(Random& random, Session& session, std::size_t n, bool& form_open) {
    const bool web = session.visitor.person.channel == Person::Channel::web;
    const std::uint64_t drawn = random.below(100);
    if (n == 0 && web) return open_chat(session);
    if (form_open) {
      form_open = false;
      return submit_form(random, session);
    }
    if (web && drawn < 45) {
      form_open = drawn < 8;
      return press_button(random, session);
    }
    if (web && drawn < 48) return click_link(session);
    if (!web && drawn < 5) return send_image();
    type_text(random, session);
  }

  void open_chat(const Session& session) {
    type_ = "chat_open";
    text_.clear();
    data_ = R"({"value":"","callback_id":)";
    append_php_string(data_, session.scenario.opening_callback);
    data_ += '}';
  }

  void press_button(Random& random, const Session& session) {
    const Button& button = session.scenario.buttons[random.below(session.scenario.buttons.size())];
    type_ = random.permille(100) ? "webchat_button_response" : "button_response";
    text_.clear();
    data_ = "{\"value\":";
    append_php_string(data_, button.value);
    data_ += ",\"callback_id\":";
    append_php_string(data_, button.callback_id);
    data_ += ",\"text\":";
    append_php_string(data_, button.label);
    data_ += '}';
  }

  void click_link(const Session& session) {
    type_ = "url_click";
    text_.clear();
    data_ = "{\"url\":\"https:\\/\\/example.org\\/help?s=" + std::string(session.scenario.id) + "\"}";
  }

  void send_image() {
    type_ = "image";
    text_.clear();
    data_ = "null";
  }

  // From here on the profile knows the user by name.
  void submit_form(Random& random, Session& session) {
    session.visitor.known = Known::named;
    snapshot(session);
    type_ = "form_response";
    text_.clear();
    data_ = "{\"callback_id\":";
    append_php_string(data_, session.scenario.form_callback);
    data_ += ",\"form\":";
    data_ += session.scenario.survey ? survey_answers(random) : contact_form(session.visitor.person);
    data_ += '}';
  }

  static std::string survey_answers(Random& random) {
    std::string out = "[\"" + std::to_string(1 + random.below(5));
    return out += random.permille(500) ? "\",\"yes\",[]]" : "\",null,[]]";
  }

  static std::string contact_form(const Person& person) {
    std::string out = "{\"name\":";
    append_php_string(out, std::string(person.first_name) + ' ' + std::string(person.last_name));
    out += ",\"email\":";
    append_php_string(out, person.email);
    return out += ",\"address\":{\"line\":null},\"tags\":[]}";
  }

  void type_text(Random& random, const Session& session) {
    const auto phrases = session.visitor.person.locale->phrases;
    type_ = random.permille(80) ? "webchat_message" : "text";
    text_ = phrases[random.below(phrases.size())];
    if (random.permille(80)) text_.append(1, ' ').append(emoji()[random.below(emoji().size())]);
    if (random.permille(60)) text_ += " #" + std::to_string(random.below(1'000'000));
    if (random.permille(1)) lengthen(random, phrases);
    data_ = "{\"text\":";
    append_php_string(data_, text_);
    data_ += '}';
  }

  // A pasted letter of a few thousand bytes.
  void lengthen(Random& random, std::span<const std::string_view> phrases) {
    const std::size_t size = 1000 + random.below(4000);
    while (text_.size() < size) text_.append(1, '\n').append(phrases[random.below(phrases.size())]);
  }

  void say(const Session& session) {
    store_.append(session.visitor.user, session.profile, session.at, type_, text_, data_);
  }

  const ConversationPlan& plan_;
  RowStore& store_;
  std::uint64_t pool_;
  std::unordered_map<std::uint64_t, Visitor> visitors_;
  std::vector<microseconds> gaps_;
  std::string type_, text_, data_;
};

}  // namespace

void generate(const ConversationPlan& plan, RowStore& store) {
  if (plan.rows > 0 && plan.from >= plan.to) throw std::invalid_argument("conversations: 'from' must lie before 'to'");
  Generator(plan, store).run();
  store.settle(RowStore::Numbering::by_time);
}

}  // namespace odetl::simulator
