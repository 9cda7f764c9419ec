#include "drivers/formats.h"

namespace imgfs {

ImageFormat raw_format() {
  return {"raw", [](const ProbeBytes&) { return false; },
          [](const ImageSource&) -> Result<Image> { return unsupported("raw"); }};
}

}  // namespace imgfs
