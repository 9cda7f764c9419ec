#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/extent.h"
#include "ext/inode.h"

namespace imgfs::ext {

/// A run of a file's blocks. Unwritten ones count as holes.
struct MappedRun {
  std::uint64_t logical;   ///< block in the file
  std::uint64_t length;    ///< blocks
  std::uint64_t physical;  ///< block in the file system; 0: unwritten
};

/// One lowest-level block of a file's tree, decoded: all runs in the blocks [begin, end).
struct MapLeaf {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::vector<MappedRun> runs;  ///< ascending
};
using MapLeafPtr = std::shared_ptr<const MapLeaf>;

/// The leaves that were last used, a few for each of a bounded number of files: reading a
/// fragmented file does not decode its tree again for each call. At most 128 leaves. Safe for any
/// number of threads.
class LeafCache {
 public:
  LeafCache() : shards_(std::make_unique<std::array<Shard, kShards>>()) {}
  /// The leaf of `inode` that covers `block`; null where it is not there.
  MapLeafPtr find(std::uint32_t inode, std::uint64_t block) const;
  void keep(std::uint32_t inode, MapLeafPtr leaf) const;

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kWays = 8;
  struct Entry {
    std::uint32_t inode = 0;
    MapLeafPtr leaf;
  };
  struct Shard {
    std::mutex mutex;
    std::array<Entry, kWays> entries;
    std::size_t next_victim = 0;
  };
  std::unique_ptr<std::array<Shard, kShards>> shards_;
};

/// Where the blocks of one file or directory lie: extents or block pointers. Not for inline data.
/// For one call of one thread.
class FileMap final : public ExtentMap {
 public:
  FileMap(const Storage& storage, const LeafCache& cache, const Inode& inode)
      : storage_(storage), cache_(cache), inode_(inode) {}

  /// In bytes. Beyond the last block that a file can have: a hole without end.
  Result<Extent> find(std::uint64_t logical) const override;
  /// In blocks.
  Result<MappedRun> find_run(std::uint64_t block) const;
  /// After an error of `find_run(block)`: the first block that the damaged part of the tree is not
  /// responsible for.
  std::uint64_t damaged_until() const { return damaged_until_; }

 private:
  Result<MappedRun> find_extent_run(std::uint64_t block) const;
  Result<MappedRun> find_pointer_run(std::uint64_t block) const;
  Result<MapLeafPtr> load_extent_leaf(std::uint64_t block, std::uint16_t depth) const;
  Result<MapLeafPtr> load_pointer_leaf(std::uint64_t begin, std::uint64_t where) const;
  Result<MappedRun> keep_and_find(MapLeafPtr leaf, std::uint64_t block) const;

  const Storage& storage_;
  const LeafCache& cache_;
  const Inode& inode_;
  mutable MapLeafPtr leaf_;  ///< the one used last
  mutable std::uint64_t damaged_until_ = kMaxLogicalBlocks;
};

}  // namespace imgfs::ext
