// Any patch of a small valid volume, its update sequences made to fit again, or any bytes at all:
// opening and walking must end, and must not crash. Input: kind of volume (2: the rest are the
// device's bytes), then patches, each: 3 bytes position, 1 byte count, the bytes.
#include <memory>

#include "core/memory_device.h"
#include "ntfs/ntfs.h"
#include "tests/ntfs/sample_volume.h"
#include "tests/support/walk.h"

namespace {

using imgfs::ntfs::test::Bytes;

struct Base {
  Bytes bytes;
  std::uint32_t record;
};

const Base& base_volume(unsigned kind) {
  using imgfs::ntfs::test::SampleVolume;
  static const Base small{SampleVolume(1024, 1024).image().bytes(), 1024};
  static const Base large{SampleVolume(4096, 4096).image().bytes(), 4096};
  return kind == 0 ? small : large;
}

void patch(Bytes& bytes, std::span<const std::byte> input) {
  for (std::size_t at = 0; at + 4 < input.size();) {
    const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(input[at + i]); };
    const std::size_t position = (byte(0) | byte(1) << 8 | byte(2) << 16) % bytes.size();
    const std::size_t count =
        std::min({byte(3) % 32 + 1, input.size() - at - 4, bytes.size() - position});
    std::ranges::copy(input.subspan(at + 4, count),
                      bytes.begin() + static_cast<std::ptrdiff_t>(position));
    at += 4 + count;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs;
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data + 1, size - 1));
  const unsigned kind = data[0] % 3;
  Bytes bytes(input.begin(), input.end());
  if (kind < 2) {
    const Base& base = base_volume(kind);
    bytes = base.bytes;
    patch(bytes, input);
    ntfs::test::protect_all(bytes, base.record, ntfs::test::SampleVolume::kIndexBlock);
  }
  const auto row = ntfs::file_system_type();
  auto device = std::make_shared<MemoryDevice>(std::move(bytes));
  static_cast<void>(row.probe(*device));
  const auto fs = row.open(std::move(device), Recovery::log);
  if (!fs) return 0;
  walk(*fs.value(), {.entries = 60, .bytes = 4 << 20, .depth = 4});
  for (const std::string_view name : {"PLAIN.TXT", "Sub", "$MFT", "$Secure", "zzz"})
    static_cast<void>(fs.value()->lookup_ignoring_case(fs.value()->root(), name));
  for (const std::uint64_t number : {0U, 9U, 24U, 27U, 28U, 33U})
    for (const std::string_view name :
         {"system.ntfs_attrib", "system.ntfs_times_be", "system.ntfs_acl", "system.ntfs_object_id",
          "system.ntfs_dos_name", "system.ntfs_reparse_data", "system.ntfs_ea"})
      static_cast<void>(fs.value()->attribute(number, name));
  return 0;
}
