#pragma once

#include <memory>
#include <string>

#include "core/block_device.h"

namespace imgfs {

/// A host file or block device open for reading. Owns its descriptor.
class FileDevice final : public BlockDevice {
 public:
  /// Opens `path`; anything but a regular file or a block device is refused. Errors name no path:
  /// the caller puts it in front.
  static Result<std::shared_ptr<const FileDevice>> open(const std::string& path);
  /// Takes over the open descriptor `fd`, also where it fails.
  static Result<std::shared_ptr<const FileDevice>> adopt(int fd);

  ~FileDevice() override;
  FileDevice(const FileDevice&) = delete;
  FileDevice& operator=(const FileDevice&) = delete;

  std::uint64_t size() const override { return size_; }
  /// The open descriptor, for the device's life.
  int descriptor() const { return fd_; }
  /// Bytes that the host file really occupies (st_blocks), as `du` counts them.
  std::uint64_t allocated() const { return allocated_; }

 private:
  FileDevice(int fd, std::uint64_t size, std::uint64_t allocated)
      : fd_(fd), size_(size), allocated_(allocated) {}
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override;
  Result<Location> do_locate(std::uint64_t offset, std::uint64_t length) const override;

  int fd_;
  std::uint64_t size_;
  std::uint64_t allocated_;
};

}  // namespace imgfs
