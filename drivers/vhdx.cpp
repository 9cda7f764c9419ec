#include <algorithm>

#include "core/byte_cache.h"
#include "core/text.h"
#include "drivers/entry_table.h"
#include "drivers/formats.h"
#include "drivers/mapped_disk.h"
#include "drivers/parent_disk.h"
#include "drivers/sector_bitmap.h"
#include "drivers/vhdx_log.h"
#include "drivers/vhdx_metadata.h"

namespace imgfs {
namespace vhdx {
namespace {

/// An open image and what a child checks of its parent.
struct Opened {
  Image image;
  Guid data_write_guid;
};

struct Layout {
  EntryTable<le64> table;
  std::uint64_t block_size;  ///< bytes
  std::uint64_t sector;      ///< bytes of a logical sector
  std::uint64_t chunk;       ///< data blocks for each block of sector bitmaps in the table
  bool has_parent;
};

/// A block in the file: its state, and the byte offset of its data.
struct Entry {
  BlockState state;
  std::uint64_t offset;
};

class VhdxDisk final : public MappedDisk {
 public:
  VhdxDisk(Device file, Device parent, std::uint64_t size, Layout layout)
      : MappedDisk(std::move(file), std::move(parent), size),
        layout_(std::move(layout)),
        bitmaps_(kBitmapCache) {}

 private:
  static constexpr std::size_t kBitmapCache = std::size_t{1} << 20;

  Result<Entry> entry(std::uint64_t index) const {
    const std::uint64_t value = TRY(layout_.table.at(index));
    return Entry{static_cast<BlockState>(value & 7), value & ~(kMiB - 1)};
  }

  Result<Piece> find(std::uint64_t offset) const override {
    const std::uint64_t block = offset / layout_.block_size;
    const std::uint64_t inside = offset % layout_.block_size;
    const std::uint64_t left = std::min(layout_.block_size - inside, size() - offset);
    const Entry found = TRY(entry(block + block / layout_.chunk));
    if (found.offset > UINT64_MAX - layout_.block_size)
      return corrupt("VHDX block past the end of the address space", found.offset);
    const Piece data{Piece::Kind::file, left, found.offset + inside};
    switch (found.state) {
      case BlockState::not_present:
        return Piece{layout_.has_parent ? Piece::Kind::parent : Piece::Kind::zero, left};
      case BlockState::undefined:
      case BlockState::zero:
      case BlockState::unmapped: return Piece{Piece::Kind::zero, left};
      case BlockState::fully_present: return data;
      case BlockState::partially_present: return own_or_parent(block, inside, data);
    }
    return corrupt("VHDX block " + std::to_string(block) + " of state " +
                   std::to_string(static_cast<int>(found.state)));
  }

  /// A block of which the sector bitmap says which sectors are its own.
  Result<Piece> own_or_parent(std::uint64_t block, std::uint64_t inside, Piece data) const {
    if (!layout_.has_parent)
      return corrupt("VHDX block " + std::to_string(block) +
                     " is partly its parent's, but the disk has no parent");
    const std::uint64_t sectors = layout_.block_size / layout_.sector;
    const std::uint64_t chunk = block / layout_.chunk;
    const auto load = [&]() -> Result<std::vector<std::byte>> {
      const Entry bitmap = TRY(entry(chunk * (layout_.chunk + 1) + layout_.chunk));
      if (bitmap.state != BlockState::fully_present)
        return corrupt("VHDX sector bitmap of chunk " + std::to_string(chunk) + " is not there");
      std::vector<std::byte> bytes(static_cast<std::size_t>(sectors / 8));
      TRY(file()->read(bitmap.offset + block % layout_.chunk * bytes.size(), bytes));
      return bytes;
    };
    const auto bits = TRY(bitmaps_.get(block, load));
    const std::uint64_t sector = inside / layout_.sector;
    const BitRun run = bit_run(*bits, sector, sectors, BitOrder::low_first);
    data.length = std::min(data.length, (sector + run.count) * layout_.sector - inside);
    if (!run.set) data = {Piece::Kind::parent, data.length};
    return data;
  }

