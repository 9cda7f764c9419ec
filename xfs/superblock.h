#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/block_device.h"
#include "core/file_system.h"

namespace imgfs::xfs {

/// What the superblock says, checked: whoever holds one may compute with it without overflow.
struct Superblock {
  std::uint32_t block_size = 0;  ///< bytes, 512 … 65536
  std::uint32_t block_log = 0;
  std::uint64_t blocks = 0;      ///< of the data device
  std::uint32_t ag_blocks = 0;
  std::uint32_t ag_count = 0;
  std::uint32_t ag_block_log = 0;
  std::uint32_t sector_size = 0;
  std::uint32_t inode_size = 0;
  std::uint32_t inode_log = 0;             ///< log2 of the inode size
  std::uint32_t inodes_per_block_log = 0;
  std::uint32_t directory_block_log = 0;   ///< log2 of a directory block's bytes, at most 16
  std::uint64_t root = 0;
  std::uint64_t realtime_blocks = 0;

  std::uint64_t log_start = 0;  ///< block address; 0: the log is on another device
  std::uint32_t log_blocks = 0;
  std::uint32_t log_sector_size = 512;
  bool log_v2 = false;

  // Counters for statfs.
  std::uint64_t inode_count = 0;
  std::uint64_t inodes_free = 0;
  std::uint64_t blocks_free = 0;
  std::uint32_t inode_percent = 0;

  bool v5 = false;
  bool ftype = false;
  bool lazy_count = false;
  bool ascii_ci = false;
  bool attr2 = false;
  bool rmapbt = false;
  bool needs_repair = false;
  std::uint32_t ro_compat = 0;
  std::uint32_t incompat = 0;
  std::uint32_t log_incompat = 0;

  std::array<std::byte, 16> uuid{};       ///< what blkid shows
  std::array<std::byte, 16> meta_uuid{};  ///< what metadata blocks carry
  std::string label;
  std::vector<std::string> features;

  std::uint32_t directory_block_size() const { return 1U << directory_block_log; }
  std::uint32_t inodes_per_block() const { return 1U << inodes_per_block_log; }
};

/// Reads and checks the superblock at the start of `device`. unsupported names the features that
/// cannot be read; corrupt says which field is wrong.
Result<Superblock> read_superblock(const BlockDevice& device);
/// The same from the bytes of a sector.
Result<Superblock> parse_superblock(std::span<const std::byte> sector);

}  // namespace imgfs::xfs
