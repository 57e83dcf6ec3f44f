#include "tests/simulator/control.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <stdexcept>

#include "tests/simulator/error_pages.hpp"
#include "tests/simulator/php_json.hpp"

namespace odetl::simulator {
namespace {

// A JSON object in the making.
class Members {
 public:
  Members& add(std::string_view name, std::string_view text) {
    begin(name);
    append_php_string(out_, text);
    return *this;
  }
  Members& add(std::string_view name, std::uint64_t number) {
    begin(name);
    out_ += std::to_string(number);
    return *this;
  }
  std::string done() { return out_.empty() ? "{}" : std::move(out_) + '}'; }

 private:
  void begin(std::string_view name) {
    out_.append(out_.empty() ? "{" : ",");
    append_php_string(out_, name);
    out_ += ':';
  }

  std::string out_;
};

Response json(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

std::string list_of(const std::vector<std::string>& elements) {
  std::string out = "[";
  for (const std::string& element : elements) out.append(out.size() > 1 ? ",\n" : "").append(element);
  return out + "]\n";
}

template <typename Number>
Number number(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw std::invalid_argument("'" + text + "': not a number");
  return value;
}

Moment moment(const std::string& text) {
  const auto read = read_moment(text);
  if (!read || read->beyond_calendar) throw std::invalid_argument("'" + text + "': not a date");
  return *read;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

Interaction interaction_of(std::string_view form) {
  Interaction row;
  const std::map<std::string, std::function<void(const std::string&)>> fields{
      {"user_id", [&](const std::string& value) { row.user_id = value; }},
      {"at", [&](const std::string& value) { row.at = moment(value).echo; }},
      {"type", [&](const std::string& value) { row.type = value; }},
      {"text", [&](const std::string& value) { row.text = value; }},
      {"data", [&](const std::string& value) { row.data = value; }},
      {"profile", [&](const std::string& value) { row.profile = value; }},
      {"verbatim", [&](const std::string& value) { row.verbatim = value; }}};
  for (const auto& [name, value] : read_form(form)) {
    const auto field = fields.find(name);
    if (field == fields.end()) throw std::invalid_argument("'" + name + "': no such field of a row");
    field->second(value);
  }
  return row;
}

std::string_view name_of(Credential credential) {
  return credential == Credential::right ? "right" : credential == Credential::wrong ? "wrong" : "none";
}

std::string describe(const RequestRecord& record) {
  return Members()
      .add("number", record.number)
      .add("received", wire_date(record.received))
      .add("target", record.target)
      .add("from", record.from)
      .add("to", record.to)
      .add("status", static_cast<std::uint64_t>(record.status))
      .add("rows", record.rows)
      .add("bytes", record.bytes)
      .add("took_us", static_cast<std::uint64_t>(record.took.count()))
      .add("fault", record.fault)
      .add("credential", name_of(record.credential))
      .add("accept", record.accept)
      .add("accept_encoding", record.accept_encoding)
      .add("user_agent", record.user_agent)
      .done();
}

std::string describe(const FaultScript::Standing& standing) {
  return Members()
      .add("kind", simulator::name_of(standing.fault.kind))
      .add("next", standing.fault.next)
      .add("skip", standing.fault.skip)
      .add("seen", standing.seen)
      .add("struck", standing.struck)
      .done();
}

}  // namespace

Response Control::respond(const Request& request) {
  try {
    return route(request);
  } catch (const std::invalid_argument& error) {
    // What a client wrote is at fault, and it is told what.
    Response response = error_page(400);
    response.body = Members().add("message", error.what()).done() + "\n";
    return response;
  }
}

Response Control::route(const Request& request) {
  const std::string call = request.method + ' ' + request.path.substr(std::string_view("/_simulator/").size());
  if (call == "GET summary") return summary();
  if (call == "GET requests") return requests();
  if (call == "GET rows") return rows(request);
  if (call == "POST rows") return add_rows(request);
  if (call == "DELETE rows") return remove_row(request);
  if (call == "GET faults") return faults();
  if (call == "POST faults") return add_faults(request);
  if (call == "POST settings") return change_settings(request);
  if (call == "DELETE requests") {
    server_.forget_requests();
    return json("{}\n");
  }
  if (call == "DELETE faults") {
    server_.faults_.clear();
    return json("{}\n");
  }
  return error_page(404);
}

Response Control::summary() const {
  const Tenant::Extent extent = server_.tenant_.extent();
  return json(Members()
                  .add("rows", extent.rows)
                  .add("users", extent.users)
                  .add("lost_users", extent.lost_users)
                  .add("first", wire_date(extent.first))
                  .add("last", wire_date(extent.last))
                  .add("now", wire_date(server_.tenant_.clock().now()))
                  .add("requests", server_.request_count())
                  .add("connections", server_.connections())
                  .add("poisoned", server_.tenant_.poisoned().size())
                  .done() +
              "\n");
}

Response Control::requests() const {
  std::vector<std::string> records;
  for (const RequestRecord& record : server_.requests()) records.push_back(describe(record));
  return json(list_of(records));
}

Response Control::rows(const Request& request) const {
  const Second from = moment(request.parameter("from").value_or("0001-01-01")).wall;
  const Second to = moment(request.parameter("to").value_or("9999-12-31")).wall;
  Response response = json(server_.tenant_.truth(from, to));
  response.content_type = "application/x-ndjson";
  return response;
}

Response Control::add_rows(const Request& request) {
  std::vector<Interaction> interactions;
  for (const std::string_view line : lines_of(request.body)) interactions.push_back(interaction_of(line));
  std::vector<std::string> ids;
  for (const RowId id : server_.tenant_.add(interactions)) ids.push_back(std::to_string(id));
  return json(list_of(ids));
}

Response Control::remove_row(const Request& request) {
  const auto id = number<RowId>(request.parameter("id").value_or(""));
  return server_.tenant_.remove(id) ? json("{}\n") : error_page(404);
}

Response Control::faults() const {
  std::vector<std::string> faults;
  for (const auto& standing : server_.faults_.standing()) faults.push_back(describe(standing));
  return json(list_of(faults));
}

Response Control::add_faults(const Request& request) {
  std::vector<Fault> faults;
  for (const std::string_view line : lines_of(request.body)) faults.push_back(read_fault(line));
  for (Fault& fault : faults) server_.faults_.add(std::move(fault));
  return json(Members().add("added", faults.size()).done() + "\n");
}

Response Control::change_settings(const Request& request) {
  for (const std::string_view line : lines_of(request.body)) {
    for (const auto& [name, value] : read_form(line)) change(name, value);
  }
  return json("{}\n");
}

void Control::change(const std::string& name, const std::string& value) {
  Tenant& tenant = server_.tenant_;
  const std::map<std::string, std::function<void()>> settings{
      {"token", [&] { server_.set_token(value); }},
      {"rate_limit", [&] { server_.set_rate_limit(number<unsigned>(value)); }},
      {"memory_limit", [&] { tenant.set_memory_limit(number<std::size_t>(value)); }},
      {"poison", [&] { tenant.poison(moment(value).wall); }},
      {"heal", [&] { tenant.heal(moment(value).wall); }},
      {"clock_offset_s", [&] { tenant.clock().move_by(std::chrono::seconds(number<long>(value))); }},
      {"clock_at", [&] { tenant.clock().stand_at(moment(value).echo); }}};
  const auto setting = settings.find(name);
  if (setting == settings.end()) throw std::invalid_argument("'" + name + "': no such setting");
  setting->second();
}

}  // namespace odetl::simulator
