#pragma once

#include <vector>

#include "drivers/image_format.h"
#include "drivers/vmdk_descriptor.h"

namespace imgfs::vmdk {

/// The disk that the extents of `descriptor` make together, over `parent` (or null). Their files
/// are opened through the gate, each once; their sizes are added to `info`.
Result<Device> open_extents(const Descriptor& descriptor, const SiblingOpener& siblings,
                            const Device& parent, ImageInfo& info);

}  // namespace imgfs::vmdk
