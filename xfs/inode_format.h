#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace imgfs::xfs {

// Inodes and what lies in their forks, as on disk. Nothing here reads, checks or decides.
// Source: XFS Algorithms & Data Structures, 3rd edition, chapters "On-disk Inode" and "Data Extents".

struct InodeCore {
  static constexpr std::uint16_t kMagic = 0x494e;  // "IN"
  be16 di_magic;
  be16 di_mode;
  std::uint8_t di_version;
  std::uint8_t di_format;
  be16 di_onlink;
  be32 di_uid;
  be32 di_gid;
  be32 di_nlink;
  be16 di_projid_lo;
  be16 di_projid_hi;
  be64 di_big_nextents;  ///< with nrext64; else padding and di_flushiter
  be64 di_atime;
  be64 di_mtime;
  be64 di_ctime;
  be64 di_size;
  be64 di_nblocks;
  be32 di_extsize;
  be32 di_nextents;      ///< with nrext64: extents of the attribute fork
  be16 di_anextents;
  std::uint8_t di_forkoff;  ///< units of 8 bytes
  std::uint8_t di_aformat;
  be32 di_dmevmask;
  be16 di_dmstate;
  be16 di_flags;
  be32 di_gen;
  be32 di_next_unlinked;
  // version 3 only
  le32 di_crc;
  be64 di_changecount;
  be64 di_lsn;
  be64 di_flags2;
  be32 di_cowextsize;
  std::byte di_pad2[12];
  be64 di_crtime;
  be64 di_ino;
  std::byte di_uuid[16];
};
static_assert(sizeof(InodeCore) == 176);
static_assert(offsetof(InodeCore, di_next_unlinked) == 96);
static_assert(offsetof(InodeCore, di_crc) == 100);
constexpr std::size_t kInodeCoreV2 = 100;

// di_format and di_aformat
enum class ForkFormat : std::uint8_t { device = 0, local = 1, extents = 2, btree = 3, uuid = 4, metadata_btree = 5 };

constexpr std::uint16_t kInodeRealtime = 1;      // di_flags
constexpr std::uint64_t kInodeReflink = 2;       // di_flags2
constexpr std::uint64_t kInodeBigtime = 8;       // di_flags2
constexpr std::uint64_t kInodeNrext64 = 16;      // di_flags2
constexpr std::uint64_t kInodeMetadata = 32;     // di_flags2

/// A packed extent: unwritten flag 1 bit, file offset 54, block address 52, count 21.
struct ExtentRecord {
  be64 l0;
  be64 l1;
};
static_assert(sizeof(ExtentRecord) == 16);

/// Header of the extent btree's root in an inode. Keys follow, then pointers, both 8 bytes.
struct ExtentRoot {
  be16 bb_level;
  be16 bb_numrecs;
};
static_assert(sizeof(ExtentRoot) == 4);

struct ExtentBlockHeader {
  static constexpr std::uint32_t kMagic = 0x424d4150;    // "BMAP"
  static constexpr std::uint32_t kMagicV5 = 0x424d4133;  // "BMA3"
  static constexpr std::size_t kSize = 24;
  static constexpr std::size_t kSizeV5 = 72;
  be32 bb_magic;
  be16 bb_level;
  be16 bb_numrecs;
  be64 bb_leftsib;
  be64 bb_rightsib;
};
static_assert(sizeof(ExtentBlockHeader) == ExtentBlockHeader::kSize);

struct SymlinkHeader {
  static constexpr std::uint32_t kMagic = 0x58534c4d;  // "XSLM"
  be32 sl_magic;
  be32 sl_offset;
  be32 sl_bytes;
  le32 sl_crc;
  std::byte sl_uuid[16];
  be64 sl_owner;
  be64 sl_blkno;
  be64 sl_lsn;
};
static_assert(sizeof(SymlinkHeader) == 56);
constexpr std::uint64_t kMaxSymlink = 1024;

}  // namespace imgfs::xfs
