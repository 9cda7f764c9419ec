#include "xfs/directory_block.h"

#include "xfs/checksum.h"

namespace imgfs::xfs {

FileType type_of_entry(std::uint8_t type) {
  static constexpr FileType kTypes[kDirectoryTypes] = {
      FileType::unknown, FileType::regular, FileType::directory, FileType::character, FileType::block,
      FileType::fifo,    FileType::socket,  FileType::symlink,   FileType::character /* whiteout */};
  return type < kDirectoryTypes ? kTypes[type] : FileType::unknown;
}

Result<void> DirectoryBlock::load(const Volume& volume, const Inode& inode, const ForkMap& map,
                                  std::uint64_t start) {
  const Superblock& sb = volume.sb();
  ftype_ = sb.ftype;
  bytes_.resize(sb.directory_block_size(), boost::container::default_init);
  const std::span<std::byte> bytes(bytes_.data(), bytes_.size());
  position_ = TRY(map.read(start, bytes));
  TRY(check_self(sb, kDirectoryDataCheck, bytes, inode.number(), position_));
  const std::uint32_t magic = get<be32>(bytes)->value();
  only_ = magic == (sb.v5 ? kBlockMagicV5 : kBlockMagic);
  if (!only_ && magic != (sb.v5 ? kDataMagicV5 : kDataMagic))
    return corrupt("directory block: unknown magic " + std::to_string(magic), position_);
  if (only_ && (start != 0 || inode.size() != bytes.size()))
    return corrupt("directory block: one for a directory of one block in a larger one", position_);
  first_ = sb.v5 ? kDataHeaderV5 : kDataHeader;
  end_ = bytes.size();
  if (only_) {
    const std::uint64_t count = get<BlockTail>(bytes, end_ - sizeof(BlockTail))->count.value();
    if (count > (end_ - first_ - sizeof(BlockTail)) / sizeof(HashEntry))
      return corrupt("directory block: " + std::to_string(count) + " hashes", position_);
    end_ -= sizeof(BlockTail) + static_cast<std::size_t>(count) * sizeof(HashEntry);
  }
  return success();
}

std::span<const std::byte> DirectoryBlock::hashes() const {
  return std::span<const std::byte>(bytes_.data(), bytes_.size() - sizeof(BlockTail)).subspan(end_);
}

Result<StoredEntry> DirectoryBlock::entry_at(std::size_t offset) const {
  const auto bytes = std::span<const std::byte>(bytes_.data(), end_);
  const auto head = get<DataEntry>(bytes, offset);
  if (offset < first_ || !head || head->namelen == 0)
    return corrupt("directory entry at " + std::to_string(offset) + " has no name", position_);
  const std::size_t raw = sizeof(DataEntry) + head->namelen + (ftype_ ? 1 : 0) + sizeof(be16);
  const std::size_t size = (raw + 7) / 8 * 8;
  const auto whole = part(bytes, offset, size);
  if (!whole || get<be16>(*whole, size - sizeof(be16))->value() != offset)
    return corrupt("directory entry at " + std::to_string(offset) + " does not end as it should", position_);
  const std::size_t name_end = sizeof(DataEntry) + head->namelen;
  return StoredEntry{as_chars(whole->subspan(sizeof(DataEntry), head->namelen)), head->inumber.value(),
                     ftype_ ? type_of_entry(std::to_integer<std::uint8_t>((*whole)[name_end])) : FileType::unknown,
                     offset, offset + size};
}

Result<void> DirectoryBlock::visit(FunctionRef<bool(const StoredEntry&)> visit) const {
  const auto bytes = std::span<const std::byte>(bytes_.data(), end_);
  for (std::size_t offset = first_; offset < end_;) {
    const auto unused = get<DataUnused>(bytes, offset);
    if (unused && unused->freetag.value() == DataUnused::kTag) {
      const std::size_t length = unused->length.value();
      if (length == 0 || length % 8 != 0 || length > end_ - offset)
        return corrupt("directory block: free space of " + std::to_string(length) + " bytes", position_ + offset);
      offset += length;
      continue;
    }
    const StoredEntry entry = TRY(entry_at(offset));
    if (!visit(entry)) return success();
    offset = entry.end;
  }
  return success();
}

}  // namespace imgfs::xfs
