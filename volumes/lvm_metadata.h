#pragma once

#include "volumes/lvm_label.h"
#include "volumes/lvm_text.h"

#include "core/block_device.h"

namespace imgfs::volumes {

/// The text that a physical volume's metadata area holds.
struct LvmMetadata {
  std::string group;      ///< name of the volume group; empty where the volume belongs to none
  LvmValue volume_group;  ///< its section
  std::uint64_t seqno = 0;
};

/// Reads the newest metadata from the areas of a physical volume; checksums of header and text are
/// verified. Empty (no `group`) where the areas are there but hold nothing; an error where no
/// area is whole.
Result<LvmMetadata> read_lvm_metadata(const BlockDevice& device, const LvmLabel& label);

/// One area alone; nothing where it holds no text or is to be ignored.
Result<std::optional<LvmMetadata>> read_lvm_area(const BlockDevice& device, LvmArea area);

}  // namespace imgfs::volumes
