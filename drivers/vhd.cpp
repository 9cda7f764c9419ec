#include <sys/stat.h>
#include <algorithm>

#include "core/byte_cache.h"
#include "core/slice_device.h"
#include "core/text.h"
#include "drivers/entry_table.h"
#include "drivers/formats.h"
#include "drivers/mapped_disk.h"
#include "drivers/parent_disk.h"
#include "drivers/sector_bitmap.h"
#include "drivers/vhd_footer.h"
#include "drivers/vhd_parent.h"

namespace imgfs {
namespace vhd {
namespace {

/// An open image and what a child checks of its parent.
struct Opened {
  Image image;
  Footer footer;
};

/// The block size and the table of a dynamic or differencing disk, checked.
struct Layout {
  EntryTable<be32> table;
  std::uint64_t block_size;   ///< bytes, a power of two, at least a sector
  std::uint64_t bitmap_size;  ///< bytes of the bitmap before each block's data, whole sectors
};

/// Blocks by a table. In a dynamic disk a block that is there counts whole, as QEMU and Hyper-V
/// read it; in a differencing disk its bitmap says which sectors are its own and which the
/// parent's.
class BlockDisk final : public MappedDisk {
 public:
  BlockDisk(Device file, Device parent, std::uint64_t size, Layout layout, bool differencing)
      : MappedDisk(std::move(file), std::move(parent), size),
        layout_(std::move(layout)),
        differencing_(differencing),
        bitmaps_(kBitmapCache) {}

 private:
  static constexpr std::size_t kBitmapCache = std::size_t{1} << 20;

  Result<Piece> find(std::uint64_t offset) const override {
    const std::uint64_t block = offset / layout_.block_size;
    const std::uint64_t inside = offset % layout_.block_size;
    const std::uint64_t left = std::min(layout_.block_size - inside, size() - offset);
    const std::uint64_t entry = TRY(layout_.table.at(block));
    if (entry == kUnallocated)
      return Piece{differencing_ ? Piece::Kind::parent : Piece::Kind::zero, left};
    const std::uint64_t bitmap = entry * kSector;
    const Piece data{Piece::Kind::file, left, bitmap + layout_.bitmap_size + inside};
    return differencing_ ? own_or_parent(block, bitmap, inside, data) : data;
  }

  Result<Piece> own_or_parent(std::uint64_t block, std::uint64_t bitmap, std::uint64_t inside,
                              Piece data) const {
    const auto load = [&]() -> Result<std::vector<std::byte>> {
      std::vector<std::byte> bytes(static_cast<std::size_t>(layout_.bitmap_size));
      TRY(file()->read(bitmap, bytes));
      return bytes;
    };
    const auto bits = TRY(bitmaps_.get(block, load));
    const std::uint64_t sector = inside / kSector;
    const BitRun run = bit_run(*bits, sector, layout_.block_size / kSector, BitOrder::high_first);
    data.length = std::min(data.length, (sector + run.count) * kSector - inside);
    if (!run.set) data = {Piece::Kind::parent, data.length};
    return data;
  }

