#include <cstdint>

#include "drivers/formats.h"
#include "tests/drivers/vdi_images.h"

/// Patches on a small valid VDI.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs;
  static const test::Bytes base = test::vdi_image(test::pattern(30000));
  test::Bytes image = base;
  test::apply_patches(image, std::as_bytes(std::span(data, size)));
  test::look(test::open(vdi_format(), std::move(image)));
  return 0;
}
