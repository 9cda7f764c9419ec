#include "drivers/formats.h"

namespace imgfs {

ImageFormat vdi_format() {
  return {"vdi", [](const ProbeBytes&) { return false; },
          [](const ImageSource&) -> Result<Image> { return unsupported("vdi"); }};
}

}  // namespace imgfs
