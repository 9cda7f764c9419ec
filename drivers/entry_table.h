#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/block_device.h"
#include "core/byte_cache.h"

namespace imgfs {

/// Bytes of memory that a table takes at most, whatever its size.
constexpr std::size_t kTableMemory = std::size_t{4} << 20;

/// The bytes of a table in an image file: read whole at open where it is small, else in pieces of
/// 64 KiB through a cache. Safe for any number of threads.
class ByteTable {
 public:
  /// Corrupt where [offset, offset + size) does not lie inside `file`. `memory` in bytes.
  static Result<ByteTable> open(Device file, std::uint64_t offset, std::uint64_t size,
                                std::size_t memory);

  /// Fills `out` with the bytes from `at` on; the range must not cross a multiple of 64 KiB.
  Result<void> copy(std::uint64_t at, std::span<std::byte> out) const;

 private:
  ByteTable() = default;

  Device file_;
  std::uint64_t offset_ = 0;
  std::uint64_t size_ = 0;
  std::vector<std::byte> whole_;  ///< empty where it is read in pieces
  std::unique_ptr<ByteCache> pieces_;
};

/// A table of integers as they lie on disk: a block allocation table, a grain directory.
template <OnDisk Entry>
class EntryTable {
 public:
  using Value = decltype(Entry{}.value());

  /// `count` entries at the byte `offset` of `file`; corrupt where they do not lie inside.
  static Result<EntryTable> open(Device file, std::uint64_t offset, std::uint64_t count,
                                 std::size_t memory = kTableMemory) {
    if (count > UINT64_MAX / sizeof(Entry))
      return corrupt("table of " + std::to_string(count) + " entries", offset);
    return EntryTable(TRY(ByteTable::open(std::move(file), offset, count * sizeof(Entry), memory)));
  }

  Result<Value> at(std::uint64_t index) const {
    Entry entry;
    TRY(bytes_.copy(index * sizeof(Entry), std::as_writable_bytes(std::span(&entry, 1))));
    return entry.value();
  }

 private:
  explicit EntryTable(ByteTable bytes) : bytes_(std::move(bytes)) {}
  ByteTable bytes_;
};

}  // namespace imgfs
