// A text of LVM2's metadata, alone and with right checksums on two physical volumes.
#include "tests/volumes/fuzz_support.h"
#include "tests/volumes/lvm_builder.h"
#include "volumes/lvm_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs::volumes;
  const std::string text(imgfs::as_chars(std::as_bytes(std::span(data, size))));
  static_cast<void>(parse_lvm_text(text));
  if (size == 0 || size > 20'000) return 0;
  DiskBuilder disk(4096 + 2 * kPvSize);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t start = 8 + i * kPvSize / 512;
    disk.entry(0, i, 0x8e, static_cast<std::uint32_t>(start), kPvSize / 512);
    physical_volume(disk, start * 512, i, text, i == 0 ? 512 : kAreaSize - size / 2);
  }
  look_at(disk.find(), disk.bytes().size());
  return 0;
}
