#pragma once

#include <cstdint>
#include <vector>

#include "core/block_device.h"

namespace imgfs::ext {

/// Which block of the file system stands, newer, in which place of the journal.
struct JournaledBlock {
  std::uint64_t block;   ///< in the file system
  std::uint64_t source;  ///< block of the device with the newer content
  bool escaped;          ///< its first four bytes were zeroed in the journal: they are the magic
};

/// A device as it is once its journal has been written back, without writing: 24 bytes a block, the
/// bytes themselves stay where they are.
class JournalDevice final : public BlockDevice {
 public:
  /// `blocks` ascending by block, each once; all sources lie inside `device`.
  JournalDevice(Device device, std::uint32_t block_size, std::vector<JournaledBlock> blocks)
      : device_(std::move(device)), block_size_(block_size), blocks_(std::move(blocks)) {}

  std::uint64_t size() const override { return device_->size(); }

 private:
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override;
  Result<Location> do_locate(std::uint64_t offset, std::uint64_t length) const override;
  std::vector<JournaledBlock>::const_iterator first_from(std::uint64_t block) const;

  Device device_;
  std::uint32_t block_size_;
  std::vector<JournaledBlock> blocks_;
};

}  // namespace imgfs::ext
