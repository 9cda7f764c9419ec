#pragma once

#include <boost/container/small_vector.hpp>

#include "core/block_device.h"
#include "core/byte_cache.h"
#include "xfs/inode_changes.h"
#include "xfs/superblock.h"

namespace imgfs::xfs {

/// One metadata block while it is looked at; on the stack up to 4 KiB.
using Buffer = boost::container::small_vector<std::byte, 4096>;

/// The device of a file system with what its superblock says. Immutable but for the cache, which is
/// safe for any number of threads.
class Volume {
 public:
  Volume(Device device, Superblock superblock, InodeChanges changes = {});

  const Superblock& sb() const { return sb_; }
  const BlockDevice& device() const { return *device_; }

  /// Byte offset of `count` blocks from the block address `block` (allocation group number and block in
  /// it) on; corrupt where they do not lie inside one group and the file system.
  Result<std::uint64_t> offset_of(std::uint64_t block, std::uint64_t count) const;
  /// Byte offset of an inode; corrupt where no inode can lie there.
  Result<std::uint64_t> offset_of_inode(std::uint64_t inode) const;

  /// What the log's unfinished intents change of an inode; null where nothing.
  const InodeChange* change_of(std::uint64_t inode) const {
    if (changes_.empty()) return nullptr;
    const auto found = changes_.find(inode);
    return found == changes_.end() ? nullptr : &found->second;
  }

  /// The extent btree block at the block address `block`, checked but for its owner and level.
  Result<ByteCache::Bytes> extent_block(std::uint64_t block) const;

 private:
  Device device_;
  Superblock sb_;
  InodeChanges changes_;
  static constexpr std::size_t kShards = 8;
  mutable std::array<ByteCache, kShards> extent_blocks_;
};

}  // namespace imgfs::xfs
