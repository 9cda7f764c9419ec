#include "xfs/volume.h"

#include <algorithm>

#include "xfs/extent_block.h"

namespace imgfs::xfs {
namespace {

/// For all shards together: leaves of the extent trees that are in use, enough for some 500,000
/// extents.
std::size_t shard_capacity(std::size_t shards) {
  return std::min<std::size_t>(cache_capacity() / 8, 8U << 20) / shards;
}

template <std::size_t... I>
std::array<ByteCache, sizeof...(I)> make_shards(std::index_sequence<I...>) {
  const auto one = [](std::size_t) { return shard_capacity(sizeof...(I)); };
  return {ByteCache(one(I))...};
}

}  // namespace

Volume::Volume(Device device, Superblock superblock, InodeChanges changes)
    : device_(std::move(device)),
      sb_(std::move(superblock)),
      changes_(std::move(changes)),
      extent_blocks_(make_shards(std::make_index_sequence<kShards>())) {}

Result<std::uint64_t> Volume::offset_of(std::uint64_t block, std::uint64_t count) const {
  const std::uint64_t group = block >> sb_.ag_block_log;
  const std::uint64_t in_group = block & ((std::uint64_t{1} << sb_.ag_block_log) - 1);
  if (group >= sb_.ag_count || in_group >= sb_.ag_blocks || count > sb_.ag_blocks - in_group)
    return corrupt("block address " + std::to_string(block) + " with " + std::to_string(count) +
                   " blocks lies in no allocation group");
  const std::uint64_t linear = group * sb_.ag_blocks + in_group;
  if (count > sb_.blocks || linear > sb_.blocks - count)
    return corrupt("block address " + std::to_string(block) + " lies past the file system's end");
  return linear << sb_.block_log;
}

Result<std::uint64_t> Volume::offset_of_inode(std::uint64_t inode) const {
  const std::uint64_t block = inode >> sb_.inodes_per_block_log;
  const std::uint64_t index = inode & (sb_.inodes_per_block() - 1);
  const auto start = offset_of(block, 1);
  if (!start) return corrupt("inode number " + std::to_string(inode) + " lies outside the file system");
  return start.value() + (index << sb_.inode_log);
}

Result<ByteCache::Bytes> Volume::extent_block(std::uint64_t block) const {
  return extent_blocks_[block % kShards].get(block, [&]() -> Result<std::vector<std::byte>> {
    const std::uint64_t offset = TRY(offset_of(block, 1));
    std::vector<std::byte> bytes(sb_.block_size);
    TRY(device_->read(offset, bytes));
    TRY(check_extent_block(sb_, bytes, offset));
    return bytes;
  });
}

}  // namespace imgfs::xfs
