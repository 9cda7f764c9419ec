#include "ext/directory_block.h"

#include <utility>

#include "ext/checksum.h"

namespace imgfs::ext {
namespace {

constexpr std::size_t kMinimum = 12;  // a header and one character, in units of four

std::size_t needed(std::size_t name_length, bool stored_hashes) {
  return (sizeof(DirEntryHeader) + name_length + (stored_hashes ? 8 : 0) + 3) / 4 * 4;
}

}  // namespace

std::size_t record_length(std::uint16_t stored, std::uint32_t block_size) {
  if (block_size < 65536) return stored;
  if (stored == 65535 || stored == 0) return block_size;
  return (stored & 65532U) | (stored & 3U) << 16;
}

Error DirectoryBlock::stop(std::string why) {
  return corrupt(std::move(why), std::exchange(offset_, block_.size()));
}

Result<std::optional<DirEntry>> DirectoryBlock::next() {
  while (offset_ < block_.size()) {
    const auto header = get<DirEntryHeader>(block_, offset_);
    if (!header) return stop("directory entry cut off by its block");
    const std::size_t left = block_.size() - offset_;
    const std::size_t length = record_length(header->rec_len.value(), super_.block_size);
    // A length of 0 would never end; one past the block would leave it.
    if (length < kMinimum || length % 4 != 0 || length > left)
      return stop("directory entry of length " + std::to_string(length) + " (" +
                  std::to_string(left) + " bytes left)");
    const std::uint32_t inode = header->inode.value();
    if (length < needed(header->name_len, false))
      return stop("name of " + std::to_string(header->name_len) +
                  " bytes in a directory entry of " + std::to_string(length));
    if (inode > super_.inodes) return stop("directory entry with inode " + std::to_string(inode));
    const std::size_t start = offset_;
    offset_ += length;
    if (inode == 0) continue;
    const std::size_t name_at = start + sizeof(DirEntryHeader);
    DirEntry out{inode,   as_chars(block_.subspan(name_at, header->name_len)),         start,
                 offset_, super_.has(kFiletype) ? header->file_type : std::uint8_t{0}, {}};
    if (stored_hashes_ && out.name != "." && out.name != "..") {
      if (length < needed(header->name_len, true))
        return stop("directory entry without room for its hash");
      const std::size_t at = name_at + (header->name_len + std::size_t{3}) / 4 * 4;
      out.hash = {get<le32>(block_, at)->value(), get<le32>(block_, at + 4)->value()};
    }
    return std::optional(out);
  }
  return std::optional<DirEntry>();
}

BlockKind kind_of_block(const Superblock& super, const Inode& directory, std::uint64_t number,
                        std::span<const std::byte> block) {
  if (!directory.has(kFlagIndex) || !super.has(kDirIndex)) return BlockKind::entries;
  const auto header = get<DirEntryHeader>(block);
  const bool whole =
      header && record_length(header->rec_len.value(), super.block_size) == block.size();
  return number == 0 || whole ? BlockKind::index : BlockKind::entries;
}

Result<std::span<const std::byte>> checked_entries(const Superblock& super, const Inode& directory,
                                                   std::span<const std::byte> block) {
  if (!super.metadata_csum()) return block;
  const std::size_t at = block.size() - sizeof(DirEntryTail);
  const auto tail = get<DirEntryTail>(block, at);
  const bool there = tail && tail->det_reserved_zero1.value() == 0 &&
                     tail->det_rec_len.value() == sizeof(DirEntryTail) &&
                     tail->det_reserved_zero2 == 0 &&
                     tail->det_reserved_ft == DirEntryHeader::kTailType;
  if (!kChecksumsCount) return there ? block.first(at) : block;
  if (!there) return corrupt("directory block without its checksum");
  if (crc32c(directory.checksum_seed, block.first(at)) != tail->det_checksum.value())
    return corrupt("directory block: checksum does not match");
  return block.first(at);
}

Result<void> check_index(const Superblock& super, const Inode& directory,
                         std::span<const std::byte> block, std::size_t entries_offset) {
  if (!super.metadata_csum() || !kChecksumsCount) return success();
  const auto counts = get<HtreeCountLimit>(block, entries_offset);
  if (!counts) return corrupt("directory index block too small");
  const std::size_t limit = counts->limit.value();
  const std::size_t used = entries_offset + counts->count.value() * sizeof(HtreeEntry);
  const std::size_t tail_at = entries_offset + limit * sizeof(HtreeEntry);
  const auto tail = get<HtreeTail>(block, tail_at);
  if (!tail || counts->count.value() > limit)
    return corrupt("directory index block without room for its checksum");
  std::uint32_t crc = crc32c(directory.checksum_seed, block.first(used));
  crc = crc32c_zeros(crc32c(crc, block.subspan(tail_at, 4)), 4);
  if (crc != tail->dt_checksum.value())
    return corrupt("directory index block: checksum does not match");
  return success();
}

}  // namespace imgfs::ext
