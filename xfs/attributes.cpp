#include "xfs/attributes.h"

#include <algorithm>
#include <optional>

#include "xfs/acl.h"
#include "xfs/attribute_format.h"
#include "xfs/checksum.h"
#include "xfs/hash_tree.h"

namespace imgfs::xfs {
namespace {

constexpr std::string_view kAclNames[][2] = {{"system.posix_acl_access", "SGI_ACL_FILE"},
                                             {"system.posix_acl_default", "SGI_ACL_DEFAULT"}};

/// An attribute as it is stored: its value in place, or where it lies.
struct StoredAttribute {
  std::uint8_t flags;
  std::string_view name;
  std::span<const std::byte> value;  ///< of a local one
  bool remote = false;
  std::uint32_t block = 0;   ///< of a remote one, in the fork
  std::uint32_t length = 0;  ///< of a remote one, bytes
};

/// True for those that a reader may see.
bool is_visible(std::uint8_t flags) { return (flags & (kAttributeIncomplete | kAttributeParent)) == 0; }

std::string_view prefix_of(std::uint8_t flags) {
  if ((flags & kAttributeRoot) != 0) return "trusted.";
  return (flags & kAttributeSecure) != 0 ? "security." : "user.";
}

Result<void> check_name(std::string_view name) {
  if (name.empty() || name.find('\0') != name.npos) return corrupt("attribute without a name, or with NUL in it");
  return success();
}

class AttributeReader {
 public:
  AttributeReader(const Volume& volume, const Inode& inode)
      : volume_(volume), inode_(inode), map_(volume, inode, inode.attributes()) {}

  /// Visits every attribute, or only the leaves that can hold `hash`, until the visitor says false.
  template <class Visit>
  Result<void> visit(std::optional<std::uint32_t> hash, Visit&& visit) const {
    if (!inode_.has_attributes()) return success();
    const Fork& fork = inode_.attributes();
    if (fork.format == ForkFormat::local) return visit_short(fork.bytes, visit);
    if (fork.format == ForkFormat::extents && fork.extents == 0) return success();
    const HashTree tree(volume_, inode_, map_, HashTree::Kind::attributes);
    HashTree::Block leaf;
    HashTree::Chain chain;
    bool more = true;
    if (hash)
      more = TRY(tree.find_leaf(*hash, leaf));
    else
      TRY(tree.first_leaf(leaf));
    while (more) {
      bool go_on = true;
      TRY(visit_leaf(leaf, hash, visit, go_on));
      more = go_on && TRY(tree.next_leaf(leaf, chain));
    }
    return success();
  }

  Result<std::string> value(const StoredAttribute& attribute) const {
    if (!attribute.remote) return std::string(as_chars(attribute.value));
    if (attribute.length > kMaxAttribute)
      return corrupt("attribute of " + std::to_string(attribute.length) + " bytes, at most 65536 are allowed");
    const std::uint32_t block_size = volume_.sb().block_size;
    const std::size_t header = volume_.sb().v5 ? sizeof(RemoteValueHeader) : 0;
    std::string out;
    out.reserve(attribute.length);
    Buffer bytes(block_size, boost::container::default_init);
    for (std::uint64_t block = attribute.block; out.size() < attribute.length; ++block) {
      const std::span<std::byte> whole(bytes.data(), bytes.size());
      const std::uint64_t position = TRY(map_.read(block * block_size, whole));
      const std::size_t count = std::min<std::size_t>(attribute.length - out.size(), block_size - header);
      TRY(check_value_block(whole, out.size(), count, position));
      out += as_chars(whole.subspan(header, count));
    }
    return out;
  }

 private:
  template <class Visit>
  static Result<void> visit_short(std::span<const std::byte> fork, Visit&& visit) {
    const auto header = get<ShortAttributesHeader>(fork);
    const auto bytes = header ? part(fork, 0, header->totsize.value()) : std::nullopt;
    if (!bytes) return corrupt("short attributes do not fit into the inode");
    std::size_t at = sizeof(ShortAttributesHeader);
    for (std::size_t i = 0; i < header->count; ++i) {
      const auto head = get<ShortAttribute>(*bytes, at);
      const auto body = head ? part(*bytes, at + sizeof(ShortAttribute), std::size_t{head->namelen} + head->valuelen)
                             : std::nullopt;
      if (!body) return corrupt("short attributes: number " + std::to_string(i) + " does not fit");
      const StoredAttribute attribute{head->flags, as_chars(body->first(head->namelen)), body->subspan(head->namelen)};
      TRY(check_name(attribute.name));
      if (!visit(attribute)) return success();
      at += sizeof(ShortAttribute) + body->size();
    }
    return success();
  }

