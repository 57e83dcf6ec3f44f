#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "etl/database.hpp"

struct pg_conn;

namespace odetl {

using PGconn = pg_conn;  // of libpq

/// What libpqxx moves as texts only, moved in PostgreSQL's binary form by libpq itself, in the transaction that is open on the
/// connection. All throw DatabaseError.

/// Makes a statement ready under a name, for run_prepared() as long as the connection lasts.
void prepare(PGconn* link, const std::string& operation, const std::string& name, const std::string& sql);

enum class AnswerForm { text, binary };  ///< binary: as PostgreSQL's *_send functions write it
/// too_large: parameters of more than a server takes at once (1 GiB); they are not sent, for it would end the session.
std::unique_ptr<SqlRows> run_prepared(PGconn* link, const std::string& operation, const std::string& name,
                                      const std::vector<SqlParam>& params, AnswerForm answer);

/// The same for a statement that is not made ready: it is parsed and planned for these parameters.
std::unique_ptr<SqlRows> run_once(PGconn* link, const std::string& operation, const std::string& sql,
                                  const std::vector<SqlParam>& params, AnswerForm answer);

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
