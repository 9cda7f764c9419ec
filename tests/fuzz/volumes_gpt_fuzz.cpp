// Patches over a small GPT disk, whose checksums are made right afterwards where the first byte is even.
#include "tests/volumes/fuzz_support.h"

namespace {

using namespace imgfs::volumes;

void seal(DiskBuilder& disk, std::size_t lba) {
  const std::size_t at = lba * 512;
  const auto number = [&](std::size_t offset) {
    return std::size_t{imgfs::get<imgfs::le32>(disk.bytes(), at + offset)->value()};
  };
  const std::size_t table = number(72) * 512;
  const std::size_t length = number(80) * number(84);
  if (table < disk.bytes().size() && length <= disk.bytes().size() - table) disk.u32(at + 88, disk.crc(table, length));
  disk.u32(at + 16, 0);
  if (number(12) <= 512) disk.u32(at + 16, disk.crc(at, number(12)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kSectors = 256;
  if (size == 0) return 0;
  DiskBuilder disk(kSectors * 512);
  disk.entry(0, 0, 0xee, 1, kSectors - 1);
  for (const std::size_t lba : {std::size_t{1}, kSectors - 1}) {
    const std::size_t at = lba * 512;
    const std::size_t table = lba == 1 ? 2 : kSectors - 5;
    disk.text(at, "EFI PART").u32(at + 8, 0x10000).u32(at + 12, 92).u64(at + 24, lba).u64(at + 32, kSectors - lba);
    disk.u64(at + 40, 10).u64(at + 48, kSectors - 10).u64(at + 72, table).u32(at + 80, 16).u32(at + 84, 128);
    for (std::size_t i = 0; i < 3; ++i)
      disk.u64(table * 512 + i * 256, 0x1234 + i).u64(table * 512 + i * 256 + 32, 20 + i * 40).u64(table * 512 + i * 256 + 40, 50 + i * 40);
  }
  apply_patches(disk, std::as_bytes(std::span(data, size)).subspan(1));
  if (data[0] % 2 == 0)
    for (const std::size_t lba : {std::size_t{1}, kSectors - 1}) seal(disk, lba);
  look_at(disk.find(), disk.bytes().size());
  return 0;
}
