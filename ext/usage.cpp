#include "ext/usage.h"

#include <algorithm>

namespace imgfs::ext {
namespace {

/// Blocks of group descriptors in a group.
std::uint64_t descriptor_blocks(const Superblock& super, std::uint32_t group) {
  const std::uint32_t per_block = super.descriptors_per_block();
  const std::uint32_t all = (super.groups - 1) / per_block + 1;
  const std::uint32_t meta_group = group / per_block;
  if (!super.has(kMetaBg) || meta_group < super.first_meta_bg) {
    if (!super.group_has_superblock(group)) return 0;
    return super.has(kMetaBg) ? super.first_meta_bg : all;
  }
  const std::uint32_t index = group % per_block;
  return index == 0 || index == 1 || index == per_block - 1 ? 1 : 0;
}

/// Blocks that can never hold files: superblocks, descriptors, bitmaps, inode tables, the journal.
std::uint64_t overhead_blocks(const Superblock& super, std::uint64_t journal_blocks) {
  const std::uint64_t ratio = super.cluster_size / super.block_size;
  if (super.has(kBigalloc) && super.overhead_clusters != 0 &&
      super.overhead_clusters <= super.blocks)
    return super.overhead_clusters * ratio;
  const std::uint64_t inodes_per_block = super.block_size / super.inode_size;
  const std::uint64_t table = (super.inodes_per_group + inodes_per_block - 1) / inodes_per_block;
  std::uint64_t out = super.first_data_block + journal_blocks + super.groups * (table + 2);
  for (std::uint32_t group = 0; group < super.groups; ++group) {
    out += descriptor_blocks(super, group);
    if (super.group_has_superblock(group)) out += 1 + super.reserved_gdt_blocks;
  }
  return std::min(out, super.blocks);
}

}  // namespace

SpaceUsage space_usage(const Storage& storage, std::uint64_t journal_blocks) {
  constexpr std::uint64_t kMaxReservedClusters = 4096;  // kept back for extent trees, at most 2 %
  const Superblock& super = storage.super;
  const std::uint64_t ratio = super.cluster_size / super.block_size;
  const std::uint64_t kept =
      super.has(kExtents) ? std::min(super.blocks / ratio / 50, kMaxReservedClusters) * ratio : 0;
  SpaceUsage out;
  out.block_size = super.block_size;
  out.blocks = super.blocks - overhead_blocks(super, journal_blocks);
  out.blocks_free = storage.groups.free_clusters() * ratio;
  const std::uint64_t reserved = super.reserved_blocks + kept;
  out.blocks_available = out.blocks_free > reserved ? out.blocks_free - reserved : 0;
  out.inodes = super.inodes;
  out.inodes_free = storage.groups.free_inodes();
  return out;
}

}  // namespace imgfs::ext
