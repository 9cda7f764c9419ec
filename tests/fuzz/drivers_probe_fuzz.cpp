// Any file: what is it, and does opening it end? No other file is there to be opened.
#include <cstdlib>

#include "core/byte_cache.h"
#include "tests/drivers/qcow2_image.h"

using namespace imgfs;
using namespace imgfs::tests;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1 << 18) return 0;
  set_cache_capacity(1 << 20);
  const auto input = std::as_bytes(std::span(data, size));
  const Files files;
  const auto file = std::make_shared<MemoryDevice>(std::vector<std::byte>(input.begin(), input.end()));
  const auto opened = open_image({file, files});
  if (!opened) {
    if (opened.error().what.empty()) std::abort();
    return 0;
  }
  if (opened.value().info.format.empty()) std::abort();
  std::vector<std::byte> out(4096);
  const BlockDevice& disk = *opened.value().disk;
  static_cast<void>(disk.read(0, std::span(out).first(static_cast<std::size_t>(std::min<std::uint64_t>(4096, disk.size())))));
  if (disk.size() != 0) static_cast<void>(disk.locate(0, disk.size()));
  return 0;
}
