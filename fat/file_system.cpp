#include <algorithm>
#include <mutex>
#include <optional>

#include "core/text.h"
#include "fat/boot_sector.h"
#include "fat/directory.h"
#include "fat/fat.h"
#include "fat/file_map.h"
#include "fat/names.h"
#include "fat/times.h"

namespace imgfs::fat {
namespace {

constexpr std::uint64_t kRoot = 1;
constexpr std::uint64_t kFirstInode = std::uint64_t{1}
                                      << 32;  ///< plus the entry's place in units of 32 bytes
constexpr std::uint64_t kMaxDirectory = 65536 * kEntrySize;  ///< bytes, as Linux
constexpr std::uint32_t kNameMax = 1530;  ///< as Linux: 255 characters of up to 6 bytes

/// The root directory of FAT12 and FAT16: a region of its own.
class FixedRoot final : public ExtentMap {
 public:
  explicit FixedRoot(const BootSector& boot) : boot_(boot) {}
  Result<Extent> find(std::uint64_t logical) const override {
    if (logical >= boot_.root_size) return corrupt("past the end of the root directory", logical);
    return Extent{0, boot_.root_size, boot_.root_offset, Extent::Kind::data};
  }

 private:
  const BootSector& boot_;
};

class FatFileSystem final : public FileSystem {
 public:
  FatFileSystem(Device device, BootSector boot)
      : device_(std::move(device)), boot_(std::move(boot)), fixed_root_(boot_) {}
  Result<void> open();

  const FileSystemInfo& info() const override { return info_; }
  Result<SpaceUsage> usage() const override;
  std::uint64_t root() const override { return kRoot; }
  Result<Attributes> stat(std::uint64_t inode) const override;
  Result<std::uint64_t> lookup(std::uint64_t directory, std::string_view name) const override;
  Result<std::uint64_t> lookup_ignoring_case(std::uint64_t directory,
                                             std::string_view name) const override {
    return lookup(directory, name);
  }
  Result<void> read_directory(std::uint64_t directory, std::uint64_t cookie,
                              EntryVisitor visit) const override;
  Result<std::uint64_t> parent(std::uint64_t directory) const override;
  Result<std::string> read_link(std::uint64_t) const override {
    return Error{Errc::not_symlink, "FAT has no symbolic links"};
  }
  Result<std::size_t> read(std::uint64_t inode, std::uint64_t offset,
                           std::span<std::byte> out) const override;
  Result<Location> locate(std::uint64_t inode, std::uint64_t offset,
                          std::uint64_t length) const override;
  Result<Extent> extent(std::uint64_t inode, std::uint64_t offset) const override;
  Result<std::vector<std::string>> list_attributes(std::uint64_t) const override {
    return std::vector<std::string>();
  }
  Result<std::string> attribute(std::uint64_t, std::string_view) const override {
    return Error{Errc::no_attribute, "FAT has no extended attributes"};
  }
  bool without_attributes() const override { return true; }

 private:
  /// The clusters of a directory, or the fixed root.
  struct Directory {
    FatTable::Chain chain;  ///< null for the fixed root and for a directory without clusters
    const ExtentMap* map;
    std::uint64_t size;  ///< bytes
  };
  /// A file's clusters.
  struct File {
    FatTable::Chain chain;  ///< null where the file is empty
    std::uint64_t size;     ///< bytes
  };

  static std::uint64_t inode_of(std::uint64_t position) {
    return kFirstInode + position / kEntrySize;
  }
  std::uint32_t cluster_of(const ShortEntry& entry) const {
    const std::uint32_t high = boot_.bits == 32 ? entry.cluster_high.value() : 0U;
    return high << 16 | entry.cluster_low.value();
  }
  Result<ShortEntry> entry(std::uint64_t inode) const;
  Result<Directory> directory(std::uint64_t inode) const;
  Result<Directory> directory_at(std::uint32_t cluster) const;
  Result<File> file(std::uint64_t inode) const;
  DirectoryReader reader(const Directory& directory, std::uint64_t start = 0) const {
    return {*device_, *directory.map, directory.size, start};
  }
  Result<std::uint32_t> parent_cluster(const Directory& directory) const;
  std::uint32_t count_subdirectories(const Directory& directory) const;
  std::string label() const;

