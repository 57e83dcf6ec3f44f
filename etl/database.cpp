#include "etl/database.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <libpq-fe.h>
#include <pqxx/pqxx>
#include <set>
#include <utility>

#include "etl/binary_transfer.hpp"
#include "etl/server_error.hpp"
#include "etl/sql_text.hpp"

namespace odetl {
namespace {

const std::string kRolledBack = "; the transaction is rolled back";
constexpr int kOldestServer = 140000;

// Call inside a catch block: turns libpqxx's exceptions into ours.
[[noreturn]] void translate(const std::string& operation) {
  try {
    throw;
  } catch (const pqxx::broken_connection& error) {
    throw DatabaseError(Failure::db_unreachable, operation + ": connection lost: " + first_line(error.what()) +
                                                     "; it is made anew");
  } catch (const pqxx::in_doubt_error&) {
    throw DatabaseError(Failure::db_unreachable,
                        operation + ": connection lost while committing; it may have been done, and to do it again is safe");
  } catch (const pqxx::transaction_rollback& error) {
    // Serialisation failures and deadlocks, which in 6.x are no sql_error and do not tell their state.
    throw DatabaseError(Failure::db_retry, operation + ": " + first_line(error.what()) + kRolledBack);
  } catch (const pqxx::insufficient_privilege& error) {
    throw_server_error(operation, "42501", error.what());  // which 6.x does not tell either
  } catch (const pqxx::sql_error& error) {
    throw_server_error(operation, error.sqlstate(), error.what());
  } catch (const pqxx::failure& error) {
    throw DatabaseError(Failure::db_unreachable, operation + ": " + first_line(error.what()) + kRolledBack);
  }
}

class Rows final : public SqlRows {
 public:
  explicit Rows(pqxx::result result) : result_(std::move(result)) {}
  std::size_t size() const override { return static_cast<std::size_t>(result_.size()); }
  std::size_t affected() const override { return static_cast<std::size_t>(result_.affected_rows()); }
  std::optional<std::string_view> get(std::size_t row, int column) const override {
    const auto field = result_[static_cast<pqxx::result::size_type>(row)][static_cast<pqxx::row_size_type>(column)];
    if (field.is_null()) return std::nullopt;
    return std::string_view(field.c_str(), field.size());
  }

 private:
  pqxx::result result_;
};

#if PQXX_VERSION_MAJOR < 7
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

// The connection made by us and lent to libpqxx, in the way that 6.x has for it.
class Link final : public pqxx::connection_base {
 public:
  explicit Link(PGconn* made) : pqxx::connection_base(policy_), policy_(made) {
    init();
    // Debian 12's libpqxx reopens a broken connection behind our back, without its locks and settings.
    inhibit_reactivation(true);
  }
  ~Link() { close(); }

 private:
  struct Policy final : pqxx::connectionpolicy {
    explicit Policy(PGconn* made) : connectionpolicy(""), link(made) {}
    handle do_startconnect(handle known) override { return known != nullptr ? known : std::exchange(link, nullptr); }
    PGconn* link;
  };
  Policy policy_;
};

std::unique_ptr<Link> lend(PGconn* made) { return std::make_unique<Link>(made); }

pqxx::result execute(pqxx::work& work, const std::string& prepared, const std::vector<SqlParam>& params) {
  std::vector<const char*> values;
  for (const SqlParam& param : params) values.push_back(param ? param->c_str() : nullptr);
  return work.exec_prepared(prepared, pqxx::prepare::make_dynamic_params(values));
}

#pragma GCC diagnostic pop
#else

using Link = pqxx::connection;

std::unique_ptr<Link> lend(PGconn* made) { return std::make_unique<Link>(Link::seize_raw_connection(made)); }

pqxx::result execute(pqxx::work& work, const std::string& prepared, const std::vector<SqlParam>& params) {
  pqxx::params values;
  for (const std::optional<std::string>& param : params) values.append(param);
#if PQXX_VERSION_MAJOR > 7 || PQXX_VERSION_MINOR >= 10
  return work.exec(pqxx::prepped(prepared), values);
#else
  return work.exec_prepared(prepared, values);
#endif
}

#endif

bool has_keyword(const std::string& dsn, const std::string& key) { return dsn.find(key + "=") != std::string::npos; }

// A dead server must be noticed; a connection string that says how wins.
std::string with_limits(std::string dsn) {
  const bool uri = dsn.starts_with("postgresql://") || dsn.starts_with("postgres://");
  for (const auto& [key, value] : {std::pair{"connect_timeout", "5"}, {"tcp_user_timeout", "30000"},
                                   {"keepalives_idle", "30"}, {"target_session_attrs", "primary"},
                                   {"application_name", "opendialog-etl"}}) {
    if (has_keyword(dsn, key)) continue;
    if (uri) {
      dsn += dsn.find('?') == std::string::npos ? '?' : '&';
    } else {
      dsn += ' ';
    }
    dsn += fmt::format("{}={}", key, value);
  }
  return dsn;
}

struct Finish {
  void operator()(PGconn* link) const { PQfinish(link); }
};

class Session final : public Database {
 public:
  Session(const std::string& dsn, std::string schema) : schema_(std::move(schema)) {
    std::unique_ptr<PGconn, Finish> made(PQconnectdb(with_limits(dsn).c_str()));
    link_ = made.get();
    if (link_ == nullptr) throw std::bad_alloc();
    if (PQstatus(link_) != CONNECTION_OK) refused();
    try {
      connection_ = lend(link_);
    } catch (const std::exception&) {
      translate("take over the connection");
    }
    static_cast<void>(made.release());
    prepare_session();
  }
  ~Session() override { roll_back(); }

