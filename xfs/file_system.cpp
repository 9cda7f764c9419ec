#include <algorithm>
#include <utility>

#include "core/extent.h"
#include "core/text.h"
#include "xfs/attributes.h"
#include "xfs/directory.h"
#include "xfs/fork_map.h"
#include "xfs/inode.h"
#include "xfs/recovery.h"
#include "xfs/superblock_format.h"
#include "xfs/symlink.h"
#include "xfs/usage.h"
#include "xfs/volume.h"
#include "xfs/xfs.h"

namespace imgfs::xfs {
namespace {

std::string name_of(std::uint64_t inode) { return "inode " + std::to_string(inode); }

class XfsFileSystem final : public FileSystem {
 public:
  XfsFileSystem(Device device, Superblock superblock, InodeChanges changes, FileSystemInfo info, SpaceUsage usage)
      : volume_(std::move(device), std::move(superblock), std::move(changes)), info_(std::move(info)), usage_(usage) {}

  const FileSystemInfo& info() const override { return info_; }
  Result<SpaceUsage> usage() const override { return usage_; }
  std::uint64_t root() const override { return volume_.sb().root; }

  Result<Attributes> stat(std::uint64_t number) const override {
    return with(number, [&](const Inode& inode) { return inode.stat(volume_); });
  }

  Result<std::uint64_t> lookup(std::uint64_t directory, std::string_view name) const override {
    return in_directory(directory, [&](const Inode& inode) { return find_entry(volume_, inode, name, NameCase::exact); });
  }
  Result<std::uint64_t> lookup_ignoring_case(std::uint64_t directory, std::string_view name) const override {
    const NameCase how = volume_.sb().ascii_ci ? NameCase::ignored : NameCase::exact;
    return in_directory(directory, [&](const Inode& inode) { return find_entry(volume_, inode, name, how); });
  }
  Result<void> read_directory(std::uint64_t directory, std::uint64_t cookie, EntryVisitor visit) const override {
    return in_directory(directory, [&](const Inode& inode) { return xfs::read_directory(volume_, inode, cookie, visit); });
  }
  Result<std::uint64_t> parent(std::uint64_t directory) const override {
    return in_directory(directory, [&](const Inode& inode) { return parent_of(volume_, inode); });
  }

  Result<std::string> read_link(std::uint64_t number) const override {
    return with(number, [&](const Inode& inode) -> Result<std::string> {
      if (inode.type() != FileType::symlink) return Error{Errc::not_symlink, "not a symbolic link", {}};
      return read_symlink(volume_, inode);
    });
  }

