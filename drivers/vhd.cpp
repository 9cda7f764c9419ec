#include "drivers/formats.h"

namespace imgfs {

ImageFormat vhd_format() {
  return {"vhd", [](const ProbeBytes&) { return false; },
          [](const ImageSource&) -> Result<Image> { return unsupported("vhd"); }};
}

}  // namespace imgfs
