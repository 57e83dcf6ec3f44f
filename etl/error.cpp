#include "etl/error.hpp"

namespace odetl {

const char* to_text(Failure failure) {
  switch (failure) {
    case Failure::unreachable:
      return "unreachable";
    case Failure::throttled:
      return "throttled";
    case Failure::server_error:
      return "server_error";
    case Failure::broken_answer:
      return "broken_answer";
    case Failure::timeout:
      return "timeout";
    case Failure::too_large:
      return "too_large";
    case Failure::unauthorised:
      return "unauthorised";
    case Failure::refused:
      return "refused";
    case Failure::db_unreachable:
      return "db_unreachable";
    case Failure::db_retry:
      return "db_retry";
    case Failure::db_conflict:
      return "db_conflict";
    case Failure::db_exhausted:
      return "db_exhausted";
    case Failure::db_data:
      return "db_data";
    case Failure::db_denied:
      return "db_denied";
    case Failure::db_schema:
      return "db_schema";
    case Failure::not_leader:
      return "not_leader";
  }
  return "unknown";
}

bool is_database(Failure failure) { return failure >= Failure::db_unreachable && failure <= Failure::db_schema; }

}  // namespace odetl
