#include <algorithm>
#include <bit>

#include "xfs/checksum.h"
#include "xfs/directory_format.h"
#include "xfs/inode_format.h"
#include "xfs/replay.h"
#include "xfs/superblock_format.h"

namespace imgfs::xfs {
namespace {

/// Version 5 blocks by their magic, and where they keep LSN, UUID and checksum.
struct BlockKind {
  std::uint32_t magic;
  std::size_t lsn;
  std::size_t uuid;
  std::size_t crc;
};
constexpr BlockKind kKinds[] = {
    {0x41423342, 24, 32, 52},     // "AB3B": free space by block
    {0x41423343, 24, 32, 52},     // "AB3C": free space by size
    {0x49414233, 24, 32, 52},     // "IAB3": inodes
    {0x46494233, 24, 32, 52},     // "FIB3": free inodes
    {0x524d4233, 24, 32, 52},     // "RMB3": reverse map
    {0x52334643, 24, 32, 52},     // "R3FC": reference counts
    {0x424d4133, 32, 40, 64},     // "BMA3": extents
    {0x58414746, 208, 64, 216},   // "XAGF"
    {0x58414749, 320, 296, 312},  // "XAGI"
    {0x5841464c, 24, 8, 32},      // "XAFL"
    {0x58534c4d, 48, 16, 12},     // "XSLM": symbolic link
    {0x58444233, 16, 24, 4},      // "XDB3": directory block
    {0x58444433, 16, 24, 4},      // "XDD3": directory data
    {0x58444633, 16, 24, 4},      // "XDF3": directory free space
    {0x58465342, 240, 32, 224},   // "XFSB"
};
constexpr std::uint32_t kRemoteValue = 0x5841524d;  // "XARM": written at once, its LSN means nothing
constexpr std::size_t kRemoteValueCrc = 12;
constexpr BlockKind kHashKind{0, 24, 32, 12};

const BlockKind* kind_of(std::span<const std::byte> block) {
  const auto magic = get<be32>(block);
  const auto found = std::ranges::find_if(kKinds, [&](const BlockKind& kind) { return magic && kind.magic == magic->value(); });
  if (found != std::end(kKinds)) return &*found;
  const auto info = get<HashBlockInfo>(block);
  if (!info) return nullptr;
  switch (info->magic.value()) {
    case kNodeMagicV5:
    case kLeaf1MagicV5:
    case kLeafNMagicV5:
    case kAttributeLeafMagicV5: return &kHashKind;
    default: return nullptr;
  }
}

bool is_logged(std::span<const std::byte> map, std::size_t bit) {
  return (get<le32>(map, bit / 32 * 4)->value() >> bit % 32 & 1) != 0;
}

}  // namespace

std::optional<std::uint64_t> block_lsn(const Superblock& sb, std::span<const std::byte> block) {
  const BlockKind* kind = sb.v5 ? kind_of(block) : nullptr;
  if (kind == nullptr) return std::nullopt;
  std::size_t uuid_at = kind->uuid;
  if (kind->magic == SuperblockOnDisk::kMagic && (sb.incompat & kIncompatMetaUuid) != 0)
    uuid_at = offsetof(SuperblockOnDisk, sb_meta_uuid);
  const auto uuid = part(block, uuid_at, 16);
  const auto lsn = get<be64>(block, kind->lsn);
  if (!uuid || !lsn || !std::ranges::equal(*uuid, sb.meta_uuid)) return std::nullopt;
  if (lsn->value() == 0 || lsn->value() == UINT64_MAX) return std::nullopt;
  return lsn->value();
}

std::optional<std::size_t> checksum_field(std::span<const std::byte> block) {
  const auto magic = get<be32>(block);
  if (magic && magic->value() == kRemoteValue) return kRemoteValueCrc;
  const BlockKind* kind = kind_of(block);
  if (kind == nullptr) return std::nullopt;
  return kind->crc;
}

Result<void> each_logged_run(const LogItem& item, const BufferItem& head, std::size_t length,
                             FunctionRef<Result<void>(std::size_t, std::span<const std::byte>)> visit) {
  const auto map = part(item.region(0), sizeof(BufferItem), std::uint64_t{head.blf_map_size.value()} * 4);
  if (!map) return corrupt("buffer item in the log: its map does not fit");
  const std::size_t bits = map->size() * 8;
  std::size_t region = 1;
  for (std::size_t bit = 0; bit < bits;) {
    if (!is_logged(*map, bit)) {
      ++bit;
      continue;
    }
    std::size_t end = bit;
    while (end < bits && is_logged(*map, end)) ++end;
    // A run may lie in several regions, where it crossed a page in memory.
    const auto bytes = item.region(region++);
    const std::size_t count = std::min((end - bit) * kBufferChunk, bytes.size() / kBufferChunk * kBufferChunk);
    if (count == 0) return corrupt("buffer item in the log: fewer regions than its map says");
    if (bit * kBufferChunk > length || count > length - bit * kBufferChunk)
      return corrupt("buffer item in the log: logged bytes past the buffer's end");
    TRY(visit(bit * kBufferChunk, bytes.first(count)));
    bit += count / kBufferChunk;
  }
  return success();
}

Result<void> Replay::copy_regions(const LogItem& item, const BufferItem& head, std::span<std::byte> bytes) const {
  return each_logged_run(item, head, bytes.size(), [&](std::size_t at, std::span<const std::byte> logged) -> Result<void> {
    std::ranges::copy(logged, bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return success();
  });
}

Result<void> Replay::copy_unlinked(const LogItem& item, const BufferItem& head, std::span<std::byte> bytes) const {
  constexpr std::size_t kField = offsetof(InodeCore, di_next_unlinked);
  TRY(each_logged_run(item, head, bytes.size(), [&](std::size_t at, std::span<const std::byte> logged) -> Result<void> {
    for (std::size_t inode = 0; inode + sb_.inode_size <= bytes.size(); inode += sb_.inode_size) {
      const std::size_t field = inode + kField;
      if (field < at || field + sizeof(be32) > at + logged.size()) continue;
      const auto pointer = logged.subspan(field - at, sizeof(be32));
      if (get<be32>(pointer)->value() == 0) return corrupt("inode buffer in the log: an unlinked pointer of 0");
      std::ranges::copy(pointer, bytes.begin() + static_cast<std::ptrdiff_t>(field));
      const auto whole = bytes.subspan(inode, sb_.inode_size);
      if (!sb_.v5 || get<be16>(whole)->value() != InodeCore::kMagic) continue;
      le32 crc;
      crc = block_crc(whole, offsetof(InodeCore, di_crc));
      std::ranges::copy(std::as_bytes(std::span(&crc, 1)), whole.begin() + offsetof(InodeCore, di_crc));
    }
    return success();
  }));
  return success();
}

Result<void> Replay::buffer(const LogItem& item, std::uint64_t lsn) {
  const auto head = get<BufferItem>(item.region(0));
  if (!head) return corrupt("buffer item in the log is too short");
  const std::uint16_t flags = head->blf_flags.value();
  const auto key = std::pair(head->blf_blkno.value(), std::uint32_t{head->blf_len.value()});
  const auto cancelled = cancelled_.find(key);
  if (cancelled != cancelled_.end()) {
    // The last time that it is freed; what is logged of it from now on counts.
    if ((flags & kBufferCancel) != 0 && --cancelled->second == 0) cancelled_.erase(cancelled);
    return success();
  }
  if ((flags & (kBufferCancel | kBufferDquots)) != 0) return success();
  const std::size_t length = std::size_t{key.second} * kLogBlock;
  if (length == 0 || length > 2 * 65536 || key.first > UINT64_MAX / kLogBlock)
    return corrupt("buffer item in the log of " + std::to_string(length) + " bytes");
  const std::uint64_t offset = key.first * kLogBlock;
  std::vector<std::byte> bytes(length);
  TRY(image_.read(offset, bytes));
  const auto written = block_lsn(sb_, bytes);
  if (written && *written >= lsn) return success();
  TRY((flags & kBufferInodes) != 0 ? copy_unlinked(item, *head, bytes) : copy_regions(item, *head, bytes));
  TRY(image_.write(offset, bytes));
  changed_.insert_or_assign(offset, Changed{static_cast<std::uint32_t>(length), flags});
  return success();
}

}  // namespace imgfs::xfs
