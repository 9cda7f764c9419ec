// Patches (3 bytes of offset, 1 of length, the bytes) over a small FAT12, FAT16 or FAT32 volume with files,
// directories and long names; everything in it is looked at.
#include <algorithm>

#include "tests/fat/fat_builder.h"
#include "tests/support/walk.h"

namespace {

using namespace imgfs;
using namespace imgfs::fat;

FatBuilder volume(unsigned bits) {
  FatBuilder fat({bits, 512, 1, 32, bits == 16 ? 4085U : 100U});
  std::size_t at = fat.root_at();
  fat.entry(at, "LABEL      ", 0x08, 0, 0).entry(at + 32, "FILE    TXT", 0x20, 5, 1300, 0x18).chain({5, 9, 7});
  at += 64;
  at += fat.long_name(at, u"a directory with a long name", "ADIREC~1   ");
  fat.entry(at, "ADIREC~1   ", 0x10, 10, 0).chain({10, 12}).dots(10, 0);
  for (std::size_t i = 2; i < 14; ++i) fat.entry(fat.cluster_at(10) + i * 32, "F" + std::string(1, static_cast<char>('A' + i)) + "         ", 0x20, 20 + i, 400).chain({20 + i});
  fat.entry(fat.cluster_at(12), "SUB        ", 0x10, 15, 0).chain({15}).dots(15, 10);
  return fat;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const FatBuilder bases[] = {volume(12), volume(16), volume(32)};
  FatBuilder fat = bases[data[0] % 3];
  auto input = std::as_bytes(std::span(data, size)).subspan(1);
  std::vector<std::byte>& bytes = fat.bytes();
  while (input.size() > 4) {
    const std::size_t at = get<le24>(input)->value();
    const std::size_t length = std::min<std::size_t>(std::to_integer<std::size_t>(input[3]), input.size() - 4);
    if (at < bytes.size()) std::copy_n(input.begin() + 4, std::min(length, bytes.size() - at), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    input = input.subspan(4 + length);
  }
  static_cast<void>(fat.probe());
  if (const auto fs = fat.open()) walk(*fs.value(), {2000, 1U << 20, 8});
  return 0;
}
