#pragma once

#include <utility>

#include "core/block_device.h"

namespace imgfs {

/// The bytes [start, start + size) of another device: a partition, a fixed image without its footer.
class SliceDevice final : public BlockDevice {
 public:
  /// The range must lie inside `device`: use `slice`.
  SliceDevice(Device device, std::uint64_t start, std::uint64_t size)
      : device_(std::move(device)), start_(start), size_(size) {}

  std::uint64_t size() const override { return size_; }

 private:
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override {
    return device_->read(start_ + offset, out);
  }
  Result<Location> do_locate(std::uint64_t offset, std::uint64_t length) const override {
    return device_->locate(start_ + offset, length);
  }

  Device device_;
  std::uint64_t start_;
  std::uint64_t size_;
};

/// A part of `device`, in bytes; corrupt where it does not lie inside.
inline Result<Device> slice(Device device, std::uint64_t start, std::uint64_t size) {
  if (start > device->size() || size > device->size() - start)
    return corrupt("range past the end of the device", start);
  return Device(std::make_shared<SliceDevice>(std::move(device), start, size));
}

}  // namespace imgfs
