#include "drivers/vhdx_metadata.h"

#include <algorithm>
#include <optional>

#include "core/text.h"

namespace imgfs::vhdx {
namespace {

constexpr std::uint64_t kMaxDisk = std::uint64_t{64} << 40;
constexpr std::size_t kMaxLocator = 64 << 10;  ///< bytes; longer ones are refused

/// The items that we read, by what they are.
struct Items {
  std::optional<MetadataTableEntry> file_parameters;
  std::optional<MetadataTableEntry> disk_size;
  std::optional<MetadataTableEntry> logical_sector;
  std::optional<MetadataTableEntry> parent_locator;

  /// Where an item with this identity goes; null for one that is not read.
  std::optional<MetadataTableEntry>* slot(const Guid& id) {
    if (id == MetadataTableEntry::kFileParameters) return &file_parameters;
    if (id == MetadataTableEntry::kDiskSize) return &disk_size;
    if (id == MetadataTableEntry::kLogicalSector) return &logical_sector;
    if (id == MetadataTableEntry::kParentLocator) return &parent_locator;
    return nullptr;
  }
};

bool is_ignored(const Guid& id) {
  return id == MetadataTableEntry::kDiskId || id == MetadataTableEntry::kPhysicalSector;
}

Result<Items> read_items(const BlockDevice& file, const Region& region) {
  if (region.length < kTableSize) return corrupt("VHDX metadata region too short", region.offset);
  std::vector<std::byte> table(kTableSize);
  TRY(file.read(region.offset, table));
  const auto header = *get<MetadataTableHeader>(table);
  if (std::string_view(header.signature, sizeof header.signature) !=
      MetadataTableHeader::kSignature)
    return corrupt("VHDX metadata table without its signature", region.offset);
  if (header.entry_count.value() > MetadataTableHeader::kMaxEntries)
    return corrupt("VHDX metadata table of " + std::to_string(header.entry_count.value()) +
                       " entries, at most are 2047",
                   region.offset);
  Items items;
  for (std::size_t i = 1; i <= header.entry_count.value(); ++i) {
    const auto entry = *get<MetadataTableEntry>(table, i * sizeof(MetadataTableEntry));
    auto* slot = items.slot(entry.id);
    if (slot == nullptr) {
      if ((entry.flags.value() & MetadataTableEntry::kIsRequired) != 0 && !is_ignored(entry.id))
        return unsupported("VHDX metadata item " + guid_text(entry.id) +
                           " that a reader must know");
      continue;
    }
    if (*slot) return corrupt("VHDX metadata item " + guid_text(entry.id) + " is there twice");
    *slot = entry;
  }
  return items;
}

template <OnDisk T>
Result<T> read_item(const BlockDevice& file, const Region& region,
                    const std::optional<MetadataTableEntry>& item, const char* name) {
  if (!item) return corrupt(std::string("VHDX metadata without the ") + name, region.offset);
  if (item->length.value() < sizeof(T) || item->offset.value() > region.length - sizeof(T))
    return corrupt(std::string("VHDX metadata item ") + name + " outside its region",
                   region.offset + item->offset.value());
  return read_struct<T>(file, region.offset + item->offset.value());
}

Result<std::map<std::string, std::string>> read_locator(const BlockDevice& file,
                                                        const Region& region,
                                                        const MetadataTableEntry& item) {
  const std::uint64_t at = region.offset + item.offset.value();
  if (item.length.value() > kMaxLocator || item.offset.value() > region.length ||
      item.length.value() > region.length - item.offset.value())
    return corrupt("VHDX parent locator of " + std::to_string(item.length.value()) + " bytes", at);
  std::vector<std::byte> bytes(item.length.value());
  TRY(file.read(at, bytes));
  const auto header = get<ParentLocatorHeader>(bytes);
  if (!header) return corrupt("VHDX parent locator cut off", at);
  if (header->locator_type != ParentLocatorHeader::kVhdx)
    return unsupported("VHDX parent locator of type " + guid_text(header->locator_type), at);
  std::map<std::string, std::string> values;
  for (std::size_t i = 0; i < header->key_value_count.value(); ++i) {
    const auto entry = get<ParentLocatorEntry>(
        bytes, sizeof(ParentLocatorHeader) + i * sizeof(ParentLocatorEntry));
    if (!entry) return corrupt("VHDX parent locator with more entries than it has room for", at);
    const auto key = part(bytes, entry->key_offset.value(), entry->key_length.value());
    const auto value = part(bytes, entry->value_offset.value(), entry->value_length.value());
    if (!key || !value) return corrupt("VHDX parent locator names bytes outside itself", at);
    values.emplace(utf16le_to_wtf8(*key), utf16le_to_wtf8(*value));
  }
  return values;
}

Result<void> check(const Metadata& metadata) {
  const std::uint64_t block = metadata.block_size;
  if (block < kMiB || block > 256 * kMiB || (block & (block - 1)) != 0)
    return corrupt("VHDX block size of " + std::to_string(block) +
                   " bytes, expected a power of two from 1 to 256 MiB");
  if (metadata.logical_sector != 512 && metadata.logical_sector != 4096)
    return corrupt("VHDX logical sector of " + std::to_string(metadata.logical_sector) +
                   " bytes, expected 512 or 4096");
  if (metadata.disk_size > kMaxDisk || metadata.disk_size % metadata.logical_sector != 0)
    return corrupt("VHDX disk of " + std::to_string(metadata.disk_size) +
                   " bytes, expected whole sectors and at most 64 TiB");
  return success();
}

}  // namespace

Result<Metadata> read_metadata(const BlockDevice& file, const Region& region) {
  const Items items = TRY(read_items(file, region));
  const auto parameters =
      TRY(read_item<FileParameters>(file, region, items.file_parameters, "file parameters"));
  Metadata metadata;
  metadata.block_size = parameters.block_size.value();
  metadata.fixed = (parameters.flags.value() & FileParameters::kLeaveBlocksAllocated) != 0;
  metadata.has_parent = (parameters.flags.value() & FileParameters::kHasParent) != 0;
  metadata.disk_size = TRY(read_item<le64>(file, region, items.disk_size, "disk size")).value();
  metadata.logical_sector =
      TRY(read_item<le32>(file, region, items.logical_sector, "logical sector size")).value();
  TRY(check(metadata));
  if (metadata.has_parent) {
    if (!items.parent_locator)
      return corrupt("VHDX differencing disk that does not name its parent", region.offset);
    metadata.parent = TRY(read_locator(file, region, *items.parent_locator));
  }
  return metadata;
}

}  // namespace imgfs::vhdx
