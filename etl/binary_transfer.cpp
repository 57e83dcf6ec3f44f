#include "etl/binary_transfer.hpp"

#include <libpq-fe.h>

#include <charconv>
#include <new>

#include "etl/copy_rows.hpp"
#include "etl/server_error.hpp"

namespace odetl {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1000} << 20;  // of parameters; MaxAllocSize of PostgreSQL is 1 GiB
const std::string kCopying = "copy rows";

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
  void operator()(char* text) const { PQfreemem(text); }
};
using Result = std::unique_ptr<PGresult, Clear>;

class ResultRows final : public SqlRows {
 public:
  explicit ResultRows(Result result) : result_(std::move(result)) {}
  std::size_t size() const override { return static_cast<std::size_t>(PQntuples(result_.get())); }
  std::size_t affected() const override {
    const std::string_view digits = PQcmdTuples(result_.get());
    std::size_t rows = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), rows);
    return rows;
  }
  std::optional<std::string_view> get(std::size_t row, int column) const override {
    const int at = static_cast<int>(row);
    if (PQgetisnull(result_.get(), at, column) != 0) return std::nullopt;
    return std::string_view(PQgetvalue(result_.get(), at, column),
                            static_cast<std::size_t>(PQgetlength(result_.get(), at, column)));
  }

 private:
  Result result_;
};

[[noreturn]] void fail(PGconn* link, const std::string& operation, const PGresult* result) {
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string message = state == nullptr ? PQerrorMessage(link) : PQresultErrorMessage(result);
  throw_server_error(operation, state == nullptr ? "" : state, message);
}

void expect(PGconn* link, const std::string& operation, const Result& result, ExecStatusType wanted) {
  if (PQresultStatus(result.get()) != wanted) fail(link, operation, result.get());
}

std::string quoted(PGconn* link, const std::string& name) {
  const std::unique_ptr<char, Clear> text(PQescapeIdentifier(link, name.data(), name.size()));
  if (!text) throw std::bad_alloc();
  return text.get();
}

// Parameters as libpq takes them.
class Values {
 public:
  Values(const std::string& operation, const std::vector<SqlParam>& params) {
    std::size_t bytes = 0;
    for (const SqlParam& param : params) {
      if (param) bytes += param->size();
      if (bytes > kMostBytes) {
        throw DatabaseError(Failure::too_large,
                            operation + ": more than the 1 GiB that the server takes at once; the window is split");
      }
      texts_.push_back(param ? param->c_str() : nullptr);
      lengths_.push_back(param ? static_cast<int>(param->size()) : 0);
      forms_.push_back(param.is_binary ? 1 : 0);
    }
  }
  int size() const { return static_cast<int>(texts_.size()); }
  const char* const* texts() const { return texts_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* forms() const { return forms_.data(); }

 private:
  std::vector<const char*> texts_;
  std::vector<int> lengths_;
  std::vector<int> forms_;
};

int form_of(AnswerForm answer) { return answer == AnswerForm::binary ? 1 : 0; }

std::unique_ptr<SqlRows> rows_of(PGconn* link, const std::string& operation, PGresult* answer) {
  Result result(answer);
  const bool has_rows = PQresultStatus(result.get()) == PGRES_TUPLES_OK;
  expect(link, operation, result, has_rows ? PGRES_TUPLES_OK : PGRES_COMMAND_OK);
  return std::make_unique<ResultRows>(std::move(result));
}

}  // namespace

void prepare(PGconn* link, const std::string& operation, const std::string& name, const std::string& sql) {
  const Result result(PQprepare(link, name.c_str(), sql.c_str(), 0, nullptr));
  expect(link, operation, result, PGRES_COMMAND_OK);
}

std::unique_ptr<SqlRows> run_prepared(PGconn* link, const std::string& operation, const std::string& name,
                                      const std::vector<SqlParam>& params, AnswerForm answer) {
  const Values values(operation, params);
  return rows_of(link, operation,
                 PQexecPrepared(link, name.c_str(), values.size(), values.texts(), values.lengths(), values.forms(),
                                form_of(answer)));
}

std::unique_ptr<SqlRows> run_once(PGconn* link, const std::string& operation, const std::string& sql,
                                  const std::vector<SqlParam>& params, AnswerForm answer) {
  const Values values(operation, params);
  return rows_of(link, operation,
                 PQexecParams(link, sql.c_str(), values.size(), nullptr, values.texts(), values.lengths(), values.forms(),
                              form_of(answer)));
}

CopyStream::CopyStream(PGconn* link, const std::string& table, const std::vector<std::string>& columns) : link_(link) {
  std::string sql = "COPY " + quoted(link, table) + " (";
  for (const std::string& column : columns) sql += quoted(link, column) + ", ";
  sql.replace(sql.size() - 2, 2, ") FROM STDIN (FORMAT binary)");
  const Result result(PQexec(link, sql.c_str()));
  expect(link, "copy into '" + table + "'", result, PGRES_COPY_IN);
  open_ = true;
  write(copy_header());
}

CopyStream::~CopyStream() {
  if (!open_) return;
  if (PQputCopyEnd(link_, "given up") != 1) return;
  while (Result(PQgetResult(link_))) {
  }
}

void CopyStream::write(std::string_view rows) {
  if (PQputCopyData(link_, rows.data(), static_cast<int>(rows.size())) == 1) return;
  if (PQstatus(link_) == CONNECTION_OK) throw std::bad_alloc();
  open_ = false;
  const Result result(PQgetResult(link_));
  fail(link_, kCopying, result.get());
}

void CopyStream::complete() {
  write(copy_trailer());
  open_ = false;
  if (PQputCopyEnd(link_, nullptr) != 1) fail(link_, kCopying, nullptr);
  Result first(PQgetResult(link_));
  while (Result(PQgetResult(link_))) {
  }
  expect(link_, kCopying, first, PGRES_COMMAND_OK);
}

}  // namespace odetl
