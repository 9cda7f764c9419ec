// Any bytes as a disk; and as patches over one that has an LVM physical volume and MD members.
#include "tests/volumes/fuzz_support.h"
#include "tests/volumes/lvm_builder.h"
#include "tests/volumes/md_builder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs::volumes;
  const auto input = std::as_bytes(std::span(data, size));
  const auto raw = std::make_shared<imgfs::MemoryDevice>(std::vector<std::byte>(input.begin(), input.end()));
  look_at(imgfs::find_volumes(raw), size);
  static const DiskBuilder base = [] {
    DiskBuilder disk(1280 << 10);
    disk.entry(0, 0, 0x8e, 8, 512).entry(0, 1, 0xfd, 520, 1024).entry(0, 2, 0xfd, 1544, 1016);
    physical_volume(disk, 4096, 0, group_text(lv("a", segment(1, 0, 5, linear("pv0", 3)))));
    md_member(disk, 520 * 512);
    md_member(disk, 1544 * 512, {.minor = -1, .size = 1016 * 512});
    return disk;
  }();
  DiskBuilder disk = base;
  apply_patches(disk, input);
  look_at(disk.find(), disk.bytes().size());
  return 0;
}
