#include "core/overlay_device.h"

#include <algorithm>

namespace imgfs {

Result<void> OverlayDevice::do_read(std::uint64_t offset, std::span<std::byte> out) const {
  for (auto block = first_from(offset); !out.empty(); ++block) {
    const std::uint64_t below_end = block == blocks_.end() ? size() : block->first;
    if (offset < below_end) {
      const std::size_t count =
          static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), below_end - offset));
      TRY(device_->read(offset, out.first(count)));
      out = out.subspan(count);
      offset += count;
    }
    if (out.empty() || block == blocks_.end()) break;
    const std::size_t skip = static_cast<std::size_t>(offset - block->first);
    const std::size_t count = std::min<std::size_t>(out.size(), block_size_ - skip);
    copy_bytes(std::span(block->second).subspan(skip, count), out);
    out = out.subspan(count);
    offset += count;
  }
  return success();
}

Result<Location> OverlayDevice::do_locate(std::uint64_t offset, std::uint64_t length) const {
  const auto block = first_from(offset);
  if (block == blocks_.end()) return device_->locate(offset, length);
  if (offset < block->first) return device_->locate(offset, std::min(length, block->first - offset));
  return Location{Location::Kind::decoded, std::min(length, block->first + block_size_ - offset)};
}

}  // namespace imgfs
