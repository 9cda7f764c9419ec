#include "ext/fast_directory.h"

#include "ext/checksum.h"
#include "ext/directory_block.h"
#include "ext/name_hash.h"

namespace imgfs::ext {
namespace {

std::size_t needed(std::size_t name_length) {
  return (sizeof(DirEntryHeader) + name_length + 3) / 4 * 4;
}

std::uint8_t stored_type(FileType type) {
  switch (type) {
    case FileType::regular: return 1;
    case FileType::directory: return 2;
    case FileType::character: return 3;
    case FileType::block: return 4;
    case FileType::fifo: return 5;
    case FileType::socket: return 6;
    case FileType::symlink: return 7;
    case FileType::unknown: break;
  }
  return 0;
}

le16 stored_length(std::size_t length) {
  return le16(static_cast<std::uint16_t>(length == 65536 ? 65535 : length));
}

/// An entry, in use or not.
struct Slot {
  std::size_t offset;
  std::size_t length;
  std::uint32_t inode;
  std::string_view name;
};

Result<std::optional<Slot>> slot_at(std::span<const std::byte> block, std::size_t offset,
                                    std::uint32_t block_size) {
  if (offset >= block.size()) return std::optional<Slot>();
  const auto header = get<DirEntryHeader>(block, offset);
  if (!header) return corrupt("directory entry cut off by its block");
  const std::size_t length = record_length(header->rec_len.value(), block_size);
  if (length < 12 || length % 4 != 0 || length > block.size() - offset ||
      length < needed(header->name_len))
    return corrupt("directory entry of length " + std::to_string(length));
  return std::optional(
      Slot{offset, length, header->inode.value(),
           as_chars(block.subspan(offset + sizeof(DirEntryHeader), header->name_len))});
}

}  // namespace

std::size_t FastDirectory::entry_space() const {
  return editor_.super().block_size - (editor_.super().metadata_csum() ? sizeof(DirEntryTail) : 0);
}

std::uint64_t FastDirectory::blocks() const { return directory_.size / editor_.super().block_size; }

void FastDirectory::write(std::span<std::byte> block, std::size_t offset, std::size_t length,
                          std::string_view name, std::uint32_t inode, std::uint8_t type) const {
  DirEntryHeader header;
  header.inode = inode;
  header.rec_len = stored_length(length);
  header.name_len = static_cast<std::uint8_t>(name.size());
  header.file_type = editor_.super().has(kFiletype) ? type : std::uint8_t{0};
  std::memcpy(block.data() + offset, &header, sizeof header);
  std::memcpy(block.data() + offset + sizeof header, name.data(), name.size());
}

void FastDirectory::seal(std::span<std::byte> block) const {
  if (!editor_.super().metadata_csum()) return;
  const std::size_t at = entry_space();
  DirEntryTail tail;
  tail.det_reserved_zero1 = 0;
  tail.det_rec_len = sizeof(DirEntryTail);
  tail.det_reserved_zero2 = 0;
  tail.det_reserved_ft = DirEntryHeader::kTailType;
  tail.det_checksum = crc32c(directory_.checksum_seed, block.first(at));
  std::memcpy(block.data() + at, &tail, sizeof tail);
}

Result<std::uint64_t> FastDirectory::physical(std::uint64_t block) {
  const ExtentTree* const tree = TRY(editor_.tree(directory_.number));
  // Whoever asks looks at the whole block.
  TRY(editor_.spend(tree->leaves().size() + editor_.super().block_size / sizeof(DirEntryHeader)));
  const auto extent = tree->find(block);
  if (!extent || extent->unwritten)
    return corrupt("directory with a hole at block " + std::to_string(block));
  return extent->physical + (block - extent->logical);
}

Result<std::uint64_t> FastDirectory::append_block() {
  ExtentTree* const tree = TRY(editor_.tree(directory_.number));
  const std::uint64_t number = blocks();
  if (tree->find(number)) return corrupt("directory with a block past its end");
  const std::uint64_t block = TRY(editor_.allocate());
  tree->insert({number, 1, block, false});
  directory_.size += editor_.super().block_size;
  directory_.raw.i_size_lo = static_cast<std::uint32_t>(directory_.size);
  TRY(editor_.store(directory_));
  return block;
}

Result<void> FastDirectory::start(std::uint32_t parent) {
  directory_.size = 0;
  const std::uint64_t where = TRY(append_block());
  const auto block = TRY(editor_.block(where));
  write(block, 0, 12, ".", directory_.number, 2);
  write(block, 12, entry_space() - 12, "..", parent, 2);
  seal(block);
  directory_.raw.i_links_count = 2;
  return editor_.store(directory_);
}

Result<FastDirectory::Placed> FastDirectory::place(std::uint64_t number, std::string_view name,
                                                   const Inode& target) {
  const std::uint64_t where = TRY(physical(number));
  const auto block = TRY(editor_.block(where));
  const auto entries = block.first(entry_space());
  const std::size_t want = needed(name.size());
  for (std::size_t offset = 0;;) {
    const auto slot = TRY(slot_at(entries, offset, editor_.super().block_size));
    if (!slot) return Placed::no_room;
    if (slot->inode != 0 && slot->name == name) return Placed::exists;
    const std::size_t used = slot->inode == 0 ? 0 : needed(slot->name.size());
    if (slot->length - used >= want) {
      if (used != 0) {
        const le16 shorter = stored_length(used);
        std::memcpy(block.data() + slot->offset + offsetof(DirEntryHeader, rec_len), &shorter,
                    sizeof shorter);
      }
      write(block, slot->offset + used, slot->length - used, name, target.number,
            stored_type(target.type));
      seal(block);
      return Placed::yes;
    }
    offset += slot->length;
  }
}

/// The block in which the index wants the name; nothing where there is no index, or a damaged one.
Result<std::optional<std::uint64_t>> FastDirectory::indexed_block(std::string_view name) {
  const Superblock& super = editor_.super();
  if (!directory_.has(kFlagIndex) || !super.has(kDirIndex)) return std::optional<std::uint64_t>();
  std::uint64_t number = 0;
  std::size_t offset = HtreeRootInfo::kOffset + sizeof(HtreeRootInfo);
  std::size_t levels = 1;
  std::optional<NameHash> hash;
  while (levels > 0) {
    const std::uint64_t where = TRY(physical(number));
    const auto block = TRY(editor_.block(where));
    if (!hash) {
      const auto info = *get<HtreeRootInfo>(block, HtreeRootInfo::kOffset);
      hash = hash_name(super, info.hash_version, name);
      if (!hash || info.indirect_levels > 2 || info.info_length != sizeof(HtreeRootInfo))
        return std::optional<std::uint64_t>();
      levels += info.indirect_levels;
    }
    const std::size_t count = get<HtreeCountLimit>(block, offset)->count.value();
    if (count == 0 || count > (block.size() - offset) / sizeof(HtreeEntry))
      return std::optional<std::uint64_t>();
    std::size_t chosen = 0;
    for (std::size_t i = 1; i < count; ++i)
      if (get<HtreeEntry>(block, offset + i * sizeof(HtreeEntry))->hash.value() <= hash->major)
        chosen = i;
    number =
        get<HtreeEntry>(block, offset + chosen * sizeof(HtreeEntry))->block.value() & 0x0fffffffU;
    offset = sizeof(DirEntryHeader);
    --levels;
  }
  return std::optional(number);
}

/// Makes an index's blocks ones without entries, so that the directory can be searched block by
/// block.
Result<void> FastDirectory::drop_index() {
  const std::uint64_t count = blocks();
  for (std::uint64_t number = 0; number < count; ++number) {
    const std::uint64_t where = TRY(physical(number));
    const auto block = TRY(editor_.block(where));
    if (kind_of_block(editor_.super(), directory_, number, block) != BlockKind::index) continue;
    const std::size_t at = number == 0 ? 12 : 0;
    const le16 length = stored_length(entry_space() - at);
    std::memcpy(block.data() + at + offsetof(DirEntryHeader, rec_len), &length, sizeof length);
    seal(block);
  }
  directory_.raw.i_flags = directory_.raw.i_flags.value() & ~std::uint32_t{kFlagIndex};
  return editor_.store(directory_);
}

/// Adds blocks as the kernel would; where it would grow an index, the directory loses it instead.
Result<void> FastDirectory::append(std::string_view name, const Inode& target) {
  const bool becomes_indexed =
      blocks() == 1 && editor_.super().has(kDirIndex) && !directory_.has(kFlagIndex);
  if (directory_.has(kFlagIndex)) TRY(drop_index());
  for (int more = becomes_indexed ? 2 : 1; more > 0; --more) {
    const std::uint64_t where = TRY(append_block());
    const auto block = TRY(editor_.block(where));
    if (more == 1)
      write(block, 0, entry_space(), name, target.number, stored_type(target.type));
    else
      write(block, 0, entry_space(), "", 0, 0);
    seal(block);
  }
  return success();
}

Result<FastDirectory::Added> FastDirectory::add(std::string_view name, const Inode& target) {
  if (directory_.type != FileType::directory)
    return corrupt("fast commit of an entry in something else");
  if (directory_.has(kFlagInlineData) || directory_.has(kFlagEncrypt) ||
      directory_.has(kFlagCasefold) || !directory_.has(kFlagExtents))
    return unsupported("fast commit in a directory without blocks of plain names");
  const auto wanted = TRY(indexed_block(name));
  const std::uint64_t end = wanted ? *wanted + 1 : blocks();
  for (std::uint64_t number = wanted.value_or(0); number < end; ++number) {
    switch (TRY(place(number, name, target))) {
      case Placed::yes: return Added::yes;
      case Placed::exists: return Added::exists;
      case Placed::no_room: break;
    }
  }
  TRY(append(name, target));
  return Added::yes;
}

Result<FastDirectory::Removed> FastDirectory::remove(std::string_view name, std::uint32_t target) {
  if (directory_.type != FileType::directory)
    return corrupt("fast commit of an entry in something else");
  if (directory_.has(kFlagInlineData) || directory_.has(kFlagEncrypt) ||
      directory_.has(kFlagCasefold) || !directory_.has(kFlagExtents))
    return unsupported("fast commit in a directory without blocks of plain names");
  const std::uint64_t count = blocks();
  for (std::uint64_t number = 0; number < count; ++number) {
    const std::uint64_t where = TRY(physical(number));
    const auto block = TRY(editor_.block(where));
    if (kind_of_block(editor_.super(), directory_, number, block) == BlockKind::index) continue;
    const auto entries = block.first(entry_space());
    std::optional<Slot> before;
    for (std::size_t offset = 0;;) {
      const auto slot = TRY(slot_at(entries, offset, editor_.super().block_size));
      if (!slot) break;
      offset += slot->length;
      if (slot->inode == 0 || slot->name != name) {
        before = slot;
        continue;
      }
      if (slot->inode != target) return Removed::other_inode;
      const std::size_t start = before ? before->offset : slot->offset;
      const le16 length = stored_length(slot->length + (before ? before->length : 0));
      const le32 unused(0);
      std::memcpy(block.data() + slot->offset, &unused, sizeof unused);
      std::memcpy(block.data() + start + offsetof(DirEntryHeader, rec_len), &length, sizeof length);
      seal(block);
      return Removed::yes;
    }
  }
  return Removed::missing;
}

}  // namespace imgfs::ext
