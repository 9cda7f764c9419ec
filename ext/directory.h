#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/file_system.h"
#include "ext/directory_block.h"
#include "ext/file_map.h"
#include "ext/name_hash.h"

namespace imgfs::ext {

/// One directory, linear, hashed or inside its inode. For one call of one thread.
///
/// A cookie is the place of the following entry: block (or part of the inode) and offset in it, and
/// whether the listing has met a damaged block before: such a listing shows all other blocks and
/// ends with the error.
class Directory {
 public:
  /// `inode` must be a directory and outlive this object.
  Directory(const Storage& storage, const LeafCache& leaves, const Inode& inode)
      : storage_(storage), inode_(inode), map_(storage, leaves, inode) {}

  Result<void> list(std::uint64_t cookie, EntryVisitor visit) const;
  /// Names of encrypted directories in the form in which they are listed. Where the directory
  /// ignores case: the same bytes first, then another spelling in ASCII letters.
  Result<std::uint64_t> lookup(std::string_view name) const;
  /// What ".." says.
  Result<std::uint64_t> parent() const;

 private:
  using Visit = FunctionRef<bool(const DirEntry&)>;
  using Match = FunctionRef<bool(const DirEntry&)>;

  // Listing; these answer false where the visitor has had enough.
  Result<bool> list_block(std::uint64_t number, std::size_t offset, bool damaged,
                          std::span<std::byte> buffer, EntryVisitor visit) const;
  Result<bool> list_entries(std::uint64_t number, std::span<const std::byte> entries,
                            std::size_t offset, bool damaged, EntryVisitor visit) const;
  Result<bool> show(const DirEntry& entry, std::uint64_t next_cookie, EntryVisitor visit) const;
  Result<bool> each_entry(std::uint64_t number, std::span<const std::byte> entries,
                          Visit visit) const;

  // Lookup; nothing where there is no such entry.
  using FoundInode = std::optional<std::uint64_t>;
  Result<FoundInode> find(Match match, std::optional<std::string_view> hashed,
                          std::optional<NameHash> hash) const;
  Result<FoundInode> find_in_index(Match match, std::optional<std::string_view> hashed,
                                   std::optional<NameHash> hash) const;
  Result<FoundInode> find_in_block(std::uint64_t number, std::span<std::byte> buffer,
                                   Match match) const;
  Result<FoundInode> scan(Match match) const;
  Result<FoundInode> lookup_encrypted(std::string_view name) const;

  /// Reads block `number`, verifies it and gives the part with entries.
  Result<std::span<const std::byte>> read_entries(std::uint64_t number,
                                                  std::span<std::byte> buffer) const;
  /// After a failure to read block `number`: the next that may be readable.
  std::uint64_t unreadable_until(std::uint64_t number) const;
  /// The part [begin, end) of the directory in an inode that holds entries.
  Result<std::span<const std::byte>> inline_part(std::uint64_t number) const;

  NameHash shown_hash(const DirEntry& entry) const;
  std::string shown_name(const DirEntry& entry) const;
  std::uint64_t blocks() const;
  /// Why its size cannot be right: even an empty one has a block, and none outgrows the file system.
  std::optional<Error> size_problem() const;
  bool in_inode() const { return inode_.has(kFlagInlineData); }
  bool encrypted() const { return inode_.has(kFlagEncrypt); }
  bool indexed() const { return inode_.has(kFlagIndex) && storage_.super.has(kDirIndex); }
  bool ignores_case() const { return inode_.has(kFlagCasefold) && storage_.super.has(kCasefold); }

  const Storage& storage_;
  const Inode& inode_;
  FileMap map_;
  mutable std::optional<std::uint8_t> index_version_;
  mutable std::optional<std::vector<std::byte>> inline_data_;
};

}  // namespace imgfs::ext
