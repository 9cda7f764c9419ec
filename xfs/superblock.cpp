#include "xfs/superblock.h"

#include <algorithm>
#include <bit>

#include "core/text.h"
#include "xfs/checksum.h"
#include "xfs/superblock_format.h"

namespace imgfs::xfs {
namespace {

struct NamedBit {
  std::uint32_t bit;
  std::string_view name;
};

constexpr NamedBit kRoNames[] = {
    {kRoFinobt, "finobt"}, {kRoRmapbt, "rmapbt"}, {kRoReflink, "reflink"}, {kRoInobtCount, "inobtcount"}};
constexpr NamedBit kIncompatNames[] = {
    {kIncompatFtype, "ftype"},        {kIncompatSparseInodes, "sparse"}, {kIncompatMetaUuid, "meta_uuid"},
    {kIncompatBigtime, "bigtime"},    {kIncompatNeedsRepair, "needsrepair"},
    {kIncompatNrext64, "nrext64"},    {kIncompatExchange, "exchange"},   {kIncompatParent, "parent"},
    {kIncompatMetadir, "metadir"},    {kIncompatZoned, "zoned"},         {kIncompatZoneGaps, "zone-gaps"}};
constexpr std::uint32_t kIncompatReadable = kIncompatFtype | kIncompatSparseInodes | kIncompatMetaUuid |
                                            kIncompatBigtime | kIncompatNeedsRepair | kIncompatNrext64 |
                                            kIncompatExchange | kIncompatParent | kIncompatMetadir;

std::string hex(std::uint32_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (; value != 0; value >>= 4) out.insert(out.begin(), kDigits[value & 15]);
  return "0x" + (out.empty() ? "0" : out);
}

std::string names_of(std::uint32_t bits, std::span<const NamedBit> names) {
  std::string out;
  for (const NamedBit& row : names) {
    if ((bits & row.bit) == 0) continue;
    out += (out.empty() ? "" : ", ") + std::string(row.name);
    bits &= ~row.bit;
  }
  if (bits != 0) out += (out.empty() ? "" : ", ") + hex(bits);
  return out;
}

Error wrong(std::string_view field, std::uint64_t found, std::string_view expected) {
  return corrupt("superblock: " + std::string(field) + " is " + std::to_string(found) + ", expected " +
                 std::string(expected));
}

bool is_log_of(std::uint64_t value, std::uint32_t log) { return log < 32 && value == std::uint64_t{1} << log; }

Result<void> check_sizes(const SuperblockOnDisk& raw, bool v5) {
  const std::uint32_t block = raw.sb_blocksize.value();
  if (block < (v5 ? 1024 : 512) || block > 65536 || !is_log_of(block, raw.sb_blocklog))
    return wrong("block size", block, "a power of two up to 65536 that fits its logarithm");
  const std::uint32_t sector = raw.sb_sectsize.value();
  if (sector < 512 || sector > 32768 || sector > block || !is_log_of(sector, raw.sb_sectlog))
    return wrong("sector size", sector, "a power of two from 512 up to the block size");
  const std::uint32_t inode = raw.sb_inodesize.value();
  if (inode < (v5 ? 512 : 256) || inode > 2048 || inode > block || !is_log_of(inode, raw.sb_inodelog))
    return wrong("inode size", inode, "a power of two up to 2048 that fits its logarithm");
  if (raw.sb_inopblog != raw.sb_blocklog - raw.sb_inodelog || raw.sb_inopblock.value() != block / inode)
    return wrong("inodes per block", raw.sb_inopblock.value(), std::to_string(block / inode));
  if (raw.sb_dirblklog + raw.sb_blocklog > 16)
    return wrong("directory block logarithm", raw.sb_dirblklog, "at most 16 together with the block's");
  return success();
}

Result<void> check_geometry(const SuperblockOnDisk& raw) {
  const std::uint32_t ag = raw.sb_agblocks.value();
  const std::uint32_t count = raw.sb_agcount.value();
  const std::uint64_t blocks = raw.sb_dblocks.value();
  if (ag < 5 || ag > std::uint32_t{1} << 31) return wrong("allocation group length", ag, "5 to 2^31 blocks");
  if (raw.sb_agblklog != std::bit_width(ag - 1))
    return wrong("logarithm of the allocation group", raw.sb_agblklog, std::to_string(std::bit_width(ag - 1)));
  if (count == 0 || blocks > std::uint64_t{count} * ag || blocks <= std::uint64_t{count - 1} * ag)
    return wrong("block count", blocks, "as many as " + std::to_string(count) + " allocation groups hold");
  if (blocks > (std::uint64_t{1} << 63) / raw.sb_blocksize.value())
    return wrong("block count", blocks, "less than 2^63 bytes in all");
  if (raw.sb_inprogress != 0) return corrupt("superblock: mkfs was not finished");
  if (raw.sb_imax_pct > 100) return wrong("inode percentage", raw.sb_imax_pct, "at most 100");
  return success();
}

Result<void> check_features(const SuperblockOnDisk& raw, bool v5) {
  const std::uint16_t version = raw.sb_versionnum.value();
  if (!v5 && (version & kVersionMask) != 4)
    return unsupported("XFS version " + std::to_string(version & kVersionMask) + " (4 and 5 can be read)");
  if (!v5 && (version & kVersionDirV2) == 0) return unsupported("XFS directories of version 1");
  if (!v5 && (version & kVersionExtentFlag) == 0) return unsupported("XFS without flags for unwritten extents");
  const std::uint32_t unreadable = v5 ? raw.sb_features_incompat.value() & ~kIncompatReadable : 0;
  if (unreadable != 0) return unsupported("XFS incompatible features: " + names_of(unreadable, kIncompatNames));
  return success();
}

void add_features(const SuperblockOnDisk& raw, Superblock& out) {
  const auto add = [&](bool there, std::string_view name) {
    if (there) out.features.emplace_back(name);
  };
  add(out.v5, "crc");
  for (const NamedBit& row : kRoNames) add((out.ro_compat & row.bit) != 0, row.name);
  if ((out.ro_compat & ~kRoKnown) != 0) out.features.push_back("ro-compat:" + hex(out.ro_compat & ~kRoKnown));
  for (const NamedBit& row : kIncompatNames) add((out.incompat & row.bit) != 0, row.name);
  add(!out.v5 && out.ftype, "ftype");
  add(out.attr2, "attr2");
  add(out.v5 || (raw.sb_features2.value() & kFeature2Projid32) != 0, "projid32bit");
  add(out.lazy_count, "lazy-count");
  add(out.log_v2, "logv2");
  add(out.ascii_ci, "ascii-ci");
}

void set_features(const SuperblockOnDisk& raw, bool v5, Superblock& out) {
  const std::uint16_t version = raw.sb_versionnum.value();
  const std::uint32_t features2 =
      v5 || (version & kVersionMoreBits) != 0 ? raw.sb_features2.value() | raw.sb_bad_features2.value() : 0;
  out.v5 = v5;
  out.log_v2 = v5 || (version & kVersionLogV2) != 0;
  out.ascii_ci = (version & kVersionAsciiCi) != 0;
  out.attr2 = v5 || (features2 & kFeature2Attr2) != 0;
  out.lazy_count = v5 || (features2 & kFeature2LazyCount) != 0;
  if (v5) {
    out.ro_compat = raw.sb_features_ro_compat.value();
    out.incompat = raw.sb_features_incompat.value();
    out.log_incompat = raw.sb_features_log_incompat.value();
  }
  out.ftype = v5 ? (out.incompat & kIncompatFtype) != 0 : (features2 & kFeature2Ftype) != 0;
  out.rmapbt = (out.ro_compat & kRoRmapbt) != 0;
  out.needs_repair = (out.incompat & kIncompatNeedsRepair) != 0;
  const bool own_uuid = (out.incompat & kIncompatMetaUuid) != 0;
  std::ranges::copy(raw.sb_uuid, out.uuid.begin());
  std::ranges::copy(own_uuid ? raw.sb_meta_uuid : raw.sb_uuid, out.meta_uuid.begin());
  add_features(raw, out);
}

Result<void> set_log(const SuperblockOnDisk& raw, Superblock& out) {
  out.log_start = raw.sb_logstart.value();
  out.log_blocks = raw.sb_logblocks.value();
  if ((raw.sb_versionnum.value() & kVersionSector) != 0 || out.v5)
    out.log_sector_size = raw.sb_logsectsize.value();
  if (out.log_sector_size == 0) out.log_sector_size = 512;
  if (out.log_sector_size < 512 || out.log_sector_size > 32768 || !std::has_single_bit(out.log_sector_size))
    return wrong("log sector size", out.log_sector_size, "a power of two from 512 to 32768");
  return success();
}

}  // namespace

Result<Superblock> parse_superblock(std::span<const std::byte> sector) {
  const auto raw = get<SuperblockOnDisk>(sector);
  if (!raw || raw->sb_magicnum.value() != SuperblockOnDisk::kMagic)
    return corrupt("superblock: magic is not XFSB", 0);
  const bool v5 = (raw->sb_versionnum.value() & kVersionMask) == 5;
  const std::uint32_t sector_size = raw->sb_sectsize.value();
  if (v5) {
    const auto whole = part(sector, 0, sector_size);
    if (!whole || sector_size < 512) return wrong("sector size", sector_size, "512 to 32768");
    TRY(check_crc(*whole, offsetof(SuperblockOnDisk, sb_crc), "superblock", 0));
  }
  TRY(check_features(*raw, v5));
  TRY(check_sizes(*raw, v5));
  TRY(check_geometry(*raw));

  Superblock out;
  out.block_size = raw->sb_blocksize.value();
  out.block_log = raw->sb_blocklog;
  out.blocks = raw->sb_dblocks.value();
  out.ag_blocks = raw->sb_agblocks.value();
  out.ag_count = raw->sb_agcount.value();
  out.ag_block_log = raw->sb_agblklog;
  out.sector_size = sector_size;
  out.inode_size = raw->sb_inodesize.value();
  out.inode_log = raw->sb_inodelog;
  out.inodes_per_block_log = raw->sb_inopblog;
  out.directory_block_log = std::uint32_t{raw->sb_dirblklog} + raw->sb_blocklog;
  out.root = raw->sb_rootino.value();
  out.realtime_blocks = raw->sb_rblocks.value();
  out.inode_count = raw->sb_icount.value();
  out.inodes_free = raw->sb_ifree.value();
  out.blocks_free = raw->sb_fdblocks.value();
  out.inode_percent = raw->sb_imax_pct;
  const std::string_view name = as_chars(raw->sb_fname);
  out.label = name.substr(0, name.find('\0'));
  set_features(*raw, v5, out);
  TRY(set_log(*raw, out));
  return out;
}

Result<Superblock> read_superblock(const BlockDevice& device) {
  const auto raw = TRY(read_struct<SuperblockOnDisk>(device, 0));
  const std::uint32_t size = std::clamp<std::uint32_t>(raw.sb_sectsize.value(), 512, 32768);
  std::vector<std::byte> sector(size);
  TRY(device.read(0, sector));
  return parse_superblock(sector);
}

}  // namespace imgfs::xfs
