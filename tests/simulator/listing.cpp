#include "tests/simulator/listing.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <span>

#include "tests/simulator/php_json.hpp"

namespace odetl::simulator {
namespace {

// Rows by user, users as they first appear: the rows of group i stand from begins[i] to begins[i + 1].
struct Groups {
  std::vector<const Row*> rows;
  std::vector<std::size_t> begins;

  std::size_t size() const { return begins.size() - 1; }
  std::span<const Row* const> operator[](std::size_t i) const {
    return std::span(rows).subspan(begins[i], begins[i + 1] - begins[i]);
  }
};

Groups by_user(const RowStore& store, const std::vector<const Row*>& rows) {
  constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> numbers(store.users(), kNone);  // of the users' groups
  std::vector<std::size_t> ends;
  for (const Row* row : rows) {
    std::uint32_t& number = numbers[row->user];
    if (number == kNone) {
      number = static_cast<std::uint32_t>(ends.size());
      ends.push_back(0);
    }
    ++ends[number];
  }
  Groups groups{.rows = std::vector<const Row*>(rows.size()), .begins = {0}};
  std::inclusive_scan(ends.begin(), ends.end(), std::back_inserter(groups.begins));
  std::exclusive_scan(ends.begin(), ends.end(), ends.begin(), std::size_t{0});
  for (const Row* row : rows) groups.rows[ends[numbers[row->user]]++] = row;
  return groups;
}

void append_interaction(std::string& out, const Row& row, Shape shape) {
  if (shape == Shape::flat || row.data_offset == row.length) {
    out += row.wire();
    return;
  }
  out.append(row.wire().substr(0, row.data_offset)).append(1, '[');
  out.append(row.wire().substr(row.data_offset, row.length - row.data_offset - 1)).append("]}");
}

// `,"from":…,"to":…` with the filters that were sent, `,"interactions":`.
std::string record_middle(const Window& window) {
  std::string out = ",\"from\":\"" + wire_date(window.echo_from) + "\",\"to\":\"" + wire_date(window.echo_to) + '"';
  for (const auto& [name, value] : window.filters) {
    out += ",\"" + name + "\":";
    append_php_string(out, value);
  }
  return out += ",\"interactions\":";
}

std::size_t estimated_size(const RowStore& store, const Groups& groups) {
  std::size_t size = 16;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto group = groups[i];
    size += 200 + store.user_at(group.front()->user).wire_key.size() + store.profile_at(group.front()->profile).size();
    for (const Row* row : group) size += row->length + 3;
  }
  return size;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// The string that a profile holds under `name`, at any level; empty if it has none.
std::string_view profile_field(std::string_view profile, std::string_view name) {
  const std::string key = '"' + std::string(name) + "\":\"";
  const std::size_t at = profile.find(key);
  if (at == profile.npos) return {};
  const std::size_t start = at + key.size();
  return profile.substr(start, profile.find('"', start) - start);
}

}  // namespace

std::string render_listing(const RowStore& store, const std::vector<const Row*>& rows, const Window& window,
                           Shape shape) {
  const Groups groups = by_user(store, rows);
  const std::string middle = record_middle(window);
  std::string out;
  out.reserve(estimated_size(store, groups));
  out += "{\"data\":[";
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto group = groups[i];
    const User& user = store.user_at(group.front()->user);
    if (i != 0) out += ',';
    out += user.lost ? "[" : "{" + user.wire_key + ':';
    out.append("{\"chatbot_user_data\":").append(store.profile_at(group.front()->profile)).append(middle);
    out += shape == Shape::nested ? "[[" : "[";
    for (const Row* row : group) {
      if (row != group.front()) out += ',';
      append_interaction(out, *row, shape);
    }
    out += shape == Shape::nested ? "]]}" : "]}";
    out += user.lost ? ']' : '}';
  }
  return out += "]}";
}

bool matches(const RowStore& store, const Row& row, const std::map<std::string, std::string>& filters) {
  return std::all_of(filters.begin(), filters.end(), [&](const auto& filter) {
    const auto& [name, value] = filter;
    const std::string_view field = name == "user_id" ? std::string_view(store.user_at(row.user).id)
                                                     : profile_field(store.profile_at(row.profile), name);
    return lower(field).find(lower(value)) != std::string::npos;
  });
}

void append_truth(std::string& out, const RowStore& store, const Row& row) {
  const User& user = store.user_at(row.user);
  out += "{\"row\":" + std::to_string(row.id) + ",\"user_id\":" + user.wire_key;
  out += user.lost ? ",\"user_id_lost\":true" : ",\"user_id_lost\":false";
  out += ",\"occurred_at\":\"" + wire_date(row.at) + "\",";
  out.append(row.wire().substr(1)).append(1, '\n');
}

}  // namespace odetl::simulator
