#include <cstddef>
#include <cstdint>
#include <span>

#include "checkers/initramfs.h"

/// Any bytes as an initramfs: unpacking must end within its limits, and must not crash.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs::checkers;
  MemorySource source(std::as_bytes(std::span(data, size)));
  const InitramfsLimits limits{.output = 4 << 20, .entries = 2000, .parts = 16, .seconds = 1};
  static_cast<void>(scan_initramfs(source, "6.1.0", {"virtio_blk", "virtio_pci", "virtio", "virtio_ring"}, limits));
  return 0;
}
