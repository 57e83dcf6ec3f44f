#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulator/http.hpp"
#include "tests/simulator/tenant.hpp"

namespace odetl::simulator {

// What goes wrong. The names in a script are those in the comments.
enum class FaultKind {
  none,            // none: only the delay and the speed
  status,          // status: `code` with `retry_after`, and the body the server or its proxy has for it
  html,            // html: a 200 with an HTML page
  empty_body,      // empty-body: a 200, text/html, of no bytes
  empty_list,      // empty-list: `{"data":[]}` whatever there is
  truncate,        // truncate: see `cut`
  reset,           // reset: the connection is reset in place of an answer
  reset_mid_body,  // reset-mid-body: … after `at` bytes
  black_hole,      // black-hole: never answered, the connection stays open
  content_type,    // content-type: `text` is the content type
  garbage,         // garbage: `text` follows the document
  wrong_echo,      // wrong-echo: the right rows, from and to echoed `shift` later
  other_window,    // other-window: the whole answer for the window `shift` later
  strange_row,     // strange-row: an extra row dated `shift` after `to`
  ignore_bounds,   // ignore-bounds: every row there is, whatever was asked
  cap,             // cap: silently no more than `at` rows
  redirect,        // redirect: `code` (302 unless set) with `text` as the Location
  bad_gzip,        // bad-gzip: see `gzip_flaw`
  bad_chunk,       // bad-chunk: `text` in place of the first chunk's size
  padding,         // padding: `at` blanks before the document (a large legal answer; a gzip bomb if compressed)
  headers,         // headers: `at` bytes of additional header lines, and a Set-Cookie
  body             // body: `text` as the body, with `code` (200 unless set)
};

// Where a body is cut; `at` counts bytes, by default half of them pass.
enum class Cut {
  chunked,   // chunked: the connection closes before the last chunk
  document,  // document: the JSON is cut, the transfer ends properly
  length,    // length: the JSON is cut, uncompressed, with a Content-Length that matches
  shorter,   // short: the connection closes before Content-Length is reached
  gzip,      // gzip: the compressed stream is cut, with a Content-Length that matches
  close      // close: no length, and the closing of the connection ends what is cut
};

enum class GzipFlaw {
  plain,     // plain: not compressed, though the header says so
  corrupt,   // corrupt: a byte in the middle is changed
  crc,       // crc: the checksum at the end is wrong
  doubled,   // double: compressed twice
  trailing,  // trailing: bytes follow the stream
  unasked    // unasked: `br` is claimed
};

// One line of a fault script: which requests it strikes and what it does to them.
struct Fault {
  FaultKind kind = FaultKind::none;

  // Which requests: all conditions must hold.
  std::uint64_t next = 1;                               // so many of those that match; 0: all, until removed
  std::uint64_t skip = 0;                               // but not the first so many that match
  std::optional<Second> containing = std::nullopt;      // from <= instant <= to
  std::chrono::seconds wider_than{-1};                  // to - from exceeds it
  std::optional<std::size_t> rows_over = std::nullopt;  // the answer has more rows

  // What happens. Any fault can also be late and slow.
  int code = 0;                  // HTTP status
  std::string retry_after = "";  // sent as it is; empty: no such header
  std::string text = "";
  std::optional<std::size_t> at = std::nullopt;
  std::chrono::seconds shift{3600};
  Cut cut = Cut::chunked;
  GzipFlaw gzip_flaw = GzipFlaw::corrupt;
  std::chrono::milliseconds delay{0};
  std::size_t bytes_per_second = 0;  // 0: full speed
};

// Reads `status code=503 retry_after=120 next=3`: a kind, then settings in any order, named as the fields above, with
// `how` for `cut` and `gzip_flaw`, `delay_ms`, and values percent-encoded where they hold blanks.
// Throws std::invalid_argument that names the word it cannot read.
Fault read_fault(std::string_view line);

std::string_view name_of(FaultKind kind);

// What a fault makes of the window before the rows are listed…
Window bend(const Fault& fault, Window window, const Tenant& tenant);
// … and of the answer before it is sent.
Response spoil(const Fault& fault, Response response, const Window& window);

// The faults in force, the earliest first. Thread-safe.
class FaultScript {
 public:
  void add(Fault fault);
  void clear();

  // The first fault that strikes this request, counted; nothing if none does. `rows` is asked only if needed.
  std::optional<Fault> strike(const Window& window, const std::function<std::size_t()>& rows);

  struct Standing {
    Fault fault;
    std::uint64_t seen = 0;  // matching requests
    std::uint64_t struck = 0;
  };
  std::vector<Standing> standing() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Standing> faults_;
};

}  // namespace odetl::simulator
