#include <algorithm>

#include "ext/directory.h"
#include "ext/htree.h"
#include "ext/inline_data.h"
#include "ext/no_key_name.h"

namespace imgfs::ext {
namespace {

constexpr std::uint64_t kDamagedFlag = std::uint64_t{1} << 61;
constexpr std::size_t kMinEncryptedName = 16;
constexpr std::uint64_t kInlineParts = 2;  ///< what fits in i_block, and the rest in an attribute

std::uint64_t cookie_of(std::uint64_t block, std::size_t offset, bool damaged) {
  return (block << 16) + offset + (damaged ? kDamagedFlag : 0);
}

FileType entry_type(std::uint8_t stored) {
  switch (stored) {
    case 1: return FileType::regular;
    case 2: return FileType::directory;
    case 3: return FileType::character;
    case 4: return FileType::block;
    case 5: return FileType::fifo;
    case 6: return FileType::socket;
    case 7: return FileType::symlink;
    default: return FileType::unknown;
  }
}

}  // namespace

std::uint64_t Directory::blocks() const {
  if (in_inode()) return kInlineParts;
  const std::uint64_t size = storage_.super.block_size;
  // No directory is larger than the file system that holds it.
  return std::min(inode_.size / size + (inode_.size % size != 0 ? 1 : 0), storage_.super.blocks);
}

std::optional<Error> Directory::size_problem() const {
  const std::uint64_t size = storage_.super.block_size;
  if (in_inode() || (inode_.size != 0 && inode_.size / size <= storage_.super.blocks)) return {};
  return corrupt("directory of " + std::to_string(inode_.size) + " bytes in a file system of " +
                 std::to_string(storage_.super.blocks) + " blocks");
}

Result<std::span<const std::byte>> Directory::inline_part(std::uint64_t number) const {
  constexpr std::size_t kParent = 4;  // bytes before the first entry
  if (!inline_data_) inline_data_ = TRY(read_inline_data(storage_, inode_));
  const std::span<const std::byte> all(*inline_data_);
  const std::size_t first = std::min(all.size(), sizeof(RawInode::i_block));
  if (first < kParent) return corrupt("directory in an inode without its parent");
  return number == 0 ? all.subspan(kParent, first - kParent) : all.subspan(first);
}

Result<std::span<const std::byte>> Directory::read_entries(std::uint64_t number,
                                                           std::span<std::byte> buffer) const {
  if (in_inode()) return inline_part(number);
  TRY(read_directory_block(storage_, map_, number, buffer));
  const std::span<const std::byte> block = buffer;
  if (kind_of_block(storage_.super, inode_, number, block) == BlockKind::entries)
    return checked_entries(storage_.super, inode_, block);
  const std::size_t at =
      number == 0 ? HtreeRootInfo::kOffset + sizeof(HtreeRootInfo) : sizeof(DirEntryHeader);
  TRY(check_index(storage_.super, inode_, block, at));
  return block;
}

std::uint64_t Directory::unreadable_until(std::uint64_t number) const {
  if (in_inode()) return number + 1;
  const auto run = map_.find_run(number);
  if (!run) return std::max(map_.damaged_until(), number + 1);
  return run.value().physical != 0 ? number + 1
                                   : std::max(run.value().logical + run.value().length, number + 1);
}

Result<bool> Directory::each_entry(std::uint64_t number, std::span<const std::byte> entries,
                                   Visit visit) const {
  DirectoryBlock walk(storage_.super, entries, 0, encrypted() && ignores_case());
  std::size_t after_dot = 0;
  while (true) {
    const auto entry = TRY(walk.next());
    if (!entry) return true;
    if (number == 0 && !in_inode()) {
      if (entry->offset == 0 && entry->name == ".") {
        after_dot = entry->next_offset;
        continue;
      }
      if (after_dot != 0 && entry->offset == after_dot && entry->name == "..") continue;
    }
    if (!visit(*entry)) return false;
  }
}

NameHash Directory::shown_hash(const DirEntry& entry) const {
  if (entry.hash) return {entry.hash->first, entry.hash->second};
  const Superblock& super = storage_.super;
  // Kernels list a directory of one block as if it were hashed.
  if (!super.has(kDirIndex) || (!inode_.has(kFlagIndex) && blocks() != 1)) return {};
  if (!index_version_) {
    index_version_ = super.hash_version;
    if (indexed())
      if (const auto tree = Htree::open(storage_, map_, inode_))
        index_version_ = tree.value().hash_version();
  }
  return hash_name(super, *index_version_, entry.name).value_or(NameHash{});
}

std::string Directory::shown_name(const DirEntry& entry) const {
  return no_key_name(entry.name, shown_hash(entry));
}

Result<bool> Directory::show(const DirEntry& entry, std::uint64_t next_cookie,
                             EntryVisitor visit) const {
  DirectoryEntry out{entry.name, entry.inode, entry_type(entry.type), next_cookie};
  if (!encrypted() || entry.name == "." || entry.name == "..") return visit(out);
  if (entry.name.size() < kMinEncryptedName)
    return corrupt("encrypted name of " + std::to_string(entry.name.size()) +
                   " bytes (at least 16)");
  const std::string shown = shown_name(entry);
  out.name = shown;
  return visit(out);
}

Result<bool> Directory::list_entries(std::uint64_t number, std::span<const std::byte> entries,
                                     std::size_t offset, bool damaged, EntryVisitor visit) const {
  std::optional<Error> problem;
  const bool all = TRY(each_entry(number, entries, [&](const DirEntry& entry) {
    if (entry.offset < offset) return true;
    // What lies behind the last entry is a checksum and no place of its own.
    const bool last = entry.next_offset >= entries.size();
    const std::uint64_t next =
        last ? cookie_of(number + 1, 0, damaged) : cookie_of(number, entry.next_offset, damaged);
    const auto more = show(entry, next, visit);
    if (more) return more.value();
    problem = more.error();
    damaged = true;
    return true;
  }));
  if (all && problem) return *problem;
  return all;
}

Result<bool> Directory::list_block(std::uint64_t number, std::size_t offset, bool damaged,
                                   std::span<std::byte> buffer, EntryVisitor visit) const {
  const auto entries = TRY(read_entries(number, buffer));
  return list_entries(number, entries, offset, damaged, visit);
}

Result<void> Directory::list(std::uint64_t cookie, EntryVisitor visit) const {
  std::optional<Error> problem = size_problem();
  if ((cookie & kDamagedFlag) != 0 && !problem)
    problem = corrupt("directory with damaged blocks: what was in them is missing");
  cookie &= ~kDamagedFlag;
  std::size_t offset = cookie & 0xffffU;
  Scratch buffer(storage_.super.block_size);
  const std::uint64_t count = blocks();
  for (std::uint64_t number = cookie >> 16; number < count; offset = 0) {
    const auto more = list_block(number, offset, problem.has_value(), buffer.span(), visit);
    if (more && !more.value()) return success();
    if (more) {
      ++number;
      continue;
    }
    if (!problem) problem = in_context(more.error(), "directory block " + std::to_string(number));
    number = unreadable_until(number);
  }
  if (problem) return *problem;
  return success();
}

}  // namespace imgfs::ext
