#pragma once

#include <cstdint>
#include <vector>

#include "core/file_system.h"
#include "ext/metadata_cache.h"
#include "ext/superblock.h"

namespace imgfs::ext {

struct GroupDescriptor {
  std::uint64_t block_bitmap = 0;
  std::uint64_t inode_bitmap = 0;
  std::uint64_t inode_table = 0;  ///< first block
  std::uint32_t free_clusters = 0;
  std::uint32_t free_inodes = 0;
  bool block_bitmap_unused = false;  ///< BLOCK_UNINIT: the bitmap was never written
};

/// The group descriptors: where the inode tables lie. Read and checked at open for as many groups
/// as usual disks have, later ones when they are asked for.
class GroupTable {
 public:
  /// Damaged descriptors go to `remarks`; they are errors only for who needs them.
  GroupTable(const MetadataCache& cache, const Superblock& super, std::vector<Remark>& remarks);

  /// The first block of the group's inode table.
  Result<std::uint64_t> inode_table(std::uint32_t group) const;
  Result<GroupDescriptor> descriptor(std::uint32_t group) const {
    bool copied = false;
    return find(group, copied);
  }
  std::uint64_t free_clusters() const { return free_clusters_; }
  std::uint64_t free_inodes() const { return free_inodes_; }
  /// Whether the free counts are known: not for more groups than were read at open.
  bool complete() const { return tables_.size() == super_.groups; }

 private:
  static constexpr std::uint32_t kMaxAtOpen = 1U << 18;  ///< 32 TiB with 4 KiB blocks

  Result<GroupDescriptor> read(std::uint32_t group, std::uint64_t block) const;
  /// The primary, or a copy where its checksum does not match; tells in `copied` that it had to.
  Result<GroupDescriptor> find(std::uint32_t group, bool& copied) const;
  std::vector<std::uint64_t> places(std::uint32_t group) const;

  const MetadataCache& cache_;
  const Superblock& super_;
  std::vector<std::uint64_t> tables_;  ///< 0: damaged
  std::uint64_t free_clusters_ = 0;
  std::uint64_t free_inodes_ = 0;
};

}  // namespace imgfs::ext
