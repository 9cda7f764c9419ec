#include "ext/ea_inode.h"

#include <bit>

#include "core/crc32c.h"
#include "ext/checksum.h"

namespace imgfs::ext {
namespace {

/// e_hash over the name, as the kernel's or some processors' characters have it, and the value's
/// hash.
template <class Character>
std::uint32_t entry_hash(std::string_view name, std::uint32_t value) {
  std::uint32_t hash = 0;
  for (const char c : name)
    hash = std::rotl(hash, 5) ^
           static_cast<std::uint32_t>(static_cast<std::int32_t>(static_cast<Character>(c)));
  return std::rotl(hash, 16) ^ value;
}

constexpr std::uint32_t kMaxValue = 65536;  ///< XATTR_SIZE_MAX: no caller can be given more

}  // namespace

Result<std::string> read_ea_inode(const Storage& storage, const LeafCache& leaves,
                                  const Inode& owner, const XattrEntry& entry,
                                  std::string_view name) {
  const std::uint32_t number = entry.e_value_inum.value();
  const std::uint32_t size = entry.e_value_size.value();
  if (!storage.super.has(kEaInode))
    return corrupt("attribute in an inode without the feature ea_inode");
  if (number < storage.super.first_inode)
    return corrupt("attribute in the reserved inode " + std::to_string(number));
  const Inode inode = TRY(storage.inode(number));
  if (!inode.has(kFlagEaInode) || inode.type != FileType::regular || inode.has(kFlagInlineData))
    return corrupt("inode " + std::to_string(number) + " does not hold an attribute");
  if (inode.size != size)
    return corrupt("attribute of " + std::to_string(size) + " bytes in an inode of " +
                   std::to_string(inode.size));
  if (size > kMaxValue)
    return Error{Errc::too_large, "attribute of " + std::to_string(size) + " bytes", {}};
  std::string out(size, '\0');
  const FileMap map(storage, leaves, inode);
  TRY(read_extents(map, *storage.device, 0,
                   std::as_writable_bytes(std::span(out.data(), out.size()))));
  if (!kChecksumsCount) return out;
  // Such an inode keeps its value's hash as its access time; Lustre's keep their owner instead.
  const std::uint32_t hash = crc32c(storage.super.checksum_seed, as_bytes(out));
  if (hash != inode.raw.i_atime.value()) {
    if (inode.raw.i_mtime.value() != owner.number ||
        inode.raw.i_generation.value() != owner.raw.i_generation.value())
      return corrupt("attribute in inode " + std::to_string(number) + ": hash does not match");
  } else if (entry.e_hash.value() != entry_hash<unsigned char>(name, hash) &&
             entry.e_hash.value() != entry_hash<signed char>(name, hash)) {
    return corrupt("attribute in inode " + std::to_string(number) +
                   ": its entry's hash does not match");
  }
  return out;
}

}  // namespace imgfs::ext
