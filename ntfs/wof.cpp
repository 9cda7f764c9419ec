#include "ntfs/wof.h"

#include <wimlib.h>

#include <algorithm>
#include <string>

namespace imgfs::ntfs {
namespace {

/// Bytes of a file that one chunk holds.
constexpr std::uint64_t size_of_chunk(WofFormat format) {
  switch (format) {
    case WofFormat::xpress4k: return 4096;
    case WofFormat::lzx: return 32768;
    case WofFormat::xpress8k: return 8192;
    case WofFormat::xpress16k: return 16384;
  }
  return 4096;
}

/// Chunks that are read at once: bounds the memory of one call.
constexpr std::uint64_t kBatch = 64;

}  // namespace

WofDecompressors::~WofDecompressors() {
  for (const auto& idle : idle_)
    for (wimlib_decompressor* const decompressor : idle) wimlib_free_decompressor(decompressor);
}

Result<void> WofDecompressors::decompress(WofFormat format, std::span<const std::byte> in,
                                          std::span<std::byte> out) {
  auto& idle = idle_[static_cast<std::size_t>(format)];
  wimlib_decompressor* decompressor = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!idle.empty()) {
      decompressor = idle.back();
      idle.pop_back();
    }
  }
  if (decompressor == nullptr) {
    const auto type =
        format == WofFormat::lzx ? WIMLIB_COMPRESSION_TYPE_LZX : WIMLIB_COMPRESSION_TYPE_XPRESS;
    if (wimlib_create_decompressor(type, size_of_chunk(format), &decompressor) != 0)
      return Error{Errc::io, "no memory for a decompressor", {}};
  }
  const int failed = wimlib_decompress(in.data(), in.size(), out.data(), out.size(), decompressor);
  const std::lock_guard lock(mutex_);
  idle.push_back(decompressor);
  if (failed != 0)
    return corrupt("chunk of " + std::to_string(in.size()) + " bytes does not decompress to " +
                   std::to_string(out.size()));
  return success();
}

/// Chunks [first, first + positions.size() - 1) as stored, and where each begins.
struct WofStream::Chunks {
  std::uint64_t first = 0;
  std::vector<std::uint64_t> positions;  ///< behind the table; the last is the end
  std::vector<std::byte> bytes;
};

WofStream::WofStream(Stream stored, WofFormat format, std::uint64_t size)
    : stored_(std::move(stored)), format_(format), size_(size), chunk_size_(size_of_chunk(format)) {
  chunks_ = (size_ + chunk_size_ - 1) / chunk_size_;
  const std::uint64_t entry = size_ > UINT32_MAX ? 8 : 4;
  table_size_ = chunks_ == 0 ? 0 : (chunks_ - 1) * entry;
}

std::size_t WofStream::chunk_length(std::uint64_t index) const {
  return static_cast<std::size_t>(std::min(chunk_size_, size_ - index * chunk_size_));
}

