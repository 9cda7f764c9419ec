#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "vfs/guest_files.h"

namespace imgfs::checkers {

/// Bytes one after another, with a look ahead.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// At least one byte, without taking it, as many as are at hand; empty at the end. Valid until the next
  /// call.
  virtual Result<std::span<const std::byte>> peek() = 0;
  /// Takes `count` bytes, at most what `peek` gave.
  virtual void take(std::size_t count) = 0;
  /// Passes over `count` bytes, as cheaply as can be; an error where there are not so many.
  virtual Result<void> skip(std::uint64_t count);

  /// Exactly `out`, taken; corrupt where the source ends before.
  Result<void> fill(std::span<std::byte> out);
  /// At least `count` bytes in one piece without taking them (count ≤ 64); fewer at the end.
  virtual Result<std::span<const std::byte>> peek_at_least(std::size_t count) = 0;
  /// All that is left, without taking it; empty where that is more than `limit` bytes or not known.
  virtual Result<std::vector<std::byte>> rest(std::size_t limit) {
    static_cast<void>(limit);
    return std::vector<std::byte>();
  }
};

/// A part of a guest's file.
class FileSource final : public ByteSource {
 public:
  FileSource(const GuestFiles& files, std::string path, std::uint64_t offset, std::uint64_t size);
  Result<std::span<const std::byte>> peek() override;
  void take(std::size_t count) override;
  Result<void> skip(std::uint64_t count) override;
  Result<std::span<const std::byte>> peek_at_least(std::size_t count) override;
  Result<std::vector<std::byte>> rest(std::size_t limit) override;

 private:
  const GuestFiles& files_;
  std::string path_;
  std::uint64_t next_;  ///< where the file is read next
  std::uint64_t end_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t filled_ = 0;
  std::size_t chunk_;
};

/// Bytes in memory.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}
  Result<std::span<const std::byte>> peek() override { return bytes_; }
  void take(std::size_t count) override { bytes_ = bytes_.subspan(count); }
  Result<std::span<const std::byte>> peek_at_least(std::size_t) override { return bytes_; }
  Result<std::vector<std::byte>> rest(std::size_t limit) override {
    if (bytes_.size() > limit) return std::vector<std::byte>();
    return std::vector<std::byte>(bytes_.begin(), bytes_.end());
  }

 private:
  std::span<const std::byte> bytes_;
};

/// One compressed stream. Memory is bounded by window limits (128 MiB).
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Takes input from `source` and fills `out` as far as it can; 0 at the stream's end.
  virtual Result<std::size_t> read(ByteSource& source, std::span<std::byte> out) = 0;
};

/// The decoder for what `head` (the first bytes of a stream, 6 where there are as many) begins, with
/// its name ("zstd"); null where it is none of the kernel's.
std::unique_ptr<Decoder> make_decoder(std::span<const std::byte> head, std::string& name);

}  // namespace imgfs::checkers