  template <class Visit>
  Result<void> visit_leaf(const HashTree::Block& leaf, std::optional<std::uint32_t> hash, Visit&& visit,
                          bool& go_on) const {
    const std::span<const std::byte> bytes(leaf.bytes.data(), leaf.bytes.size());
    const std::size_t header = volume_.sb().v5 ? kAttributeLeafHeaderV5 : kAttributeLeafHeader;
    if (leaf.count > (bytes.size() - header) / sizeof(AttributeEntry))
      return corrupt("attribute leaf: " + std::to_string(leaf.count) + " entries", leaf.position);
    std::uint32_t last = 0;
    for (std::size_t i = 0; i < leaf.count; ++i) {
      const auto entry = *get<AttributeEntry>(bytes, header + i * sizeof(AttributeEntry));
      if (entry.hashval.value() < last) return corrupt("attribute leaf: hashes do not ascend", leaf.position);
      last = entry.hashval.value();
      if (hash && last < *hash) continue;
      if (hash && last > *hash) {
        go_on = false;
        return success();
      }
      const StoredAttribute attribute = TRY(parse(bytes, entry, leaf.position));
      if (!visit(attribute)) {
        go_on = false;
        return success();
      }
    }
    return success();
  }

  static Result<StoredAttribute> parse(std::span<const std::byte> bytes, const AttributeEntry& entry,
                                       std::uint64_t position) {
    const std::size_t at = entry.nameidx.value();
    StoredAttribute out{entry.flags, {}, {}};
    if ((entry.flags & kAttributeLocal) != 0) {
      const auto head = get<AttributeLocal>(bytes, at);
      const auto body = head ? part(bytes, at + sizeof(AttributeLocal), std::size_t{head->namelen} + head->valuelen.value())
                             : std::nullopt;
      if (!body) return corrupt("attribute leaf: an entry does not fit", position + at);
      out.name = as_chars(body->first(head->namelen));
      out.value = body->subspan(head->namelen);
    } else {
      const auto head = get<AttributeRemote>(bytes, at);
      const auto body = head ? part(bytes, at + sizeof(AttributeRemote), head->namelen) : std::nullopt;
      if (!body) return corrupt("attribute leaf: an entry does not fit", position + at);
      out.name = as_chars(*body);
      out.remote = true;
      out.block = head->valueblk.value();
      out.length = head->valuelen.value();
    }
    TRY(check_name(out.name));
    return out;
  }

  Result<void> check_value_block(std::span<const std::byte> block, std::size_t offset, std::size_t count,
                                 std::uint64_t position) const {
    if (!volume_.sb().v5) return success();
    const auto header = *get<RemoteValueHeader>(block);
    if (header.rm_magic.value() != RemoteValueHeader::kMagic)
      return corrupt("attribute value block: wrong magic", position);
    TRY(check_self(volume_.sb(), kRemoteValueCheck, block, inode_.number(), position));
    if (header.rm_offset.value() != offset || header.rm_bytes.value() != count)
      return corrupt("attribute value block: it holds another part of the value", position);
    return success();
  }

  const Volume& volume_;
  const Inode& inode_;
  ForkMap map_;
};

Result<std::optional<std::string>> find(const AttributeReader& reader, const InodeChange* change, std::uint8_t space,
                                        std::string_view name) {
  if (change != nullptr)
    if (const auto changed = change->attributes.find({space, std::string(name)}); changed != change->attributes.end())
      return changed->second;
  std::optional<Result<std::string>> found;
  TRY(reader.visit(name_hash(name), [&](const StoredAttribute& attribute) {
    if (!is_visible(attribute.flags) || (attribute.flags & kAttributeSpaces) != space || attribute.name != name)
      return true;
    found.emplace(reader.value(attribute));
    return false;
  }));
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(TRY(std::move(*found)));
}

Error no_attribute() { return {Errc::no_attribute, "no such attribute", {}}; }

}  // namespace

Result<std::vector<std::string>> list_attributes(const Volume& volume, const Inode& inode) {
  std::vector<std::string> out;
  const AttributeReader reader(volume, inode);
  const InodeChange* change = volume.change_of(inode.number());
  const auto add = [&](std::uint8_t flags, std::string_view name) {
    if ((flags & kAttributeRoot) != 0)
      for (const auto& [shown, stored] : kAclNames)
        if (name == stored) out.emplace_back(shown);
    out.push_back(std::string(prefix_of(flags)) + std::string(name));
  };
  TRY(reader.visit({}, [&](const StoredAttribute& attribute) {
    const std::uint8_t space = attribute.flags & kAttributeSpaces;
    const bool changed = change != nullptr && change->attributes.contains({space, std::string(attribute.name)});
    if (is_visible(attribute.flags) && !changed) add(attribute.flags, attribute.name);
    return true;
  }));
  if (change != nullptr)
    for (const auto& [key, value] : change->attributes)
      if (value) add(key.first, key.second);
  return out;
}

Result<std::string> attribute(const Volume& volume, const Inode& inode, std::string_view name) {
  const AttributeReader reader(volume, inode);
  const InodeChange* change = volume.change_of(inode.number());
  for (const auto& [shown, stored] : kAclNames) {
    if (name != shown) continue;
    const auto value = TRY(find(reader, change, kAttributeRoot, stored));
    if (!value) return no_attribute();
    return posix_acl(as_bytes(*value));
  }
  for (const std::uint8_t space : {std::uint8_t{0}, kAttributeRoot, kAttributeSecure}) {
    const std::string_view prefix = prefix_of(space);
    if (!name.starts_with(prefix)) continue;
    auto value = TRY(find(reader, change, space, name.substr(prefix.size())));
    if (!value) return no_attribute();
    return std::move(*value);
  }
  return no_attribute();
}

}  // namespace imgfs::xfs
