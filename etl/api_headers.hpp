#pragma once
#include <string>
#include <string_view>

#include "etl/api_client.hpp"

namespace odetl {

/// What the client takes from the header of an answer.
struct AnswerHeader {
  int status = 0;
  bool complete = false;         ///< the blank line behind the final header has come
  std::string content_type;      ///< as sent
  std::string content_encoding;  ///< as sent; of several lines one list
  std::string location;          ///< as sent: show only location_host() of it
  std::string retry_after;       ///< as sent
  std::optional<sys_seconds> date;
  RateLimit rate_limit;
};

/// Takes in one line, with or without its line end, the status line included. Interim (1xx) headers are
/// forgotten when the next one begins; trailers behind the body are ignored; of a field sent twice the
/// last counts, but the lines of a content encoding are one list; a number or date that is not entirely
/// one counts as not sent.
void read_header_line(std::string_view line, AnswerHeader& header);

/// `Retry-After` as seconds from now: a number, or an HTTP-date as seen from the answer's own Date (this
/// library reads no clock; without a Date it is ignored). What is past or negative is zero, what is
/// longer than `longest` is cut to it, what is neither is nothing.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, std::optional<sys_seconds> date,
                                                      std::chrono::seconds longest);

/// `application/json`, or any `application/…+json`, with whatever parameters.
bool is_json(std::string_view content_type);
/// `text/html` or `application/xhtml+xml`, with whatever parameters.
bool is_html(std::string_view content_type);

/// The coding that a Content-Encoding names: gzip (also by its old name x-gzip), identity, or none at all; nothing for
/// any other, and for more than one.
std::optional<ContentCoding> content_coding(std::string_view content_encoding);

/// The host that a Location names, for messages: without user, port, path and query, which may hold
/// secrets, and without anything that is no host. Empty for a relative one.
std::string location_host(std::string_view location);

/// Printable ASCII only and at most `longest` bytes: for text of others in messages.
std::string printable(std::string_view text, std::size_t longest);

}  // namespace odetl
