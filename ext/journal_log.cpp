#include "ext/journal_log.h"

#include "ext/checksum.h"

namespace imgfs::ext {
namespace {

constexpr std::uint32_t kDefaultFastBlocks = 256;
constexpr std::uint32_t kMinBlocks = 1024;
/// mke2fs makes no larger ones. Each may be read twice, and an image can map one block everywhere.
constexpr std::uint32_t kMaxBlocks = 10'240'000;

bool superblock_matches(const JournalSuperblock& raw) {
  if (!kChecksumsCount) return true;
  constexpr std::size_t kAt = offsetof(JournalSuperblock, s_checksum);
  const auto bytes = std::as_bytes(std::span(&raw, 1));
  const std::uint32_t crc = crc32c_zeros(crc32c(~0U, bytes.first(kAt)), 4);
  return crc32c(crc, bytes.subspan(kAt + 4)) == raw.s_checksum.value();
}

}  // namespace

Result<JournalLog> JournalLog::open(const Storage& storage, const LeafCache& leaves,
                                    const Inode& inode) {
  if (inode.type != FileType::regular || inode.raw.i_links_count.value() == 0)
    return corrupt("journal inode " + std::to_string(inode.number) + " is not a file");
  JournalLog log(storage, leaves, inode);
  const std::uint64_t place = TRY(log.place(0));
  const auto raw =
      TRY(read_struct<JournalSuperblock>(*storage.device, place * storage.super.block_size));
  TRY(log.parse(raw, inode.size / storage.super.block_size));
  return log;
}

Result<void> JournalLog::parse(const JournalSuperblock& raw, std::uint64_t blocks) {
  const std::uint32_t type = raw.s_header.h_blocktype.value();
  if (raw.s_header.h_magic.value() != JournalHeader::kMagic ||
      (type != JournalHeader::kSuperblock1 && type != JournalHeader::kSuperblock2))
    return corrupt("journal without its superblock");
  if (raw.s_blocksize.value() != block_size_)
    return corrupt("journal with blocks of " + std::to_string(raw.s_blocksize.value()) +
                   " bytes (expected " + std::to_string(block_size_) + ")");
  max_length_ = raw.s_maxlen.value();
  first_ = raw.s_first.value();
  start_ = raw.s_start.value();
  sequence_ = raw.s_sequence.value();
  if (max_length_ > blocks || first_ == 0 || first_ >= max_length_ || start_ >= max_length_)
    return corrupt("journal of " + std::to_string(max_length_) + " blocks from " +
                   std::to_string(first_) + " in " + std::to_string(blocks));
  if (max_length_ > kMaxBlocks)
    return Error{Errc::too_large,
                 "journal of " + std::to_string(max_length_) + " blocks (at most 10,240,000)",
                 {}};
  if (type == JournalHeader::kSuperblock2) {
    incompat_ = raw.s_feature_incompat.value();
    old_checksums_ = (raw.s_feature_compat.value() & JournalSuperblock::kCompatChecksum) != 0;
    if ((incompat_ & ~std::uint32_t{JournalSuperblock::kKnown}) != 0 ||
        raw.s_feature_ro_compat.value() != 0)
      return unsupported("journal with unknown features " + std::to_string(incompat_));
  }
  if (has(JournalSuperblock::kChecksum2) && has(JournalSuperblock::kChecksum3))
    return corrupt("journal with two kinds of checksums");
  if (checksums() && old_checksums_) return corrupt("journal with two kinds of checksums");
  if (checksums()) {
    if (raw.s_checksum_type != JournalSuperblock::kCrc32c)
      return unsupported("journal with checksums of type " + std::to_string(raw.s_checksum_type));
    if (!superblock_matches(raw)) return corrupt("journal superblock: checksum does not match");
    checksum_seed_ = crc32c(~0U, raw.s_uuid);
  }
  last_ = max_length_;
  fast_first_ = max_length_;
  if (has(JournalSuperblock::kFastCommits)) {
    std::uint32_t fast = raw.s_num_fc_blks.value();
    if (fast == 0) fast = kDefaultFastBlocks;
    if (fast < max_length_ && max_length_ - fast >= kMinBlocks) last_ = max_length_ - fast;
    fast_first_ = last_ + 1;
  }
  if (last_ <= first_) return corrupt("journal with no room before its fast commits");
  return success();
}

std::uint32_t JournalLog::next(std::uint32_t block, std::uint32_t count) const {
  const std::uint64_t sum = std::uint64_t{block} + count;
  if (sum < last_) return static_cast<std::uint32_t>(sum);
  return static_cast<std::uint32_t>(first_ + (sum - first_) % (last_ - first_));
}

std::uint32_t JournalLog::tag_size() const {
  if (has(JournalSuperblock::kChecksum3)) return 16;
  return 8U + (has(JournalSuperblock::kChecksum2) ? 2U : 0U) +
         (has(JournalSuperblock::k64BitTags) ? 4U : 0U);
}

Result<std::uint64_t> JournalLog::place(std::uint32_t block) const {
  const MappedRun run = TRY(map_.find_run(block));
  if (run.physical == 0) return corrupt("journal with a hole at block " + std::to_string(block));
  return run.physical + (block - run.logical);
}

Result<void> JournalLog::read(std::uint32_t block, std::span<std::byte> out) const {
  if (block >= max_length_)
    return corrupt("journal block " + std::to_string(block) + " past the journal's end");
  const std::uint64_t where = TRY(place(block));
  return storage_.device->read(where * block_size_, out);
}

bool JournalLog::tail_matches(std::span<const std::byte> block) const {
  if (!checksums() || !kChecksumsCount) return true;
  const std::size_t at = block.size() - 4;
  const std::uint32_t crc = crc32c_zeros(crc32c(checksum_seed_, block.first(at)), 4);
  return crc == get<be32>(block, at)->value();
}

bool JournalLog::commit_matches(std::span<const std::byte> block) const {
  if (!checksums() || !kChecksumsCount) return true;
  constexpr std::size_t kAt = offsetof(CommitBlock, h_chksum);
  const std::uint32_t crc = crc32c_zeros(crc32c(checksum_seed_, block.first(kAt)), 4);
  return crc32c(crc, block.subspan(kAt + 4)) == get<be32>(block, kAt)->value();
}

}  // namespace imgfs::ext
