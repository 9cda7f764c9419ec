#include <algorithm>
#include <optional>

#include "drivers/decode_ahead.h"
#include "drivers/entry_table.h"
#include "drivers/vmdk_grains.h"
#include "drivers/vmdk_inflate.h"

namespace imgfs::vmdk {
namespace {

/// The grain directory and its redundant copy.
struct Directory {
  EntryTable<le32> main;
  std::optional<EntryTable<le32>> redundant;
};

/// How the grains of an extent are stored.
struct Storage {
  bool zeroed_grains = false;
  bool compressed = false;
  bool markers = false;
  std::uint64_t start = 0;      ///< byte offset of the extent on the disk
  std::size_t cache_bytes = 0;  ///< for decoded grains
};

/// Hosted sparse, stream-optimised and COWD: tables of 32-bit sector numbers.
class SparseExtent final : public GrainDisk {
 public:
  SparseExtent(Device file, Device parent, Geometry geometry, std::size_t memory,
               Directory directory, const Storage& storage)
      : GrainDisk(std::move(file), std::move(parent), geometry, memory),
        directory_(std::move(directory)),
        storage_(storage) {
    if (!storage_.compressed) return;
    ahead_ = std::make_unique<DecodeAhead>(
        storage_.cache_bytes, static_cast<std::size_t>(geometry.grain_size),
        (geometry.size + geometry.grain_size - 1) / geometry.grain_size,
        [this](std::uint64_t index) { return load_grain(index); });
  }

  /// How many of the first tables (at most `most`) are found only by the redundant directory, and
  /// how many by neither though the directory names them.
  Result<std::pair<std::uint64_t, std::uint64_t>> count_damaged(std::uint64_t most) const {
    std::uint64_t mended = 0;
    std::uint64_t lost = 0;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(geometry().tables(), most); ++i) {
      const std::uint64_t main = TRY(directory_.main.at(i));
      const std::uint64_t used = TRY(table_sector(i));
      if (used != 0 && !is_table(used)) ++lost;
      if (used != main) ++mended;
    }
    return std::pair{mended, lost};
  }

 private:
  std::uint64_t table_bytes() const { return geometry().entries * sizeof(le32); }
  bool is_table(std::uint64_t sector) const {
    const std::uint64_t offset = sector * kSector;
    return sector != 0 && offset <= file()->size() && table_bytes() <= file()->size() - offset;
  }

  /// The sector of the table `index` by the directory or, where that makes no sense, by its copy.
  Result<std::uint64_t> table_sector(std::uint64_t index) const {
    const std::uint64_t main = TRY(directory_.main.at(index));
    if (is_table(main) || !directory_.redundant) return main;
    const std::uint64_t copy = TRY(directory_.redundant->at(index));
    return is_table(copy) ? copy : main;
  }

  Result<bool> has_table(std::uint64_t index) const override {
    return TRY(table_sector(index)) != 0;
  }
  bool is_compressed() const override { return storage_.compressed; }

  Result<std::vector<le32>> read_table(std::uint64_t sector) const {
    std::vector<le32> entries(static_cast<std::size_t>(geometry().entries));
    if (!is_table(sector))
      return corrupt("VMDK grain table past the end of the file", sector * kSector);
    TRY(file()->read(sector * kSector, std::as_writable_bytes(std::span(entries))));
    return entries;
  }

  Grain to_grain(le32 entry) const {
    const std::uint64_t sector = entry.value();
    if (sector == 0) return kUnallocated;
    return sector == 1 && storage_.zeroed_grains ? kZeroed : sector * kSector;
  }
  bool makes_sense(Grain grain) const { return grain <= kZeroed || grain < file()->size(); }

  /// Entries that point past the end of the file are taken from the redundant table where that is
  /// better; what stays is an error where it is read.
  Result<std::vector<Grain>> load_table(std::uint64_t index) const override {
    const std::uint64_t sector = TRY(table_sector(index));
    const std::vector<le32> entries = TRY(read_table(sector));
    std::vector<Grain> grains(entries.size());
    std::ranges::transform(entries, grains.begin(), [&](le32 entry) { return to_grain(entry); });
    if (!directory_.redundant ||
        std::ranges::all_of(grains, [&](Grain grain) { return makes_sense(grain); }))
      return grains;
    const std::uint64_t copy_sector = TRY(directory_.redundant->at(index));
    if (copy_sector == sector || !is_table(copy_sector)) return grains;
    const std::vector<le32> copy = TRY(read_table(copy_sector));
    for (std::size_t i = 0; i < grains.size(); ++i)
      if (!makes_sense(grains[i]) && makes_sense(to_grain(copy[i]))) grains[i] = to_grain(copy[i]);
    return grains;
  }