  void begin() override {
    try {
      work_ = std::make_unique<pqxx::work>(*connection_);
    } catch (const std::exception&) {
      translate("begin transaction");
    }
  }

  void commit() override {
    try {
      work_->commit();
      work_.reset();
    } catch (const std::exception&) {
      translate("commit transaction");
    }
  }

  void roll_back() noexcept override {
    copy_.reset();
    work_.reset();
  }

  std::unique_ptr<SqlRows> run(std::string_view file, const std::vector<SqlParam>& params) override {
    const auto is_binary = [](const SqlParam& param) { return param.is_binary; };
    if (!keeps_plan(file) || std::any_of(params.begin(), params.end(), is_binary)) {
      return run_by_libpq(file, params, AnswerForm::text);
    }
    try {
      return std::make_unique<Rows>(execute(*work_, prepared(file), params));
    } catch (const std::exception&) {
      translate(fmt::format("statement '{}'", file));
    }
  }

  void run_script(std::string_view file) override {
    std::string script(sql_text(file));
    const std::string schema = quoted_schema();
    for (auto at = script.find("$SCHEMA"); at != std::string::npos; at = script.find("$SCHEMA", at + schema.size())) {
      script.replace(at, 7, schema);
    }
    try {
      work_->exec(script);
    } catch (const std::exception&) {
      translate(fmt::format("script '{}'", file));
    }
  }

  std::unique_ptr<SqlRows> run_binary(std::string_view file, const std::vector<SqlParam>& params) override {
    return run_by_libpq(file, params, AnswerForm::binary);
  }

  void copy_begin(const std::string& table, const std::vector<std::string>& columns) override {
    copy_ = std::make_unique<CopyStream>(link_, table, columns);
  }
  void copy(std::string_view rows) override { copy_->write(rows); }
  void copy_end() override {
    copy_->complete();
    copy_.reset();
  }

  void cancel() noexcept override {
    try {
      connection_->cancel_query();
    } catch (const std::exception&) {
      // Without a connection there is nothing to cancel.
    }
  }

  const std::string& schema() const override { return schema_; }
  const std::string& server_run() const override { return server_run_; }

 private:
  [[noreturn]] void refused() {
    const std::string message = PQerrorMessage(link_);
    const std::string cause = is_malformed_dsn(message) ? "the connection string is malformed" : first_line(message);
    throw DatabaseError(classify_connect_error(message), "connect to the database: " + cause + "; see warehouse.dsn");
  }

  // Parsed once a session.
  const std::string& prepared(std::string_view file) {
    const auto [name, is_new] = prepared_.emplace(file);
    if (!is_new) return *name;
    try {
      connection_->prepare(*name, std::string(sql_text(file)));
    } catch (...) {
      prepared_.erase(name);
      throw;
    }
    return *name;
  }

  std::unique_ptr<SqlRows> run_by_libpq(std::string_view file, const std::vector<SqlParam>& params, AnswerForm answer) {
    const std::string operation = fmt::format("statement '{}'", file);
    if (!keeps_plan(file)) return run_once(link_, operation, std::string(sql_text(file)), params, answer);
    const std::string name = fmt::format("{} by libpq", file);  // libpqxx knows of its own alone
    if (!prepared_.contains(name)) {
      prepare(link_, operation, name, std::string(sql_text(file)));
      prepared_.insert(name);
    }
    return run_prepared(link_, operation, name, params, answer);
  }

  std::string quoted_schema() const { return connection_->quote_name(schema_); }

  void prepare_session() {
    try {
      pqxx::nontransaction work(*connection_);
      const pqxx::result facts = work.exec(std::string(sql_text("session_check")));
      if (facts[0][0].as<int>() < kOldestServer) {
        throw DatabaseError(Failure::db_schema, "check the database: it is older than PostgreSQL 14; upgrade it");
      }
      if (std::string_view(facts[0][1].c_str()) != "UTF8") {
        throw DatabaseError(Failure::db_schema,
                            "check the database: its encoding is not UTF8; create one with ENCODING 'UTF8'");
      }
      server_run_ = facts[0][2].c_str();
      work.exec(std::string(sql_text("session")));
      work.exec("SET search_path = " + quoted_schema() + ", pg_temp");
    } catch (const DatabaseError&) {
      throw;
    } catch (const std::exception&) {
      translate("prepare the session");
    }
  }

  std::string schema_;
  std::string server_run_;
  PGconn* link_ = nullptr;  // the connection's
  std::unique_ptr<Link> connection_;
  std::set<std::string, std::less<>> prepared_;
  std::unique_ptr<pqxx::work> work_;
  std::unique_ptr<CopyStream> copy_;
};

}  // namespace

std::int64_t SqlRows::integer(std::size_t row, int column) const {
  const std::string_view digits = text(row, column);
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::unique_ptr<Database> connect_database(const std::string& dsn, const std::string& schema) {
  return std::make_unique<Session>(dsn, schema);
}

bool keeps_plan(std::string_view file) { return sql_text(file).find("A plan is kept.") != std::string_view::npos; }

std::string_view sql_text(std::string_view file) {
  const auto& files = sql_files();
  const auto at = std::lower_bound(files.begin(), files.end(), file,
                                   [](const SqlFile& a, std::string_view name) { return a.name < name; });
  if (at == files.end() || at->name != file) throw std::logic_error("no sql file " + std::string(file));
  return at->text;
}

}  // namespace odetl
