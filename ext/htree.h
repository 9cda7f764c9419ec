#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "ext/directory_block.h"
#include "ext/file_map.h"
#include "ext/name_hash.h"

namespace imgfs::ext {

/// The index of a hashed directory: gives, one after the other, the blocks that may hold a name.
class Htree {
 public:
  /// Reads and checks the root. Unsupported where the hash cannot be computed.
  static Result<Htree> open(const Storage& storage, const FileMap& map, const Inode& directory);

  std::uint8_t hash_version() const { return hash_version_; }
  /// The first block for names with this hash.
  Result<std::uint32_t> find(std::uint32_t major);
  /// The next one, where the hash goes on there; nothing at the end.
  Result<std::optional<std::uint32_t>> next(std::uint32_t major);

 private:
  static constexpr std::size_t kMaxLevels = 4;
  struct Level {
    std::uint32_t block = 0;
    std::uint32_t index = 0;
    std::uint32_t count = 0;
  };
  Htree(const Storage& storage, const FileMap& map, const Inode& directory)
      : storage_(storage), map_(map), directory_(directory) {}

  std::size_t entries_offset(std::size_t level) const {
    return level == 0 ? root_entries_ : sizeof(DirEntryHeader);
  }
  /// Reads the block of a level, checks it and sets its count.
  Result<void> load(std::size_t level, std::span<std::byte> buffer);
  HtreeEntry entry(std::size_t level, std::uint32_t index, std::span<const std::byte> block) const;
  Result<std::uint32_t> descend(std::size_t level, std::uint32_t major, bool leftmost);

  const Storage& storage_;
  const FileMap& map_;
  const Inode& directory_;
  std::uint8_t hash_version_ = 0;
  std::size_t root_entries_ = 0;
  std::size_t depth_ = 0;  ///< levels below the root
  std::array<Level, kMaxLevels> levels_{};
};

/// Reads block `number` of a directory whose blocks `map` knows; a hole is an error.
Result<void> read_directory_block(const Storage& storage, const FileMap& map, std::uint64_t number,
                                  std::span<std::byte> out);

}  // namespace imgfs::ext
