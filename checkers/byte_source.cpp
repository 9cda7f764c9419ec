#include <algorithm>
#include <cstring>

#include "checkers/decoder.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kSmallChunk = 8 << 10;
constexpr std::size_t kLargeChunk = 256 << 10;

}  // namespace

Result<void> ByteSource::skip(std::uint64_t count) {
  while (count > 0) {
    const auto bytes = TRY(peek());
    if (bytes.empty()) return corrupt("the archive ends inside a file");
    const std::size_t now = static_cast<std::size_t>(std::min<std::uint64_t>(count, bytes.size()));
    take(now);
    count -= now;
  }
  return success();
}

Result<void> ByteSource::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const auto bytes = TRY(peek());
    if (bytes.empty()) return corrupt("the data ends too early");
    const std::size_t now = std::min(out.size(), bytes.size());
    std::memcpy(out.data(), bytes.data(), now);
    take(now);
    out = out.subspan(now);
  }
  return success();
}

FileSource::FileSource(const GuestFiles& files, std::string path, std::uint64_t offset,
                       std::uint64_t size)
    : files_(files),
      path_(std::move(path)),
      next_(offset),
      end_(size > UINT64_MAX - offset ? UINT64_MAX : offset + size),
      chunk_(kSmallChunk) {}

Result<std::span<const std::byte>> FileSource::peek() { return peek_at_least(1); }

Result<std::span<const std::byte>> FileSource::peek_at_least(std::size_t count) {
  while (filled_ - begin_ < count && next_ < end_) {
    // What is left moves to the front; it is less than 64 bytes.
    if (buffer_.size() < kLargeChunk + 64) buffer_.resize(kLargeChunk + 64);
    std::memmove(buffer_.data(), buffer_.data() + begin_, filled_ - begin_);
    filled_ -= begin_;
    begin_ = 0;
    const std::size_t want = static_cast<std::size_t>(
        std::min<std::uint64_t>({chunk_, end_ - next_, buffer_.size() - filled_}));
    const std::size_t got =
        TRY(files_.read(path_, next_, std::span(buffer_).subspan(filled_, want)));
    if (got == 0) {
      end_ = next_;
      break;
    }
    filled_ += got;
    next_ += got;
    chunk_ = std::min(chunk_ * 2, kLargeChunk);
  }
  return std::span<const std::byte>(buffer_).subspan(begin_, filled_ - begin_);
}

Result<std::vector<std::byte>> FileSource::rest(std::size_t limit) {
  const std::uint64_t from = next_ - (filled_ - begin_);
  if (end_ - from > limit) return std::vector<std::byte>();
  std::vector<std::byte> out(static_cast<std::size_t>(end_ - from));
  std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), filled_ - begin_, out.begin());
  std::size_t done = filled_ - begin_;
  while (done < out.size()) {
    const std::size_t got = TRY(files_.read(path_, from + done, std::span(out).subspan(done)));
    if (got == 0) break;
    done += got;
  }
  out.resize(done);
  return out;
}

void FileSource::take(std::size_t count) { begin_ += count; }

Result<void> FileSource::skip(std::uint64_t count) {
  const std::uint64_t at_hand = filled_ - begin_;
  if (count <= at_hand) {
    begin_ += static_cast<std::size_t>(count);
    return success();
  }
  count -= at_hand;
  begin_ = filled_ = 0;
  if (count > end_ - next_) return corrupt("the archive ends inside a file", end_);
  next_ += count;
  chunk_ = kSmallChunk;
  return success();
}

}  // namespace imgfs::checkers
