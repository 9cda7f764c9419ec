#include "ext/superblock.h"

#include <bit>

#include "core/text.h"
#include "ext/checksum.h"

namespace imgfs::ext {
namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

bool checksum_matches(const RawSuperblock& raw) {
  if ((raw.s_feature_ro_compat.value() & kMetadataCsum) == 0 || !kChecksumsCount) return true;
  const auto bytes = std::as_bytes(std::span(&raw, 1));
  return crc32c(~0U, bytes.first(offsetof(RawSuperblock, s_checksum))) == raw.s_checksum.value();
}

Result<void> parse_sizes(const RawSuperblock& raw, Superblock& super) {
  constexpr std::uint32_t kMaxLogBlock = 6;
  const std::uint32_t log_block = raw.s_log_block_size.value();
  if (log_block > kMaxLogBlock)
    return corrupt("block size 2^(10+" + number(log_block) + ") (at most 2^16)", kSuperblockOffset);
  super.block_size = 1024U << log_block;
  super.cluster_size = super.block_size;
  if (super.has(kBigalloc)) {
    const std::uint32_t log_cluster = raw.s_log_cluster_size.value();
    if (log_cluster < log_block || log_cluster > 20)
      return corrupt("cluster size 2^(10+" + number(log_cluster) +
                         ") (not below the block size, at most 2^30)",
                     kSuperblockOffset);
    super.cluster_size = 1024U << log_cluster;
  }
  const bool old = raw.s_rev_level.value() == 0;
  super.inode_size = old ? RawInode::kSmallSize : raw.s_inode_size.value();
  super.first_inode = old ? 11 : raw.s_first_ino.value();
  if (super.inode_size < RawInode::kSmallSize || super.inode_size > super.block_size ||
      !std::has_single_bit(super.inode_size))
    return corrupt(
        "inode size " + number(super.inode_size) + " (a power of two from 128 to the block size)",
        kSuperblockOffset);
  if (super.first_inode < 11)
    return corrupt("first inode " + number(super.first_inode), kSuperblockOffset);
  super.descriptor_size = RawGroupDescriptor::kShortSize;
  if (super.has(k64Bit)) {
    super.descriptor_size = raw.s_desc_size.value();
    if (super.descriptor_size < sizeof(RawGroupDescriptor) || super.descriptor_size > 1024 ||
        !std::has_single_bit(super.descriptor_size))
      return corrupt("group descriptor size " + number(super.descriptor_size) + " (64 to 1024)",
                     kSuperblockOffset);
  }
  return success();
}

Result<void> parse_groups(const RawSuperblock& raw, Superblock& super) {
  const std::uint64_t high = super.has(k64Bit) ? raw.s_blocks_count_hi.value() : 0;
  const std::uint64_t reserved_high = super.has(k64Bit) ? raw.s_r_blocks_count_hi.value() : 0;
  super.blocks = high << 32 | raw.s_blocks_count_lo.value();
  super.reserved_blocks = reserved_high << 32 | raw.s_r_blocks_count_lo.value();
  super.first_data_block = raw.s_first_data_block.value();
  super.blocks_per_group = raw.s_blocks_per_group.value();
  super.inodes = raw.s_inodes_count.value();
  super.inodes_per_group = raw.s_inodes_per_group.value();
  const std::uint64_t bits = std::uint64_t{super.block_size} * 8;
  const std::uint64_t ratio = super.cluster_size / super.block_size;
  if (super.blocks > UINT64_MAX / super.block_size || super.first_data_block >= super.blocks)
    return corrupt("block count " + number(super.blocks), kSuperblockOffset);
  if (super.first_data_block > 1 ||
      (super.first_data_block == 0 && super.block_size == 1024 && ratio == 1))
    return corrupt("first data block " + number(super.first_data_block), kSuperblockOffset);
  if (super.blocks_per_group == 0 || super.blocks_per_group > bits * ratio ||
      super.blocks_per_group % ratio != 0)
    return corrupt("blocks per group " + number(super.blocks_per_group), kSuperblockOffset);
  if (super.inodes_per_group < super.block_size / super.inode_size || super.inodes_per_group > bits)
    return corrupt("inodes per group " + number(super.inodes_per_group), kSuperblockOffset);
  const std::uint64_t data_blocks = super.blocks - super.first_data_block;
  const std::uint64_t groups = (data_blocks - 1) / super.blocks_per_group + 1;
  if (groups > UINT32_MAX || groups * super.inodes_per_group != super.inodes)
    return corrupt("inode count " + number(super.inodes) + " (expected " + number(groups) +
                       " groups of " + number(super.inodes_per_group) + ")",
                   kSuperblockOffset);
  super.groups = static_cast<std::uint32_t>(groups);
  return success();
}

void copy_rest(const RawSuperblock& raw, Superblock& super) {
  super.first_meta_bg = raw.s_first_meta_bg.value();
  super.reserved_gdt_blocks = raw.s_reserved_gdt_blocks.value();
  super.overhead_clusters = raw.s_overhead_clusters.value();
  for (std::size_t i = 0; i < 2; ++i) super.backup_groups[i] = raw.s_backup_bgs[i].value();
  for (std::size_t i = 0; i < 4; ++i) super.hash_seed[i] = raw.s_hash_seed[i].value();
  super.hash_version = raw.s_def_hash_version;
  super.unsigned_hash = (raw.s_flags.value() & RawSuperblock::kFlagUnsignedHash) != 0;
  std::memcpy(super.uuid.data(), raw.s_uuid, 16);
  std::memcpy(super.journal_uuid.data(), raw.s_journal_uuid, 16);
  super.checksum_seed =
      super.has(kCsumSeed) ? raw.s_checksum_seed.value() : crc32c(~0U, super.uuid);
  const std::string_view label = as_chars(raw.s_volume_name);
  super.label = std::string(label.substr(0, label.find('\0')));
  super.journal_inode = raw.s_journal_inum.value();
  super.journal_device = raw.s_journal_dev.value();
  super.last_orphan = raw.s_last_orphan.value();
  super.orphan_file = super.has(kOrphanFile) ? raw.s_orphan_file_inum.value() : 0;
  super.state = raw.s_state.value();
  super.errors = raw.s_error_count.value();
  super.mmp_block = super.has(kMmp) ? raw.s_mmp_block.value() : 0;
}

/// The first copy that is whole and says that it is one, for each block size's usual place.
std::optional<RawSuperblock> find_backup(const BlockDevice& device, const Superblock& primary) {
  for (std::uint32_t group = 1; group < primary.groups && group < 30; ++group) {
    if (!primary.group_has_superblock(group)) continue;
    const auto raw =
        read_struct<RawSuperblock>(device, primary.group_first_block(group) * primary.block_size);
    if (!raw) return std::nullopt;
    if (raw.value().s_magic.value() == RawSuperblock::kMagic && checksum_matches(raw.value()) &&
        std::memcmp(raw.value().s_uuid, primary.uuid.data(), 16) == 0)
      return raw.value();
  }
  return std::nullopt;
}

}  // namespace