  Result<std::size_t> read(std::uint64_t number, std::uint64_t offset, std::span<std::byte> out) const override {
    return in_file(number, [&](const Inode& inode) -> Result<std::size_t> {
      if (offset >= inode.size()) return std::size_t{0};
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), inode.size() - offset));
      const ForkMap map(volume_, inode, inode.data());
      TRY(read_extents(map, volume_.device(), offset, out.first(count)));
      return count;
    });
  }
  Result<Location> locate(std::uint64_t number, std::uint64_t offset, std::uint64_t length) const override {
    return in_file(number, [&](const Inode& inode) -> Result<Location> {
      if (offset >= inode.size()) return Error{Errc::invalid, "offset past the end of the file", {}};
      const ForkMap map(volume_, inode, inode.data());
      return locate_extents(map, volume_.device(), offset, std::min(length, inode.size() - offset));
    });
  }
  Result<Extent> extent(std::uint64_t number, std::uint64_t offset) const override {
    return in_file(number, [&](const Inode& inode) -> Result<Extent> {
      if (offset >= inode.size()) return Error{Errc::no_more_data, "offset past the end of the file", {}};
      Extent found = TRY(find_extent(ForkMap(volume_, inode, inode.data()), offset));
      found.length = std::min(found.length, inode.size() - found.logical);
      return found;
    });
  }

  Result<std::vector<std::string>> list_attributes(std::uint64_t number) const override {
    return with(number, [&](const Inode& inode) { return xfs::list_attributes(volume_, inode); });
  }
  Result<std::string> attribute(std::uint64_t number, std::string_view name) const override {
    return with(number, [&](const Inode& inode) { return xfs::attribute(volume_, inode, name); });
  }

 private:
  /// `act` on the inode; errors of corruption get its name.
  template <class Act>
  std::invoke_result_t<Act, const Inode&> with(std::uint64_t number, Act&& act) const {
    Inode inode;
    if (auto loaded = inode.load(volume_, number); !loaded) return in_context(loaded.error(), name_of(number));
    auto result = act(std::as_const(inode));
    if (!result && (result.error().code == Errc::corrupt || result.error().code == Errc::unsupported))
      return in_context(result.error(), name_of(number));
    return result;
  }
  template <class Act>
  std::invoke_result_t<Act, const Inode&> in_directory(std::uint64_t number, Act&& act) const {
    return with(number, [&](const Inode& inode) -> std::invoke_result_t<Act, const Inode&> {
      if (inode.type() != FileType::directory) return Error{Errc::not_directory, "not a directory", {}};
      return act(inode);
    });
  }
  template <class Act>
  std::invoke_result_t<Act, const Inode&> in_file(std::uint64_t number, Act&& act) const {
    return with(number, [&](const Inode& inode) -> std::invoke_result_t<Act, const Inode&> {
      if (inode.type() == FileType::directory) return Error{Errc::is_directory, "a directory", {}};
      if (inode.type() != FileType::regular) return Error{Errc::invalid, "not a regular file", {}};
      return act(inode);
    });
  }

  Volume volume_;
  FileSystemInfo info_;
  SpaceUsage usage_;
};

FileSystemInfo describe_superblock(const Superblock& sb, const BlockDevice& device) {
  FileSystemInfo info;
  info.type = "xfs";
  info.label = sb.label;
  info.uuid = uuid_text(sb.uuid);
  info.features = sb.features;
  if (sb.needs_repair) info.remarks.push_back({Remark::Kind::damaged, "marked as needing repair (needsrepair)"});
  const std::uint64_t size = sb.blocks << sb.block_log;
  if (size > device.size())
    info.remarks.push_back({Remark::Kind::damaged, "the file system has " + std::to_string(size) +
                                                       " bytes, its device only " + std::to_string(device.size())});
  if (sb.realtime_blocks != 0)
    info.remarks.push_back({Remark::Kind::unsupported, "files on the realtime device cannot be read: it is not part of this one"});
  return info;
}

/// Up to so many allocation groups the counters are taken from their headers also after a clean unmount: the kernel
/// does without recovery, and only they say what the free space btrees take.
constexpr std::uint32_t kCountedGroups = 1024;

bool probe(const BlockDevice& device) {
  const auto magic = read_struct<be32>(device, 0);
  return magic && magic.value().value() == SuperblockOnDisk::kMagic;
}

Result<FileSystemPtr> open(Device device, Recovery recovery) {
  Superblock sb = TRY(read_superblock(*device));
  Recovered recovered = recover(std::move(device), sb, recovery);
  device = std::move(recovered.device);
  if (recovered.replayed) sb = TRY(read_superblock(*device));
  FileSystemInfo info = describe_superblock(sb, *device);
  info.remarks.insert(info.remarks.end(), recovered.remarks.begin(), recovered.remarks.end());
  if (!recovered.clean || sb.ag_count <= kCountedGroups) recount(*device, sb);
  const SpaceUsage usage = space_usage(sb);
  return FileSystemPtr(std::make_shared<XfsFileSystem>(std::move(device), std::move(sb), std::move(recovered.changes),
                                                       std::move(info), usage));
}

}  // namespace

FileSystemType file_system_type() { return {"xfs", probe, open}; }

}  // namespace imgfs::xfs
