#pragma once

#include "core/block_device.h"

namespace imgfs {

/// A run of logical bytes and where they come from.
struct Extent {
  enum class Kind {
    data,  ///< bytes at `physical` in the device below
    zero,  ///< a hole, or allocated but never written: reads as zeros
  };
  std::uint64_t logical;
  std::uint64_t length;    ///< at least 1
  std::uint64_t physical;  ///< only for `data`
  Kind kind;

  bool operator==(const Extent&) const = default;
};

/// Answers one question: what covers this logical offset? Implementations are safe for any number
/// of threads and answer with the whole extent around the offset.
class ExtentMap {
 public:
  virtual ~ExtentMap() = default;
  virtual Result<Extent> find(std::uint64_t logical) const = 0;
};

/// `map.find`, checked: the answer covers `logical` and does not wrap around.
Result<Extent> find_extent(const ExtentMap& map, std::uint64_t logical);

/// The one read loop: files of every file system and every sparse image format go through it.
Result<void> read_extents(const ExtentMap& map, const BlockDevice& device, std::uint64_t offset,
                          std::span<std::byte> out);

/// Where the bytes from `offset` on lie, at most `length` (not 0).
Result<Location> locate_extents(const ExtentMap& map, const BlockDevice& device,
                                std::uint64_t offset, std::uint64_t length);

}  // namespace imgfs
