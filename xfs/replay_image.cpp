#include "xfs/replay_image.h"

#include <algorithm>

namespace imgfs::xfs {
namespace {

constexpr std::size_t kMaxChanged = std::size_t{1} << 29;  // bytes

}  // namespace

Result<void> ReplayImage::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) return corrupt("the log speaks of bytes past the end", offset);
  while (!out.empty()) {
    const std::uint64_t start = offset - offset % block_size_;
    const auto skip = static_cast<std::size_t>(offset - start);
    const std::size_t count = std::min<std::size_t>(out.size(), block_size_ - skip);
    const auto found = blocks_.find(start);
    if (found == blocks_.end())
      TRY(device_->read(offset, out.first(count)));
    else
      copy_bytes(std::span(found->second).subspan(skip, count), out);
    out = out.subspan(count);
    offset += count;
  }
  return success();
}

Result<void> ReplayImage::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset > size_ || bytes.size() > size_ - offset) return corrupt("the log speaks of bytes past the end", offset);
  while (!bytes.empty()) {
    const std::uint64_t start = offset - offset % block_size_;
    const auto skip = static_cast<std::size_t>(offset - start);
    const std::size_t count = std::min<std::size_t>(bytes.size(), block_size_ - skip);
    auto found = blocks_.find(start);
    if (found == blocks_.end()) {
      if (blocks_.size() >= kMaxChanged / block_size_)
        return Error{Errc::too_large, "the log changes more than 512 MiB", {}};
      std::vector<std::byte> block(block_size_);
      if (count != block_size_) TRY(device_->read(start, block));
      found = blocks_.emplace(start, std::move(block)).first;
    }
    std::ranges::copy(bytes.first(count), found->second.begin() + static_cast<std::ptrdiff_t>(skip));
    bytes = bytes.subspan(count);
    offset += count;
  }
  return success();
}

Device ReplayImage::finish() {
  if (blocks_.empty()) return device_;
  return std::make_shared<OverlayDevice>(std::move(device_), block_size_, std::move(blocks_));
}

}  // namespace imgfs::xfs
