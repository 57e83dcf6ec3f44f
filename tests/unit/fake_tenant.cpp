#include "tests/unit/fake_tenant.hpp"

#include <algorithm>
#include <map>

#include "etl/canonical_json.hpp"

namespace odetl::test {
namespace {

using std::chrono::seconds;

// One connection to the tenant.
class FakeClient final : public ApiClient {
 public:
  FakeClient(FakeTenant& tenant, VirtualClock& clock) : tenant_(tenant), clock_(clock) {}

  void fetch(const AskedRange& asked, Answer& answer, Exchange& exchange, std::stop_token stop) override {
    Body& body = answer.bytes;
    const Timestamp begun = clock_.now();
    const auto finish = [&](int status) {
      exchange.status = status;
      exchange.server_date = tenant_.date();
      exchange.duration = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - begun);
      exchange.wire_bytes = exchange.body_bytes = body.size();
    };
    body.clear();
    try {
      std::string text = render(asked, tenant_.serve(asked, stop));
      if (tenant_.behaviour().spoil) tenant_.behaviour().spoil(text);
      body.assign(text);
    } catch (const ApiError& error) {
      finish(error.status());
      throw;
    }
    finish(200);
  }

  void decode(const AskedRange&, Answer& answer, Body& body, Exchange& exchange) const override {
    std::swap(answer.bytes, body);
    exchange.body_bytes = body.size();
  }

  void set_token(std::string) override {}

 private:
  FakeTenant& tenant_;
  VirtualClock& clock_;
};

int status_of(Failure failure) {
  switch (failure) {
    case Failure::server_error:
      return 500;
    case Failure::throttled:
      return 429;
    case Failure::unauthorised:
      return 401;
    case Failure::refused:
      return 422;
    case Failure::too_large:
      return 413;
    case Failure::broken_answer:
      return 200;
    default:
      return 0;
  }
}

[[noreturn]] void fail(Failure failure, const AskedRange& asked, const char* cause) {
  throw ApiError(failure, "fetch '" + to_wire(asked.from) + " to " + to_wire(asked.to) + "': " + cause,
                 status_of(failure));
}

}  // namespace

void FakeTenant::say(Said row) {
  if (!behaviour_.fractions) row.at = std::chrono::floor<seconds>(row.at);
  const auto place = std::upper_bound(rows_.begin(), rows_.end(), row.at,
                                      [](Timestamp at, const Said& other) { return at < other.at; });
  rows_.insert(place, std::move(row));
}

bool FakeTenant::is_poisoned(sys_seconds second) const {
  const auto in_second = [&](const Said& row) { return std::chrono::floor<seconds>(row.at) == second; };
  const auto said = static_cast<std::size_t>(std::count_if(rows_.begin(), rows_.end(), in_second));
  return behaviour_.poisoned.contains(second) || (behaviour_.max_rows && said > *behaviour_.max_rows);
}

std::vector<FakeTenant::Request> FakeTenant::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

std::vector<Said> FakeTenant::serve(const AskedRange& asked, const std::stop_token& stop) {
  {
    const std::scoped_lock lock(mutex_);
    requests_.push_back({asked, clock_.now()});
  }
  if (behaviour_.interfere) behaviour_.interfere(asked, stop);
  const auto from = std::lower_bound(rows_.begin(), rows_.end(), Timestamp(asked.from),
                                     [](const Said& row, Timestamp at) { return row.at < at; });
  const auto to = std::upper_bound(from, rows_.end(), Timestamp(asked.to),
                                   [](Timestamp at, const Said& row) { return at < row.at; });
  std::vector<Said> answer(from, to);
  fail_if_it_must(asked, answer);
  clock_.advance(behaviour_.latency);
  return answer;
}

void FakeTenant::fail_if_it_must(const AskedRange& asked, const std::vector<Said>& answer) {
  for (const Outage& outage : behaviour_.outages) {
    const Timestamp now = clock_.now();
    if (now < outage.from || outage.to <= now) continue;
    clock_.advance(outage.takes);
    fail(outage.as, asked, "an outage");
  }
  const auto poison = behaviour_.poisoned.lower_bound(asked.from);
  if (poison != behaviour_.poisoned.end() && *poison <= asked.to) fail(Failure::server_error, asked, "HTTP status 500");
  if (behaviour_.max_rows && answer.size() > *behaviour_.max_rows) {
    fail(Failure::server_error, asked, "HTTP status 500");
  }
}

std::optional<sys_seconds> FakeTenant::date() const {
  if (!behaviour_.sends_date) return std::nullopt;
  return std::chrono::floor<seconds>(clock_.now() + behaviour_.clock_offset);
}

std::unique_ptr<ApiClient> FakeTenant::connect() { return std::make_unique<FakeClient>(*this, clock_); }

std::string render(const AskedRange& asked, const std::vector<Said>& rows) {
  std::map<std::string_view, std::string> interactions;
  for (const Said& row : rows) {
    std::string& list = interactions[row.user];
    list += list.empty() ? "" : ",";
    list += R"({"type":"text","date":")" + to_rfc3339(row.at) + R"(","text":)";
    append_quoted(list, row.text);
    list += R"(,"data":null})";
  }
  std::string body = R"({"data":[)";
  for (const auto& [user, list] : interactions) {
    if (body.back() != '[') body += ',';
    body += '{';
    append_quoted(body, user);
    body += R"(:{"chatbot_user_data":{"first_name":)";
    append_quoted(body, user);
    body += R"(},"from":")" + to_rfc3339(asked.from) + R"(","to":")" + to_rfc3339(asked.to) + R"(","interactions":[)" +
            list + "]}}";
  }
  return body + "]}";
}

void Hang::operator()(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  arrived_ = true;
  changed_.notify_all();
  changed_.wait(lock, stop, [] { return false; });
  throw Stopped();
}

void Hang::await_arrival() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return arrived_; });
}

}  // namespace odetl::test
