#include "etl/content_coding.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <new>
#include <utility>

namespace odetl {
namespace {

constexpr std::string_view kMagic = "\x1f\x8b";

struct Free {
  void operator()(libdeflate_decompressor* inflater) const { libdeflate_free_decompressor(inflater); }
};
using Inflater = std::unique_ptr<libdeflate_decompressor, Free>;

Verdict broken(const char* cause) { return {Failure::broken_answer, cause}; }

/// The last four bytes of a gzip: the length of its last member, modulo 2^32.
std::size_t told_length(std::string_view gzip) {
  std::size_t length = 0;
  for (std::size_t i = 1; i <= std::min<std::size_t>(4, gzip.size()); ++i) {
    length = length << 8 | static_cast<unsigned char>(gzip[gzip.size() - i]);
  }
  return length;
}

/// Inflates the first member behind what is in `into`, into no more than `room` bytes in all, and takes it off `gzip`.
libdeflate_result inflate_member(const Inflater& inflater, std::string_view& gzip, Body& into, std::size_t room) {
  into.reserve(room);
  std::size_t taken = 0;
  std::size_t made = 0;
  const auto result = libdeflate_gzip_decompress_ex(inflater.get(), gzip.data(), gzip.size(), into.data() + into.size(),
                                                    room - into.size(), &taken, &made);
  if (result != LIBDEFLATE_SUCCESS) return result;
  gzip.remove_prefix(taken);
  into.resize(into.size() + made);
  return result;
}

std::optional<Verdict> inflate(std::string_view gzip, Body& into, std::size_t max_response) {
  if (!gzip.starts_with(kMagic)) return broken("Content-Encoding says gzip, and the answer is none");
  const Inflater inflater(libdeflate_alloc_decompressor());
  if (!inflater) throw std::bad_alloc();
  std::size_t room = std::min(max_response, std::max(told_length(gzip), into.capacity()));
  do {
    auto result = inflate_member(inflater, gzip, into, room);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE && room < max_response) {
      room = max_response;
      result = inflate_member(inflater, gzip, into, room);
    }
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) return Verdict{Failure::too_large, kOverLimit};
    if (result != LIBDEFLATE_SUCCESS) return broken("the gzip of the answer is cut or damaged");
  } while (gzip.starts_with(kMagic));
  if (!gzip.empty()) return broken("something else stands behind the gzip of the answer");
  return {};
}

std::optional<Verdict> undo(Answer& answer, Body& into, std::size_t max_response) {
  if (answer.coding == ContentCoding::gzip) return inflate(answer.bytes.view(), into, max_response);
  std::swap(answer.bytes, into);
  return {};
}

std::optional<Verdict> judge_content(ContentCoding coding, std::string_view content) {
  if (content.empty()) return broken(kNothingInIt);
  if (!content.starts_with(kMagic)) return {};
  return broken(coding == ContentCoding::gzip ? "the answer is gzip twice over, and Content-Encoding says so once"
                                              : "the answer is gzip, and no Content-Encoding says so");
}

}  // namespace

std::optional<Verdict> decode(Answer& answer, Body& into, std::size_t max_response) {
  into.clear();
  auto verdict = undo(answer, into, max_response);
  if (!verdict) verdict = judge_content(answer.coding, into.view());
  if (verdict) into.clear();
  answer.bytes.clear();
  return verdict;
}

}  // namespace odetl
