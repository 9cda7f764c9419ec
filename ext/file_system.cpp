#include <algorithm>

#include "core/text.h"
#include "ext/directory.h"
#include "ext/ext.h"
#include "ext/inline_data.h"
#include "ext/orphans.h"
#include "ext/recovery.h"
#include "ext/symlink.h"
#include "ext/usage.h"
#include "ext/xattr.h"

namespace imgfs::ext {
namespace {

class ExtFileSystem final : public FileSystem {
 public:
  ExtFileSystem(std::unique_ptr<const Storage> storage, FileSystemInfo info, OrphanEffects orphans)
      : storage_(std::move(storage)), info_(std::move(info)), orphans_(std::move(orphans)) {
    if (storage_->super.has(kHasJournal) && storage_->super.journal_inode != 0)
      if (const auto journal = storage_->inode(storage_->super.journal_inode))
        journal_blocks_ = journal.value().size / storage_->super.block_size;
    usage_ = space_usage(*storage_, journal_blocks_);
    const std::uint64_t freed = orphans_.freed_sectors * 512 / usage_.block_size;
    usage_.blocks_free += freed;
    usage_.blocks_available += freed;
    usage_.inodes_free += orphans_.freed_inodes;
  }

  const FileSystemInfo& info() const override { return info_; }
  Result<SpaceUsage> usage() const override { return usage_; }
  std::uint64_t root() const override { return kRootInode; }

  Result<Attributes> stat(std::uint64_t number) const override {
    const Inode inode = TRY(used_inode(number));
    Attributes out = attributes_of(storage_->super, inode);
    if (!orphans_.sectors.empty()) apply_orphans(out);
    if (inode.type == FileType::symlink && inode.has(kFlagEncrypt))
      out.size = TRY(read_symlink(*storage_, leaves_, inode)).size();
    return out;
  }

  Result<std::uint64_t> lookup(std::uint64_t directory, std::string_view name) const override {
    const Inode inode = TRY(directory_inode(directory));
    return Directory(*storage_, leaves_, inode).lookup(name);
  }

  Result<void> read_directory(std::uint64_t directory, std::uint64_t cookie,
                              EntryVisitor visit) const override {
    const Inode inode = TRY(directory_inode(directory));
    const auto done = Directory(*storage_, leaves_, inode).list(cookie, visit);
    if (!done) return in_context(done.error(), "inode " + std::to_string(directory));
    return success();
  }

  Result<std::uint64_t> parent(std::uint64_t directory) const override {
    const Inode inode = TRY(directory_inode(directory));
    return Directory(*storage_, leaves_, inode).parent();
  }

  Result<std::string> read_link(std::uint64_t number) const override {
    const Inode inode = TRY(used_inode(number));
    if (inode.type != FileType::symlink) return Error{Errc::not_symlink, "not a symbolic link", {}};
    return read_symlink(*storage_, leaves_, inode);
  }

