#pragma once

#include <string_view>

#include "core/block_device.h"

namespace imgfs::volumes {

// Partition schemes that are recognised by name only.

constexpr std::string_view kLdmMetadataGuid = "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3";
constexpr std::string_view kLdmDataGuid = "af9b60a0-1431-4f62-bc68-3311714a69ad";

/// An Apple partition map: its signature in the first block and a map entry in the second.
bool has_apple_map(const BlockDevice& disk);

/// A BSD disklabel in the second sector (or the first), its checksum verified.
bool has_bsd_label(const BlockDevice& disk);

}  // namespace imgfs::volumes
