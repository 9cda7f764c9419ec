#include "core/extent.h"

#include <algorithm>

namespace imgfs {

Result<Extent> find_extent(const ExtentMap& map, std::uint64_t logical) {
  const Extent extent = TRY(map.find(logical));
  // A map that does not cover the offset would make a read loop endless or wild.
  if (logical < extent.logical || logical - extent.logical >= extent.length)
    return corrupt("extent does not cover its own offset", logical);
  if (extent.kind == Extent::Kind::data && extent.physical > UINT64_MAX - extent.length)
    return corrupt("extent lies past the end of the address space", extent.physical);
  return extent;
}

Result<void> read_extents(const ExtentMap& map, const BlockDevice& device, std::uint64_t offset,
                          std::span<std::byte> out) {
  while (!out.empty()) {
    const Extent extent = TRY(find_extent(map, offset));
    const std::uint64_t skip = offset - extent.logical;
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), extent.length - skip));
    const auto target = out.first(count);
    switch (extent.kind) {
      case Extent::Kind::data: TRY(device.read(extent.physical + skip, target)); break;
      case Extent::Kind::zero: fill_zero(target); break;
    }
    out = out.subspan(count);
    offset += count;
  }
  return success();
}

Result<Location> locate_extents(const ExtentMap& map, const BlockDevice& device,
                                std::uint64_t offset, std::uint64_t length) {
  const Extent extent = TRY(find_extent(map, offset));
  const std::uint64_t skip = offset - extent.logical;
  const std::uint64_t count = std::min(length, extent.length - skip);
  if (extent.kind == Extent::Kind::zero) return Location{Location::Kind::zero, count};
  return device.locate(extent.physical + skip, count);
}

}  // namespace imgfs
