#include <cstdint>

#include "drivers/formats.h"
#include "tests/drivers/vhdx_images.h"

namespace {

using namespace imgfs;

/// Offsets in a small file, spread over the parts of a VHDX that are read: the empty space between
/// them would eat nearly every patch.
std::size_t place(std::size_t at) {
  constexpr std::size_t kParts[] = {0,
                                    65536,
                                    131072,
                                    196608,
                                    262144,
                                    test::kVhdxLog,
                                    test::kVhdxLog + 4096,
                                    test::kVhdxLog + 8192,
                                    test::kVhdxMetadata,
                                    test::kVhdxMetadata + 65536,
                                    test::kVhdxTable,
                                    test::kVhdxTable + 8 * 4096};
  return kParts[at / 512 % std::size(kParts)] + at % 512;
}

}  // namespace

/// The first byte chooses a small valid VHDX (dynamic, with a log, differencing); patches follow.
/// The checksums are put right, but for the upper bit of that byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::set<std::size_t> own = {0, 1, 5, 9, 40};
  static const test::Bytes disk = test::pattern(100 * 512);
  static const test::Bytes bases[] = {
      test::vhdx_image(disk),
      [] {
        test::Bytes image = test::vhdx_image(disk);
        const test::Bytes sector(image.begin() + test::kVhdxTable,
                                 image.begin() + test::kVhdxTable + 4096);
        test::put_log_entry(image, 0, 7, 0, test::kVhdxTable, sector);
        test::put_log_entry(image, 8192, 8, 0, test::kVhdxTable, sector);
        test::fix_vhdx(image);
        return image;
      }(),
      test::vhdx_image(disk, {512, &own, 2, 1})};
  static const test::Siblings siblings({{"parent.vhdx", bases[0]}});
  if (size == 0) return 0;
  test::Bytes image = bases[data[0] % 3];
  auto records = std::as_bytes(std::span(data, size)).subspan(1);
  while (records.size() > 5) {
    const std::size_t at = place(get<le32>(records)->value());
    const std::size_t length = std::min<std::size_t>(
        std::to_integer<std::size_t>(records[4]) % 16 + 1, records.size() - 5);
    std::copy_n(records.begin() + 5, length, image.begin() + static_cast<std::ptrdiff_t>(at));
    records = records.subspan(5 + length);
  }
  if (data[0] < 0x80) test::fix_vhdx(image);
  test::look(test::open(vhdx_format(), std::move(image), siblings));
  return 0;
}
