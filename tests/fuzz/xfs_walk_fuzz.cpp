// Patches over a small valid XFS image, checksums made right again; then everything is looked at.
#include "tests/xfs/packed_image.h"
#include "tests/xfs/short_walk.h"
#include "xfs/xfs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs;
  static const xfs::PackedImage image("walk.img.packed");
  xfs::Patches patches(image);
  xfs::apply_input(image, std::as_bytes(std::span(data, size)), patches);
  patches.fix_checksums();
  const auto fs = xfs::file_system_type().open(patches.device(), Recovery::none);
  if (fs) xfs::short_walk(*fs.value(), 200);
  return 0;
}
