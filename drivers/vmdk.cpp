#include "drivers/formats.h"

namespace imgfs {

ImageFormat vmdk_format() {
  return {"vmdk", [](const ProbeBytes&) { return false; },
          [](const ImageSource&) -> Result<Image> { return unsupported("vmdk"); }};
}

}  // namespace imgfs
