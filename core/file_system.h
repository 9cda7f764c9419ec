#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/block_device.h"
#include "core/extent.h"
#include "core/function_ref.h"
#include "core/result.h"

namespace imgfs {

enum class FileType { unknown, regular, directory, symlink, character, block, fifo, socket };

/// A point in time as `stat` shows it: seconds since 1970 (negative before) and nanoseconds.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;  ///< 0 … 999,999,999
  bool operator==(const Timestamp&) const = default;
};

/// What `stat` tells of one object, exactly as the file system stores it.
struct Attributes {
  std::uint64_t inode = 0;
  FileType type = FileType::unknown;
  std::uint16_t permissions = 0;  ///< the twelve bits 07777
  std::uint32_t links = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;        ///< bytes
  std::uint64_t blocks = 0;      ///< units of 512 bytes, as st_blocks
  std::uint32_t block_size = 0;  ///< bytes, as st_blksize
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  Timestamp accessed;
  Timestamp modified;
  Timestamp changed;
  /// The owner is not stored (NTFS, FAT): shown as the mounting user's.
  bool owned_by_mounter = false;
};

/// One entry of a directory, without "." and "..". Valid only during the visitor's call.
struct DirectoryEntry {
  std::string_view name;  ///< bytes as stored, also those that no path can hold
  std::uint64_t inode;
  FileType type;               ///< `unknown` where the directory does not store it
  std::uint64_t next_cookie;   ///< where a listing goes on after this entry; never 0; below 2^63
};

/// Gets each entry; answers false to stop (the entry it refused is listed again from its cookie).
using EntryVisitor = FunctionRef<bool(const DirectoryEntry&)>;

struct SpaceUsage {            ///< as statfs
  std::uint32_t block_size = 0;  ///< bytes
  std::uint64_t blocks = 0;      ///< of block_size, in all
  std::uint64_t blocks_free = 0;
  std::uint64_t blocks_available = 0;
  std::uint64_t inodes = 0;
  std::uint64_t inodes_free = 0;
  std::uint32_t name_max = 255;
};

/// Something a reader of the report should know of a file system.
struct Remark {
  enum class Kind {
    note,         ///< "journal replayed in memory: 12 blocks"
    unclean,      ///< "journal not replayed", "hibernated": what is shown may be older or newer
    damaged,      ///< a checksum that does not match, a damaged backup structure
    unsupported,  ///< a feature whose files cannot be read
  };
  Kind kind;
  std::string text;
};

struct FileSystemInfo {
  std::string type;                   ///< as blkid spells it: "ext4", "xfs", "ntfs", "vfat"
  std::string label;                  ///< bytes; empty where there is none
  std::string uuid;                   ///< as blkid spells it; empty where there is none
  std::vector<std::string> features;  ///< names as dumpe2fs, xfs_info or ntfsinfo spell them
  std::vector<Remark> remarks;        ///< what was seen at open
};

enum class Recovery { log, none };  ///< whether a dirty journal is replayed in memory

/// A readable file system. Objects are known by inode numbers below 2^56. Everything is immutable
/// after open and safe for any number of concurrent calls; no call writes.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual const FileSystemInfo& info() const = 0;
  virtual Result<SpaceUsage> usage() const = 0;
  virtual std::uint64_t root() const = 0;
  virtual Result<Attributes> stat(std::uint64_t inode) const = 0;

  /// The inode of the entry `name`, byte for byte; not_found where there is none.
  virtual Result<std::uint64_t> lookup(std::uint64_t directory, std::string_view name) const = 0;
  /// The same as the guest would look it up where it ignores case (Windows); by default byte for byte.
  virtual Result<std::uint64_t> lookup_ignoring_case(std::uint64_t directory,
                                                     std::string_view name) const {
    return lookup(directory, name);
  }
  /// Visits the entries from `cookie` on (0: from the start) in disk order, without "." and "..".
  /// An error may come after entries have been visited.
  virtual Result<void> read_directory(std::uint64_t directory, std::uint64_t cookie,
                                      EntryVisitor visit) const = 0;
  /// The directory that `directory` itself names as its parent ("..", or the like).
  virtual Result<std::uint64_t> parent(std::uint64_t directory) const = 0;

  /// The stored target, bytes.
  virtual Result<std::string> read_link(std::uint64_t inode) const = 0;
  /// Reads a regular file. The number of bytes: short only at the end of the file.
  virtual Result<std::size_t> read(std::uint64_t inode, std::uint64_t offset,
                                   std::span<std::byte> out) const = 0;
  /// Where the bytes of a regular file from `offset` on lie, at most `length` (not 0), not beyond
  /// its end; `offset` must lie inside.
  virtual Result<Location> locate(std::uint64_t inode, std::uint64_t offset,
                                  std::uint64_t length) const = 0;
  /// For SEEK_DATA and SEEK_HOLE: the extent of the file around `offset`, as the kernel's own driver
  /// would tell them (an unwritten extent is a hole). `physical` has no meaning here.
  virtual Result<Extent> extent(std::uint64_t inode, std::uint64_t offset) const = 0;

  /// Names with their prefixes ("user.x", "security.selinux", "system.posix_acl_access"), as stored.
  virtual Result<std::vector<std::string>> list_attributes(std::uint64_t inode) const = 0;
  /// The value; no_attribute where there is none.
  virtual Result<std::string> attribute(std::uint64_t inode, std::string_view name) const = 0;
  /// True where no object has attributes, so that nobody need ask.
  virtual bool without_attributes() const { return false; }
};

using FileSystemPtr = std::shared_ptr<const FileSystem>;

/// How a file system is recognised and opened: one row of vfs' table.
struct FileSystemType {
  std::string_view name;
  /// True where `device` starts like one; pure, reads only its superblock (and its copies).
  bool (*probe)(const BlockDevice& device);
  Result<FileSystemPtr> (*open)(Device device, Recovery recovery);
};

}  // namespace imgfs
