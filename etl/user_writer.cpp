#include "etl/user_writer.hpp"

#include <optional>
#include <unordered_set>
#include <utility>

#include "etl/copy_rows.hpp"
#include "etl/identity.hpp"
#include "etl/load_rows.hpp"

namespace odetl {
namespace {

// Who says what is `fresh`.
std::unordered_set<std::string_view> speakers(const Batch& batch, const std::vector<std::uint32_t>& fresh) {
  std::unordered_set<std::string_view> ids;
  std::optional<std::uint32_t> last;
  for (const std::uint32_t i : fresh) {
    const std::uint32_t user = batch.interactions[i].user;
    if (user != last) ids.insert(batch.users[user].user_id);
    last = user;
  }
  return ids;
}

bool is_profile_of(const User& user, std::string_view hash) {
  const Digest own = profile_hash(user);
  return hash == std::string_view(reinterpret_cast<const char*>(own.data()), own.size());
}

// Than what is held since `observed_at`, binary; `same`: in all else they are alike.
bool is_no_newer(const User& user, std::optional<std::string_view> observed_at, bool same) {
  if (!user.observed_at) return true;
  if (!observed_at) return false;
  const Timestamp held = binary_timestamp(*observed_at);
  return *user.observed_at < held || (*user.observed_at == held && same);
}

}  // namespace

void UserWriter::choose(const Batch& batch, std::vector<std::uint32_t> users, Visit visit) {
  visit_ = visit;
  listed_ = users.size();
  users_ = std::move(users);
  arrays_.clear();
  met_.clear();
  if (visit == Visit::past) {
    std::vector<std::uint32_t> unseen;
    for (const std::uint32_t i : users_) {
      const SeenUsers::Entry& user = met_.emplace_back(SeenUsers::entry_of(batch.users[i].user_id, batch.users[i].observed_at));
      if (!seen_->has_newer(*seen_key_, user)) unseen.push_back(i);
    }
    users_ = std::move(unseen);
  }
  const bool is_chosen = visit == Visit::newest || (visit == Visit::past && unseen_are_new_);
  if (is_chosen && !users_.empty()) arrays_ = user_arrays(batch, users_);
}

void UserWriter::write(Database& db, const Batch& batch, const std::vector<std::uint32_t>& fresh, const std::string& now,
                       WindowReport& report) {
  const std::size_t unseen = users_.size();
  report.users_inserted = report.users_updated = 0;
  if (arrays_.empty() && !users_.empty()) {
    leave_out_known(db, batch, fresh);
    if (!users_.empty()) arrays_ = user_arrays(batch, users_);
  }
  if (!users_.empty()) {
    arrays_.emplace_back(now);
    const auto written = db.run("load/upsert_users", arrays_);
    for (std::size_t row = 0; row < written->size(); ++row) {
      ++(written->boolean(row, 0) ? report.users_inserted : report.users_updated);
    }
  }
  report.users_unchanged = listed_ - report.users_inserted - report.users_updated;
  if (visit_ == Visit::past) unseen_are_new_ = 2 * report.users_inserted > unseen;
}

void UserWriter::committed() {
  for (const SeenUsers::Entry& user : met_) seen_->add(*seen_key_, user);
}

// Takes away those that are known and unchanged: they are not even locked.
void UserWriter::leave_out_known(Database& db, const Batch& batch, const std::vector<std::uint32_t>& fresh) {
  const auto known = db.run_binary("load/known_users", {user_ids_array(batch, users_)});
  const std::unordered_set<std::string_view> news = speakers(batch, fresh);
  std::vector<bool> up_to_date(users_.size());
  for (std::size_t row = 0; row < known->size(); ++row) {
    const auto place = static_cast<std::size_t>(binary_integer(known->text(row, 0)) - 1);
    const User& user = batch.users[users_[place]];
    const bool same = is_profile_of(user, known->text(row, 2));
    // Read again in another order or other windows, the same profile stands with another message: that is nothing new.
    const bool is_old_news = same && !news.contains(user.user_id);
    up_to_date[place] = is_old_news || is_no_newer(user, known->get(row, 1), same);
  }
  std::size_t kept = 0;
  for (std::size_t place = 0; place < users_.size(); ++place) {
    if (!up_to_date[place]) users_[kept++] = users_[place];
  }
  users_.resize(kept);
}

}  // namespace odetl
