#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/file_system.h"
#include "ext/groups.h"
#include "ext/metadata_cache.h"
#include "ext/superblock.h"

namespace imgfs::ext {

/// One inode, checked and decoded.
struct Inode {
  std::uint32_t number = 0;
  RawInode raw{};  ///< fields that the inode is too small for are 0
  FileType type = FileType::unknown;
  std::uint16_t extra_size = 0;  ///< i_extra_isize, 0 in small inodes
  std::uint64_t size = 0;
  std::uint64_t sectors = 0;  ///< i_blocks in units of 512 bytes
  std::uint64_t xattr_block = 0;
  std::uint32_t checksum_seed = 0;  ///< for what belongs to this inode

  bool has(InodeFlag flag) const { return (raw.i_flags.value() & flag) != 0; }
  std::uint32_t uid() const {
    return std::uint32_t{raw.i_uid_high.value()} << 16 | raw.i_uid.value();
  }
  std::uint32_t gid() const {
    return std::uint32_t{raw.i_gid_high.value()} << 16 | raw.i_gid.value();
  }
  std::span<const std::byte> block_area() const { return raw.i_block; }
};

/// An inode's bytes as they lie in the table, with its extended attributes.
class InodeBytes {
 public:
  explicit InodeBytes(std::uint32_t size) : size_(size) {
    if (size > small_.size()) large_.resize(size);
  }
  std::span<std::byte> span() { return {large_.empty() ? small_.data() : large_.data(), size_}; }
  std::span<const std::byte> span() const {
    return {large_.empty() ? small_.data() : large_.data(), size_};
  }

 private:
  std::array<std::byte, 1024> small_;
  std::vector<std::byte> large_;
  std::uint32_t size_;
};

/// The superblock, the groups and the bytes below: what every part reads through.
struct Storage {
  Storage(Device below, Superblock superblock, std::vector<Remark>& remarks)
      : device(below),
        super(std::move(superblock)),
        cache(std::move(below)),
        groups(cache, super, remarks) {}

  Device device;
  Superblock super;
  MetadataCache cache;
  GroupTable groups;

  /// Reads the metadata block `block`, or its first bytes.
  Result<void> read_block(std::uint64_t block, std::span<std::byte> out) const;
  /// Byte offset of the inode in the device.
  Result<std::uint64_t> inode_offset(std::uint32_t number) const;
  /// Any inode that lies in a table, reserved ones and those not in use too.
  Result<Inode> inode(std::uint32_t number) const;
  /// The same with its bytes.
  Result<Inode> inode(std::uint32_t number, InodeBytes& bytes) const;
};

/// Decodes `bytes` (of the table's inode size), its checksum verified.
Result<Inode> parse_inode(const Superblock& super, std::uint32_t number,
                          std::span<const std::byte> bytes);

/// What the kernel checks of an inode in use before it hands it out: a known type, a name, block
/// references that lie inside the file system, a symbolic link that fits.
Result<void> check_used(const Superblock& super, const Inode& inode);
/// Whether a symbolic link's target lies in the block area: nothing is allocated but, perhaps,
/// attributes.
bool is_fast_symlink(const Superblock& super, const Inode& inode);

/// The checksum of an inode's bytes, both halves.
std::uint32_t inode_checksum(std::uint32_t inode_seed, std::span<const std::byte> bytes);

/// What stat tells of it.
Attributes attributes_of(const Superblock& super, const Inode& inode);

}  // namespace imgfs::ext
