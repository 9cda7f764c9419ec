#include "xfs/acl.h"

#include "xfs/attribute_format.h"

namespace imgfs::xfs {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kUndefinedId = 0xffffffff;

void put(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i) & 0xff));
}

}  // namespace

Result<std::string> posix_acl(std::span<const std::byte> stored) {
  const auto count = get<be32>(stored);
  if (!count || (stored.size() - sizeof(be32)) / sizeof(AclEntry) < count->value())
    return corrupt("access control list: more entries than bytes");
  std::string out;
  put(out, kVersion, 4);
  for (std::size_t i = 0; i < count->value(); ++i) {
    const auto entry = *get<AclEntry>(stored, sizeof(be32) + i * sizeof(AclEntry));
    const std::uint32_t tag = entry.ae_tag.value();
    const bool named = tag == 0x02 || tag == 0x08;  // a user, a group
    if (!named && tag != 0x01 && tag != 0x04 && tag != 0x10 && tag != 0x20)
      return corrupt("access control list: unknown tag " + std::to_string(tag));
    put(out, tag, 2);
    put(out, entry.ae_perm.value(), 2);
    put(out, named ? entry.ae_id.value() : kUndefinedId, 4);
  }
  return out;
}

}  // namespace imgfs::xfs
