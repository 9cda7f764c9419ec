#include <algorithm>
#include <mutex>
#include <string>

#include "core/text.h"
#include "ntfs/contents.h"
#include "ntfs/directory.h"
#include "ntfs/nature.h"
#include "ntfs/ntfs.h"
#include "ntfs/state.h"
#include "ntfs/usage.h"
#include "ntfs/xattrs.h"

namespace imgfs::ntfs {
namespace {

/// Counts of 100 ns since 1601 as seconds since 1970.
Timestamp timestamp(std::uint64_t stored) {
  constexpr std::int64_t kUnits = 10'000'000;
  constexpr std::int64_t kEpoch = 11'644'473'600;  ///< seconds from 1601 to 1970
  const auto time = static_cast<std::int64_t>(stored);
  std::int64_t seconds = time / kUnits;
  std::int64_t rest = time % kUnits;
  if (rest < 0) {
    rest += kUnits;
    --seconds;
  }
  return {seconds - kEpoch, static_cast<std::uint32_t>(rest * 100)};
}

class NtfsFileSystem final : public FileSystem {
 public:
  NtfsFileSystem(Volume volume, FileSystemInfo info)
      : volume_(std::move(volume)), info_(std::move(info)) {}

  const FileSystemInfo& info() const override { return info_; }
  Result<SpaceUsage> usage() const override;
  std::uint64_t root() const override { return kRootFile; }
  Result<Attributes> stat(std::uint64_t inode) const override;
  Result<std::uint64_t> lookup(std::uint64_t directory, std::string_view name) const override {
    return find(directory, name, Case::exact);
  }
  Result<std::uint64_t> lookup_ignoring_case(std::uint64_t directory,
                                             std::string_view name) const override {
    return find(directory, name, Case::ignored);
  }
  Result<void> read_directory(std::uint64_t directory, std::uint64_t cookie,
                              EntryVisitor visit) const override;
  Result<std::uint64_t> parent(std::uint64_t directory) const override;
  Result<std::string> read_link(std::uint64_t inode) const override;
  Result<std::size_t> read(std::uint64_t inode, std::uint64_t offset,
                           std::span<std::byte> out) const override;
  Result<Location> locate(std::uint64_t inode, std::uint64_t offset,
                          std::uint64_t length) const override;
  Result<Extent> extent(std::uint64_t inode, std::uint64_t offset) const override;
  Result<std::vector<std::string>> list_attributes(std::uint64_t inode) const override;
  Result<std::string> attribute(std::uint64_t inode, std::string_view name) const override;

 private:
  Result<std::uint64_t> find(std::uint64_t directory, std::string_view name, Case rule) const;
  Result<Nature> nature(File& file) const {
    const StandardInformation information = TRY(file.standard_information());
    return nature_of(volume_, file, information);
  }
  Result<ContentCache::Entry> content(std::uint64_t inode) const;

