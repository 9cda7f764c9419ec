#include <cstdint>

#include "core/byte_cache.h"
#include "drivers/formats.h"
#include "tests/drivers/vmdk_images.h"

/// The first byte chooses a small valid extent (sparse, stream-optimised with the directory at
/// either end, COWD, seSparse); patches follow. The last two are opened through a descriptor.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs;
  static const test::Bytes disk = test::pattern(30208);
  static const test::Bytes bases[] = {
      test::vmdk_image(disk), test::vmdk_image(disk, test::VmdkKind::stream),
      test::vmdk_image(disk, test::VmdkKind::stream_at_end),
      test::vmdk_cowd(disk, [](std::size_t sector) { return sector % 3 != 0; }),
      test::vmdk_sesparse(disk)};
  if (size == 0) return 0;
  set_cache_capacity(1 << 20);
  const std::size_t chosen = data[0] % 5;
  test::Bytes image = bases[chosen];
  test::apply_patches(image, std::as_bytes(std::span(data, size)).subspan(1));
  if (chosen < 3) {
    test::look(test::open(vmdk_format(), std::move(image)));
    return 0;
  }
  test::Bytes descriptor;
  test::put(descriptor, 0,
            std::string_view(test::vmdk_text(
                "x", chosen == 3 ? "RW 59 SPARSE \"x\"\n" : "RW 59 SESPARSE \"x\"\n")));
  test::look(
      test::open(vmdk_format(), std::move(descriptor), test::Siblings({{"x", std::move(image)}})));
  return 0;
}
