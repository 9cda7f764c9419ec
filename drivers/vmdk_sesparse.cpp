#include <algorithm>
#include <cstdio>

#include "drivers/entry_table.h"
#include "drivers/vmdk_grains.h"

namespace imgfs::vmdk {
namespace {

std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(value));
  return text;
}

/// seSparse: directory entries are numbers of tables, table entries say in their upper four bits
/// what a grain is; the rest of one that is there is its number, the lowest twelve bits on top.
class SeSparseExtent final : public GrainDisk {
 public:
  SeSparseExtent(Device file, Device parent, Geometry geometry, std::size_t memory,
                 EntryTable<le64> directory, std::uint64_t tables_offset,
                 std::uint64_t grains_offset)
      : GrainDisk(std::move(file), std::move(parent), geometry, memory),
        directory_(std::move(directory)),
        tables_offset_(tables_offset),
        grains_offset_(grains_offset) {}

 private:
  Result<bool> has_table(std::uint64_t index) const override {
    return TRY(directory_.at(index)) != 0;
  }

  Result<std::vector<Grain>> load_table(std::uint64_t index) const override {
    constexpr std::uint64_t kPresent = 0x10000000;  // the upper half of an entry in use
    const std::uint64_t entry = TRY(directory_.at(index));
    if (entry >> 32 != kPresent)
      return corrupt("seSparse directory entry " + hex(entry) +
                     ", expected 0x10000000 in its upper half");
    const std::uint64_t bytes = geometry().entries * sizeof(le64);
    std::vector<le64> entries(static_cast<std::size_t>(geometry().entries));
    TRY(file()->read(tables_offset_ + (entry & 0xffffffff) * bytes,
                     std::as_writable_bytes(std::span(entries))));
    std::vector<Grain> grains(entries.size());
    for (std::size_t i = 0; i < grains.size(); ++i) grains[i] = TRY(to_grain(entries[i].value()));
    return grains;
  }

  Result<Grain> to_grain(std::uint64_t entry) const {
    switch (entry >> 60) {
      case 0:
        if (entry == 0) return kUnallocated;
        break;
      case 1:  // unmapped by the guest
      case 2: return kZeroed;
      case 3: {
        const std::uint64_t number = (entry >> 48 & 0xfff) | (entry & 0x0000ffffffffffff) << 12;
        const std::uint64_t most = (UINT64_MAX - grains_offset_) / geometry().grain_size;
        if (number >= most)
          return UINT64_MAX / kSector * kSector;  // past every file: an error where read
        return grains_offset_ + number * geometry().grain_size;
      }
      default: break;
    }
    return corrupt("seSparse table entry " + hex(entry) + " of no known kind");
  }

  EntryTable<le64> directory_;
  std::uint64_t tables_offset_;  ///< bytes
  std::uint64_t grains_offset_;  ///< bytes
};

Result<void> check_headers(const BlockDevice& file, const SeSparseHeader& header) {
  if (header.magic.value() != SeSparseHeader::kMagic) return corrupt("no seSparse magic", 0);
  if (header.version.value() != SeSparseHeader::kVersion)
    return unsupported("seSparse version " + hex(header.version.value()) +
                       ", known is 0x0000000200000001");
  if (header.flags.value() != 0) return unsupported("seSparse flags " + hex(header.flags.value()));
  const std::uint64_t at = header.volatile_header_offset.value();
  if (at > file.size() / kSector)
    return corrupt("seSparse volatile header past the end of the file");
  const auto second = TRY(read_struct<SeSparseVolatileHeader>(file, at * kSector));
  if (second.magic.value() != SeSparseVolatileHeader::kMagic)
    return corrupt("no seSparse volatile header", at * kSector);
  if (second.replay_journal.value() != 0)
    return unsupported(
        "seSparse with a journal to replay: start and shut down the machine, or "
        "consolidate its snapshots, and copy the disk again");
  return success();
}

}  // namespace

Result<Device> open_sesparse(const Device& file, ExtentOptions options) {
  const auto header = TRY(read_struct<SeSparseHeader>(*file, 0));
  TRY(check_headers(*file, header));
  constexpr std::uint64_t kMaxTable = Geometry::kMaxEntries * sizeof(le64) / kSector;
  if (header.table_size.value() > kMaxTable)
    return corrupt("seSparse tables of " + std::to_string(header.table_size.value()) + " sectors");
  Geometry geometry = TRY(check_geometry(header.capacity.value(), header.grain_size.value(),
                                         header.table_size.value() * kSector / sizeof(le64)));
  if (options.size > geometry.size)
    return corrupt("seSparse extent of " + std::to_string(geometry.size) +
                   " bytes where the descriptor says " + std::to_string(options.size));
  if (options.size != 0) geometry.size = options.size;
  const std::uint64_t sectors = file->size() / kSector;
  const std::uint64_t tables = header.tables_offset.value();
  if (header.directory_offset.value() > sectors || tables > sectors ||
      header.grains_offset.value() > sectors)
    return corrupt("seSparse header names places past the end of the file");
  if (header.directory_size.value() < (geometry.tables() * sizeof(le64) + kSector - 1) / kSector)
    return corrupt("seSparse directory of " + std::to_string(header.directory_size.value()) +
                   " sectors for " + std::to_string(geometry.tables()) + " tables");
  const std::size_t memory = std::max<std::size_t>(kTableMemory / options.extents, 65536);
  auto directory = EntryTable<le64>::open(file, header.directory_offset.value() * kSector,
                                          geometry.tables(), memory);
  if (!directory) return in_context(directory.error(), "seSparse directory");
  return Device(std::make_shared<SeSparseExtent>(
      file, std::move(options.parent), geometry, table_memory(options.extents),
      std::move(directory.value()), tables * kSector, header.grains_offset.value() * kSector));
}

}  // namespace imgfs::vmdk
