#include "drivers/vmdk_extents.h"

#include <algorithm>
#include <map>

#include "core/slice_device.h"
#include "core/text.h"
#include "drivers/mapped_disk.h"
#include "drivers/vmdk_format.h"
#include "drivers/vmdk_grains.h"

namespace imgfs::vmdk {
namespace {

/// A flat extent; where its file is too short, what lies past the end is an error.
class FlatExtent final : public MappedDisk {
 public:
  FlatExtent(Device file, std::uint64_t start, std::uint64_t size)
      : MappedDisk(std::move(file), nullptr, size), start_(start) {}

 private:
  Result<Piece> find(std::uint64_t offset) const override {
    return Piece{Piece::Kind::file, size() - offset, start_ + offset};
  }
  std::uint64_t start_;  ///< bytes, in the file
};

class ZeroExtent final : public MappedDisk {
 public:
  explicit ZeroExtent(std::uint64_t size) : MappedDisk(nullptr, nullptr, size) {}

 private:
  Result<Piece> find(std::uint64_t offset) const override {
    return Piece{Piece::Kind::zero, size() - offset};
  }
};

/// Extents one behind the other.
class ExtentsDisk final : public BlockDevice {
 public:
  struct Part {
    std::uint64_t start;  ///< bytes, on the disk
    Device device;
  };
  /// `parts` not empty, without gaps.
  explicit ExtentsDisk(std::vector<Part> parts)
      : parts_(std::move(parts)), size_(parts_.back().start + parts_.back().device->size()) {}

  std::uint64_t size() const override { return size_; }

 private:
  const Part& part_at(std::uint64_t offset) const {
    return *std::prev(std::ranges::upper_bound(parts_, offset, {}, &Part::start));
  }
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override {
    while (!out.empty()) {
      const Part& part = part_at(offset);
      const std::uint64_t inside = offset - part.start;
      const std::size_t count = static_cast<std::size_t>(
          std::min<std::uint64_t>(out.size(), part.device->size() - inside));
      TRY(part.device->read(inside, out.first(count)));
      out = out.subspan(count);
      offset += count;
    }
    return success();
  }
  Result<Location> do_locate(std::uint64_t offset, std::uint64_t length) const override {
    const Part& part = part_at(offset);
    const std::uint64_t inside = offset - part.start;
    return part.device->locate(inside, std::min(length, part.device->size() - inside));
  }

  std::vector<Part> parts_;
  std::uint64_t size_;
};

/// What the parent has under an extent; null where it ends before.
Device parent_part(const Device& parent, std::uint64_t start, std::uint64_t size) {
  if (parent == nullptr || start >= parent->size()) return nullptr;
  return std::make_shared<SliceDevice>(parent, start, std::min(size, parent->size() - start));
}

Result<Device> open_flat(const Device& file, const ExtentLine& line, ImageInfo& info) {
  const std::uint64_t start = line.offset * kSector;
  const std::uint64_t size = line.sectors * kSector;
  if (start <= file->size() && size <= file->size() - start) return slice(file, start, size);
  info.remarks.push_back(
      {Remark::Kind::damaged, "the extent " + printable(line.file) + " has " +
                                  std::to_string(file->size()) + " bytes, the descriptor expects " +
                                  std::to_string(start + size) + ": it is cut off"});
  return Device(std::make_shared<FlatExtent>(file, start, size));
}

Result<Device> open_extent(const Device& file, const ExtentLine& line, ExtentOptions options,
                           ImageInfo& info) {
  if (line.type == "FLAT" || line.type == "VMFS") return open_flat(file, line, info);
  if (line.type == "SPARSE" || line.type == "VMFSSPARSE")
    return open_sparse(file, std::move(options), info.remarks);
  if (line.type == "SESPARSE") return open_sesparse(file, std::move(options));
  return unsupported("VMDK extent type " + printable(line.type) +
                     ": only disks whose data lie in files can be read");
}

}  // namespace

Result<Device> open_extents(const Descriptor& descriptor, const SiblingOpener& siblings,
                            const Device& parent, ImageInfo& info) {
  if (descriptor.extents.empty()) return corrupt("VMDK descriptor without extents");
  std::map<std::string, Device> files;
  std::vector<ExtentsDisk::Part> parts;
  std::uint64_t start = 0;
  for (const ExtentLine& line : descriptor.extents) {
    const std::uint64_t size = line.sectors * kSector;
    if (line.access == "NOACCESS")
      return unsupported("VMDK extent " + printable(line.file) + " that must not be accessed");
    Device extent;
    if (line.type == "ZERO") {
      extent = std::make_shared<ZeroExtent>(size);
    } else {
      Device& file = files[line.file];
      if (file == nullptr) {
        file = TRY(siblings.open_extent(line.file));
        info.file_size += file->size();
      }
      auto opened = open_extent(
          file, line, {size, parent_part(parent, start, size), descriptor.extents.size(), start},
          info);
      if (!opened) return in_context(opened.error(), "extent " + printable(line.file));
      extent = std::move(opened.value());
    }
    parts.push_back({start, std::move(extent)});
    start += size;
  }
  if (parts.size() == 1) return parts.front().device;
  return Device(std::make_shared<ExtentsDisk>(std::move(parts)));
}

}  // namespace imgfs::vmdk
