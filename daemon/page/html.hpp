#pragma once
#include <string>
#include <string_view>

#include "etl/timestamp.hpp"

namespace odetl::page {

/// `text` for an element's content or a quoted attribute. What HTML and XML forbid, such as control characters, becomes
/// U+FFFD, and so does what is not UTF-8.
std::string escaped(std::string_view text);

/// `2024-01-31 08:00:05`, for eyes; UTC.
std::string clock_text(sys_seconds instant);
/// `2024-01-31`.
std::string day_text(std::chrono::sys_days day);
/// `Wed`.
std::string_view weekday_text(std::chrono::sys_days day);
/// `08:00`.
std::string minute_text(sys_seconds instant);
/// `1,234`; never negative.
std::string count_text(std::int64_t count);
/// `120 ms`, `2.3 s`, `4m 10s`: two figures are enough.
std::string duration_text(std::chrono::milliseconds duration);
/// `12 s`, `3 min`, `5 h 20 min`, `4 d 3 h`: how long, roughly.
std::string rough_text(std::chrono::seconds duration);
/// A <time> element with the instant in words.
std::string time_element(sys_seconds instant);

}  // namespace odetl::page
