#include <algorithm>

#include "ext/directory.h"
#include "ext/htree.h"
#include "ext/inline_data.h"
#include "ext/no_key_name.h"

namespace imgfs::ext {
namespace {

constexpr std::size_t kMaxHashChain = 65536;  ///< blocks over which one hash may go on

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

Result<Directory::FoundInode> Directory::find_in_block(std::uint64_t number,
                                                       std::span<std::byte> buffer,
                                                       Match match) const {
  const auto entries = TRY(read_entries(number, buffer));
  FoundInode found;
  TRY(each_entry(number, entries, [&](const DirEntry& entry) {
    if (match(entry)) found = entry.inode;
    return !found.has_value();
  }));
  return found;
}

Result<Directory::FoundInode> Directory::scan(Match match) const {
  Scratch buffer(storage_.super.block_size);
  std::optional<Error> problem = size_problem();
  const std::uint64_t count = blocks();
  for (std::uint64_t number = 0; number < count;) {
    const auto found = find_in_block(number, buffer.span(), match);
    if (found && found.value()) return found;
    if (found) {
      ++number;
      continue;
    }
    if (!problem) problem = in_context(found.error(), "directory block " + std::to_string(number));
    number = unreadable_until(number);
  }
  // It may have been in the damaged part: that is not "no such entry".
  if (problem) return *problem;
  return FoundInode();
}

Result<Directory::FoundInode> Directory::find_in_index(Match match,
                                                       std::optional<std::string_view> hashed,
                                                       std::optional<NameHash> hash) const {
  Htree tree = TRY(Htree::open(storage_, map_, inode_));
  if (!hash && hashed) hash = hash_name(storage_.super, tree.hash_version(), *hashed);
  if (!hash)
    return unsupported("directory index with hash version " + std::to_string(tree.hash_version()));
  Scratch buffer(storage_.super.block_size);
  std::optional<std::uint32_t> block = TRY(tree.find(hash->major));
  for (std::size_t step = 0; block && step < kMaxHashChain; ++step) {
    const auto found = TRY(find_in_block(*block, buffer.span(), match));
    if (found) return found;
    block = TRY(tree.next(hash->major));
  }
  return FoundInode();
}

Result<Directory::FoundInode> Directory::find(Match match, std::optional<std::string_view> hashed,
                                              std::optional<NameHash> hash) const {
  if (indexed() && !in_inode() && (hashed || hash)) {
    // A damaged index does not make what it points to unreachable.
    auto found = find_in_index(match, hashed, hash);
    if (found) return found;
  }
  return scan(match);
}

Result<Directory::FoundInode> Directory::lookup_encrypted(std::string_view name) const {
  const auto hash = no_key_hash(name);
  if (!hash) return FoundInode();
  const auto match = [&](const DirEntry& entry) { return shown_name(entry) == name; };
  return find(match, {}, hash->major != 0 ? hash : std::nullopt);
}

Result<std::uint64_t> Directory::lookup(std::string_view name) const {
  const Error missing{Errc::not_found, "no such entry", {}};
  if (name.size() > 255) return missing;
  if (encrypted()) {
    const auto found = TRY(lookup_encrypted(name));
    return found ? Result<std::uint64_t>(*found) : Result<std::uint64_t>(missing);
  }
  const auto same = [&](const DirEntry& entry) { return entry.name == name; };
  if (!ignores_case()) {
    const auto found = TRY(find(same, name, {}));
    return found ? Result<std::uint64_t>(*found) : Result<std::uint64_t>(missing);
  }
  // The index is ordered by the folded names; only those in ASCII are folded here.
  const std::string folded = lower(name);
  const auto hashed = is_ascii(name) ? std::optional<std::string_view>(folded) : std::nullopt;
  auto found = TRY(find(same, hashed, {}));
  if (!found) {
    const auto alike = [&](const DirEntry& entry) {
      return entry.name.size() == folded.size() && lower(entry.name) == folded;
    };
    found = TRY(find(alike, hashed, {}));
  }
  return found ? Result<std::uint64_t>(*found) : Result<std::uint64_t>(missing);
}

Result<std::uint64_t> Directory::parent() const {
  if (in_inode()) {
    const auto data = TRY(read_inline_data(storage_, inode_));
    const auto parent = get<le32>(data);
    if (!parent) return corrupt("directory in an inode without its parent");
    return std::uint64_t{parent->value()};
  }
  Scratch buffer(storage_.super.block_size);
  const auto entries = TRY(read_entries(0, buffer.span()));
  DirectoryBlock walk(storage_.super, entries);
  const auto dot = TRY(walk.next());
  const auto dot_dot = TRY(walk.next());
  if (!dot || dot->name != "." || !dot_dot || dot_dot->name != "..")
    return corrupt("directory " + std::to_string(inode_.number) +
                   " does not begin with its own name and its parent");
  return std::uint64_t{dot_dot->inode};
}

}  // namespace imgfs::ext
