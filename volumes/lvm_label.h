#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.h"

namespace imgfs::volumes {

/// Where bytes lie on a physical volume.
struct LvmArea {
  std::uint64_t offset;
  std::uint64_t size;
};

/// The label of a physical volume.
struct LvmLabel {
  std::string id;                 ///< 32 characters
  std::string uuid;               ///< the same with hyphens, as blkid and the metadata spell it
  std::uint64_t device_size = 0;  ///< bytes
  std::vector<LvmArea> metadata;  ///< at most 8
};

/// The label in one of the first four sectors, its checksum verified; nothing where there is none.
std::optional<LvmLabel> find_lvm_label(std::span<const std::byte> head);

/// 32 characters as 6-4-4-4-4-4-6.
std::string lvm_uuid(std::string_view id);

}  // namespace imgfs::volumes
