#include "drivers/formats.h"

namespace imgfs {

ImageFormat vhdx_format() {
  return {"vhdx", [](const ProbeBytes&) { return false; },
          [](const ImageSource&) -> Result<Image> { return unsupported("vhdx"); }};
}

}  // namespace imgfs
