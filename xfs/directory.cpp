#include "xfs/directory.h"

#include <algorithm>

#include "xfs/directory_block.h"
#include "xfs/hash_tree.h"

namespace imgfs::xfs {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_name(std::string_view a, std::string_view b, NameCase how) {
  if (how == NameCase::exact) return a == b;
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// A directory that lies in its inode.
struct ShortForm {
  std::uint64_t parent = 0;
  std::size_t count = 0;
  std::size_t number_size = 4;
  std::span<const std::byte> entries;
  bool ftype = false;

  static Result<ShortForm> parse(const Volume& volume, const Inode& inode) {
    ShortForm out;
    const auto bytes = inode.data().bytes.first(static_cast<std::size_t>(inode.size()));
    const auto header = get<ShortDirectoryHeader>(bytes);
    if (!header) return corrupt("short directory of " + std::to_string(bytes.size()) + " bytes");
    out.number_size = header->i8count == 0 ? 4 : 8;
    out.count = header->count;
    out.ftype = volume.sb().ftype;
    const auto rest = part(bytes, sizeof(ShortDirectoryHeader), out.number_size);
    if (!rest) return corrupt("short directory of " + std::to_string(bytes.size()) + " bytes");
    out.parent = out.number(*rest);
    out.entries = bytes.subspan(sizeof(ShortDirectoryHeader) + out.number_size);
    return out;
  }

  std::uint64_t number(std::span<const std::byte> bytes) const {
    return number_size == 4 ? get<be32>(bytes)->value() : get<be64>(bytes)->value();
  }

  /// Visits each entry with its index until the visitor says false.
  template <class Visit>
  Result<void> visit(Visit&& visit) const {
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto head = get<ShortDirectoryEntry>(entries, at);
      const std::size_t name_at = at + sizeof(ShortDirectoryEntry);
      const std::size_t tail = (ftype ? 1 : 0) + number_size;
      const auto body = head ? part(entries, name_at, head->namelen + tail) : std::nullopt;
      if (!body || head->namelen == 0)
        return corrupt("short directory: entry " + std::to_string(i) + " does not fit");
      const FileType type =
          ftype ? type_of_entry(std::to_integer<std::uint8_t>((*body)[head->namelen])) : FileType::unknown;
      const StoredEntry entry{as_chars(body->first(head->namelen)),
                              number(body->subspan(body->size() - number_size)), type, i, i + 1};
      if (!visit(entry)) return success();
      at = name_at + body->size();
    }
    if (at != entries.size())
      return corrupt("short directory: " + std::to_string(entries.size() - at) + " bytes left over");
    return success();
  }
};

/// The real "." and "..": the first two entries of the first block.
bool is_dot(const StoredEntry& entry, std::size_t first) {
  return (entry.offset == first && entry.name == ".") || (entry.offset == first + 16 && entry.name == "..");
}

Result<void> list_blocks(const Volume& volume, const Inode& inode, std::uint64_t cookie, EntryVisitor visit) {
  const ForkMap map(volume, inode, inode.data());
  const std::uint64_t size = volume.sb().directory_block_size();
  const std::uint64_t end = std::min<std::uint64_t>(inode.size(), kHashStart);
  DirectoryBlock block;
  bool more = true;
  for (std::uint64_t start = cookie - cookie % size; more && start < end;) {
    const Extent extent = TRY(find_extent(map, start));
    if (extent.kind == Extent::Kind::zero) {  // a block whose entries were all removed
      start = (extent.logical + extent.length) / size * size;
      if (start < extent.logical + extent.length) return corrupt("directory block begins in a hole");
      continue;
    }
    TRY(block.load(volume, inode, map, start));
    TRY(block.visit([&](const StoredEntry& entry) {
      if (start + entry.offset < cookie || (start == 0 && is_dot(entry, block.first_offset()))) return true;
      more = visit({entry.name, entry.inode, entry.type, start + entry.end});
      return more;
    }));
    start += size;
  }
  return success();
}

/// The entries of equal hash in a sorted run of them: [first, last).
struct Run {
  std::size_t first;
  std::size_t last;
};
Run equal_hashes(std::span<const std::byte> hashes, std::size_t count, std::uint32_t hash) {
  const auto value = [&](std::size_t i) { return get<HashEntry>(hashes, i * sizeof(HashEntry))->hashval.value(); };
  std::size_t low = 0;
  for (std::size_t high = count; low < high;) {
    const std::size_t middle = low + (high - low) / 2;
    if (value(middle) < hash)
      low = middle + 1;
    else
      high = middle;
  }
  std::size_t last = low;
  while (last < count && value(last) == hash) ++last;
  return {low, last};
}

/// Looks for one name by its hash, block by block.
class Search {
 public:
  Search(const Volume& volume, const Inode& inode, std::string_view name, NameCase how)
      : volume_(volume), inode_(inode), map_(volume, inode, inode.data()), name_(name), how_(how) {}

