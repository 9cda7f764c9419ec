#include "xfs/symlink.h"

#include <algorithm>

#include "xfs/checksum.h"
#include "xfs/fork_map.h"

namespace imgfs::xfs {

Result<std::string> read_symlink(const Volume& volume, const Inode& inode) {
  const Superblock& sb = volume.sb();
  const std::uint64_t size = inode.size();
  if (size > kMaxSymlink)
    return corrupt("symbolic link of " + std::to_string(size) + " bytes, at most 1024 are allowed");
  if (inode.data().format == ForkFormat::local)
    return std::string(as_chars(inode.data().bytes.first(static_cast<std::size_t>(size))));

  const ForkMap map(volume, inode, inode.data());
  const std::size_t header = sb.v5 ? sizeof(SymlinkHeader) : 0;
  std::string out;
  Buffer bytes;
  // Each extent is one block of its own, with one header and one checksum.
  for (std::uint64_t logical = 0; out.size() < size;) {
    const Extent extent = TRY(find_extent(map, logical));
    if (extent.kind != Extent::Kind::data || extent.logical != logical)
      return corrupt("symbolic link: a part of it is missing");
    const std::size_t needed = (header + static_cast<std::size_t>(size) - out.size() + sb.block_size - 1) /
                               sb.block_size * sb.block_size;
    bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(needed, extent.length)), boost::container::default_init);
    const std::span<std::byte> block(bytes.data(), bytes.size());
    TRY(volume.device().read(extent.physical, block));
    const std::size_t count = std::min(static_cast<std::size_t>(size) - out.size(), block.size() - header);
    if (sb.v5) {
      const auto head = *get<SymlinkHeader>(block);
      if (head.sl_magic.value() != SymlinkHeader::kMagic) return corrupt("symbolic link block: wrong magic", extent.physical);
      TRY(check_self(sb, kSymlinkCheck, block, inode.number(), extent.physical));
      if (head.sl_offset.value() != out.size() || head.sl_bytes.value() != count)
        return corrupt("symbolic link block: it holds another part of the target", extent.physical);
    }
    out += as_chars(block.subspan(header, count));
    logical += extent.length;
  }
  return out;
}

}  // namespace imgfs::xfs
