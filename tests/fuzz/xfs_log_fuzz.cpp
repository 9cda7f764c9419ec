// Patches over a small XFS image with a dirty log, checksums of its records made right again; then the log is
// replayed and everything looked at.
#include "tests/xfs/packed_image.h"
#include "tests/xfs/short_walk.h"
#include "xfs/xfs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs;
  static const xfs::PackedImage image("log.img.packed");
  static const xfs::Superblock sb = xfs::read_superblock(*image.base()).value();
  xfs::Patches patches(image);
  xfs::apply_input(image, std::as_bytes(std::span(data, size)), patches);
  patches.fix_checksums();
  patches.fix_log(sb.log_start << sb.block_log, std::uint64_t{64} * 1024);
  const auto fs = xfs::file_system_type().open(patches.device(), Recovery::log);
  if (fs) xfs::short_walk(*fs.value(), 200);
  return 0;
}
