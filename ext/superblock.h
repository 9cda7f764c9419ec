#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/block_device.h"
#include "core/file_system.h"
#include "ext/ext_format.h"
#include "ext/features.h"

namespace imgfs::ext {

/// A superblock whose numbers make sense: no divisor is 0, no shift too wide, all groups inside.
struct Superblock {
  FeatureSet features;
  std::uint32_t block_size = 0;    ///< bytes, 1024 … 65536
  std::uint32_t cluster_size = 0;  ///< bytes; more than block_size with bigalloc
  std::uint64_t blocks = 0;
  std::uint64_t reserved_blocks = 0;
  std::uint32_t first_data_block = 0;
  std::uint32_t blocks_per_group = 0;
  std::uint32_t inodes = 0;
  std::uint32_t inodes_per_group = 0;
  std::uint32_t first_inode = 0;      ///< the first that is not reserved
  std::uint32_t inode_size = 0;       ///< bytes
  std::uint32_t descriptor_size = 0;  ///< bytes
  std::uint32_t groups = 0;
  std::uint32_t first_meta_bg = 0;
  std::uint32_t reserved_gdt_blocks = 0;
  std::array<std::uint32_t, 2> backup_groups{};
  std::uint32_t overhead_clusters = 0;  ///< 0: not stored
  std::array<std::uint32_t, 4> hash_seed{};
  std::uint8_t hash_version = 0;
  bool unsigned_hash = false;
  std::uint32_t checksum_seed = 0;
  std::array<std::byte, 16> uuid{};
  std::string label;
  std::uint32_t journal_inode = 0;
  std::uint32_t journal_device = 0;
  std::array<std::byte, 16> journal_uuid{};
  std::uint32_t last_orphan = 0;
  std::uint32_t orphan_file = 0;  ///< inode
  std::uint16_t state = 0;
  std::uint32_t errors = 0;  ///< s_error_count
  std::uint64_t mmp_block = 0;
  bool checksum_good = true;

  bool has(Compat bit) const { return (features.compat & bit) != 0; }
  bool has(Incompat bit) const { return (features.incompat & bit) != 0; }
  bool has(RoCompat bit) const { return (features.ro_compat & bit) != 0; }
  bool metadata_csum() const { return has(kMetadataCsum); }

  std::uint32_t descriptors_per_block() const { return block_size / descriptor_size; }
  std::uint64_t group_first_block(std::uint32_t group) const {
    return first_data_block + std::uint64_t{group} * blocks_per_group;
  }
  /// Whether the group begins with a copy of the superblock.
  bool group_has_superblock(std::uint32_t group) const;
  /// The block in which the primary superblock lies.
  std::uint32_t superblock_block() const { return block_size == 1024 ? 1 : 0; }
  /// Whether the blocks [first, first + count) can hold a file's data or trees.
  bool holds(std::uint64_t first, std::uint64_t count) const {
    return first > first_data_block && first < blocks && count <= blocks - first;
  }
};

/// Checks all fields. A wrong checksum is told in `checksum_good`; all else that is wrong is an
/// error.
Result<Superblock> parse_superblock(const RawSuperblock& raw);

/// Reads the superblock; where its checksum does not match, the first backup whose checksum does.
/// What was found goes to `remarks`.
Result<Superblock> read_superblock(const BlockDevice& device, std::vector<Remark>& remarks);

}  // namespace imgfs::ext