  Volume volume_;
  FileSystemInfo info_;
  mutable ContentCache contents_;
  mutable std::once_flag counted_;
  mutable std::optional<Result<SpaceUsage>> usage_;
};

Result<SpaceUsage> NtfsFileSystem::usage() const {
  std::call_once(counted_, [this] { usage_.emplace(count_usage(volume_)); });
  return *usage_;
}

/// Sizes as ntfs-3g shows them: of the main stream, or of a directory's index blocks.
Result<void> fill_sizes(File& file, const Nature& nature, Attributes& out) {
  const bool is_directory = file.base().is_directory();
  const Attribute* const main = is_directory
                                    ? TRY(file.find(AttributeType::index_allocation, "$I30"))
                                    : TRY(file.find(AttributeType::data));
  std::uint64_t allocated = 0;
  if (main != nullptr) {
    out.size = main->size();
    allocated = main->non_resident ? main->allocated_size : (out.size + 7) / 8 * 8;
  }
  if (nature.wof) {
    const Attribute* const stored = TRY(file.find(AttributeType::data, "WofCompressedData"));
    if (stored != nullptr)
      allocated += stored->non_resident ? stored->allocated_size : stored->size();
  }
  out.blocks = allocated / 512 + (allocated % 512 != 0 ? 1 : 0);
  return success();
}

Result<Attributes> NtfsFileSystem::stat(std::uint64_t inode) const {
  File file = TRY(File::open(volume_, inode));
  const StandardInformation information = TRY(file.standard_information());
  const Nature nature = TRY(nature_of(volume_, file, information));
  Attributes out;
  out.inode = inode;
  out.type = nature.type;
  const bool read_only = nature.type == FileType::regular && (nature.attributes & kReadOnly) != 0;
  out.permissions = read_only ? 0555 : 0777;
  out.links = nature.type == FileType::directory ? 1 : file.base().links();
  out.block_size = volume_.geometry.cluster_size;
  TRY(fill_sizes(file, nature, out));
  if (nature.type == FileType::symlink) out.size = nature.target.size();
  out.device_major = nature.device_major;
  out.device_minor = nature.device_minor;
  out.accessed = timestamp(information.last_access_time.value());
  out.modified = timestamp(information.last_data_change_time.value());
  out.changed = timestamp(information.last_mft_change_time.value());
  out.owned_by_mounter = true;
  return out;
}

Result<std::uint64_t> NtfsFileSystem::find(std::uint64_t directory, std::string_view name,
                                           Case rule) const {
  File file = TRY(File::open(volume_, directory));
  const FileReference found = TRY(find_name(volume_, file, name, rule));
  // The record must still be that of the file that the entry means.
  const auto record = volume_.mft.record(found);
  if (!record) return record.error();
  return found.number;
}

Result<void> NtfsFileSystem::read_directory(std::uint64_t directory, std::uint64_t cookie,
                                            EntryVisitor visit) const {
  File file = TRY(File::open(volume_, directory));
  return list_names(volume_, file, cookie, visit);
}

Result<std::uint64_t> NtfsFileSystem::parent(std::uint64_t directory) const {
  if (directory == kRootFile) return kRootFile;
  File file = TRY(File::open(volume_, directory));
  const FileReference found = TRY(parent_of(file));
  return found.number;
}

Result<std::string> NtfsFileSystem::read_link(std::uint64_t inode) const {
  File file = TRY(File::open(volume_, inode));
  Nature found = TRY(nature(file));
  if (found.type != FileType::symlink) return Error{Errc::not_symlink, "not a symbolic link", {}};
  if (found.problem) return *found.problem;
  return std::move(found.target);
}

Result<ContentCache::Entry> NtfsFileSystem::content(std::uint64_t inode) const {
  auto entry = contents_.find(inode);
  if (entry == nullptr) {
    File file = TRY(File::open(volume_, inode));
    const Nature found = TRY(nature(file));
    if (found.type == FileType::directory) return Error{Errc::is_directory, "is a directory", {}};
    if (found.type != FileType::regular) return Error{Errc::invalid, "not a regular file", {}};
    entry = std::make_shared<const Content>(TRY(open_content(file, found)));
    contents_.keep(inode, entry);
  }
  if (entry->problem) return *entry->problem;
  return entry;
}

Result<std::size_t> NtfsFileSystem::read(std::uint64_t inode, std::uint64_t offset,
                                         std::span<std::byte> out) const {
  const auto found = TRY(content(inode));
  if (offset >= found->size() || out.empty()) return std::size_t{0};
  if (found->wof) return found->wof->read(volume_, inode, offset, out);
  return found->data->read(volume_, offset, out, inode);
}

Result<Location> NtfsFileSystem::locate(std::uint64_t inode, std::uint64_t offset,
                                        std::uint64_t length) const {
  const auto found = TRY(content(inode));
  if (offset >= found->size() || length == 0)
    return Error{Errc::invalid, "offset past the end of the file", {}};
  if (found->wof)
    return Location{Location::Kind::decoded, std::min(length, found->size() - offset)};
  return found->data->locate(volume_, offset, length);
}

Result<Extent> NtfsFileSystem::extent(std::uint64_t inode, std::uint64_t offset) const {
  const auto found = TRY(content(inode));
  if (offset >= found->size())
    return Error{Errc::no_more_data, "offset past the end of the file", {}};
  if (found->wof) return Extent{0, found->size(), 0, Extent::Kind::data};
  return found->data->extent(volume_.geometry, offset);
}

Result<std::vector<std::string>> NtfsFileSystem::list_attributes(std::uint64_t inode) const {
  File file = TRY(File::open(volume_, inode));
  const Nature found = TRY(nature(file));
  return list_streams(file, found);
}

Result<std::string> NtfsFileSystem::attribute(std::uint64_t inode, std::string_view name) const {
  File file = TRY(File::open(volume_, inode));
  const Nature found = TRY(nature(file));
  return extended_attribute(volume_, file, found, name);
}

Result<UpCase> read_upcase(const Volume& volume) {
  File file = TRY(File::open(volume, kUpCaseFile));
  const auto table = TRY(file.value(AttributeType::data, {}, 2 * 65536));
  if (!table) return corrupt("$UpCase without data");
  return UpCase::parse(*table);
}

/// blkid's spelling of the serial number.
std::string serial_text(std::uint64_t serial) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(serial >> shift & 255U);
  std::string text = to_hex(bytes);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

FileSystemInfo read_info(const Volume& volume) {
  FileSystemInfo info;
  info.type = "ntfs";
  info.uuid = serial_text(volume.geometry.serial);
  if (volume.geometry.from_backup)
    info.remarks.push_back({Remark::Kind::damaged, "boot sector is damaged; its backup was taken"});
  for (std::size_t number = 0; number < Mft::kMirrored; ++number)
    if (volume.mft.is_from_mirror(number))
      info.remarks.push_back(
          {Remark::Kind::damaged,
           "MFT record " + std::to_string(number) + " is damaged; its copy in $MFTMirr was taken"});
  if (volume.geometry.sectors > volume.device->size() / volume.geometry.sector_size)
    info.remarks.push_back(
        {Remark::Kind::damaged, "volume of " + std::to_string(volume.geometry.sectors) +
                                    " sectors is cut off after " +
                                    std::to_string(volume.device->size()) + " bytes"});
  read_state(volume, info);
  return info;
}

Result<FileSystemPtr> open(Device device, Recovery recovery) {
  static_cast<void>(recovery);  // $LogFile is told of, never replayed
  const Geometry geometry = TRY(read_geometry(*device));
  Mft mft = TRY(Mft::open(device, geometry));
  Volume volume{device,
                geometry,
                std::move(mft),
                {},
                std::make_shared<ByteCache>(cache_capacity()),
                std::make_shared<WofDecompressors>()};
  auto upcase = read_upcase(volume);
  if (upcase) volume.upcase = std::move(upcase.value());
  const File root = TRY(File::open(volume, kRootFile));
  if (!root.base().is_directory()) return corrupt("root (MFT record 5) is not a directory");
  auto info = read_info(volume);
  if (!volume.upcase.is_known())
    info.remarks.push_back(
        {Remark::Kind::damaged,
         "$UpCase cannot be read (" + describe(upcase.error()) +
             "): names are looked up one by one, and only ASCII letters have a case"});
  return FileSystemPtr(std::make_shared<NtfsFileSystem>(std::move(volume), std::move(info)));
}

}  // namespace

FileSystemType file_system_type() { return {"ntfs", probe, open}; }

}  // namespace imgfs::ntfs
