#pragma once

#include <map>
#include <utility>
#include <vector>

#include "core/block_device.h"

namespace imgfs {

/// A device with some blocks replaced in memory: what a journal's replay would have written. The
/// device below is never written. Fill `Blocks` first; nothing changes after construction.
class OverlayDevice final : public BlockDevice {
 public:
  /// Byte offset (a multiple of the block size) to the block's new content, each of one block size.
  using Blocks = std::map<std::uint64_t, std::vector<std::byte>>;

  /// `block_size` in bytes; every content in `blocks` must be that long and lie inside `device`.
  OverlayDevice(Device device, std::uint32_t block_size, Blocks blocks)
      : device_(std::move(device)), block_size_(block_size), blocks_(std::move(blocks)) {}

  std::uint64_t size() const override { return device_->size(); }

 private:
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override;
  Result<Location> do_locate(std::uint64_t offset, std::uint64_t length) const override;
  /// The first replaced block that ends after `offset`.
  Blocks::const_iterator first_from(std::uint64_t offset) const {
    return blocks_.lower_bound(offset - offset % block_size_);
  }

  Device device_;
  std::uint32_t block_size_;
  Blocks blocks_;
};

}  // namespace imgfs