  Layout layout_;
  bool differencing_;
  mutable ByteCache bitmaps_;  ///< sector bitmaps by block
};

Result<DynamicHeader> read_header(const BlockDevice& file, std::uint64_t offset) {
  const auto header = TRY(read_struct<DynamicHeader>(file, offset));
  if (std::string_view(header.cookie, sizeof header.cookie) != DynamicHeader::kCookie)
    return corrupt("VHD dynamic header without its cookie \"cxsparse\"", offset);
  const auto bytes = std::as_bytes(std::span(&header, 1));
  if (checksum(bytes, offsetof(DynamicHeader, checksum)) != header.checksum.value())
    return corrupt("damaged VHD dynamic header: its checksum does not hold", offset);
  if (header.header_version.value() >> 16 != 1)
    return unsupported("VHD dynamic header of version " +
                           std::to_string(header.header_version.value() >> 16) + ", known is 1",
                       offset);
  return header;
}

Result<Layout> read_layout(const Device& file, const DynamicHeader& header, std::uint64_t size,
                           std::uint64_t header_offset) {
  const std::uint64_t block_size = header.block_size.value();
  if (block_size < kSector || (block_size & (block_size - 1)) != 0)
    return corrupt("VHD block size of " + std::to_string(block_size) +
                       " bytes, expected a power of two of at least 512",
                   header_offset + offsetof(DynamicHeader, block_size));
  const std::uint64_t blocks = (size + block_size - 1) / block_size;
  if (header.max_table_entries.value() < blocks)
    return corrupt("VHD block table of " + std::to_string(header.max_table_entries.value()) +
                       " entries for a disk of " + std::to_string(blocks) + " blocks",
                   header_offset + offsetof(DynamicHeader, max_table_entries));
  auto table = EntryTable<be32>::open(file, header.table_offset.value(), blocks);
  if (!table) return in_context(table.error(), "VHD block table");
  const std::uint64_t bitmap = (block_size / kSector / 8 + kSector - 1) / kSector * kSector;
  return Layout{std::move(table.value()), block_size, std::max(bitmap, kSector)};
}

/// Seconds since 2000-01-01 when the parent's file was last written, where it is a host file.
std::optional<std::int64_t> modified(const BlockDevice& file) {
  constexpr std::int64_t kEpoch = 946684800;
  const auto* host = dynamic_cast<const FileDevice*>(&file);
  struct stat status {};
  if (host == nullptr || ::fstat(host->descriptor(), &status) != 0) return std::nullopt;
  return std::int64_t{status.st_mtime} - kEpoch;
}

Result<Opened> open_any(const ImageSource& source);

/// The parent's disk; its names and remarks are added to `info`.
Result<Device> open_parent_disk(const ImageSource& source, const DynamicHeader& header,
                                ImageInfo& info) {
  const ParentFile found = TRY(open_parent(source, parent_names(*source.file, header)));
  const std::string name = "parent disk " + printable(found.name);
  auto parent = open_any({found.file, *found.siblings, source.depth + 1});
  if (!parent) return in_context(parent.error(), name);
  Opened& opened = parent.value();
  if (!std::ranges::equal(opened.footer.unique_id, header.parent_unique_id))
    return corrupt(name + " has the identity " + uuid_text(opened.footer.unique_id) +
                   ", this image expects " + uuid_text(header.parent_unique_id));
  const std::uint32_t expected = header.parent_time_stamp.value();
  const auto written = modified(*found.file);
  if (written && *written != expected && opened.footer.time_stamp.value() != expected)
    info.remarks.push_back({Remark::Kind::note,
                            name + " was written at another time than this image noted: copied, or "
                                   "changed since"});
  info.backing_files.push_back(found.name);
  for (auto& file : opened.image.info.backing_files) info.backing_files.push_back(std::move(file));
  for (auto& remark : opened.image.info.remarks)
    info.remarks.push_back({remark.kind, name + ": " + remark.text});
  info.file_size += opened.image.info.file_size;
  return opened.image.disk;
}

Result<Device> open_blocks(const ImageSource& source, const Footer& footer, std::uint64_t size,
                           ImageInfo& info) {
  const bool differencing = footer.disk_type.value() == Footer::kDifferencing;
  const std::uint64_t at = footer.data_offset.value();
  const DynamicHeader header = TRY(read_header(*source.file, at));
  Layout layout = TRY(read_layout(source.file, header, size, at));
  Device parent;
  if (differencing) parent = TRY(open_parent_disk(source, header, info));
  return Device(std::make_shared<BlockDisk>(source.file, std::move(parent), size, std::move(layout),
                                            differencing));
}

/// A fixed disk is its bytes and then the footer. `size` becomes what the file can hold.
Result<Device> open_fixed(const ImageSource& source, const FooterChoice& choice, DiskSize& size,
                          ImageInfo& info) {
  const std::uint64_t current = choice.footer.current_size.value() / kSector * kSector;
  if (size.bytes > choice.data_end && current <= choice.data_end) {
    info.remarks.push_back(
        {Remark::Kind::damaged, "the geometry says " + std::to_string(size.bytes) +
                                    " bytes, the file holds " + std::to_string(choice.data_end) +
                                    ": the current size is used"});
    size = {current, false};
  }
  if (size.bytes > choice.data_end)
    return corrupt("fixed VHD of " + std::to_string(size.bytes) + " bytes in a file that holds " +
                   std::to_string(choice.data_end) + " before its footer: cut off");
  return slice(source.file, 0, size.bytes);
}

void say_size(const Footer& footer, const DiskSize& size, ImageInfo& info) {
  const std::uint64_t current = footer.current_size.value();
  const std::string creator =
      printable(trimmed({footer.creator_application, sizeof footer.creator_application}));
  if (size.bytes == current) return;
  info.remarks.push_back(
      {Remark::Kind::note,
       size.by_geometry
           ? "virtual size by the geometry (" + std::to_string(footer.cylinders.value()) + "/" +
                 std::to_string(footer.heads) + "/" + std::to_string(footer.sectors_per_track) +
                 "), as images of \"" + creator + "\" count; the current size in the footer is " +
                 std::to_string(current) + " bytes"
           : "the current size in the footer, " + std::to_string(current) +
                 " bytes, is not whole sectors: rounded down"});
}

Result<Opened> open_any(const ImageSource& source) {
  FooterChoice choice = TRY(choose_footer(*source.file));
  const Footer& footer = choice.footer;
  DiskSize size = disk_size(footer);
  if (size.bytes / kSector > kMaxSectors)
    return corrupt("VHD of " + std::to_string(size.bytes) + " bytes, at most are 2040 GiB");
  ImageInfo info;
  info.format = "vhd";
  info.file_size = source.file->size();
  info.remarks = std::move(choice.remarks);
  Device disk;
  switch (footer.disk_type.value()) {
    case Footer::kFixed:
      info.variant = "fixed";
      disk = TRY(open_fixed(source, choice, size, info));
      break;
    case Footer::kDynamic:
    case Footer::kDifferencing:
      info.variant = footer.disk_type.value() == Footer::kDynamic ? "dynamic" : "differencing";
      disk = TRY(open_blocks(source, footer, size.bytes, info));
      break;
    default:
      return corrupt("VHD disk type " + std::to_string(footer.disk_type.value()) +
                     ", known are 2 (fixed), 3 (dynamic) and 4 (differencing)");
  }
  say_size(footer, size, info);
  return Opened{{std::move(disk), std::move(info)}, footer};
}

bool probe(const ProbeBytes& bytes) {
  constexpr std::size_t kFooter = sizeof(Footer);
  const auto starts = [](std::span<const std::byte> at) {
    return as_chars(at).starts_with(Footer::kCookie);
  };
  if (starts(bytes.head) && bytes.size >= kFooter) return true;
  return bytes.tail.size() >= kFooter &&
         (starts(bytes.tail.last(kFooter)) || starts(bytes.tail.last(kFooter - 1)));
}

Result<Image> open(const ImageSource& source) {
  Opened opened = TRY(open_any(source));
  return std::move(opened.image);
}

}  // namespace
}  // namespace vhd

ImageFormat vhd_format() { return {"vhd", vhd::probe, vhd::open}; }

}  // namespace imgfs
