#include "etl/binary_transfer.hpp"

#include <libpq-fe.h>

#include <new>

#include "etl/copy_rows.hpp"
#include "etl/server_error.hpp"

namespace odetl {
namespace {

constexpr int kBinary = 1;
const std::string kCopying = "copy rows";

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
  void operator()(char* text) const { PQfreemem(text); }
};
using Result = std::unique_ptr<PGresult, Clear>;

class BinaryRows final : public SqlRows {
 public:
  explicit BinaryRows(Result result) : result_(std::move(result)) {}
  std::size_t size() const override { return static_cast<std::size_t>(PQntuples(result_.get())); }
  std::size_t affected() const override { return 0; }  // of reading
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

}  // namespace

std::unique_ptr<SqlRows> run_binary(PGconn* link, const std::string& operation, const std::string& sql,
                                    const std::vector<SqlParam>& params) {
  std::vector<const char*> values;
  for (const SqlParam& param : params) values.push_back(param ? param->c_str() : nullptr);
  Result result(PQexecParams(link, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr,
                             kBinary));
  expect(link, operation, result, PGRES_TUPLES_OK);
  return std::make_unique<BinaryRows>(std::move(result));
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
