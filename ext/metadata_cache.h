#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "core/block_device.h"

namespace imgfs::ext {

/// Metadata (inode tables, tree and directory blocks) as it was last read, in aligned pieces of 16
/// KiB: neighbours in an inode table cost one read. 4 MiB at most; a piece that is missing is read
/// without a lock held. Safe for any number of threads.
class MetadataCache {
 public:
  explicit MetadataCache(Device device);

  /// Fills `out` from `offset` on, or fails; read errors are not kept.
  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const;
  const BlockDevice& device() const { return *device_; }

 private:
  static constexpr std::size_t kPiece = 16384;
  static constexpr std::size_t kShards = 64;
  static constexpr std::size_t kWays = 4;
  struct Shard {
    std::mutex mutex;
    std::array<std::uint64_t, kWays> piece;  ///< kNone: empty
    std::array<std::unique_ptr<std::byte[]>, kWays> bytes;
    std::size_t next_victim = 0;
  };
  static constexpr std::uint64_t kNone = UINT64_MAX;

  Result<void> read_piece(std::uint64_t piece, std::size_t skip, std::span<std::byte> out) const;

  Device device_;
  std::unique_ptr<std::array<Shard, kShards>> shards_;
};

/// A buffer of up to 64 KiB for the time of one scope, from a small stock that each thread keeps.
class Scratch {
 public:
  explicit Scratch(std::size_t size);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::span<std::byte> span() { return {bytes_.get(), size_}; }
  std::span<const std::byte> span() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_;
};

}  // namespace imgfs::ext