/// Reads the chunks [first, last], at most kBatch.
Result<WofStream::Chunks> WofStream::fetch(const Volume& volume, std::uint64_t first,
                                           std::uint64_t last) const {
  if (stored_.size() < table_size_)
    return corrupt("compressed stream of " + std::to_string(stored_.size()) +
                   " bytes has a table of " + std::to_string(table_size_));
  const std::uint64_t entry = size_ > UINT32_MAX ? 8 : 4;
  const std::uint64_t from =
      first == 0 ? 0 : first - 1;  // table entry i is where chunk i + 1 begins
  const std::uint64_t to = std::min(last + 1, chunks_ - 1);
  std::vector<std::byte> table(static_cast<std::size_t>((to - from) * entry));
  if (!table.empty()) TRY(stored_.read(volume, from * entry, table));
  Chunks out;
  out.first = first;
  if (first == 0) out.positions.push_back(0);
  for (std::size_t at = 0; at < table.size(); at += static_cast<std::size_t>(entry))
    out.positions.push_back(entry == 8 ? get<le64>(table, at)->value()
                                       : get<le32>(table, at)->value());
  if (last + 1 == chunks_) out.positions.push_back(stored_.size() - table_size_);
  for (std::size_t i = 0; i + 1 < out.positions.size(); ++i)
    if (out.positions[i + 1] < out.positions[i] ||
        out.positions[i + 1] - out.positions[i] > chunk_size_ ||
        out.positions[i + 1] > stored_.size() - table_size_)
      return corrupt("compressed chunk " + std::to_string(first + i) + " from " +
                     std::to_string(out.positions[i]) + " to " +
                     std::to_string(out.positions[i + 1]));
  out.bytes.resize(static_cast<std::size_t>(out.positions.back() - out.positions.front()));
  if (!out.bytes.empty()) {
    const std::size_t count =
        TRY(stored_.read(volume, table_size_ + out.positions.front(), out.bytes));
    if (count != out.bytes.size()) return corrupt("compressed stream is cut off");
  }
  return out;
}

Result<void> WofStream::decode(const Volume& volume, const Chunks& chunks, std::uint64_t index,
                               std::span<std::byte> out) const {
  const auto i = static_cast<std::size_t>(index - chunks.first);
  const auto start = static_cast<std::size_t>(chunks.positions[i] - chunks.positions.front());
  const auto length = static_cast<std::size_t>(chunks.positions[i + 1] - chunks.positions[i]);
  const auto in = std::span(chunks.bytes).subspan(start, length);
  // What does not get smaller is stored as it is.
  if (length == out.size()) {
    copy_bytes(in, out);
    return success();
  }
  auto done = volume.decompressors->decompress(format_, in, out);
  if (!done)
    return in_context(std::move(done.error()), "compressed chunk " + std::to_string(index));
  return success();
}

Result<void> WofStream::read_part(const Volume& volume, std::uint64_t number, std::uint64_t index,
                                  std::size_t skip, std::span<std::byte> out) const {
  const auto load = [&]() -> Result<std::vector<std::byte>> {
    const Chunks chunks = TRY(fetch(volume, index, index));
    std::vector<std::byte> bytes(chunk_length(index));
    TRY(decode(volume, chunks, index, bytes));
    return bytes;
  };
  const std::uint64_t key = piece_key(number, index);
  if (key == 0) {
    const auto bytes = TRY(load());
    copy_bytes(std::span(bytes).subspan(skip, out.size()), out);
    return success();
  }
  const auto bytes = TRY(volume.decoded->get(key, load));
  copy_bytes(std::span(*bytes).subspan(skip, out.size()), out);
  return success();
}

Result<std::size_t> WofStream::read(const Volume& volume, std::uint64_t number,
                                    std::uint64_t offset, std::span<std::byte> out) const {
  if (offset >= size_) return std::size_t{0};
  out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset)));
  const std::size_t total = out.size();
  while (!out.empty()) {
    const std::uint64_t index = offset / chunk_size_;
    const auto skip = static_cast<std::size_t>(offset % chunk_size_);
    const std::size_t length = chunk_length(index);
    std::size_t count = std::min(out.size(), length - skip);
    if (count != length) {
      TRY(read_part(volume, number, index, skip, out.first(count)));
    } else {
      // Whole chunks are decoded where they are wanted.
      std::uint64_t last = index;
      while (last - index + 1 < kBatch && last + 1 < chunks_ &&
             out.size() - count >= chunk_length(last + 1))
        count += chunk_length(++last);
      const Chunks chunks = TRY(fetch(volume, index, last));
      std::size_t at = 0;
      for (std::uint64_t i = index; i <= last; at += chunk_length(i), ++i)
        TRY(decode(volume, chunks, i, out.subspan(at, chunk_length(i))));
    }
    out = out.subspan(count);
    offset += count;
  }
  return total;
}

}  // namespace imgfs::ntfs
