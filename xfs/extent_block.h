#pragma once

#include <cstdint>
#include <span>

#include "core/result.h"
#include "xfs/inode_format.h"
#include "xfs/superblock.h"

namespace imgfs::xfs {

/// A decoded extent, in blocks.
struct BlockExtent {
  std::uint64_t offset;  ///< in the file
  std::uint64_t block;   ///< block address
  std::uint64_t count;
  bool unwritten;
};

BlockExtent decode(const ExtentRecord& record);

/// corrupt where the records are empty, overlap or do not ascend.
Result<void> check_records(std::span<const std::byte> records, std::size_t count);

/// The parts of an extent btree block.
struct ExtentBlockView {
  std::uint32_t level;
  std::size_t count;
  std::span<const std::byte> keys;      ///< of an inner block, or the records of a leaf
  std::span<const std::byte> pointers;  ///< of an inner block
};

/// The parts of a block that has passed check_extent_block.
ExtentBlockView view_extent_block(const Superblock& sb, std::span<const std::byte> block);

/// Checks the block at byte offset `position` of the device: magic, checksum, UUID, own address, counts
/// and order; not its owner and level, which only who points to it knows.
Result<void> check_extent_block(const Superblock& sb, std::span<const std::byte> block,
                                std::uint64_t position);

}  // namespace imgfs::xfs
