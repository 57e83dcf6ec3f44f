#include "etl/database.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <pqxx/pqxx>
#if PQXX_VERSION_MAJOR < 7
#include <pqxx/tablewriter>
#endif

#include "etl/copy_text.hpp"
#include "etl/sql_text.hpp"

namespace odetl {
namespace {

constexpr std::string_view kWhatNext = "; the transaction is rolled back";
constexpr int kOldestServer = 140000;
constexpr std::size_t kCopyBuffer = 64 << 10;
constexpr std::size_t kMaxCause = 300;  // bytes of a server's message

// The server's primary message alone: what follows it can hold values of rows.
std::string first_line(std::string_view message) {
  message = message.substr(0, message.find('\n'));
  for (const std::string_view prefix : {"ERROR:  ", "FATAL:  "}) {
    if (message.starts_with(prefix)) message.remove_prefix(prefix.size());
  }
  if (message.size() <= kMaxCause) return std::string(message);
  std::size_t end = kMaxCause;
  while (end > 0 && (message[end] & 0xC0) == 0x80) --end;  // not inside of a character
  return std::string(message.substr(0, end));
}

// Two classes of errors have values in their primary message too: of data, quoted; of what triggers raise, anywhere.
std::string without_values(const std::string& state, const std::string& cause) {
  if (state.starts_with("P0")) return "a trigger or function raised an error";
  const auto quote = state.starts_with("22") ? cause.find('"') : cause.npos;
  return quote == cause.npos ? cause : cause.substr(0, quote) + "…";
}

// The name in quotes behind `word`, as messages have it; empty when there is none.
std::string name_behind(std::string_view text, std::string_view word) {
  const auto at = text.find(word);
  if (at == text.npos) return {};
  text.remove_prefix(at + word.size());
  return std::string(text.substr(0, text.find('"')));
}

// The column that COPY was reading: `CONTEXT:  COPY interactions, line 1, column data: "…"`.
std::string copied_column(std::string_view message) {
  auto at = message.find("\nCONTEXT:  COPY ");
  if (at == message.npos || (at = message.find(", column ", at)) == message.npos) return {};
  message.remove_prefix(at + std::string_view(", column ").size());
  return std::string(message.substr(0, message.find_first_of(":\n")));
}

[[noreturn]] void fail(const std::string& operation, const std::string& state, std::string_view message) {
  // libpqxx reports a connection that died under a statement as an error without a state.
  const Failure failure = state.empty() ? Failure::db_unreachable : classify_sqlstate(state);
  const std::string line = first_line(message);
  const bool names_it = state.starts_with("23");  // class 23 names objects and shows values only in its details
  throw DatabaseError(failure,
                      fmt::format("{}: {} (SQLSTATE {}){}", operation, without_values(state, line),
                                  state.empty() ? "none" : state, kWhatNext),
                      state, names_it ? name_behind(line, "constraint \"") : std::string(),
                      names_it ? name_behind(line, "column \"") : copied_column(message));
}

// Call inside a catch block: turns libpqxx's exceptions into ours.
[[noreturn]] void translate(const std::string& operation) {
  try {
    throw;
  } catch (const pqxx::broken_connection& error) {
    throw DatabaseError(Failure::db_unreachable, operation + ": connection lost: " + first_line(error.what()) +
                                                     "; it is made anew");
  } catch (const pqxx::in_doubt_error&) {
    throw DatabaseError(Failure::db_unreachable,
                        operation + ": connection lost while committing; the window is read again, which is safe");
  } catch (const pqxx::transaction_rollback& error) {
    // Serialisation failures and deadlocks, which in 6.x are no sql_error and do not tell their state.
    throw DatabaseError(Failure::db_retry, operation + ": " + first_line(error.what()) + std::string(kWhatNext));
  } catch (const pqxx::insufficient_privilege& error) {
    fail(operation, "42501", error.what());  // which 6.x does not tell either
  } catch (const pqxx::sql_error& error) {
    fail(operation, error.sqlstate(), error.what());
  } catch (const pqxx::failure& error) {
    throw DatabaseError(Failure::db_unreachable, operation + ": " + first_line(error.what()) + std::string(kWhatNext));
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

std::unique_ptr<pqxx::connection> open(const std::string& dsn) {
  auto connection = std::make_unique<pqxx::connection>(dsn);
  // Debian 12's libpqxx reopens a broken connection behind our back, without its locks and settings.
  connection->inhibit_reactivation(true);
  return connection;
}

pqxx::result execute(pqxx::work& work, const std::string& sql, const std::vector<SqlParam>& params) {
  std::vector<const char*> values;
  for (const SqlParam& param : params) values.push_back(param ? param->c_str() : nullptr);
  return work.exec_params(sql, pqxx::prepare::make_dynamic_params(values));
}

class CopyStream {
 public:
  CopyStream(pqxx::work& work, const std::string& table, const std::vector<std::string>& columns)
      : writer_(work, table, columns.begin(), columns.end()) {}
  void write(std::span<const std::optional<std::string_view>> fields) {
    if (!lines_.empty()) lines_ += '\n';
    append_copy_row(lines_, fields);
    if (lines_.size() >= kCopyBuffer) flush();
  }
  void complete() {
    flush();
    writer_.complete();
  }

 private:
  // To the writer one line, to the server as many as there are: a line of its own would be copied thrice.
  void flush() {
    if (!lines_.empty()) writer_.write_raw_line(lines_);
    lines_.clear();
  }

  pqxx::tablewriter writer_;  // its successor hides the raw line
  std::string lines_;
};

#pragma GCC diagnostic pop
#else

std::unique_ptr<pqxx::connection> open(const std::string& dsn) { return std::make_unique<pqxx::connection>(dsn); }

pqxx::result execute(pqxx::work& work, const std::string& sql, const std::vector<SqlParam>& params) {
  pqxx::params values;
  for (const SqlParam& param : params) values.append(param);
#if PQXX_VERSION_MAJOR > 7 || PQXX_VERSION_MINOR >= 9
  return work.exec(sql, values);
#else
  return work.exec_params(sql, values);
#endif
}

class CopyStream {
 public:
  CopyStream(pqxx::work& work, const std::string& table, const std::vector<std::string>& columns)
      : stream_(pqxx::stream_to::raw_table(work, work.conn().quote_name(table), work.conn().quote_columns(columns))) {}
  void write(std::span<const std::optional<std::string_view>> fields) {
    row_.assign(fields.begin(), fields.end());
    stream_.write_row(row_);
  }
  void complete() { stream_.complete(); }

 private:
  pqxx::stream_to stream_;
  std::vector<std::optional<std::string_view>> row_;
};

#endif

// libpq's words about a connection string that it cannot read. They quote parts of it, maybe of the password.
bool is_malformed_dsn(std::string_view message) {
  static constexpr std::string_view kWords[] = {"connection info string", "URI", "percent-encoded",
                                                "invalid connection option"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [message](std::string_view words) { return message.find(words) != message.npos; });
}

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

class Session final : public Database {
 public:
  Session(const std::string& dsn, std::string schema) : schema_(std::move(schema)) {
    try {
      connection_ = open(with_limits(dsn));
    } catch (const std::exception& error) {
      const std::string cause =
          is_malformed_dsn(error.what()) ? "the connection string is malformed" : first_line(error.what());
      throw DatabaseError(classify_connect_error(error.what()),
                          "connect to the database: " + cause + "; see warehouse.dsn");
    }
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
    try {
      return std::make_unique<Rows>(execute(*work_, std::string(sql_text(file)), params));
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

  void copy_begin(const std::string& table, const std::vector<std::string>& columns) override {
    try {
      copy_ = std::make_unique<CopyStream>(*work_, table, columns);
    } catch (const std::exception&) {
      translate("copy into '" + table + "'");
    }
  }

  void copy_row(std::span<const std::optional<std::string_view>> fields) override {
    try {
      copy_->write(fields);
    } catch (const std::exception&) {
      translate("copy rows");
    }
  }

  void copy_end() override {
    try {
      copy_->complete();
      copy_.reset();
    } catch (const std::exception&) {
      translate("copy rows");
    }
  }

  void cancel() noexcept override {
    try {
      connection_->cancel_query();
    } catch (const std::exception&) {
      // Without a connection there is nothing to cancel.
    }
  }

  const std::string& schema() const override { return schema_; }

 private:
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
      work.exec(std::string(sql_text("session")));
      work.exec("SET search_path = " + quoted_schema() + ", pg_temp");
    } catch (const DatabaseError&) {
      throw;
    } catch (const std::exception&) {
      translate("prepare the session");
    }
  }

  std::string schema_;
  std::unique_ptr<pqxx::connection> connection_;
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

Failure classify_sqlstate(std::string_view state) {
  // Exact states first, then classes, after appendix A of PostgreSQL's manual.
  static constexpr std::pair<std::string_view, Failure> kTable[] = {
      {"23505", Failure::db_conflict},     // unique violation: another loader was first
      {"57014", Failure::db_retry},        // cancelled, statement time-out
      {"57P01", Failure::db_unreachable},  // the administrator ends the session
      {"57P02", Failure::db_unreachable},  // crash of another backend
      {"57P03", Failure::db_unreachable},  // starting up, in recovery
      {"57P04", Failure::db_denied},       // the database was dropped
      {"57P05", Failure::db_unreachable},  // idle session time-out
      {"25P03", Failure::db_unreachable},  // idle in transaction time-out
      {"25P04", Failure::db_unreachable},  // transaction time-out
      {"25006", Failure::db_exhausted},    // read-only: a standby, or not promoted yet
      {"55P03", Failure::db_retry},        // lock time-out
      {"55006", Failure::db_retry},        // object in use
      {"42501", Failure::db_denied},       // insufficient privilege
      {"3D000", Failure::db_denied},       // no such database
      {"3F000", Failure::db_schema},       // no such schema
      {"08", Failure::db_unreachable},     {"40", Failure::db_retry},     {"53", Failure::db_exhausted},
      {"58", Failure::db_exhausted},       {"28", Failure::db_denied},    {"42", Failure::db_schema},
      {"0A", Failure::db_schema},          {"21", Failure::db_data},      {"22", Failure::db_data},      {"23", Failure::db_data},
      {"44", Failure::db_data},            {"54", Failure::db_data},            {"P0", Failure::db_data},  // raised by somebody's trigger
  };
  for (const auto& [prefix, failure] : kTable) {
    if (state.starts_with(prefix)) return failure;
  }
  return Failure::db_retry;
}

Failure classify_connect_error(std::string_view message) {
  const auto says = [message](std::string_view words) { return message.find(words) != message.npos; };
  if (says("too many clients") || says("remaining connection slots") || says("too many connections") ||
      says("no more connections allowed") || says("hot standby mode") || says("session is read-only")) {
    return Failure::db_exhausted;
  }
  const bool denied = says("authentication failed") || says("pg_hba.conf") || says("no password supplied") ||
                      says("is not permitted to log in") || says("permission denied for database") ||
                      says("does not support SSL") || says("certificate verify failed") ||
                      says("root certificate file") || says("server certificate for") || says("private key file") ||
                      says("invalid port number") || says("invalid integer value") || says("invalid sslmode value") ||
                      (says("role \"") && says("does not exist")) || (says("database \"") && says("does not exist"));
  return denied || is_malformed_dsn(message) ? Failure::db_denied : Failure::db_unreachable;
}

std::string_view sql_text(std::string_view file) {
  const auto& files = sql_files();
  const auto at = std::lower_bound(files.begin(), files.end(), file,
                                   [](const SqlFile& a, std::string_view name) { return a.name < name; });
  if (at == files.end() || at->name != file) throw std::logic_error("no sql file " + std::string(file));
  return at->text;
}

}  // namespace odetl
