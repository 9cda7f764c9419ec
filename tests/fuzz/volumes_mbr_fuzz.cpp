// Patches over a disk with three primary partitions and a chain of logical ones.
#include "tests/volumes/fuzz_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs::volumes;
  DiskBuilder disk(512 << 10);
  disk.u32(440, 0x12345678).entry(0, 0, 0x83, 8, 8, 0x80).entry(0, 1, 7, 16, 16).entry(0, 2, 0x8e, 40, 8).entry(0, 3, 5, 100, 900);
  disk.entry(100, 0, 0x83, 1, 50).entry(100, 1, 5, 100, 100).entry(200, 0, 0x82, 10, 60).entry(200, 1, 5, 200, 100);
  disk.entry(300, 0, 0x8e, 20, 70);
  apply_patches(disk, std::as_bytes(std::span(data, size)));
  look_at(disk.find(), disk.bytes().size());
  return 0;
}