  Result<std::optional<std::vector<std::byte>>> load_grain(std::uint64_t index) const {
    const Grain where = TRY(grain(index));
    if (where <= kZeroed) return std::optional<std::vector<std::byte>>();
    const std::uint64_t offset = index * geometry().grain_size;
    const CompressedGrain stored{.offset = where,
                                 .marker = storage_.markers,
                                 .sector = offset / kSector,
                                 .disk_sector = (storage_.start + offset) / kSector,
                                 .grain_size = static_cast<std::size_t>(geometry().grain_size),
                                 .needed = static_cast<std::size_t>(
                                     std::min(geometry().grain_size, geometry().size - offset))};
    return std::optional(TRY(inflate_grain(*file(), stored)));
  }

  Result<void> decode(std::uint64_t offset, std::span<std::byte> out) const override {
    while (!out.empty()) {
      const std::uint64_t index = offset / geometry().grain_size;
      const std::size_t inside = static_cast<std::size_t>(offset % geometry().grain_size);
      const auto bytes = TRY(ahead_->get(index));
      const auto from = std::span(*bytes).subspan(inside);
      const std::size_t count = std::min(from.size(), out.size());
      copy_bytes(from.first(count), out);
      out = out.subspan(count);
      offset += count;
    }
    return success();
  }

  Directory directory_;
  Storage storage_;
  std::unique_ptr<DecodeAhead> ahead_;  ///< last: it is ended first
};

/// The part of the memory for tables and decoded grains that one of the extents may take.
std::size_t share(std::size_t bytes, const ExtentOptions& options, std::size_t least) {
  return std::max(bytes / options.extents, least);
}

/// The extent's size: the descriptor's, which the header must cover.
Result<void> set_size(Geometry& geometry, const ExtentOptions& options) {
  if (options.size > geometry.size)
    return corrupt("VMDK extent of " + std::to_string(geometry.size) +
                   " bytes where the descriptor says " + std::to_string(options.size));
  if (options.size != 0) geometry.size = options.size;
  return success();
}

/// Both directories, either of which may be damaged as long as the other can be read.
Result<Directory> open_directory(const Device& file, std::uint64_t main_sector,
                                 std::uint64_t copy_sector, const Geometry& geometry,
                                 std::size_t memory, std::vector<Remark>& remarks) {
  const auto open_at = [&](std::uint64_t sector) -> Result<EntryTable<le32>> {
    if (sector == 0 || sector > file->size() / kSector)
      return corrupt("VMDK grain directory past the end of the file", sector);
    return EntryTable<le32>::open(file, sector * kSector, geometry.tables(), memory);
  };
  auto main = open_at(main_sector);
  std::optional<EntryTable<le32>> copy;
  if (copy_sector != 0) {
    auto opened = open_at(copy_sector);
    if (opened) copy = std::move(opened.value());
  }
  if (main) return Directory{std::move(main.value()), std::move(copy)};
  if (!copy) return in_context(main.error(), "grain directory");
  remarks.push_back({Remark::Kind::damaged,
                     "the VMDK's grain directory cannot be read: the redundant one is used"});
  return Directory{std::move(*copy), std::nullopt};
}

Result<Device> make_extent(const Device& file, ExtentOptions options, Geometry geometry,
                           Directory directory, Storage storage, std::vector<Remark>& remarks) {
  storage.start = options.start;
  storage.cache_bytes = share(cache_capacity(), options, 0);
  if (storage.compressed &&
      geometry.grain_size * options.extents > std::max(cache_capacity(), std::size_t{16} << 20))
    return Error{Errc::too_large,
                 "compressed VMDK grains of " + std::to_string(geometry.grain_size) + " bytes in " +
                     std::to_string(options.extents) + " extents",
                 {}};
  auto extent =
      std::make_shared<SparseExtent>(file, std::move(options.parent), geometry,
                                     table_memory(options.extents), std::move(directory), storage);
  // All extents may be one file, named 4096 times.
  const std::uint64_t most = std::max<std::uint64_t>(65536 / options.extents, 256);
  const auto [mended, lost] = TRY(extent->count_damaged(most));
  if (mended != 0)
    remarks.push_back(
        {Remark::Kind::damaged, "damaged VMDK grain directory: " + std::to_string(mended) +
                                    " tables are found by the redundant one"});
  if (lost != 0)
    remarks.push_back({Remark::Kind::damaged, "damaged VMDK: " + std::to_string(lost) +
                                                  " grain tables lie past the end of the file"});
  return Device(std::move(extent));
}

Result<Device> open_hosted(const Device& file, ExtentOptions options,
                           std::vector<Remark>& remarks) {
  const SparseHeader header = TRY(read_sparse_header(*file));
  const std::uint32_t flags = header.flags.value();
  Geometry geometry = TRY(check_geometry(header.capacity.value(), header.grain_size.value(),
                                         header.entries_per_table.value()));
  TRY(set_size(geometry, options));
  if (header.unclean_shutdown != 0)
    remarks.push_back({Remark::Kind::unclean, "the VMDK was not closed by its last user"});
  const bool redundant = (flags & SparseHeader::kRedundantDirectory) != 0;
  Directory directory =
      TRY(open_directory(file, header.directory_offset.value(),
                         redundant ? header.redundant_directory_offset.value() : 0, geometry,
                         share(kTableMemory, options, 65536), remarks));
  Storage storage;
  storage.zeroed_grains = (flags & SparseHeader::kZeroedGrains) != 0;
  storage.compressed = header.compress_algorithm.value() == SparseHeader::kDeflate;
  storage.markers = (flags & SparseHeader::kMarkers) != 0;
  return make_extent(file, std::move(options), geometry, std::move(directory), storage, remarks);
}

Result<Device> open_cowd(const Device& file, ExtentOptions options, std::vector<Remark>& remarks) {
  const auto header = TRY(read_struct<CowdHeader>(*file, 0));
  if (header.version.value() != 1)
    return unsupported("COWD version " + std::to_string(header.version.value()) + ", known is 1");
  Geometry geometry = TRY(check_geometry(header.capacity.value(), header.grain_size.value(),
                                         CowdHeader::kEntriesPerTable));
  TRY(set_size(geometry, options));
  if (header.directory_entries.value() < geometry.tables())
    return corrupt("COWD directory of " + std::to_string(header.directory_entries.value()) +
                   " entries, the disk needs " + std::to_string(geometry.tables()));
  Directory directory = TRY(open_directory(file, header.directory_offset.value(), 0, geometry,
                                           share(kTableMemory, options, 65536), remarks));
  return make_extent(file, std::move(options), geometry, std::move(directory), Storage{}, remarks);
}

/// What must hold in a header wherever it was found.
Result<void> check_header(const SparseHeader& header) {
  const std::uint32_t version = header.version.value();
  if (version == 0 || version > 3)
    return unsupported("VMDK version " + std::to_string(version) + ", known are 1 to 3");
  if (header.compress_algorithm.value() > SparseHeader::kDeflate)
    return unsupported("VMDK compression " + std::to_string(header.compress_algorithm.value()) +
                       ", known is 1 (deflate)");
  const std::string_view test(header.new_line_test, sizeof header.new_line_test);
  if ((header.flags.value() & SparseHeader::kNewLineTest) != 0 && test != "\n \r\n")
    return corrupt("VMDK whose line ends were changed: it was transferred as text and is damaged",
                   offsetof(SparseHeader, new_line_test));
  return success();
}

}  // namespace

