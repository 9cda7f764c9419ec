// Patches on a small valid image (with data, zero, compressed clusters, a snapshot, a backing file
// and, by the first byte, subclusters), or, where the first byte says so, the whole image.
#include <cstdlib>

#include "core/byte_cache.h"
#include "tests/drivers/qcow2_image.h"

using namespace imgfs;
using namespace imgfs::tests;

namespace {

/// What `locate` says must be what `read` gives, in the first runs, and reading twice is the same.
void walk(const BlockDevice& disk) {
  std::vector<std::byte> once(10000);
  std::vector<std::byte> twice(10000);
  std::uint64_t offset = 0;
  for (int steps = 0; steps < 200 && offset < disk.size(); ++steps) {
    const auto location = disk.locate(offset, disk.size() - offset);
    if (!location) {
      offset += 512;
      continue;
    }
    const std::uint64_t length = location.value().length;
    if (length == 0 || length > disk.size() - offset) std::abort();
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(length, once.size()));
    const auto first = disk.read(offset, std::span(once).first(count));
    const auto second = disk.read(offset, std::span(twice).first(count));
    if (first.has_value() != second.has_value()) std::abort();
    if (first && !std::equal(once.begin(), once.begin() + static_cast<std::ptrdiff_t>(count), twice.begin()))
      std::abort();
    if (location.value().kind == Location::Kind::zero) {
      if (!first) std::abort();
      for (std::size_t i = 0; i < count; ++i)
        if (once[i] != std::byte{0}) std::abort();
    }
    offset += length;
  }
  const std::uint64_t tail = std::min<std::uint64_t>(disk.size(), 5000);
  static_cast<void>(disk.read(disk.size() - tail, std::span(once).first(static_cast<std::size_t>(tail))));
}

Qcow2Image base_image(bool extended) {
  Qcow2Image image(extended ? 100000 : 9000, extended ? 14 : 9);
  if (extended) image.put8(79, 16);
  image.backing("base", "raw");
  image.extension(qcow2::kFeatureNames, std::string(48, 'f'));
  const std::size_t entry = extended ? 16 : 8;
  const auto data = image.add(self_describing(image.cluster()));
  image.put64(image.l2(), data | qcow2::kCopied);
  image.put64(image.l2() + entry, extended ? 0 : 1);
  if (extended) image.put64(image.l2() + 8, 0x0000ff00ff0000ff);
  const auto packed = image.add(filled(image.cluster(), 0));
  // A deflate block of stored bytes, and then whatever follows.
  image.put8(packed, 1);
  image.put8(packed + 1, image.cluster() & 0xff);
  image.put8(packed + 2, image.cluster() >> 8);
  image.put8(packed + 3, ~image.cluster() & 0xff);
  image.put8(packed + 4, ~image.cluster() >> 8 & 0xff);
  image.put64(image.l2() + 2 * entry, image.compressed_entry(packed, image.cluster() + 5));
  const auto snapshots = image.add({});
  image.put32(60, 1);
  image.put64(64, snapshots);
  image.put8(snapshots + 15, 5);
  image.put_text(snapshots + 40, "first");
  return image;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 1 << 16) return 0;
  set_cache_capacity(1 << 20);
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  std::vector<std::byte> bytes;
  if (data[0] % 4 == 3) {
    bytes.assign(input.begin(), input.end());
  } else {
    bytes = base_image(data[0] % 4 == 1).bytes;
    for (std::size_t at = 0; at + 3 <= input.size(); at += 3) {
      const std::size_t place = std::to_integer<std::size_t>(input[at]) << 8 | std::to_integer<std::size_t>(input[at + 1]);
      bytes[place * (bytes.size() > 65536 ? 8 : 1) % bytes.size()] = input[at + 2];
    }
  }
  Files files;
  files.files["base"] = std::make_shared<MemoryDevice>(filled(3000, 0xbb));
  files.files["self"] = std::make_shared<MemoryDevice>(bytes);
  const auto opened = open_image({std::make_shared<MemoryDevice>(bytes), files}, "qcow2");
  if (opened) walk(*opened.value().disk);
  return 0;
}
