#include <cstdint>

#include "drivers/formats.h"
#include "tests/drivers/vhd_images.h"

/// The first byte chooses a small valid VHD (dynamic, differencing, fixed); patches follow. The
/// checksums are put right, but for the upper bit of that byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs;
  static const std::set<std::size_t> own = {0, 1, 5, 9, 40};
  static const test::Bytes bases[] = {test::vhd_sparse(test::pattern(30208)),
                                      test::vhd_sparse(test::pattern(30208), &own, 2, 1),
                                      test::vhd_fixed(test::pattern(20480))};
  static const test::Siblings siblings({{"parent.vhd", bases[0]}});
  if (size == 0) return 0;
  test::Bytes image = bases[data[0] % 3];
  test::apply_patches(image, std::as_bytes(std::span(data, size)).subspan(1));
  if (data[0] < 0x80) test::fix_vhd(image);
  test::look(test::open(vhd_format(), std::move(image), siblings));
  return 0;
}
