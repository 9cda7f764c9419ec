#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/checker.h"
#include "core/memory_device.h"

namespace imgfs::test {

using namespace checkers;

/// A guest's files in a map. Directories are there by the paths below them.
class FakeFiles final : public GuestFiles {
 public:
  struct Node {
    FileType type = FileType::regular;
    std::string content;  ///< or a link's target
    std::optional<Error> error;
  };
  std::map<std::string, Node> nodes;

  void put(const std::string& path, std::string content) { nodes[path] = {FileType::regular, std::move(content), {}}; }
  void link(const std::string& path, std::string target) { nodes[path] = {FileType::symlink, std::move(target), {}}; }
  void directory(const std::string& path) { nodes[path] = {FileType::directory, "", {}}; }
  void damage(const std::string& path, Errc code = Errc::corrupt) { nodes[path].error = Error{code, "damaged for the test"}; }
  void remove(const std::string& path);  ///< with all below it
  std::string& text(const std::string& path) { return nodes[path].content; }
  void replace(const std::string& path, std::string_view what, std::string_view with);

  Result<Attributes> stat(std::string_view path, LastLink last) const override;
  Result<std::string> read_text(std::string_view path, std::size_t limit) const override;
  Result<std::size_t> read(std::string_view path, std::uint64_t offset, std::span<std::byte> out) const override;
  Result<std::vector<std::string>> list(std::string_view path, std::size_t limit) const override;
  Result<std::string> read_link(std::string_view path) const override;
  std::string shown(std::string_view path) const override { return "/root" + std::string(path); }

 private:
  Result<std::string> resolve(std::string_view path, LastLink last) const;
};

/// A file system of which only the description is asked for.
class FakeFileSystem final : public FileSystem {
 public:
  FileSystemInfo description;
  SpaceUsage space;

  const FileSystemInfo& info() const override { return description; }
  Result<SpaceUsage> usage() const override { return space; }
  std::uint64_t root() const override { return 2; }
  Result<Attributes> stat(std::uint64_t) const override { return none(); }
  Result<std::uint64_t> lookup(std::uint64_t, std::string_view) const override { return none(); }
  Result<void> read_directory(std::uint64_t, std::uint64_t, EntryVisitor) const override { return none(); }
  Result<std::uint64_t> parent(std::uint64_t) const override { return none(); }
  Result<std::string> read_link(std::uint64_t) const override { return none(); }
  Result<std::size_t> read(std::uint64_t, std::uint64_t, std::span<std::byte>) const override { return none(); }
  Result<Location> locate(std::uint64_t, std::uint64_t, std::uint64_t) const override { return none(); }
  Result<Extent> extent(std::uint64_t, std::uint64_t) const override { return none(); }
  Result<std::vector<std::string>> list_attributes(std::uint64_t) const override { return none(); }
  Result<std::string> attribute(std::uint64_t, std::string_view) const override { return none(); }

 private:
  static Error none() { return {Errc::unsupported, "not in this fake"}; }
};

/// A disk of any size: a first sector, then zeros.
class FakeDisk final : public BlockDevice {
 public:
  std::vector<std::byte> head = std::vector<std::byte>(512);
  std::uint64_t bytes = 10ULL << 30;
  bool broken = false;
  std::uint64_t size() const override { return bytes; }

 private:
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override;
};

class FakeTree final : public Tree {
 public:
  ImageInfo image_info;
  FakeDisk fake_disk;
  VolumeTable volume_table;
  std::vector<TreeVolume> all_volumes;
  std::vector<InstalledGuest> all_guests;

  const ImageInfo& image() const override { return image_info; }
  const BlockDevice& disk() const override { return fake_disk; }
  const VolumeTable& table() const override { return volume_table; }
  const std::vector<TreeVolume>& volumes() const override { return all_volumes; }
  const std::vector<InstalledGuest>& guests() const override { return all_guests; }
  std::optional<std::size_t> guest() const override {
    return all_guests.empty() ? std::nullopt : std::optional<std::size_t>(0);
  }

  Result<Found> lookup(NodeId, std::string_view) const override { return none(); }
  void forget(NodeId, std::uint64_t) const override {}
  Result<Attributes> stat(NodeId) const override { return none(); }
  Result<void> read_directory(NodeId, std::uint64_t, Listing, FunctionRef<bool(const TreeEntry&)>) const override { return none(); }
  Result<NodeId> parent(NodeId) const override { return none(); }
  Result<std::string> read_link(NodeId) const override { return none(); }
  Result<void> open(NodeId) const override { return none(); }
  Result<std::size_t> read(NodeId, std::uint64_t, std::span<std::byte>) const override { return none(); }
  Result<Location> locate(NodeId, std::uint64_t, std::uint64_t) const override { return none(); }
  Result<std::uint64_t> seek(NodeId, std::uint64_t, Seek) const override { return none(); }
  Result<SpaceUsage> usage(NodeId) const override { return none(); }
  Result<std::vector<std::string>> list_attributes(NodeId) const override { return none(); }
  Result<std::string> attribute(NodeId, std::string_view) const override { return none(); }
  bool is_report(NodeId) const override { return false; }
  bool without_attributes(NodeId) const override { return false; }

 private:
  static Error none() { return {Errc::unsupported, "not in this fake"}; }
};

/// A whole made-up image with one Linux guest on it.
struct Guest {
  FakeTree tree;
  FakeFiles files;
  std::map<std::size_t, FakeFiles> volume_files;
  std::string image_path = "disk.qcow2";
  std::uint64_t size_bound = 2ULL << 30;
  std::uint64_t size_exact = 1ULL << 30;
  std::string version;  ///< of its kernel

  Report report(const std::string& policy = "tencent-cvm-gen4") const;
  FakeFileSystem& file_system(std::size_t volume);
  /// Puts a fresh initramfs with `modules` in place of the guest's.
  void initramfs(const std::vector<std::string>& modules);
  std::string initrd;  ///< its path
};

/// Debian 12 with GRUB 2 and initramfs-tools, of which every check of every Tencent policy passes.
Guest debian();
/// Rocky 8 with BLS entries, dracut and an rpm database in SQLite… of which the same holds.
Guest redhat();

/// A finding of `report`.
const Finding& finding(const Report& report, std::string_view check);

struct CpioFile {
  std::string name;
  std::string content = "x";
  unsigned mode = 0100644;
};
/// A "newc" archive with its trailer, padded to 512 bytes.
std::string cpio(const std::vector<CpioFile>& files);
/// Module files of kernel `version` as initramfs-tools lays them out.
std::vector<CpioFile> module_files(const std::string& version, const std::vector<std::string>& modules, const std::string& suffix = ".ko");
/// `data` compressed as "gzip", "bzip2", "xz", "lzma", "lzo", "lz4" or "zstd".
std::string compressed(const std::string& kind, const std::string& data);
/// A program's ELF header.
std::string elf(unsigned machine, bool wide);
/// An rpm header, as databases hold it.
std::string rpm_header(const std::string& name, const std::string& version, const std::string& release, const std::string& arch = "x86_64", const std::string& vendor = "");
/// Package databases with `packages` (rpm headers) in them.
std::string sqlite_database(const std::vector<std::pair<std::string, std::string>>& packages);
std::string ndb_database(const std::vector<std::string>& headers);
std::string berkeley_database(const std::vector<std::string>& headers, bool big_endian = false);

}  // namespace imgfs::test