  Result<std::uint64_t> run() {
    const std::uint32_t hash = name_hash(name_, volume_.sb().ascii_ci);
    if (inode_.size() == volume_.sb().directory_block_size()) {
      TRY(load(0));
      if (block_.is_only()) {
        const auto hashes = block_.hashes();
        TRY(look(hashes, equal_hashes(hashes, hashes.size() / sizeof(HashEntry), hash)));
        return answer();
      }
    }
    const HashTree tree(volume_, inode_, map_, HashTree::Kind::directory);
    HashTree::Block leaf;
    HashTree::Chain chain;
    for (bool more = TRY(tree.find_leaf(hash, leaf)); more && !exact_;) {
      const auto hashes = std::span<const std::byte>(leaf.bytes.data(), leaf.bytes.size()).subspan(tree.header_size());
      const Run found = equal_hashes(hashes, leaf.count, hash);
      TRY(look(hashes, found));
      // Names of the same hash may go on in the next leaf.
      more = found.last == leaf.count && TRY(tree.next_leaf(leaf, chain));
    }
    return answer();
  }

 private:
  Result<void> load(std::uint64_t start) {
    if (loaded_ && start == start_) return success();
    loaded_ = false;
    TRY(block_.load(volume_, inode_, map_, start));
    loaded_ = true;
    start_ = start;
    return success();
  }

  Result<void> look(std::span<const std::byte> hashes, Run run) {
    const std::uint64_t size = volume_.sb().directory_block_size();
    for (std::size_t i = run.first; i < run.last && !exact_; ++i) {
      const std::uint64_t address = std::uint64_t{get<HashEntry>(hashes, i * sizeof(HashEntry))->address.value()} * 8;
      if (address == 0) continue;
      TRY(load(address - address % size));
      const StoredEntry entry = TRY(block_.entry_at(static_cast<std::size_t>(address % size)));
      if (!same_name(entry.name, name_, how_)) continue;
      exact_ = entry.name == name_;
      if (exact_ || !found_) inode_number_ = entry.inode;
      found_ = true;
    }
    return success();
  }

  Result<std::uint64_t> answer() const {
    if (!found_) return Error{Errc::not_found, "no such entry", {}};
    return inode_number_;
  }

  const Volume& volume_;
  const Inode& inode_;
  ForkMap map_;
  std::string_view name_;
  NameCase how_;
  DirectoryBlock block_;
  bool loaded_ = false;
  std::uint64_t start_ = 0;
  bool found_ = false;
  bool exact_ = false;
  std::uint64_t inode_number_ = 0;
};

}  // namespace

Result<void> read_directory(const Volume& volume, const Inode& inode, std::uint64_t cookie, EntryVisitor visit) {
  if (inode.data().format != ForkFormat::local) return list_blocks(volume, inode, cookie, visit);
  const ShortForm form = TRY(ShortForm::parse(volume, inode));
  return form.visit([&](const StoredEntry& entry) {
    return entry.offset < cookie || visit({entry.name, entry.inode, entry.type, entry.end});
  });
}

Result<std::uint64_t> find_entry(const Volume& volume, const Inode& inode, std::string_view name, NameCase how) {
  if (inode.data().format != ForkFormat::local) return Search(volume, inode, name, how).run();
  const ShortForm form = TRY(ShortForm::parse(volume, inode));
  std::uint64_t found = 0;
  bool is_found = false;
  TRY(form.visit([&](const StoredEntry& entry) {
    if (!same_name(entry.name, name, how)) return true;
    const bool exact = entry.name == name;
    if (exact || !is_found) found = entry.inode;
    is_found = true;
    return !exact;
  }));
  if (!is_found) return Error{Errc::not_found, "no such entry", {}};
  return found;
}

Result<std::uint64_t> parent_of(const Volume& volume, const Inode& inode) {
  if (inode.data().format == ForkFormat::local) return TRY(ShortForm::parse(volume, inode)).parent;
  const ForkMap map(volume, inode, inode.data());
  DirectoryBlock block;
  TRY(block.load(volume, inode, map, 0));
  const StoredEntry entry = TRY(block.entry_at(block.first_offset() + 16));
  if (entry.name != "..") return corrupt("directory: its second entry is not \"..\"", block.position());
  return entry.inode;
}

}  // namespace imgfs::xfs
