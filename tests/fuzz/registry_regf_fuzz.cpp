#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/bytes.h"
#include "registry/regf.h"
#include "registry/regf_format.h"

/// The input is a hive; its checksum is made right, or nothing behind it would be looked at.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs;
  std::string hive(reinterpret_cast<const char*>(data), size);
  if (hive.size() < sizeof(registry::BaseBlock)) return 0;
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < 508; at += 4) sum ^= get<le32>(as_bytes(hive), at)->value();
  le32 stored;
  stored = sum == 0 ? 1 : sum == 0xffffffff ? 0xfffffffe : sum;
  std::memcpy(hive.data() + 508, &stored, sizeof stored);
  const auto read = [&](std::uint64_t offset, std::span<std::byte> out) -> Result<std::size_t> {
    if (offset >= hive.size()) return std::size_t{0};
    const std::size_t count = std::min<std::size_t>(out.size(), hive.size() - static_cast<std::size_t>(offset));
    std::memcpy(out.data(), hive.data() + offset, count);
    return count;
  };
  for (const char* path : {"", "MountedDevices", "A\\B"}) static_cast<void>(registry::key_values(read, path));
  return 0;
}
