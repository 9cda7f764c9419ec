#include "ext/inline_data.h"

#include "ext/xattr.h"

namespace imgfs::ext {

Result<std::vector<std::byte>> read_inline_data(const Storage& storage, const Inode& inode) {
  const auto rest = TRY(inline_xattr(storage, inode));
  if (!rest)
    return corrupt("inode " + std::to_string(inode.number) + ": inline data without its attribute");
  const auto area = inode.block_area();
  std::vector<std::byte> out(area.begin(), area.end());
  out.insert(out.end(), rest->begin(), rest->end());
  return out;
}

}  // namespace imgfs::ext
