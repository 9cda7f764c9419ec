#pragma once

#include "drivers/image_format.h"

namespace imgfs {

// One function a format: its row of the table. Each is defined in the file of that name.
ImageFormat qcow2_format();
ImageFormat vhd_format();
ImageFormat vhdx_format();
ImageFormat vmdk_format();
ImageFormat vdi_format();
ImageFormat raw_format();

}  // namespace imgfs
