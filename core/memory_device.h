#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "core/block_device.h"

namespace imgfs {

/// Bytes in memory as a device: test images, fuzz inputs, small decoded parts.
class MemoryDevice final : public BlockDevice {
 public:
  explicit MemoryDevice(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  std::uint64_t size() const override { return bytes_.size(); }

 private:
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override {
    copy_bytes(std::span(bytes_).subspan(static_cast<std::size_t>(offset), out.size()), out);
    return success();
  }

  std::vector<std::byte> bytes_;
};

}  // namespace imgfs
