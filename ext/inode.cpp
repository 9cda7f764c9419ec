#include "ext/inode.h"

#include <algorithm>

#include "ext/checksum.h"

namespace imgfs::ext {
namespace {

constexpr std::size_t kSmall = RawInode::kSmallSize;

FileType type_of(std::uint16_t mode) {
  switch (mode & 0170000U) {
    case 0010000: return FileType::fifo;
    case 0020000: return FileType::character;
    case 0040000: return FileType::directory;
    case 0060000: return FileType::block;
    case 0100000: return FileType::regular;
    case 0120000: return FileType::symlink;
    case 0140000: return FileType::socket;
    default: return FileType::unknown;
  }
}

std::string name_of(std::uint32_t number) { return "inode " + std::to_string(number); }

Timestamp time_of(std::uint32_t seconds, std::uint32_t extra) {
  // Two more bits of seconds, then 30 of nanoseconds. Source: kernel documentation, inode
  // timestamps.
  const std::int64_t low = static_cast<std::int32_t>(seconds);
  return {low + (static_cast<std::int64_t>(extra & 3U) << 32), std::min(extra >> 2, 999'999'999U)};
}

/// Whether the field that ends at `end` (bytes from the inode's start) is inside i_extra_isize.
bool covers(const Inode& inode, std::size_t end) { return kSmall + inode.extra_size >= end; }

Result<void> check_checksum(const Superblock& super, const Inode& inode,
                            std::span<const std::byte> bytes) {
  if (!super.metadata_csum() || !kChecksumsCount) return success();
  const std::uint32_t wanted = inode_checksum(inode.checksum_seed, bytes);
  const bool wide = bytes.size() > kSmall && covers(inode, offsetof(RawInode, i_checksum_hi) + 2);
  const std::uint32_t stored = inode.raw.i_checksum_lo.value() |
                               (wide ? std::uint32_t{inode.raw.i_checksum_hi.value()} << 16 : 0U);
  if (stored == (wide ? wanted : wanted & 0xffffU)) return success();
  // Inodes that were never used may be all zeros.
  return corrupt(name_of(inode.number) + ": checksum does not match");
}

void decode_sizes(const Superblock& super, Inode& inode) {
  const RawInode& raw = inode.raw;
  inode.size = raw.i_size_lo.value();
  if (inode.type == FileType::regular || super.has(kLargeDir))
    inode.size |= std::uint64_t{raw.i_size_high.value()} << 32;
  inode.sectors = raw.i_blocks_lo.value();
  if (super.has(kHugeFile)) {
    inode.sectors |= std::uint64_t{raw.i_blocks_high.value()} << 32;
    if (inode.has(kFlagHugeFile)) inode.sectors *= super.block_size / 512;
  }
  inode.xattr_block = raw.i_file_acl_lo.value();
  if (super.has(k64Bit)) inode.xattr_block |= std::uint64_t{raw.i_file_acl_high.value()} << 32;
}

}  // namespace

std::uint32_t inode_checksum(std::uint32_t inode_seed, std::span<const std::byte> bytes) {
  constexpr std::size_t kLow = offsetof(RawInode, i_checksum_lo);
  constexpr std::size_t kHigh = offsetof(RawInode, i_checksum_hi);
  std::uint32_t crc = crc32c_zeros(crc32c(inode_seed, bytes.first(kLow)), 2);
  crc = crc32c(crc, bytes.subspan(kLow + 2, kSmall - kLow - 2));
  if (bytes.size() == kSmall) return crc;
  crc = crc32c(crc, bytes.subspan(kSmall, kHigh - kSmall));
  const auto extra = get<le16>(bytes, kSmall);
  const bool wide = extra && extra->value() + kSmall >= kHigh + 2;
  crc = wide ? crc32c_zeros(crc, 2) : crc32c(crc, bytes.subspan(kHigh, 2));
  return crc32c(crc, bytes.subspan(kHigh + 2));
}

Result<Inode> parse_inode(const Superblock& super, std::uint32_t number,
                          std::span<const std::byte> bytes) {
  Inode inode;
  inode.number = number;
  std::memcpy(&inode.raw, bytes.data(), kSmall);
  if (bytes.size() > kSmall) {
    inode.extra_size = get<le16>(bytes, kSmall)->value();
    if (inode.extra_size > bytes.size() - kSmall || inode.extra_size % 4 != 0)
      return corrupt(name_of(number) + ": extra size " + std::to_string(inode.extra_size));
    const std::size_t count = std::min<std::size_t>(sizeof(RawInode) - kSmall, inode.extra_size);
    std::byte* const target = std::as_writable_bytes(std::span(&inode.raw, 1)).data() + kSmall;
    std::memcpy(target, bytes.data() + kSmall, count);
  }
  inode.checksum_seed =
      crc32c_number(crc32c_number(super.checksum_seed, number), inode.raw.i_generation.value());
  TRY(check_checksum(super, inode, bytes));
  inode.type = type_of(inode.raw.i_mode.value());
  decode_sizes(super, inode);
  return inode;
}

Result<void> Storage::read_block(std::uint64_t block, std::span<std::byte> out) const {
  if (block >= super.blocks)
    return corrupt("block " + std::to_string(block) + " lies outside the file system");
  return cache.read(block * super.block_size, out);
}

Result<std::uint64_t> Storage::inode_offset(std::uint32_t number) const {
  if (number == 0 || number > super.inodes)
    return corrupt(name_of(number) + " (the last is " + std::to_string(super.inodes) + ")");
  const std::uint32_t index = (number - 1) % super.inodes_per_group;
  const std::uint64_t table = TRY(groups.inode_table((number - 1) / super.inodes_per_group));
  return table * super.block_size + std::uint64_t{index} * super.inode_size;
}

Result<Inode> Storage::inode(std::uint32_t number, InodeBytes& bytes) const {
  const std::uint64_t offset = TRY(inode_offset(number));
  TRY(cache.read(offset, bytes.span()));
  return parse_inode(super, number, bytes.span());
}

Result<Inode> Storage::inode(std::uint32_t number) const {
  InodeBytes bytes(super.inode_size);
  return inode(number, bytes);
}

Attributes attributes_of(const Superblock& super, const Inode& inode) {
  const RawInode& raw = inode.raw;
  Attributes out;
  out.inode = inode.number;
  out.type = inode.type;
  out.permissions = raw.i_mode.value() & 07777U;
  out.links = raw.i_links_count.value();
  out.uid = inode.uid();
  out.gid = inode.gid();
  out.size = inode.size;
  out.blocks = inode.sectors;
  // The kernel's driver counts what lies in a file's inode as if it had sectors of its own.
  if (inode.type == FileType::regular && inode.has(kFlagInlineData))
    out.blocks += (inode.size + 511) / 512;
  out.block_size = super.block_size;
  out.accessed = time_of(raw.i_atime.value(), raw.i_atime_extra.value());
  out.modified = time_of(raw.i_mtime.value(), raw.i_mtime_extra.value());
  out.changed = time_of(raw.i_ctime.value(), raw.i_ctime_extra.value());
  if (inode.type == FileType::character || inode.type == FileType::block) {
    const std::uint32_t old = get<le32>(raw.i_block)->value();
    const std::uint32_t wide = get<le32>(raw.i_block, 4)->value();
    out.device_major = old != 0 ? old >> 8 & 0xffU : wide >> 8 & 0xfffU;
    out.device_minor = old != 0 ? old & 0xffU : (wide & 0xffU) | (wide >> 12 & 0xfff00U);
  }
  return out;
}

}  // namespace imgfs::ext