  Layout layout_;
  mutable ByteCache bitmaps_;  ///< sector bitmaps by data block
};

Result<Layout> read_layout(const Device& file, const Metadata& metadata, const Region& bat) {
  const std::uint64_t chunk =
      (std::uint64_t{1} << 23) * metadata.logical_sector / metadata.block_size;
  const std::uint64_t blocks = (metadata.disk_size + metadata.block_size - 1) / metadata.block_size;
  std::uint64_t entries = blocks == 0 ? 0 : blocks + (blocks - 1) / chunk;
  // With a parent the table ends with the bitmap of the last chunk.
  if (metadata.has_parent) entries = (blocks + chunk - 1) / chunk * (chunk + 1);
  if (entries > bat.length / sizeof(le64))
    return corrupt("VHDX block table of " + std::to_string(bat.length / sizeof(le64)) +
                       " entries for a disk that needs " + std::to_string(entries),
                   bat.offset);
  auto table = EntryTable<le64>::open(file, bat.offset, entries);
  if (!table) return in_context(table.error(), "VHDX block table");
  return Layout{std::move(table.value()), metadata.block_size, metadata.logical_sector, chunk,
                metadata.has_parent};
}

std::string braced(const Guid& id) { return "{" + guid_text(id) + "}"; }

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

Result<Opened> open_any(const ImageSource& source);

/// The parent's disk; its names and remarks are added to `info`.
Result<Device> open_parent_disk(const ImageSource& source, const Metadata& metadata,
                                ImageInfo& info) {
  const auto value = [&](const char* key) {
    const auto found = metadata.parent.find(key);
    return found == metadata.parent.end() ? std::string() : found->second;
  };
  std::vector<std::string> names;
  for (const char* key : {"relative_path", "absolute_win32_path", "volume_path"})
    add_path(names, value(key));
  const ParentFile found = TRY(open_parent(source, names));
  const std::string name = "parent disk " + printable(found.name);
  auto parent = open_any({found.file, *found.siblings, source.depth + 1});
  if (!parent) return in_context(parent.error(), name);
  Opened& opened = parent.value();
  const std::string id = braced(opened.data_write_guid);
  if (id != lower(value("parent_linkage")) && id != lower(value("parent_linkage2")))
    return corrupt(name + " has the identity " + id + ", this image expects " +
                   printable(value("parent_linkage")) + ": another disk, or written since");
  info.backing_files.push_back(found.name);
  for (auto& file : opened.image.info.backing_files) info.backing_files.push_back(std::move(file));
  for (auto& remark : opened.image.info.remarks)
    info.remarks.push_back({remark.kind, name + ": " + remark.text});
  info.file_size += opened.image.info.file_size;
  return opened.image.disk;
}

Result<Opened> open_any(const ImageSource& source) {
  ImageInfo info;
  info.format = "vhdx";
  info.file_size = source.file->size();
  const Header header = TRY(choose_header(*source.file, info.remarks));
  const Device file = TRY(replay_log(source.file, header, info.remarks));
  const Regions regions = TRY(read_regions(*file, info.remarks));
  const Metadata metadata = TRY(read_metadata(*file, regions.metadata));
  Layout layout = TRY(read_layout(file, metadata, regions.bat));
  Device parent;
  if (metadata.has_parent) parent = TRY(open_parent_disk(source, metadata, info));
  info.variant = metadata.has_parent ? "differencing" : metadata.fixed ? "fixed" : "dynamic";
  if (metadata.logical_sector != 512)
    info.remarks.push_back({Remark::Kind::note, "logical sectors of 4096 bytes"});
  auto disk =
      std::make_shared<VhdxDisk>(file, std::move(parent), metadata.disk_size, std::move(layout));
  return Opened{{std::move(disk), std::move(info)}, header.data_write_guid};
}

bool probe(const ProbeBytes& bytes) { return as_chars(bytes.head).starts_with(kFileSignature); }

Result<Image> open(const ImageSource& source) {
  Opened opened = TRY(open_any(source));
  return std::move(opened.image);
}

}  // namespace
}  // namespace vhdx

ImageFormat vhdx_format() { return {"vhdx", vhdx::probe, vhdx::open}; }

}  // namespace imgfs
