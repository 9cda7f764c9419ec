#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/memory_device.h"
#include "drivers/image_format.h"

// Support of the tests and fuzz targets of VHD, VHDX, VMDK and VDI: images are made in memory from
// the structs of the formats' headers.
namespace imgfs::test {

using Bytes = std::vector<std::byte>;

/// Puts `value` at `offset`, with room for it.
template <OnDisk T>
void put(Bytes& image, std::size_t offset, const T& value) {
  if (image.size() < offset + sizeof(T)) image.resize(offset + sizeof(T));
  std::memcpy(image.data() + offset, &value, sizeof(T));
}
inline void put(Bytes& image, std::size_t offset, std::string_view text) {
  if (image.size() < offset + text.size()) image.resize(offset + text.size());
  std::memcpy(image.data() + offset, text.data(), text.size());
}

/// `count` bytes of which each 8 are their own position plus `seed`: one assertion checks any read.
inline Bytes pattern(std::size_t count, std::uint64_t seed = 0) {
  Bytes out(count);
  for (std::size_t at = 0; at < count; at += 8) {
    const std::uint64_t value = (seed << 40) + at + 1;
    std::memcpy(out.data() + at, &value, std::min<std::size_t>(8, count - at));
  }
  return out;
}
/// Lays `part` over `disk` at `offset`.
inline void lay(Bytes& disk, std::size_t offset, const Bytes& part) {
  if (disk.size() < offset + part.size()) disk.resize(offset + part.size());
  std::copy(part.begin(), part.end(), disk.begin() + static_cast<std::ptrdiff_t>(offset));
}

inline Device device(Bytes bytes) { return std::make_shared<MemoryDevice>(std::move(bytes)); }

/// Files beside an image, in memory. Everything is allowed.
class Siblings final : public SiblingOpener {
 public:
  Siblings() = default;
  explicit Siblings(std::map<std::string, Bytes> files) {
    for (auto& [name, bytes] : files) files_.emplace(name, device(std::move(bytes)));
  }

  Result<Device> open(std::string_view name) const override {
    const auto found = files_.find(std::string(name));
    if (found == files_.end()) return Error{Errc::not_found, "no such file", {}};
    return found->second;
  }
  Result<Device> open_extent(std::string_view name) const override { return open(name); }
  std::unique_ptr<SiblingOpener> beside(std::string_view) const override {
    return std::make_unique<Siblings>(*this);
  }

 private:
  std::map<std::string, Device> files_;
};

inline Result<Image> open(const ImageFormat& format, Bytes image, const Siblings& siblings = {}) {
  return format.open({device(std::move(image)), siblings});
}

/// The whole disk.
inline Result<Bytes> read_all(const BlockDevice& disk) {
  Bytes out(static_cast<std::size_t>(disk.size()));
  TRY(disk.read(0, out));
  return out;
}

/// Looks at an image that may be hostile: its start, middle and end, by reads and by `locate`.
inline void look(const Result<Image>& image) {
  if (!image) return static_cast<void>(describe(image.error()));
  const BlockDevice& disk = *image.value().disk;
  Bytes buffer(40960);
  const std::uint64_t size = disk.size();
  for (const std::uint64_t at :
       {std::uint64_t{0}, size / 3, size / 2, size - std::min<std::uint64_t>(size, 50000)}) {
    if (at >= size) continue;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - at));
    static_cast<void>(disk.read(at, std::span(buffer).first(count)));
    std::uint64_t place = at;
    for (int i = 0; i < 20 && place < size; ++i) {
      const auto where = disk.locate(place, size - place);
      if (!where) break;
      place += where.value().length;
    }
  }
}

/// Applies what a fuzzer gives as records of offset (4 bytes), length (1 byte, up to 16) and bytes.
inline void apply_patches(Bytes& image, std::span<const std::byte> records) {
  while (records.size() > 5 && !image.empty()) {
    const std::size_t at = get<le32>(records)->value() % image.size();
    const std::size_t length = std::min(
        {std::to_integer<std::size_t>(records[4]) % 16 + 1, records.size() - 5, image.size() - at});
    std::copy_n(records.begin() + 5, length, image.begin() + static_cast<std::ptrdiff_t>(at));
    records = records.subspan(5 + length);
  }
}

}  // namespace imgfs::test
