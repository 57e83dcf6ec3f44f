#include "tests/simulator/gzip.hpp"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace odetl::simulator {
namespace {

constexpr int kFastest = 1;
constexpr int kGzipWindow = 15 + 16;  // zlib's way of asking for a gzip header
constexpr std::size_t kBlock = std::size_t{1} << 20U;

struct Free {
  void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
};

// Compresses what nobody could hold in one piece.
class Deflater {
 public:
  Deflater() {
    if (deflateInit2(&stream_, kFastest, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::runtime_error("gzip: zlib does not start");
    }
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() { deflateEnd(&stream_); }

  void add(std::string_view text) {
    for (; !text.empty(); text.remove_prefix(std::min(kBlock, text.size()))) {
      run(text.substr(0, kBlock), Z_NO_FLUSH);
    }
  }

  std::string finish() {
    run({}, Z_FINISH);
    out_.erase(used_);
    return std::move(out_);
  }

 private:
  void run(std::string_view text, int flush) {
    // zlib's own interface lacks the const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    do {
      if (used_ == out_.size()) out_.resize(used_ + kBlock / 4);
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data() + used_);
      stream_.avail_out = static_cast<uInt>(out_.size() - used_);
      deflate(&stream_, flush);
      used_ = out_.size() - stream_.avail_out;
    } while (stream_.avail_out == 0);
  }

  z_stream stream_{};
  std::string out_;
  std::size_t used_ = 0;
};

}  // namespace

std::string gzip(std::string_view text) {
  const std::unique_ptr<libdeflate_compressor, Free> compressor(libdeflate_alloc_compressor(kFastest));
  if (!compressor) throw std::bad_alloc();
  const std::size_t room = libdeflate_gzip_compress_bound(compressor.get(), text.size());
  const auto out = std::make_unique_for_overwrite<char[]>(room);
  return {out.get(), libdeflate_gzip_compress(compressor.get(), text.data(), text.size(), out.get(), room)};
}

std::string gzip_padded(std::string_view prefix, std::size_t blanks, std::string_view suffix) {
  const std::string block(std::min(blanks, kBlock), ' ');
  Deflater deflater;
  deflater.add(prefix);
  for (std::size_t left = blanks; left > 0; left -= std::min(left, block.size())) {
    deflater.add(std::string_view(block).substr(0, left));
  }
  deflater.add(suffix);
  return deflater.finish();
}

}  // namespace odetl::simulator
