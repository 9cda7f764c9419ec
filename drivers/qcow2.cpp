#include "drivers/formats.h"

namespace imgfs {

ImageFormat qcow2_format() {
  return {"qcow2", [](const ProbeBytes&) { return false; },
          [](const ImageSource&) -> Result<Image> { return unsupported("qcow2"); }};
}

}  // namespace imgfs