Result<SparseHeader> read_sparse_header(const BlockDevice& file) {
  SparseHeader header = TRY(read_struct<SparseHeader>(file, 0));
  if (header.magic.value() != SparseHeader::kMagic) return corrupt("no VMDK magic \"KDMV\"", 0);
  TRY(check_header(header));
  if (header.directory_offset.value() != SparseHeader::kDirectoryAtEnd) return header;
  // Footer marker, footer, end-of-stream marker: a sector each.
  if (file.size() < 4 * kSector)
    return corrupt("VMDK without the footer that its header announces");
  const std::uint64_t at = file.size() - 3 * kSector;
  const auto marker = TRY(read_struct<Marker>(file, at));
  const auto footer = TRY(read_struct<SparseHeader>(file, at + kSector));
  const auto end = TRY(read_struct<Marker>(file, at + 2 * kSector));
  if (marker.size.value() != 0 || marker.type.value() != Marker::kFooter ||
      footer.magic.value() != SparseHeader::kMagic || end.size.value() != 0 ||
      end.type.value() != Marker::kEndOfStream)
    return corrupt("no VMDK footer at the end: the file is cut off or was not finished", at);
  TRY(check_header(footer));
  if (footer.directory_offset.value() == SparseHeader::kDirectoryAtEnd)
    return corrupt("VMDK footer that does not say where the grain directory is", at + kSector);
  return footer;
}

Result<Device> open_sparse(const Device& file, ExtentOptions options,
                           std::vector<Remark>& remarks) {
  const auto magic = TRY(read_struct<le32>(*file, 0));
  if (magic.value() == SparseHeader::kMagic) return open_hosted(file, std::move(options), remarks);
  if (magic.value() == CowdHeader::kMagic) return open_cowd(file, std::move(options), remarks);
  return corrupt("no magic of a sparse VMDK extent (\"KDMV\" or \"COWD\")", 0);
}

}  // namespace imgfs::vmdk