  Device device_;
  BootSector boot_;
  FixedRoot fixed_root_;
  std::unique_ptr<FatTable> table_;
  FileSystemInfo info_;
  mutable std::once_flag counted_;
  mutable std::optional<Result<std::uint32_t>> free_;
};

Result<void> FatFileSystem::open() {
  table_ = TRY(FatTable::open(device_, boot_));
  info_.type = "vfat";
  info_.uuid = boot_.uuid;
  info_.label = label();
  info_.features.push_back("FAT" + std::to_string(boot_.bits));
  if (boot_.dirty) info_.remarks.push_back({Remark::Kind::unclean, "FAT: not unmounted cleanly"});
  if (boot_.cut_short)
    info_.remarks.push_back(
        {Remark::Kind::damaged,
         "FAT: the volume is longer than its device: what lies behind is lost"});
  return success();
}

/// As blkid: the first label entry of the root directory.
std::string FatFileSystem::label() const {
  const auto root = directory(kRoot);
  if (!root) return {};
  DirectoryReader entries = reader(root.value());
  for (;;) {
    const auto item = entries.next_raw();
    if (!item || !item.value() || item.value()->name[0] == 0) return {};
    const ShortEntry& entry = *item.value();
    if (entry.name[0] == kDeleted || cluster_of(entry) != 0 ||
        (entry.attributes & 0x3fU) == kLongName ||
        (entry.attributes & (kVolumeLabel | kDirectory)) != kVolumeLabel)
      continue;
    std::string text(entry.name, sizeof entry.name);
    if (text[0] == 0x05) text[0] = kDeleted;
    text.resize(text.find_last_not_of(' ') + 1);
    return text;
  }
}

Result<SpaceUsage> FatFileSystem::usage() const {
  std::call_once(counted_, [this] { free_ = table_->count_free(); });
  SpaceUsage out;
  out.block_size = boot_.cluster_size;
  out.blocks = boot_.cluster_limit - 2;
  out.blocks_free = out.blocks_available = TRY(*free_);
  out.name_max = kNameMax;
  return out;
}

Result<ShortEntry> FatFileSystem::entry(std::uint64_t inode) const {
  const std::uint64_t position = (inode - kFirstInode) * kEntrySize;
  const bool in_root =
      position >= boot_.root_offset && position - boot_.root_offset < boot_.root_size;
  const bool in_data =
      position >= boot_.data_offset &&
      (position - boot_.data_offset) / boot_.cluster_size < boot_.cluster_limit - 2;
  if (inode < kFirstInode || inode - kFirstInode > device_->size() / kEntrySize ||
      (!in_root && !in_data))
    return Error{Errc::not_found, "no entry has the inode number " + std::to_string(inode)};
  return read_struct<ShortEntry>(*device_, position);
}

Result<FatFileSystem::Directory> FatFileSystem::directory_at(std::uint32_t cluster) const {
  if (cluster == 0 && boot_.bits != 32) return Directory{nullptr, &fixed_root_, boot_.root_size};
  FatTable::Chain chain =
      TRY(table_->chain(cluster == 0 ? boot_.root_cluster : cluster, kMaxDirectory));
  // A broken chain is an error where the good part ends, and not an empty end.
  const std::uint64_t size =
      chain->size() + (chain->end() == ClusterChain::End::broken ? boot_.cluster_size : 0);
  const ExtentMap* map = chain.get();
  return Directory{std::move(chain), map, size};
}

Result<FatFileSystem::Directory> FatFileSystem::directory(std::uint64_t inode) const {
  if (inode == kRoot) return directory_at(0);
  const ShortEntry found = TRY(entry(inode));
  if ((found.attributes & kDirectory) == 0) return Error{Errc::not_directory, "not a directory"};
  const std::uint32_t cluster = cluster_of(found);
  if (cluster == 0)
    return Directory{nullptr, &fixed_root_, 0};  // without clusters: empty, as Linux has it
  return directory_at(cluster);
}

Result<FatFileSystem::File> FatFileSystem::file(std::uint64_t inode) const {
  if (inode == kRoot) return Error{Errc::is_directory, "a directory"};
  const ShortEntry found = TRY(entry(inode));
  if ((found.attributes & kDirectory) != 0) return Error{Errc::is_directory, "a directory"};
  const std::uint64_t size = found.size.value();
  if (size == 0) return File{nullptr, 0};
  return File{TRY(table_->chain(cluster_of(found), size)), size};
}

/// As Linux counts them: every entry with the directory bit, "." and ".." among them.
std::uint32_t FatFileSystem::count_subdirectories(const Directory& directory) const {
  DirectoryReader entries = reader(directory);
  std::uint32_t count = 0;
  for (;;) {
    const auto item = entries.next_raw();
    if (!item || !item.value()) return count;
    const ShortEntry& found = *item.value();
    if (found.name[0] != 0 && found.name[0] != kDeleted && (found.attributes & kVolumeLabel) == 0 &&
        (found.attributes & kDirectory) != 0)
      ++count;
  }
}

Result<Attributes> FatFileSystem::stat(std::uint64_t inode) const {
  Attributes out;
  out.inode = inode;
  out.owned_by_mounter = true;
  out.block_size = boot_.cluster_size;
  out.permissions = 0755;
  const bool is_root = inode == kRoot;
  const ShortEntry found = is_root ? ShortEntry{} : TRY(entry(inode));
  if (is_root || (found.attributes & kDirectory) != 0) {
    const Directory directory = TRY(this->directory(inode));
    out.type = FileType::directory;
    out.size = directory.chain ? directory.chain->size() : directory.size;
    out.links = count_subdirectories(directory) + (is_root ? 2 : 0);
  } else {
    out.type = FileType::regular;
    out.size = found.size.value();
    out.links = 1;
    if ((found.attributes & kReadOnly) != 0) out.permissions = 0555;
  }
  out.blocks =
      (out.size + boot_.cluster_size - 1) / boot_.cluster_size * (boot_.cluster_size / 512);
  if (is_root) return out;  // the root has no entry and no times
  out.modified = out.changed = timestamp(found.write_date.value(), found.write_time.value());
  out.accessed = timestamp(found.access_date.value(), 0);
  return out;
}

Result<std::uint64_t> FatFileSystem::lookup(std::uint64_t directory, std::string_view name) const {
  // Linux ignores dots at the end, case, and knows the 8.3 name as well; what is listed goes first.
  const Directory found = TRY(this->directory(directory));
  DirectoryReader entries = reader(found);
  std::string_view stripped = name;
  while (stripped.ends_with('.')) stripped.remove_suffix(1);
  std::optional<std::uint64_t> similar;
  for (;;) {
    const auto item = TRY(entries.next());
    if (!item) break;
    if (item->name == name) return inode_of(item->position);
    if (!similar && !stripped.empty() &&
        (same_ignoring_case(item->name, stripped) ||
         same_ignoring_case(item->short_name, stripped)))
      similar = inode_of(item->position);
  }
  if (similar) return *similar;
  return Error{Errc::not_found, "no entry \"" + printable(name) + "\""};
}

Result<void> FatFileSystem::read_directory(std::uint64_t directory, std::uint64_t cookie,
                                           EntryVisitor visit) const {
  const Directory found = TRY(this->directory(directory));
  DirectoryReader entries = reader(found, cookie);
  for (;;) {
    const auto item = TRY(entries.next());
    if (!item) return success();
    const bool is_directory = (item->entry.attributes & kDirectory) != 0;
    if (!visit({item->name, inode_of(item->position),
                is_directory ? FileType::directory : FileType::regular, item->next}))
      return success();
  }
}

/// What ".." says; 0 for the root.
Result<std::uint32_t> FatFileSystem::parent_cluster(const Directory& directory) const {
  DirectoryReader entries = reader(directory);
  for (int i = 0; i < 2; ++i) {
    const auto item = TRY(entries.next_raw());
    if (item && is_dot_dot(*item)) {
      const std::uint32_t cluster = cluster_of(*item);
      return cluster == boot_.root_cluster ? 0 : cluster;
    }
  }
  return corrupt("directory without \"..\"");
}

Result<std::uint64_t> FatFileSystem::parent(std::uint64_t directory) const {
  if (directory == kRoot) return kRoot;
  const Directory found = TRY(this->directory(directory));
  const std::uint32_t cluster = TRY(parent_cluster(found));
  if (cluster == 0) return kRoot;
  // The parent's own entry lies in the directory above it.
  const Directory parent = TRY(directory_at(cluster));
  const std::uint32_t above_cluster = TRY(parent_cluster(parent));
  const Directory above = TRY(directory_at(above_cluster));
  DirectoryReader entries = reader(above);
  for (;;) {
    const auto item = TRY(entries.next_raw());
    if (!item)
      return corrupt("no directory entry leads to the parent's cluster " + std::to_string(cluster));
    if (item->name[0] != 0 && item->name[0] != kDeleted && (item->attributes & kVolumeLabel) == 0 &&
        (item->attributes & kDirectory) != 0 && !is_dot(*item) && !is_dot_dot(*item) &&
        cluster_of(*item) == cluster)
      return inode_of(entries.position());
  }
}

Result<std::size_t> FatFileSystem::read(std::uint64_t inode, std::uint64_t offset,
                                        std::span<std::byte> out) const {
  const File found = TRY(file(inode));
  if (offset >= found.size) return std::size_t{0};
  const auto count =
      static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), found.size - offset));
  TRY(read_extents(*found.chain, *device_, offset, out.first(count)));
  return count;
}

Result<Location> FatFileSystem::locate(std::uint64_t inode, std::uint64_t offset,
                                       std::uint64_t length) const {
  const File found = TRY(file(inode));
  if (offset >= found.size) return Error{Errc::invalid, "past the end of the file", offset};
  return locate_extents(*found.chain, *device_, offset, std::min(length, found.size - offset));
}

Result<Extent> FatFileSystem::extent(std::uint64_t inode, std::uint64_t offset) const {
  const File found = TRY(file(inode));
  if (offset >= found.size) return Error{Errc::no_more_data, "past the end of the file", offset};
  return Extent{0, found.size, 0, Extent::Kind::data};  // FAT has no holes
}

Result<FileSystemPtr> open_file_system(Device device, Recovery) {
  BootSector boot = TRY(BootSector::read(*device));
  auto out = std::make_shared<FatFileSystem>(std::move(device), std::move(boot));
  TRY(out->open());
  return FileSystemPtr(std::move(out));
}

}  // namespace

FileSystemType file_system_type() { return {"fat", probe, open_file_system}; }

}  // namespace imgfs::fat
