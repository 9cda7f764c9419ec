#pragma once

#include <optional>
#include <vector>

#include "fat/fat_format.h"
#include "fat/file_map.h"

namespace imgfs::fat {

/// The entries of a directory, one after the other, long names put together as Linux does.
class DirectoryReader {
 public:
  struct Item {
    ShortEntry entry;
    std::uint64_t position;  ///< of the 8.3 entry, bytes on the device
    std::uint64_t next;      ///< where the next item begins, bytes in the directory
    std::string name;        ///< long, or the 8.3 name where there is no sound long one
    std::string short_name;
  };

  /// `map` (which must outlive the reader) gives the directory's bytes, `size` of them.
  DirectoryReader(const BlockDevice& device, const ExtentMap& map, std::uint64_t size,
                  std::uint64_t start)
      : device_(device), map_(map), size_(size), at_(start / kEntrySize * kEntrySize) {}

  /// The next item without ".", ".." and labels; nothing at the end.
  Result<std::optional<Item>> next();
  /// The next raw entry, free ones included; nothing at the end.
  Result<std::optional<ShortEntry>> next_raw();
  /// Of the entry that next_raw gave last, bytes on the device.
  std::uint64_t position() const { return position_; }

 private:
  /// Puts a long name together; `entry` is its first piece and then the 8.3 entry. Nothing where
  /// the pieces do not fit together: then `entry` is the one to go on with.
  enum class Long { good, wrong_checksum, skip, retry, end };
  Result<Long> read_long(ShortEntry& entry, std::u16string& name);
  Result<void> fill();

  const BlockDevice& device_;
  const ExtentMap& map_;
  std::uint64_t size_;
  std::uint64_t at_;  ///< of the next raw entry, bytes in the directory
  std::uint64_t position_ = 0;
  std::vector<std::byte> buffer_;
  std::uint64_t buffer_start_ = 0;     ///< in the directory
  std::uint64_t buffer_position_ = 0;  ///< on the device
};

/// "." and ".." themselves.
bool is_dot(const ShortEntry& entry);
bool is_dot_dot(const ShortEntry& entry);

}  // namespace imgfs::fat
