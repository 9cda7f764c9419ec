#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace imgfs::xfs {

// The superblock and the headers of allocation groups as they lie on disk. Nothing here decides.
// Source: XFS Algorithms & Data Structures, 3rd edition, chapters "Allocation Groups" and
// "Superblocks".

struct SuperblockOnDisk {
  static constexpr std::uint32_t kMagic = 0x58465342;  // "XFSB"
  be32 sb_magicnum;
  be32 sb_blocksize;
  be64 sb_dblocks;
  be64 sb_rblocks;
  be64 sb_rextents;
  std::byte sb_uuid[16];
  be64 sb_logstart;
  be64 sb_rootino;
  be64 sb_rbmino;
  be64 sb_rsumino;
  be32 sb_rextsize;
  be32 sb_agblocks;
  be32 sb_agcount;
  be32 sb_rbmblocks;
  be32 sb_logblocks;
  be16 sb_versionnum;
  be16 sb_sectsize;
  be16 sb_inodesize;
  be16 sb_inopblock;
  std::byte sb_fname[12];
  std::uint8_t sb_blocklog;
  std::uint8_t sb_sectlog;
  std::uint8_t sb_inodelog;
  std::uint8_t sb_inopblog;
  std::uint8_t sb_agblklog;
  std::uint8_t sb_rextslog;
  std::uint8_t sb_inprogress;
  std::uint8_t sb_imax_pct;
  be64 sb_icount;
  be64 sb_ifree;
  be64 sb_fdblocks;
  be64 sb_frextents;
  be64 sb_uquotino;
  be64 sb_gquotino;
  be16 sb_qflags;
  std::uint8_t sb_flags;
  std::uint8_t sb_shared_vn;
  be32 sb_inoalignmt;
  be32 sb_unit;
  be32 sb_width;
  std::uint8_t sb_dirblklog;
  std::uint8_t sb_logsectlog;
  be16 sb_logsectsize;
  be32 sb_logsunit;
  be32 sb_features2;
  be32 sb_bad_features2;
  // version 5 only
  be32 sb_features_compat;
  be32 sb_features_ro_compat;
  be32 sb_features_incompat;
  be32 sb_features_log_incompat;
  le32 sb_crc;
  be32 sb_spino_align;
  be64 sb_pquotino;
  be64 sb_lsn;
  std::byte sb_meta_uuid[16];
};
static_assert(sizeof(SuperblockOnDisk) == 264);
static_assert(offsetof(SuperblockOnDisk, sb_versionnum) == 100);
static_assert(offsetof(SuperblockOnDisk, sb_crc) == 224);

// sb_versionnum
constexpr std::uint16_t kVersionMask = 0x000f;
constexpr std::uint16_t kVersionAttr = 0x0010;
constexpr std::uint16_t kVersionNlink = 0x0020;
constexpr std::uint16_t kVersionQuota = 0x0040;
constexpr std::uint16_t kVersionLogV2 = 0x0400;
constexpr std::uint16_t kVersionSector = 0x0800;
constexpr std::uint16_t kVersionExtentFlag = 0x1000;
constexpr std::uint16_t kVersionDirV2 = 0x2000;
constexpr std::uint16_t kVersionAsciiCi = 0x4000;
constexpr std::uint16_t kVersionMoreBits = 0x8000;
// sb_features2
constexpr std::uint32_t kFeature2LazyCount = 0x0002;
constexpr std::uint32_t kFeature2Attr2 = 0x0008;
constexpr std::uint32_t kFeature2Projid32 = 0x0080;
constexpr std::uint32_t kFeature2Ftype = 0x0200;
// sb_features_ro_compat
constexpr std::uint32_t kRoFinobt = 1;
constexpr std::uint32_t kRoRmapbt = 2;
constexpr std::uint32_t kRoReflink = 4;
constexpr std::uint32_t kRoInobtCount = 8;
constexpr std::uint32_t kRoKnown = 15;
// sb_features_incompat
constexpr std::uint32_t kIncompatFtype = 1;
constexpr std::uint32_t kIncompatSparseInodes = 2;
constexpr std::uint32_t kIncompatMetaUuid = 4;
constexpr std::uint32_t kIncompatBigtime = 8;
constexpr std::uint32_t kIncompatNeedsRepair = 16;
constexpr std::uint32_t kIncompatNrext64 = 32;
constexpr std::uint32_t kIncompatExchange = 64;
constexpr std::uint32_t kIncompatParent = 128;
constexpr std::uint32_t kIncompatMetadir = 256;
constexpr std::uint32_t kIncompatZoned = 512;
constexpr std::uint32_t kIncompatZoneGaps = 1024;
// sb_features_log_incompat
constexpr std::uint32_t kLogIncompatXattrs = 1;

/// AGF: free space of an allocation group, in its second sector.
struct AgfOnDisk {
  static constexpr std::uint32_t kMagic = 0x58414746;  // "XAGF"
  static constexpr std::size_t kCrc = 216;             ///< only version 5
  be32 agf_magicnum;
  be32 agf_versionnum;
  be32 agf_seqno;
  be32 agf_length;
  be32 agf_roots[3];
  be32 agf_levels[3];
  be32 agf_flfirst;
  be32 agf_fllast;
  be32 agf_flcount;
  be32 agf_freeblks;
  be32 agf_longest;
  be32 agf_btreeblks;
  std::byte agf_uuid[16];
  be32 agf_rmap_blocks;
};
static_assert(sizeof(AgfOnDisk) == 84);

/// AGI: inodes of an allocation group, in its third sector.
struct AgiOnDisk {
  static constexpr std::uint32_t kMagic = 0x58414749;  // "XAGI"
  static constexpr std::size_t kCrc = 312;             ///< only version 5
  static constexpr std::uint32_t kBuckets = 64;
  be32 agi_magicnum;
  be32 agi_versionnum;
  be32 agi_seqno;
  be32 agi_length;
  be32 agi_count;
  be32 agi_root;
  be32 agi_level;
  be32 agi_freecount;
  be32 agi_newino;
  be32 agi_dirino;
  be32 agi_unlinked[kBuckets];
  std::byte agi_uuid[16];
};
static_assert(sizeof(AgiOnDisk) == 312);

}  // namespace imgfs::xfs
