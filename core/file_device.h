#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "core/block_device.h"

namespace imgfs {

/// A host file or block device open for reading. Owns its descriptor. `locate` answers `zero` for
/// the file's holes (and what is preallocated but not written), asked of the host when needed.
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

  /// What covers an offset: [begin, end) is a hole, or data.
  struct Run {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool hole = false;
  };
  Run ask_host(std::uint64_t offset) const;

  /// The run asked for last in each region of the file, regions falling together where there are
  /// more than slots: a few system calls for a sequential pass, none for what was asked before.
  struct Slot {
    std::mutex mutex;
    Run run;
  };
  static constexpr std::size_t kSlots = 64;
  static constexpr std::uint64_t kRegion = std::uint64_t{4} << 20;
  mutable std::array<Slot, kSlots> slots_;

  int fd_;
  std::uint64_t size_;
  std::uint64_t allocated_;
};

}  // namespace imgfs
