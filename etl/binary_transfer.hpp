#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "etl/database.hpp"

struct pg_conn;

namespace odetl {

using PGconn = pg_conn;  // of libpq

/// What libpqxx moves as texts only, moved in PostgreSQL's binary form by libpq itself. Both run in the transaction that is
/// open on the connection, and throw DatabaseError.

/// A statement with its parameters as texts. SqlRows::get answers bytes as PostgreSQL's *_send functions write them.
std::unique_ptr<SqlRows> run_binary(PGconn* link, const std::string& operation, const std::string& sql,
                                    const std::vector<SqlParam>& params);

/// COPY table (columns) FROM STDIN.
class CopyStream {
 public:
  CopyStream(PGconn* link, const std::string& table, const std::vector<std::string>& columns);
  /// Gives a copy up that was not completed; the transaction has failed then.
  ~CopyStream();
  CopyStream(const CopyStream&) = delete;
  CopyStream& operator=(const CopyStream&) = delete;

  /// Rows as CopyRows writes them.
  void write(std::string_view rows);
  void complete();

 private:
  PGconn* link_;
  bool open_ = false;
};

}  // namespace odetl
