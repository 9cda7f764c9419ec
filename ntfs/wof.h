#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "ntfs/stream.h"

struct wimlib_decompressor;

namespace imgfs::ntfs {

/// How the Windows Overlay Filter compressed a file; values as stored.
enum class WofFormat : std::uint32_t { xpress4k = 0, lzx = 1, xpress8k = 2, xpress16k = 3 };

/// Decompressors that wait to be used, by format: each serves one thread at a time and is costly to
/// make.
class WofDecompressors {
 public:
  WofDecompressors() = default;
  WofDecompressors(const WofDecompressors&) = delete;
  WofDecompressors& operator=(const WofDecompressors&) = delete;
  ~WofDecompressors();

  /// Decompresses one chunk, which must fill the whole of `out`.
  Result<void> decompress(WofFormat format, std::span<const std::byte> in,
                          std::span<std::byte> out);

 private:
  std::mutex mutex_;
  std::vector<wimlib_decompressor*> idle_[4];
};

/// A file whose data lie compressed in its stream WofCompressedData: first where each chunk but the
/// first begins (32 bits each, 64 for files from 4 GiB on), then the chunks. Source: [MS-XCA] for
/// the formats.
class WofStream {
 public:
  /// `size` is that of the file itself.
  WofStream(Stream stored, WofFormat format, std::uint64_t size);

  std::uint64_t size() const { return size_; }
  std::size_t memory() const { return stored_.memory(); }
  /// Fills `out` from `offset`, which must lie inside; the number of bytes, short only at the end.
  /// Reads and decompresses only the chunks that it needs.
  Result<std::size_t> read(const Volume& volume, std::uint64_t number, std::uint64_t offset,
                           std::span<std::byte> out) const;

 private:
  struct Chunks;
  Result<Chunks> fetch(const Volume& volume, std::uint64_t first, std::uint64_t last) const;
  Result<void> decode(const Volume& volume, const Chunks& chunks, std::uint64_t index,
                      std::span<std::byte> out) const;
  Result<void> read_part(const Volume& volume, std::uint64_t number, std::uint64_t index,
                         std::size_t skip, std::span<std::byte> out) const;
  std::size_t chunk_length(std::uint64_t index) const;

  Stream stored_;
  WofFormat format_;
  std::uint64_t size_;
  std::uint64_t chunk_size_;
  std::uint64_t chunks_;
  std::uint64_t table_size_;
};

}  // namespace imgfs::ntfs