  Result<std::size_t> read(std::uint64_t number, std::uint64_t offset,
                           std::span<std::byte> out) const override {
    const Inode inode = TRY(file_inode(number));
    if (offset >= inode.size) return std::size_t{0};
    out = out.first(
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), inode.size - offset)));
    if (inode.has(kFlagInlineData))
      TRY(copy_inline(inode, offset, out));
    else
      TRY(read_extents(FileMap(*storage_, leaves_, inode), *storage_->device, offset, out));
    return out.size();
  }

  Result<Location> locate(std::uint64_t number, std::uint64_t offset,
                          std::uint64_t length) const override {
    const Inode inode = TRY(file_inode(number));
    if (length == 0 || offset >= inode.size)
      return Error{Errc::invalid, "offset past the file's end", offset};
    length = std::min(length, inode.size - offset);
    if (inode.has(kFlagInlineData)) return Location{Location::Kind::decoded, length};
    return locate_extents(FileMap(*storage_, leaves_, inode), *storage_->device, offset, length);
  }

  Result<Extent> extent(std::uint64_t number, std::uint64_t offset) const override {
    const Inode inode = TRY(file_inode(number));
    if (inode.has(kFlagInlineData))
      return Extent{0, std::max(inode.size, offset + 1), 0, Extent::Kind::data};
    return find_extent(FileMap(*storage_, leaves_, inode), offset);
  }

  Result<std::vector<std::string>> list_attributes(std::uint64_t number) const override {
    return list_xattrs(*storage_, TRY(used_inode(number)));
  }

  Result<std::string> attribute(std::uint64_t number, std::string_view name) const override {
    const Inode inode = TRY(used_inode(number));
    return read_xattr(*storage_, leaves_, inode, name);
  }

 private:
  void apply_orphans(Attributes& attributes) const {
    const auto cut = std::ranges::lower_bound(orphans_.sectors, attributes.inode, {},
                                              [](const auto& pair) { return pair.first; });
    if (cut != orphans_.sectors.end() && cut->first == attributes.inode)
      attributes.blocks = cut->second;
  }

  /// An inode that an entry may lead to: not reserved, in use, of a known type.
  Result<Inode> used_inode(std::uint64_t number) const {
    const Superblock& super = storage_->super;
    if (number > super.inodes || (number != kRootInode && number < super.first_inode))
      return corrupt("inode " + std::to_string(number) + " (in use are " +
                     std::to_string(super.first_inode) + " to " + std::to_string(super.inodes) +
                     ")");
    const Inode inode = TRY(storage_->inode(static_cast<std::uint32_t>(number)));
    TRY(check_used(super, inode));
    return inode;
  }

  Result<Inode> directory_inode(std::uint64_t number) const {
    Inode inode = TRY(used_inode(number));
    if (inode.type != FileType::directory) return Error{Errc::not_directory, "not a directory", {}};
    return inode;
  }

  Result<Inode> file_inode(std::uint64_t number) const {
    Inode inode = TRY(used_inode(number));
    if (inode.type == FileType::directory) return Error{Errc::is_directory, "is a directory", {}};
    if (inode.type != FileType::regular) return Error{Errc::invalid, "not a regular file", {}};
    if (inode.has(kFlagEncrypt)) return Error{Errc::no_key, "the file is encrypted", {}};
    return inode;
  }

  Result<void> copy_inline(const Inode& inode, std::uint64_t offset,
                           std::span<std::byte> out) const {
    const auto data = TRY(read_inline_data(*storage_, inode));
    // What the file's size has beyond the inode's room was never written.
    fill_zero(out);
    if (offset >= data.size()) return success();
    const auto from = std::span(data).subspan(static_cast<std::size_t>(offset));
    copy_bytes(from.first(std::min(from.size(), out.size())), out);
    return success();
  }

  std::unique_ptr<const Storage> storage_;
  FileSystemInfo info_;
  OrphanEffects orphans_;
  LeafCache leaves_;
  std::uint64_t journal_blocks_ = 0;
  SpaceUsage usage_;
};

bool probe(const BlockDevice& device) {
  const auto raw = read_struct<RawSuperblock>(device, kSuperblockOffset);
  return raw && raw.value().s_magic.value() == RawSuperblock::kMagic;
}

FileSystemInfo describe_superblock(const Superblock& super) {
  FileSystemInfo info;
  info.type = type_name(super.features);
  info.label = super.label;
  if (std::ranges::any_of(super.uuid, [](std::byte b) { return b != std::byte{0}; }))
    info.uuid = uuid_text(super.uuid);
  info.features = feature_names(super.features);
  return info;
}

void add_state_remarks(const Superblock& super, std::uint64_t device_size,
                       std::vector<Remark>& remarks) {
  if (super.blocks * super.block_size > device_size)
    remarks.push_back({Remark::Kind::damaged,
                       "the file system has " + std::to_string(super.blocks * super.block_size) +
                           " bytes, its device only " + std::to_string(device_size)});
  if ((super.state & RawSuperblock::kStateError) != 0)
    remarks.push_back({Remark::Kind::damaged, "the file system is marked as having errors (" +
                                                  std::to_string(super.errors) + " so far)"});
}

Result<FileSystemPtr> open(Device device, Recovery recovery) {
  std::vector<Remark> remarks;
  Superblock super = TRY(read_superblock(*device, remarks));
  Recovered now = TRY(recover(std::move(device), std::move(super), recovery, remarks));
  add_state_remarks(now.super, now.device->size(), remarks);
  FileSystemInfo info = describe_superblock(now.super);
  auto storage = std::make_unique<Storage>(std::move(now.device), std::move(now.super), remarks);
  OrphanEffects orphans;
  if (now.complete && recovery == Recovery::log) {
    auto found = process_orphans(*storage, LeafCache());
    if (found)
      orphans = std::move(found.value());
    else
      remarks.push_back({Remark::Kind::damaged, "orphans: " + describe(found.error())});
    if (orphans.count > 0)
      remarks.push_back({Remark::Kind::note,
                         std::to_string(orphans.count) + " files were being deleted or cut off"});
  }
  info.remarks = std::move(remarks);
  return FileSystemPtr(
      std::make_shared<ExtFileSystem>(std::move(storage), std::move(info), std::move(orphans)));
}

}  // namespace

FileSystemType file_system_type() { return {"ext", probe, open}; }

}  // namespace imgfs::ext
