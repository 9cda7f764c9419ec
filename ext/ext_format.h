#pragma once

#include <cstddef>
#include <cstdint>

#include "core/bytes.h"

// The structures of ext2, ext3 and ext4 as they lie on disk. Nothing here reads, checks or decides.
// Source: kernel documentation, filesystems/ext4; field names are the kernel's.
namespace imgfs::ext {

constexpr std::uint64_t kSuperblockOffset = 1024;
constexpr std::uint32_t kRootInode = 2;
constexpr std::uint32_t kJournalInode = 8;
constexpr std::uint64_t kMaxLogicalBlocks = std::uint64_t{1} << 32;

/// s_feature_compat
enum Compat : std::uint32_t {
  kHasJournal = 0x4,
  kDirIndex = 0x20,
  kSparseSuper2 = 0x200,
  kFastCommit = 0x400,
  kOrphanFile = 0x1000,
};
/// s_feature_incompat
enum Incompat : std::uint32_t {
  kFiletype = 0x2,
  kRecover = 0x4,
  kJournalDev = 0x8,
  kMetaBg = 0x10,
  kExtents = 0x40,
  k64Bit = 0x80,
  kMmp = 0x100,
  kFlexBg = 0x200,
  kEaInode = 0x400,
  kCsumSeed = 0x2000,
  kLargeDir = 0x4000,
  kInlineData = 0x8000,
  kEncrypt = 0x10000,
  kCasefold = 0x20000,
};
/// s_feature_ro_compat
enum RoCompat : std::uint32_t {
  kSparseSuper = 0x1,
  kLargeFile = 0x2,
  kBtreeDir = 0x4,
  kHugeFile = 0x8,
  kGdtCsum = 0x10,
  kBigalloc = 0x200,
  kMetadataCsum = 0x400,
  kOrphanPresent = 0x10000,
};

struct RawSuperblock {
  static constexpr std::uint16_t kMagic = 0xef53;
  static constexpr std::uint16_t kStateError = 0x2;
  static constexpr std::uint32_t kFlagUnsignedHash = 0x2;
  le32 s_inodes_count;
  le32 s_blocks_count_lo;
  le32 s_r_blocks_count_lo;
  le32 s_free_blocks_count_lo;
  le32 s_free_inodes_count;
  le32 s_first_data_block;
  le32 s_log_block_size;
  le32 s_log_cluster_size;
  le32 s_blocks_per_group;
  le32 s_clusters_per_group;
  le32 s_inodes_per_group;
  le32 s_mtime;
  le32 s_wtime;
  le16 s_mnt_count;
  le16 s_max_mnt_count;
  le16 s_magic;
  le16 s_state;
  le16 s_errors;
  le16 s_minor_rev_level;
  le32 s_lastcheck;
  le32 s_checkinterval;
  le32 s_creator_os;
  le32 s_rev_level;
  le16 s_def_resuid;
  le16 s_def_resgid;
  le32 s_first_ino;
  le16 s_inode_size;
  le16 s_block_group_nr;
  le32 s_feature_compat;
  le32 s_feature_incompat;
  le32 s_feature_ro_compat;
  std::byte s_uuid[16];
  std::byte s_volume_name[16];
  std::byte s_last_mounted[64];
  le32 s_algorithm_usage_bitmap;
  std::uint8_t s_prealloc_blocks;
  std::uint8_t s_prealloc_dir_blocks;
  le16 s_reserved_gdt_blocks;
  std::byte s_journal_uuid[16];
  le32 s_journal_inum;
  le32 s_journal_dev;
  le32 s_last_orphan;
  le32 s_hash_seed[4];
  std::uint8_t s_def_hash_version;
  std::uint8_t s_jnl_backup_type;
  le16 s_desc_size;
  le32 s_default_mount_opts;
  le32 s_first_meta_bg;
  le32 s_mkfs_time;
  le32 s_jnl_blocks[17];
  le32 s_blocks_count_hi;
  le32 s_r_blocks_count_hi;
  le32 s_free_blocks_count_hi;
  le16 s_min_extra_isize;
  le16 s_want_extra_isize;
  le32 s_flags;
  le16 s_raid_stride;
  le16 s_mmp_update_interval;
  le64 s_mmp_block;
  le32 s_raid_stripe_width;
  std::uint8_t s_log_groups_per_flex;
  std::uint8_t s_checksum_type;
  std::uint8_t s_encryption_level;
  std::uint8_t s_reserved_pad;
  le64 s_kbytes_written;
  le32 s_snapshot_inum;
  le32 s_snapshot_id;
  le64 s_snapshot_r_blocks_count;
  le32 s_snapshot_list;
  le32 s_error_count;
  std::byte s_errors_detail[104];  ///< first and last error: time, inode, block, function, line
  std::byte s_mount_opts[64];
  le32 s_usr_quota_inum;
  le32 s_grp_quota_inum;
  le32 s_overhead_clusters;
  le32 s_backup_bgs[2];
  std::uint8_t s_encrypt_algos[4];
  std::byte s_encrypt_pw_salt[16];
  le32 s_lpf_ino;
  le32 s_prj_quota_inum;
  le32 s_checksum_seed;
  std::uint8_t s_time_his[8];
  le16 s_encoding;
  le16 s_encoding_flags;
  le32 s_orphan_file_inum;
  std::byte s_reserved[376];
  le32 s_checksum;
};
static_assert(sizeof(RawSuperblock) == 1024);
static_assert(offsetof(RawSuperblock, s_magic) == 0x38);
static_assert(offsetof(RawSuperblock, s_hash_seed) == 0xec);
static_assert(offsetof(RawSuperblock, s_blocks_count_hi) == 0x150);
static_assert(offsetof(RawSuperblock, s_mmp_block) == 0x168);
static_assert(offsetof(RawSuperblock, s_checksum_type) == 0x175);
static_assert(offsetof(RawSuperblock, s_mount_opts) == 0x200);
static_assert(offsetof(RawSuperblock, s_overhead_clusters) == 0x248);
static_assert(offsetof(RawSuperblock, s_checksum_seed) == 0x270);
static_assert(offsetof(RawSuperblock, s_orphan_file_inum) == 0x280);

/// The first 32 bytes are all there is without the feature 64bit.
struct RawGroupDescriptor {
  static constexpr std::size_t kShortSize = 32;
  static constexpr std::size_t kChecksumOffset = 0x1e;
  le32 bg_block_bitmap_lo;
  le32 bg_inode_bitmap_lo;
  le32 bg_inode_table_lo;
  le16 bg_free_blocks_count_lo;
  le16 bg_free_inodes_count_lo;
  le16 bg_used_dirs_count_lo;
  le16 bg_flags;
  le32 bg_exclude_bitmap_lo;
  le16 bg_block_bitmap_csum_lo;
  le16 bg_inode_bitmap_csum_lo;
  le16 bg_itable_unused_lo;
  le16 bg_checksum;
  le32 bg_block_bitmap_hi;
  le32 bg_inode_bitmap_hi;
  le32 bg_inode_table_hi;
  le16 bg_free_blocks_count_hi;
  le16 bg_free_inodes_count_hi;
  le16 bg_used_dirs_count_hi;
  le16 bg_itable_unused_hi;
  le32 bg_exclude_bitmap_hi;
  le16 bg_block_bitmap_csum_hi;
  le16 bg_inode_bitmap_csum_hi;
  le32 bg_reserved;
};
static_assert(sizeof(RawGroupDescriptor) == 64);
static_assert(offsetof(RawGroupDescriptor, bg_checksum) == RawGroupDescriptor::kChecksumOffset);

/// i_flags
enum InodeFlag : std::uint32_t {
  kFlagEncrypt = 0x800,
  kFlagIndex = 0x1000,
  kFlagHugeFile = 0x40000,
  kFlagExtents = 0x80000,
  kFlagVerity = 0x100000,
  kFlagEaInode = 0x200000,
  kFlagInlineData = 0x10000000,
  kFlagCasefold = 0x40000000,
};

/// The first 128 bytes are all there is in small inodes; after it as far as i_extra_isize says.
struct RawInode {
  static constexpr std::size_t kSmallSize = 128;
  le16 i_mode;
  le16 i_uid;
  le32 i_size_lo;
  le32 i_atime;
  le32 i_ctime;
  le32 i_mtime;
  le32 i_dtime;
  le16 i_gid;
  le16 i_links_count;
  le32 i_blocks_lo;
  le32 i_flags;
  le32 i_version;
  std::byte i_block[60];
  le32 i_generation;
  le32 i_file_acl_lo;
  le32 i_size_high;
  le32 i_obso_faddr;
  le16 i_blocks_high;
  le16 i_file_acl_high;
  le16 i_uid_high;
  le16 i_gid_high;
  le16 i_checksum_lo;
  le16 i_reserved;
  le16 i_extra_isize;
  le16 i_checksum_hi;
  le32 i_ctime_extra;
  le32 i_mtime_extra;
  le32 i_atime_extra;
  le32 i_crtime;
  le32 i_crtime_extra;
  le32 i_version_hi;
  le32 i_projid;
};
static_assert(sizeof(RawInode) == 160);
static_assert(offsetof(RawInode, i_block) == 0x28);
static_assert(offsetof(RawInode, i_generation) == 0x64);
static_assert(offsetof(RawInode, i_checksum_lo) == 0x7c);
static_assert(offsetof(RawInode, i_extra_isize) == RawInode::kSmallSize);

struct ExtentHeader {
  static constexpr std::uint16_t kMagic = 0xf30a;
  static constexpr std::uint16_t kMaxDepth = 5;
  le16 eh_magic;
  le16 eh_entries;
  le16 eh_max;
  le16 eh_depth;  ///< 0 in a leaf
  le32 eh_generation;
};
static_assert(sizeof(ExtentHeader) == 12);

struct ExtentIndex {
  le32 ei_block;
  le32 ei_leaf_lo;
  le16 ei_leaf_hi;
  le16 ei_unused;
};
static_assert(sizeof(ExtentIndex) == 12);

struct ExtentLeaf {
  static constexpr std::uint16_t kMaxWritten = 32768;  ///< above it the extent is unwritten
  le32 ee_block;
  le16 ee_len;
  le16 ee_start_hi;
  le32 ee_start_lo;
};
static_assert(sizeof(ExtentLeaf) == 12);

struct DirEntryHeader {
  static constexpr std::uint8_t kTailType = 0xde;  ///< of the false entry that holds a checksum
  le32 inode;
  le16 rec_len;
  std::uint8_t name_len;
  std::uint8_t file_type;
};
static_assert(sizeof(DirEntryHeader) == 8);

struct DirEntryTail {
  le32 det_reserved_zero1;
  le16 det_rec_len;  ///< 12
  std::uint8_t det_reserved_zero2;
  std::uint8_t det_reserved_ft;  ///< kTailType
  le32 det_checksum;
};
static_assert(sizeof(DirEntryTail) == 12);

struct HtreeRootInfo {
  static constexpr std::size_t kOffset = 24;  ///< in the directory's first block
  le32 reserved_zero;
  std::uint8_t hash_version;
  std::uint8_t info_length;  ///< 8
  std::uint8_t indirect_levels;
  std::uint8_t unused_flags;
};
static_assert(sizeof(HtreeRootInfo) == 8);

struct HtreeEntry {
  le32 hash;  ///< in the first one: le16 limit, le16 count
  le32 block;
};
static_assert(sizeof(HtreeEntry) == 8);

struct HtreeCountLimit {
  le16 limit;
  le16 count;
};

struct HtreeTail {
  le32 dt_reserved;
  le32 dt_checksum;
};
static_assert(sizeof(HtreeTail) == 8);

struct XattrHeader {
  static constexpr std::uint32_t kMagic = 0xea020000;
  le32 h_magic;
  le32 h_refcount;
  le32 h_blocks;
  le32 h_hash;
  le32 h_checksum;
  le32 h_reserved[3];
};
static_assert(sizeof(XattrHeader) == 32);

struct XattrEntry {
  std::uint8_t e_name_len;
  std::uint8_t e_name_index;
  le16 e_value_offs;
  le32 e_value_inum;
  le32 e_value_size;
  le32 e_hash;
};
static_assert(sizeof(XattrEntry) == 16);

struct OrphanBlockTail {
  static constexpr std::uint32_t kMagic = 0x0b10ca04;
  le32 ob_magic;
  le32 ob_checksum;
};
static_assert(sizeof(OrphanBlockTail) == 8);

}  // namespace imgfs::ext
