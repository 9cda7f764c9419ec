#pragma once

#include <vector>

#include "core/block_device.h"
#include "core/overlay_device.h"
#include "xfs/superblock.h"

namespace imgfs::xfs {

/// The device with what has been replayed so far: changed blocks in memory.
class ReplayImage {
 public:
  ReplayImage(Device device, std::uint32_t block_size, std::uint64_t size)
      : device_(std::move(device)), block_size_(block_size), size_(size) {}

  /// Reads bytes as they are after the changes so far.
  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const;
  /// Replaces bytes; too_large where more would be changed than memory allows.
  Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes);

  std::size_t changed_blocks() const { return blocks_.size(); }
  /// The device with the changes laid over it. Ends this object's use.
  Device finish();

 private:
  Device device_;
  std::uint32_t block_size_;
  std::uint64_t size_;  ///< bytes of the file system
  OverlayDevice::Blocks blocks_;
};

}  // namespace imgfs::xfs
