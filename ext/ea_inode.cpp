#include "ext/ea_inode.h"

#include "core/crc32c.h"
#include "ext/checksum.h"

namespace imgfs::ext {
namespace {

constexpr std::uint32_t kMaxValue = 65536;  ///< XATTR_SIZE_MAX: no caller can be given more

}  // namespace

Result<std::string> read_ea_inode(const Storage& storage, const LeafCache& leaves,
                                  const XattrEntry& entry) {
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
  // Such an inode keeps its value's hash as its access time.
  if (kChecksumsCount &&
      crc32c(storage.super.checksum_seed, as_bytes(out)) != inode.raw.i_atime.value())
    return corrupt("attribute in inode " + std::to_string(number) + ": hash does not match");
  return out;
}

}  // namespace imgfs::ext
