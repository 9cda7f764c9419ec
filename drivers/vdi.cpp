#include <algorithm>

#include "core/text.h"
#include "drivers/entry_table.h"
#include "drivers/formats.h"
#include "drivers/mapped_disk.h"
#include "drivers/vdi_format.h"

namespace imgfs {
namespace vdi {
namespace {

constexpr std::uint64_t kSector = 512;

struct Layout {
  EntryTable<le32> table;
  std::uint64_t data_offset;  ///< of the data in block 0 of the file, in bytes
  std::uint64_t block_size;   ///< bytes, a power of two
  std::uint64_t stride;       ///< bytes from one block of the file to the next
};

class VdiDisk final : public MappedDisk {
 public:
  VdiDisk(Device file, std::uint64_t size, Layout layout)
      : MappedDisk(std::move(file), nullptr, size), layout_(std::move(layout)) {}

 private:
  Result<Piece> find(std::uint64_t offset) const override {
    const std::uint64_t inside = offset % layout_.block_size;
    const std::uint64_t left = std::min(layout_.block_size - inside, size() - offset);
    const std::uint64_t entry = TRY(layout_.table.at(offset / layout_.block_size));
    if (entry == kFree || entry == kDiscarded) return Piece{Piece::Kind::zero, left};
    if (entry > (UINT64_MAX - layout_.data_offset - layout_.block_size) / layout_.stride)
      return corrupt("VDI block past the end of the address space");
    return Piece{Piece::Kind::file, left, layout_.data_offset + entry * layout_.stride + inside};
  }

  Layout layout_;
};

bool is_null(std::span<const std::byte> id) {
  return std::ranges::all_of(id, [](std::byte byte) { return byte == std::byte{0}; });
}

Result<void> check_kind(const Header& header) {
  if (header.signature.value() != Header::kSignature)
    return corrupt("no VDI signature", offsetof(Header, signature));
  if (header.version.value() != Header::kVersion)
    return unsupported("VDI version " + std::to_string(header.version.value() >> 16) + "." +
                           std::to_string(header.version.value() & 0xffff) + ", known is 1.1",
                       offsetof(Header, version));
  switch (header.type.value()) {
    case Header::kDynamic:
    case Header::kStatic: break;
    case Header::kUndo: return unsupported("VDI undo image: merge it into its base first");
    case Header::kDifferencing:
      return unsupported("differencing VDI: its parent is known only by the identity " +
                         guid_text(header.parent_id) +
                         "; make one image of the chain in VirtualBox (clone the medium)");
    default:
      return corrupt("VDI type " + std::to_string(header.type.value()) +
                         ", known are 1 (dynamic) and 2 (static)",
                     offsetof(Header, type));
  }
  if (!is_null(header.parent_id))
    return unsupported("VDI with the parent " + guid_text(header.parent_id) +
                       ": make one image of the chain in VirtualBox (clone the medium)");
  return success();
}

Result<Layout> read_layout(const Device& file, const Header& header) {
  const std::uint64_t block_size = header.block_size.value();
  const std::uint64_t extra = header.block_extra.value();
  if (header.sector_size.value() != kSector && header.sector_size.value() != 0)
    return unsupported("VDI sectors of " + std::to_string(header.sector_size.value()) + " bytes",
                       offsetof(Header, sector_size));
  if (block_size < kSector || (block_size & (block_size - 1)) != 0)
    return corrupt("VDI block size of " + std::to_string(block_size) +
                       " bytes, expected a power of two of at least 512",
                   offsetof(Header, block_size));
  if (extra % kSector != 0)
    return corrupt("VDI blocks with " + std::to_string(extra) + " extra bytes, not whole sectors",
                   offsetof(Header, block_extra));
  const std::uint64_t size = header.disk_size.value();
  const std::uint64_t blocks = size / block_size + (size % block_size != 0 ? 1 : 0);
  if (blocks > header.blocks.value())
    return corrupt("VDI block table of " + std::to_string(header.blocks.value()) +
                       " entries for a disk of " + std::to_string(blocks) + " blocks",
                   offsetof(Header, blocks));
  auto table = EntryTable<le32>::open(file, header.blocks_offset.value(), blocks);
  if (!table) return in_context(table.error(), "VDI block table");
  return Layout{std::move(table.value()), header.data_offset.value() + extra, block_size,
                block_size + extra};
}

Result<Image> open(const ImageSource& source) {
  const auto header = TRY(read_struct<Header>(*source.file, 0));
  TRY(check_kind(header));
  Layout layout = TRY(read_layout(source.file, header));
  ImageInfo info;
  info.format = "vdi";
  info.file_size = source.file->size();
  info.variant = header.type.value() == Header::kStatic ? "static" : "dynamic";
  // A size that is not whole sectors is rounded up, as QEMU and VirtualBox show it.
  const std::uint64_t size = (header.disk_size.value() + kSector - 1) / kSector * kSector;
  return Image{std::make_shared<VdiDisk>(source.file, size, std::move(layout)), std::move(info)};
}

bool probe(const ProbeBytes& bytes) {
  const auto signature = get<le32>(bytes.head, offsetof(Header, signature));
  return signature && signature->value() == Header::kSignature;
}

}  // namespace
}  // namespace vdi

ImageFormat vdi_format() { return {"vdi", vdi::probe, vdi::open}; }

}  // namespace imgfs
