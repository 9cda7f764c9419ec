#pragma once

#include <vector>

#include "xfs/extent_block.h"
#include "xfs/inode.h"
#include "xfs/volume.h"

namespace imgfs::xfs {

/// All extents of a fork, in order, unwritten ones too.
Result<std::vector<BlockExtent>> list_extents(const Volume& volume, const Inode& inode, const Fork& fork);

/// Adds an extent where a hole is, joined with its neighbours as the kernel does; corrupt where there is none.
Result<void> add_extent(std::vector<BlockExtent>& extents, BlockExtent extent);
/// Removes what lies in [offset, offset + count); the number of blocks that were there.
std::uint64_t remove_extents(std::vector<BlockExtent>& extents, std::uint64_t offset, std::uint64_t count);
/// What lies in [offset, offset + count), cut to it.
std::vector<BlockExtent> cut_extents(const std::vector<BlockExtent>& extents, std::uint64_t offset, std::uint64_t count);

/// As they would lie in an inode.
std::vector<std::byte> pack_extents(const std::vector<BlockExtent>& extents);

}  // namespace imgfs::xfs
