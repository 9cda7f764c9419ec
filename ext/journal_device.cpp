#include "ext/journal_device.h"

#include <algorithm>

#include "ext/journal_format.h"

namespace imgfs::ext {

std::vector<JournaledBlock>::const_iterator JournalDevice::first_from(std::uint64_t block) const {
  return std::ranges::lower_bound(blocks_, block, {}, &JournaledBlock::block);
}

Result<void> JournalDevice::do_read(std::uint64_t offset, std::span<std::byte> out) const {
  for (auto next = first_from(offset / block_size_); !out.empty(); ++next) {
    const std::uint64_t below_end = next == blocks_.end() ? size() : next->block * block_size_;
    if (offset < below_end) {
      const auto count =
          static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), below_end - offset));
      TRY(device_->read(offset, out.first(count)));
      out = out.subspan(count);
      offset += count;
    }
    if (out.empty() || next == blocks_.end()) break;
    const std::uint64_t skip = offset - next->block * block_size_;
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), block_size_ - skip));
    TRY(device_->read(next->source * block_size_ + skip, out.first(count)));
    if (next->escaped) {
      const be32 magic(JournalHeader::kMagic);
      const auto bytes = std::as_bytes(std::span(&magic, 1));
      for (std::uint64_t i = skip; i < bytes.size() && i - skip < count; ++i)
        out[static_cast<std::size_t>(i - skip)] = bytes[static_cast<std::size_t>(i)];
    }
    out = out.subspan(count);
    offset += count;
  }
  return success();
}

Result<Location> JournalDevice::do_locate(std::uint64_t offset, std::uint64_t length) const {
  const auto next = first_from(offset / block_size_);
  if (next == blocks_.end()) return device_->locate(offset, length);
  const std::uint64_t start = next->block * block_size_;
  if (offset < start) return device_->locate(offset, std::min(length, start - offset));
  const std::uint64_t skip = offset - start;
  length = std::min(length, block_size_ - skip);
  if (next->escaped && skip < sizeof(be32)) return Location{Location::Kind::decoded, length};
  return device_->locate(next->source * block_size_ + skip, length);
}

}  // namespace imgfs::ext
