#include "tests/simulator/tenant.hpp"

#include <algorithm>
#include <mutex>

#include "tests/simulator/listing.hpp"
#include "tests/simulator/php_json.hpp"
#include "tests/simulator/random.hpp"

namespace odetl::simulator {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

}  // namespace

Window window_between(Second from, Second to) { return {.from = from, .to = to, .echo_from = from, .echo_to = to}; }

Tenant::Tenant(TenantOptions options)
    : options_(options), store_(options.fractions), memory_limit_(options.memory_limit) {}

std::size_t Tenant::generate(const ConversationPlan& plan) {
  const std::unique_lock lock(mutex_);
  const std::size_t before = store_.all().size();
  simulator::generate(plan, store_);
  return store_.all().size() - before;
}

RowId Tenant::append(const Interaction& interaction) {
  const std::uint32_t user = store_.user(interaction.user_id);
  const std::uint32_t profile = store_.profile(php_json(interaction.profile));
  if (interaction.verbatim) return store_.append_verbatim(user, profile, interaction.at, *interaction.verbatim);
  const std::string data = php_json(interaction.data);
  return store_.append(user, profile, interaction.at, interaction.type, interaction.text,
                       data == "\"\"" ? "null" : data);
}

std::vector<RowId> Tenant::add(const std::vector<Interaction>& interactions) {
  const std::unique_lock lock(mutex_);
  std::vector<RowId> ids;
  for (const Interaction& interaction : interactions) ids.push_back(append(interaction));
  store_.settle();
  return ids;
}

bool Tenant::remove(RowId id) {
  const std::unique_lock lock(mutex_);
  return store_.remove(id);
}

bool Tenant::change(RowId id, const Interaction& interaction) {
  const std::unique_lock lock(mutex_);
  if (store_.find(id) == nullptr) return false;
  const RowId fresh = append(interaction);
  store_.settle();
  store_.remove(id);
  store_.renumber(fresh, id);
  return true;
}

void Tenant::poison(Second second) {
  const std::unique_lock lock(mutex_);
  poisoned_.insert(second);
}

void Tenant::heal(Second second) {
  const std::unique_lock lock(mutex_);
  poisoned_.erase(second);
}

std::set<Second> Tenant::poisoned() const {
  const std::shared_lock lock(mutex_);
  return poisoned_;
}

bool Tenant::is_poisoned(const Window& window) const {
  const auto first = poisoned_.lower_bound(window.from);
  return first != poisoned_.end() && *first <= window.to;
}

std::span<const Row> Tenant::visible(Instant from, Instant to) const {
  if (options_.future == Future::hidden) to = std::min(to, clock_.now());
  return store_.between(from, to);
}

std::vector<const Row*> Tenant::rows_of(const Window& window) const {
  std::vector<const Row*> rows;
  for (const Row& row : visible(window.from, window.to)) {
    if (matches(store_, row, window.filters)) rows.push_back(&row);
  }
  return rows;
}

void Tenant::put_in_order(std::vector<const Row*>& rows) const {
  if (options_.order == Order::insertion) {
    std::sort(rows.begin(), rows.end(), [](const Row* a, const Row* b) { return a->id < b->id; });
    return;
  }
  Random random(scramble(options_.seed, answers_.fetch_add(1)));
  for (std::size_t left = rows.size(); left > 1; --left) std::swap(rows[left - 1], rows[random.below(left)]);
}

std::optional<Listing> Tenant::list(const Window& window) const {
  const std::shared_lock lock(mutex_);
  if (window.from <= window.to && is_poisoned(window)) return std::nullopt;
  std::vector<const Row*> rows = rows_of(window);
  const std::size_t limit = memory_limit_;
  if (limit != 0 && rows.size() > limit) return std::nullopt;
  put_in_order(rows);
  rows.resize(std::min(rows.size(), window.most_rows));
  return Listing{.body = render_listing(store_, rows, window, options_.shape), .rows = rows.size()};
}

std::size_t Tenant::count(Second from, Second to) const {
  const std::shared_lock lock(mutex_);
  return visible(from, to).size();
}

std::string Tenant::truth(Second from, Second to) const {
  const std::shared_lock lock(mutex_);
  std::string out;
  for (const Row& row : visible(from, to + seconds(1) - microseconds(1))) append_truth(out, store_, row);
  return out;
}

Tenant::Extent Tenant::extent() const {
  const std::shared_lock lock(mutex_);
  const auto rows = visible(Instant::min(), Instant::max());
  Extent extent{.rows = rows.size(), .users = store_.users()};
  for (std::uint32_t user = 0; user < store_.users(); ++user) extent.lost_users += store_.user_at(user).lost ? 1 : 0;
  if (!rows.empty()) {
    extent.first = rows.front().at;
    extent.last = rows.back().at;
  }
  return extent;
}

}  // namespace odetl::simulator
