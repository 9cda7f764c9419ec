#pragma once

#include <string>
#include <vector>

#include "core/block_device.h"
#include "drivers/vhd_format.h"

namespace imgfs::vhd {

/// The names under which the parent of a differencing disk may be found beside it, best first: from
/// the relative locator, the Mac locator, the absolute one, and the header's own name.
std::vector<std::string> parent_names(const BlockDevice& file, const DynamicHeader& header);

}  // namespace imgfs::vhd