bool Superblock::group_has_superblock(std::uint32_t group) const {
  if (group == 0) return true;
  if (has(kSparseSuper2)) return group == backup_groups[0] || group == backup_groups[1];
  if (group == 1 || !has(kSparseSuper)) return true;
  for (const std::uint32_t base : {3U, 5U, 7U}) {
    std::uint64_t power = base;
    while (power < group) power *= base;
    if (power == group) return true;
  }
  return false;
}

Result<Superblock> parse_superblock(const RawSuperblock& raw) {
  if (raw.s_magic.value() != RawSuperblock::kMagic)
    return corrupt("no ext superblock", kSuperblockOffset);
  Superblock super;
  if (raw.s_rev_level.value() > 0)
    super.features = {raw.s_feature_compat.value(), raw.s_feature_incompat.value(),
                      raw.s_feature_ro_compat.value()};
  if (super.has(kJournalDev))
    return unsupported("an external journal, not a file system", kSuperblockOffset);
  const std::string unreadable = unreadable_features(super.features);
  if (!unreadable.empty())
    return unsupported("incompatible features: " + unreadable, kSuperblockOffset);
  super.checksum_good = checksum_matches(raw);
  TRY(parse_sizes(raw, super));
  TRY(parse_groups(raw, super));
  copy_rest(raw, super);
  return super;
}

Result<Superblock> read_superblock(const BlockDevice& device, std::vector<Remark>& remarks) {
  const auto raw = TRY(read_struct<RawSuperblock>(device, kSuperblockOffset));
  auto super = parse_superblock(raw);
  if (super && super.value().checksum_good) return super;
  if (!super && checksum_matches(raw)) return super.error();
  // Geometry from a superblock whose checksum is wrong serves only to find a copy.
  const auto backup = super ? find_backup(device, super.value()) : std::nullopt;
  if (!backup) {
    if (!super) return super.error();
    return corrupt("superblock checksum does not match, and no backup has a matching one",
                   kSuperblockOffset);
  }
  remarks.push_back(
      {Remark::Kind::damaged, "superblock checksum does not match: the copy in group " +
                                  number(backup->s_block_group_nr.value()) + " is used"});
  return parse_superblock(*backup);
}

}  // namespace imgfs::ext
