#include "ext/xattr.h"

#include <algorithm>

#include "ext/checksum.h"
#include "ext/ea_inode.h"

namespace imgfs::ext {
namespace {

/// Where entries lie and where their values are counted from.
struct Area {
  std::span<const std::byte> bytes;  ///< from the first entry (in an inode) or the block's start on
  std::size_t first;                 ///< offset of the first entry
};

struct FoundXattr {
  XattrEntry entry;
  std::string_view name;
};

std::string_view prefix_of(std::uint8_t index) {
  switch (index) {
    case kXattrUser: return "user.";
    case kXattrAclAccess: return "system.posix_acl_access";
    case kXattrAclDefault: return "system.posix_acl_default";
    case kXattrTrusted: return "trusted.";
    case kXattrSecurity: return "security.";
    default: return {};
  }
}

bool is_acl(std::uint8_t index) { return index == kXattrAclAccess || index == kXattrAclDefault; }

/// Visits the entries until `visit` says false; each is checked whole first.
Result<void> each_entry(const Area& area, FunctionRef<bool(const FoundXattr&)> visit) {
  std::size_t at = area.first;
  while (true) {
    const auto end_mark = get<le32>(area.bytes, at);
    if (!end_mark) return corrupt("extended attributes without an end");
    if (end_mark->value() == 0) return success();
    const auto entry = get<XattrEntry>(area.bytes, at);
    if (!entry) return corrupt("extended attribute cut off");
    const auto name = part(area.bytes, at + sizeof(XattrEntry), entry->e_name_len);
    if (!name) return corrupt("name of an extended attribute cut off");
    if (!visit({*entry, as_chars(*name)})) return success();
    at += (sizeof(XattrEntry) + entry->e_name_len + 3) / 4 * 4;
  }
}

/// The attributes in the inode; nothing where there are none.
Result<std::optional<Area>> inode_area(const Inode& inode, std::span<const std::byte> bytes) {
  constexpr std::size_t kHeader = 4;
  const std::size_t at = RawInode::kSmallSize + inode.extra_size;
  if (bytes.size() <= RawInode::kSmallSize || inode.extra_size == 0) return std::optional<Area>();
  const auto magic = get<le32>(bytes, at);
  if (!magic || magic->value() != XattrHeader::kMagic) return std::optional<Area>();
  return std::optional(Area{bytes.subspan(at + kHeader), 0});
}

/// The attributes in a block of their own. Verifies the header.
Result<Area> block_area(const Storage& storage, const Inode& inode, std::span<std::byte> buffer) {
  const std::uint64_t block = inode.xattr_block;
  if (!storage.super.holds(block, 1))
    return corrupt("extended attributes at block " + std::to_string(block) +
                   " outside the file system");
  TRY(storage.read_block(block, buffer));
  const auto header = get<XattrHeader>(buffer);
  const std::uint64_t offset = block * storage.super.block_size;
  if (header->h_magic.value() != XattrHeader::kMagic || header->h_blocks.value() != 1)
    return corrupt("no block of extended attributes where there should be one", offset);
  if (storage.super.metadata_csum() && kChecksumsCount) {
    constexpr std::size_t kAt = offsetof(XattrHeader, h_checksum);
    std::uint32_t crc = crc32c_number64(storage.super.checksum_seed, block);
    crc = crc32c_zeros(crc32c(crc, buffer.first(kAt)), 4);
    crc = crc32c(crc, buffer.subspan(kAt + 4));
    if (crc != header->h_checksum.value())
      return corrupt("extended attribute block: checksum does not match", offset);
  }
  return Area{buffer, sizeof(XattrHeader)};
}

/// Visits all attributes of an inode, those inside it first.
Result<void> each_xattr(const Storage& storage, const Inode& inode,
                        FunctionRef<bool(const Area&, const FoundXattr&)> visit) {
  bool more = true;
  const auto walk = [&](const Area& area) -> Result<void> {
    return each_entry(area, [&](const FoundXattr& found) {
      more = visit(area, found);
      return more;
    });
  };
  if (storage.super.inode_size > RawInode::kSmallSize) {
    InodeBytes bytes(storage.super.inode_size);
    TRY(storage.inode(inode.number, bytes));
    const auto area = TRY(inode_area(inode, bytes.span()));
    if (area) TRY(walk(*area));
  }
  if (!more || inode.xattr_block == 0) return success();
  Scratch buffer(storage.super.block_size);
  const Area area = TRY(block_area(storage, inode, buffer.span()));
  return walk(area);
}

Result<std::span<const std::byte>> stored_value(const Area& area, const XattrEntry& entry) {
  const auto value = part(area.bytes, entry.e_value_offs.value(), entry.e_value_size.value());
  if (!value) return corrupt("value of an extended attribute outside its block");
  return *value;
}

/// The index and the rest of a full name; nothing for prefixes that are not stored.
std::optional<std::pair<std::uint8_t, std::string_view>> split(std::string_view name) {
  for (const std::uint8_t index : {kXattrAclAccess, kXattrAclDefault})
    if (name == prefix_of(index)) return std::pair{index, std::string_view()};
  for (const std::uint8_t index : {kXattrUser, kXattrTrusted, kXattrSecurity}) {
    const std::string_view prefix = prefix_of(index);
    if (name.starts_with(prefix) && name.size() > prefix.size())
      return std::pair{index, name.substr(prefix.size())};
  }
  return std::nullopt;
}

Error in_inode(const Error& error, const Inode& inode) {
  return in_context(error, "inode " + std::to_string(inode.number));
}

}  // namespace

Result<std::vector<std::string>> list_xattrs(const Storage& storage, const Inode& inode) {
  std::vector<std::string> out;
  const auto done = each_xattr(storage, inode, [&](const Area&, const FoundXattr& found) {
    const std::string_view prefix = prefix_of(found.entry.e_name_index);
    if (is_acl(found.entry.e_name_index))
      out.emplace_back(prefix);
    else if (!prefix.empty())
      out.push_back(std::string(prefix) + std::string(found.name));
    return true;
  });
  if (!done) return in_inode(done.error(), inode);
  return out;
}

Result<std::string> read_xattr(const Storage& storage, const LeafCache& leaves, const Inode& inode,
                               std::string_view name) {
  const Error missing{Errc::no_attribute, "no such extended attribute", {}};
  const auto wanted = split(name);
  if (!wanted) return missing;
  Result<std::string> value = missing;
  const auto done = each_xattr(storage, inode, [&](const Area& area, const FoundXattr& found) {
    const XattrEntry& entry = found.entry;
    const bool same_name = is_acl(wanted->first) || found.name == wanted->second;
    if (entry.e_name_index != wanted->first || !same_name) return true;
    if (entry.e_value_inum.value() != 0) {
      value = read_ea_inode(storage, leaves, inode, entry, found.name);
      return false;
    }
    const auto bytes = stored_value(area, entry);
    value = bytes ? Result<std::string>(std::string(as_chars(bytes.value())))
                  : Result<std::string>(bytes.error());
    return false;
  });
  if (!done) return in_inode(done.error(), inode);
  if (!value)
    return value.error().code == Errc::no_attribute ? missing : in_inode(value.error(), inode);
  return is_acl(wanted->first) ? acl_to_kernel_form(as_bytes(value.value())) : value;
}

Result<std::optional<std::vector<std::byte>>> inline_xattr(const Storage& storage,
                                                           const Inode& inode) {
  InodeBytes bytes(storage.super.inode_size);
  TRY(storage.inode(inode.number, bytes));
  const auto area = TRY(inode_area(inode, bytes.span()));
  if (!area) return std::optional<std::vector<std::byte>>();
  std::optional<std::vector<std::byte>> out;
  std::optional<Error> problem;
  TRY(each_entry(*area, [&](const FoundXattr& found) {
    if (found.entry.e_name_index != kXattrSystem || found.name != "data") return true;
    const auto value = stored_value(*area, found.entry);
    if (value)
      out.emplace(value.value().begin(), value.value().end());
    else
      problem = value.error();
    return false;
  }));
  if (problem) return in_inode(*problem, inode);
  return out;
}

Result<std::string> acl_to_kernel_form(std::span<const std::byte> stored) {
  constexpr std::uint16_t kUser = 0x02;
  constexpr std::uint16_t kGroup = 0x08;
  const auto version = get<le32>(stored);
  if (!version || version->value() != 1) return corrupt("ACL of an unknown version");
  const auto put = [](std::string& out, const auto& number) {
    out.append(as_chars(std::as_bytes(std::span(&number, 1))));
  };
  std::string out;
  put(out, le32(2));
  for (std::size_t at = 4; at < stored.size();) {
    const auto tag = get<le16>(stored, at);
    const auto permissions = get<le16>(stored, at + 2);
    if (!tag || !permissions) return corrupt("ACL entry cut off");
    const std::uint16_t kind = tag->value();
    const bool named = kind == kUser || kind == kGroup;
    const bool known = named || kind == 0x01 || kind == 0x04 || kind == 0x10 || kind == 0x20;
    if (!known) return corrupt("ACL entry with tag " + std::to_string(kind));
    const auto id = named ? get<le32>(stored, at + 4) : std::optional<le32>(~0U);
    if (!id) return corrupt("ACL entry cut off");
    put(out, *tag);
    put(out, *permissions);
    put(out, *id);
    at += named ? 8 : 4;
  }
  if (out.size() == 4) return Error{Errc::no_attribute, "no such extended attribute", {}};
  return out;
}

}  // namespace imgfs::ext
