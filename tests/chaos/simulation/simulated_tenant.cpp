#include "tests/chaos/simulation/simulated_tenant.hpp"

#include <algorithm>

namespace odetl::chaos {
namespace {

using std::chrono::floor;
using std::chrono::seconds;

constexpr Failure kFailures[] = {Failure::unreachable, Failure::unreachable,   Failure::server_error,
                                 Failure::throttled,   Failure::broken_answer, Failure::timeout,
                                 Failure::too_large,   Failure::unauthorised,  Failure::refused};

bool covers(Timestamp from, Timestamp to, Timestamp now) { return from <= now && now < to; }

}  // namespace

Timestamp SimulatedTenant::clock_at(Timestamp now) const {
  microseconds offset{0};
  for (const auto& [from, wrong_by] : clock) {
    if (from <= now) offset = wrong_by;
  }
  return now + offset;
}

std::vector<Said> SimulatedTenant::served(Timestamp from, Timestamp to, Timestamp now) const {
  std::vector<Said> answer;
  auto row = std::lower_bound(rows.begin(), rows.end(), from,
                              [](const TenantRow& each, Timestamp at) { return each.said.at < at; });
  for (; row != rows.end() && row->said.at <= to; ++row) {
    if (covers(row->seen_from, row->seen_to, now)) answer.push_back(row->said);
  }
  return answer;
}

bool SimulatedTenant::is_sick(sys_seconds second, Timestamp now) const {
  const auto poison = poisoned.find(second);
  if (poison != poisoned.end() && covers(poison->second.from, poison->second.to, now)) return true;
  return max_rows && served(second, second + seconds(1) - microseconds(1), now).size() > *max_rows;
}

Answer SimulatedTenant::answer(const AskedRange& asked, Timestamp now, Random& random) {
  Answer answer;
  answer.seen_at = now;
  if (throttles(now, answer)) return answer;
  answer.failure = trouble(now, random);
  if (answer.failure == Failure::throttled) answer.retry_after = seconds(random.below(90));
  // Servers that keep fractions compare with them: the last second is asked for only in its first instant.
  for (auto poison = poisoned.lower_bound(asked.from); poison != poisoned.end() && poison->first <= asked.to; ++poison) {
    const bool is_sick = covers(poison->second.from, poison->second.to, now);
    if (is_sick && !answer.failure) answer.failure = Failure::server_error;
  }
  if (answer.failure) return answer;
  answer.rows = served(asked.from, asked.to, now);
  if (max_rows && answer.rows.size() > *max_rows) {
    answer.failure = Failure::server_error;
    answer.rows.clear();
  }
  leave_out(answer, now, random);
  return answer;
}

bool SimulatedTenant::throttles(Timestamp now, Answer& answer) {
  if (requests_a_minute == 0) return false;
  if (now >= minute_ends_) {
    minute_ends_ = now + seconds(60);
    asked_in_minute_ = 0;
  }
  const bool too_many = asked_in_minute_ >= requests_a_minute;
  if (!too_many) ++asked_in_minute_;
  answer.exchange.rate_limit.limit = requests_a_minute;
  answer.exchange.rate_limit.remaining = requests_a_minute - asked_in_minute_;
  if (!too_many) return false;
  answer.failure = Failure::throttled;
  answer.retry_after = std::chrono::ceil<seconds>(minute_ends_ - now);
  return true;
}

std::optional<Failure> SimulatedTenant::trouble(Timestamp now, Random& random) const {
  for (const Trouble& trouble : troubles) {
    if (!covers(trouble.from, trouble.to, now) || !random.permille(trouble.permille)) continue;
    return trouble.as ? trouble.as : kFailures[random.below(std::size(kFailures))];
  }
  return std::nullopt;
}

void SimulatedTenant::leave_out(Answer& answer, Timestamp now, Random& random) const {
  for (const Trouble& lie : lies) {
    if (!covers(lie.from, lie.to, now)) continue;
    std::erase_if(answer.rows, [&](const Said&) { return random.permille(lie.permille); });
  }
}

}  // namespace odetl::chaos
