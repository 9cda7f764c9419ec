#pragma once

#include <array>

#include "core/file_system.h"
#include "xfs/inode_format.h"
#include "xfs/volume.h"

namespace imgfs::xfs {

/// One of an inode's two maps from file blocks to blocks on disk, or the bytes it holds itself.
struct Fork {
  ForkFormat format = ForkFormat::extents;
  std::span<const std::byte> bytes;  ///< in the inode
  std::uint64_t extents = 0;         ///< how many the inode says that it has
  bool checked = false;              ///< their order has been checked
};

/// A checked inode. Its forks point into it: not to be copied.
class Inode {
 public:
  Inode() = default;
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  /// Reads and checks the inode `number`; corrupt where it is free or damaged.
  Result<void> load(const Volume& volume, std::uint64_t number);

  std::uint64_t number() const { return number_; }
  FileType type() const { return type_; }
  std::uint64_t size() const { return core_.di_size.value(); }
  std::uint64_t blocks() const { return core_.di_nblocks.value(); }
  bool is_realtime() const { return (core_.di_flags.value() & kInodeRealtime) != 0; }
  const Fork& data() const { return data_; }
  /// No extents and no bytes where the inode has no attributes.
  const Fork& attributes() const { return attributes_; }
  bool has_attributes() const { return core_.di_forkoff != 0; }

  Result<Attributes> stat(const Volume& volume) const;

 private:
  Result<void> check(const Volume& volume, std::uint64_t position) const;
  Result<void> set_forks();
  void apply(const InodeChange& change);
  Result<void> check_fork(const Fork& fork, std::string_view name) const;
  Timestamp time(const be64& field) const;
  std::uint64_t flags2() const { return core_.di_version >= 3 ? core_.di_flags2.value() : 0; }

  std::uint64_t number_ = 0;
  FileType type_ = FileType::unknown;
  InodeCore core_;
  std::size_t length_ = 0;
  Fork data_;
  Fork attributes_;
  std::array<std::byte, 2048> bytes_;  ///< only the first length_ are set
};

}  // namespace imgfs::xfs
