#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "tests/simulator/clock.hpp"
#include "tests/simulator/conversations.hpp"
#include "tests/simulator/rows.hpp"

namespace odetl::simulator {

// How users, and the interactions within one, are listed.
enum class Order { shuffled, insertion };

// `nested` is an old branch: `interactions:[[…]]`, `data:[{…}]`.
enum class Shape { flat, nested };

// Whether rows dated after the tenant's clock are already there.
enum class Future { shown, hidden };

struct TenantOptions {
  std::uint64_t seed = 1;  // of the shuffling
  Fractions fractions = Fractions::whole;
  Order order = Order::shuffled;  // another order in every answer
  Shape shape = Shape::flat;
  Future future = Future::shown;      // hidden: rows appear as the clock reaches them
  std::size_t memory_limit = 15'000;  // rows in an answer above which it is a 500; 0 = none
};

// One message as the application saves it.
struct Interaction {
  std::string user_id;
  Instant at{};  // created_at
  std::string type = "text";
  std::string text = "";
  std::string data = "null";     // JSON; `""` is saved as null, as the application does
  std::string profile = "null";  // JSON: the user's profile at that moment
  // When set, the whole element of `interactions`, byte for byte, in place of type, date, text and data.
  std::optional<std::string> verbatim = std::nullopt;
};

// What an answer lists. Both ends inclusive, compared with the true instant of each row.
struct Window {
  Second from{};
  Second to{};
  Instant echo_from{};
  Instant echo_to{};
  // Name and value; matched without case against any part of the user's id, or of that field of the profile.
  std::map<std::string, std::string> filters = {};
  std::size_t most_rows = SIZE_MAX;  // a silent cap
};

Window window_between(Second from, Second to);

struct Listing {
  std::string body;
  std::size_t rows = 0;
};

// The data of one workspace and what its server makes of it. Thread-safe; answers exclude changes.
class Tenant {
 public:
  explicit Tenant(TenantOptions options = {});

  const TenantOptions& options() const { return options_; }
  Clock& clock() { return clock_; }
  const Clock& clock() const { return clock_; }

  // Adds the conversations of a plan; returns the number of rows.
  std::size_t generate(const ConversationPlan& plan);

  // Rows in insertion order. Late rows are simply rows added with an old `at`.
  std::vector<RowId> add(const std::vector<Interaction>& interactions);
  RowId add(const Interaction& interaction) { return add(std::vector{interaction}).front(); }
  bool remove(RowId id);                                  // the row vanishes; false if there is none
  bool change(RowId id, const Interaction& interaction);  // another text at the same id; false if there is none

  // A row of that second can no longer be read: every answer that would list the second is a 500.
  void poison(Second second);
  void heal(Second second);
  std::set<Second> poisoned() const;

  void set_memory_limit(std::size_t rows) { memory_limit_ = rows; }

  // The body of a 200; nothing where the server dies, of memory or of poison.
  std::optional<Listing> list(const Window& window) const;

  // How many rows `list` would read, poison or not.
  std::size_t count(Second from, Second to) const;

  // The truth, one JSON object a line, by time: `row`, `user_id`, `user_id_lost` (true: not on the wire),
  // `occurred_at` (with the true fraction), then `type`, `date`, `text`, `data` as served. Rows with
  // from <= second <= to.
  std::string truth(Second from, Second to) const;

  struct Extent {
    std::size_t rows = 0, users = 0, lost_users = 0;
    Instant first{}, last{};
  };
  Extent extent() const;

 private:
  std::span<const Row> visible(Instant from, Instant to) const;
  std::vector<const Row*> rows_of(const Window& window) const;
  void put_in_order(std::vector<const Row*>& rows) const;
  bool is_poisoned(const Window& window) const;
  RowId append(const Interaction& interaction);

  const TenantOptions options_;
  Clock clock_;
  mutable std::shared_mutex mutex_;
  RowStore store_;
  std::set<Second> poisoned_;
  std::atomic<std::size_t> memory_limit_;
  mutable std::atomic<std::uint64_t> answers_{0};
};

}  // namespace odetl::simulator
