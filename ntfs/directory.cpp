#include "ntfs/directory.h"

#include <algorithm>
#include <string>

#include "core/text.h"
#include "ntfs/index.h"

namespace imgfs::ntfs {
namespace {

constexpr std::string_view kNames = "$I30";
/// A cookie is the node and, in the low bits, where in it the next entry begins. An index' blocks
/// have at most 64 KiB, so 17 bits hold that, and 2^45 nodes are more than fit on a volume.
constexpr unsigned kPlaceBits = 17;
constexpr std::size_t kMaximumUnits = 255;

std::string context_of(const File& directory) {
  return "directory " + std::to_string(directory.number());
}

Result<std::unique_ptr<Index>> open_names(const Volume& volume, File& directory) {
  if (!directory.base().is_directory()) return Error{Errc::not_directory, "not a directory", {}};
  auto index = TRY(Index::open(volume, directory, kNames));
  if (!index) return corrupt(context_of(directory) + " without an index of names");
  return index;
}

bool is_hidden(const Name& name, FileReference file) {
  if (name.header.name_type == FileName::kDos) return true;
  if (file.number >= kFirstUserFile) return false;
  // The root lists itself as "."; NTFS's own files all begin with a dollar sign.
  return name_is(name.units, ".") || (name.units.size() >= 2 && name_is(name.units.first(2), "$"));
}

/// As far as the directory itself tells; attributes of reparse points decide only with their data.
FileType type_of(const Name& name) {
  constexpr std::uint32_t kHasNameIndex = 0x10000000;
  const std::uint32_t flags = name.header.file_attributes.value();
  if ((flags & kReparsePoint) != 0) {
    switch (name.header.reparse_tag.value()) {
      case reparse_tag::kSymlink:
      case reparse_tag::kMountPoint:
      case reparse_tag::kLxSymlink: return FileType::symlink;
      default: return FileType::unknown;
    }
  }
  if ((flags & kHasNameIndex) != 0) return FileType::directory;
  // Interix' special files have the system attribute and look like regular files here.
  return (flags & kSystem) != 0 ? FileType::unknown : FileType::regular;
}

bool is_same(std::u16string_view name, std::span<const std::byte> units) {
  if (units.size() != 2 * name.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i)
    if (std::to_integer<unsigned>(units[2 * i]) != (name[i] & 255U) ||
        std::to_integer<unsigned>(units[2 * i + 1]) != unsigned{name[i]} >> 8)
      return false;
  return true;
}

Result<bool> visit_entry(const IndexItem& item, std::uint64_t next_cookie, EntryVisitor visit) {
  const Name name = TRY(parse_name(item.key));
  const FileReference file = file_reference(item.file_reference);
  if (is_hidden(name, file)) return true;
  const std::string text = utf16le_to_wtf8(name.units);
  return visit({text, file.number, type_of(name), next_cookie});
}

/// As Index::search, but through all nodes: for a volume whose order of names is not known.
Result<void> scan(Index& index, Index::Order order, Index::Found found) {
  for (std::uint64_t node = 0; node < index.nodes(); node = index.next_in_use(node + 1)) {
    const auto visit = [&](const IndexItem& item) -> Result<bool> {
      if (TRY(order(item.key)) != 0) return true;
      return found(item);
    };
    if (!TRY(index.visit_node(node, 0, visit))) return success();
  }
  return success();
}

}  // namespace

Result<Name> parse_name(std::span<const std::byte> key) {
  const auto header = get<FileName>(key);
  if (!header) return corrupt("file name of " + std::to_string(key.size()) + " bytes");
  const auto units = part(key, sizeof(FileName), std::uint64_t{header->name_length} * 2);
  if (!units)
    return corrupt("file name of " + std::to_string(header->name_length) + " units in " +
                   std::to_string(key.size()) + " bytes");
  return Name{*header, *units};
}

Result<FileReference> find_name(const Volume& volume, File& directory, std::string_view name,
                                Case rule) {
  const auto index = TRY(open_names(volume, directory));
  const auto missing = [] { return Error{Errc::not_found, "no such name", {}}; };
  const auto wanted = wtf8_to_utf16(name);
  if (!wanted || wanted->empty() || wanted->size() > kMaximumUnits) return missing();
  std::optional<FileReference> exact;
  std::optional<FileReference> similar;
  const auto order = [&](std::span<const std::byte> key) -> Result<std::strong_ordering> {
    const Name stored = TRY(parse_name(key));
    return volume.upcase.compare(*wanted, stored.units);
  };
  const auto found = [&](const IndexItem& item) -> Result<bool> {
    const Name stored = TRY(parse_name(item.key));
    const FileReference file = file_reference(item.file_reference);
    if (is_same(*wanted, stored.units)) {
      exact = file;
      return false;
    }
    if (!similar) similar = file;
    return true;
  };
  auto done = volume.upcase.is_known() ? index->search(order, found) : scan(*index, order, found);
  if (!done) return in_context(std::move(done.error()), context_of(directory));
  if (exact) return *exact;
  if (similar && rule == Case::ignored) return *similar;
  return missing();
}

Result<void> list_names(const Volume& volume, File& directory, std::uint64_t cookie,
                        EntryVisitor visit) {
  const auto index = TRY(open_names(volume, directory));
  std::uint64_t node = cookie >> kPlaceBits;
  std::size_t from = static_cast<std::size_t>(cookie & ((1U << kPlaceBits) - 1U));
  // A cookie of a node that is no longer listed begins with the next one.
  const std::uint64_t first = index->next_in_use(node);
  if (first != node) from = 0;
  for (node = first; node < index->nodes(); node = index->next_in_use(node + 1), from = 0) {
    const auto entry = [&](const IndexItem& item) {
      return visit_entry(item, node << kPlaceBits | item.end, visit);
    };
    auto goes_on = index->visit_node(node, from, entry);
    if (!goes_on) return in_context(std::move(goes_on.error()), context_of(directory));
    if (!goes_on.value()) return success();
  }
  return success();
}

Result<FileReference> parent_of(File& file) {
  std::optional<FileReference> parent;
  const auto names = TRY(file.all(AttributeType::file_name));
  for (const Attribute* const attribute : names) {
    const Name name = TRY(parse_name(attribute->value));
    if (parent && name.header.name_type == FileName::kDos) continue;
    parent = file_reference(name.header.parent_directory.value());
  }
  if (!parent) return corrupt("MFT record " + std::to_string(file.number()) + " without a name");
  return *parent;
}

}  // namespace imgfs::ntfs
