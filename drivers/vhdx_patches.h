#pragma once

#include <map>
#include <vector>

#include "core/block_device.h"

namespace imgfs::vhdx {

/// What a log's replay writes into a file: sectors, and ranges of zeros of any length. A later
/// write wins. All offsets and lengths are multiples of the sector of 4096 bytes.
class Patches {
 public:
  struct Patch {
    std::uint64_t length;
    std::vector<std::byte> content;  ///< empty: zeros
  };
  using Map = std::map<std::uint64_t, Patch>;  ///< by offset, without overlaps

  void write(std::uint64_t offset, std::vector<std::byte> content);
  void zero(std::uint64_t offset, std::uint64_t length);
  const Map& map() const { return map_; }

 private:
  void cut(std::uint64_t offset, std::uint64_t length);
  Map map_;
};

/// A file with patches laid over it, zeros between its end and `size`. Immutable, for any thread.
class PatchedDevice final : public BlockDevice {
 public:
  /// `size` in bytes, at least that of `file`.
  PatchedDevice(Device file, std::uint64_t size, Patches patches)
      : file_(std::move(file)), size_(size), patches_(std::move(patches)) {}

  std::uint64_t size() const override { return size_; }

 private:
  /// What covers `offset`: a patch or null, and for how many bytes at most.
  struct Cover {
    const Patches::Patch* patch;
    std::uint64_t skip;
    std::uint64_t length;
  };
  Cover cover(std::uint64_t offset) const;
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override;
  Result<Location> do_locate(std::uint64_t offset, std::uint64_t length) const override;

  Device file_;
  std::uint64_t size_;
  Patches patches_;
};

}  // namespace imgfs::vhdx
