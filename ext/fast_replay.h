#pragma once

#include <cstdint>
#include <vector>

#include "ext/fast_commit_format.h"
#include "ext/fast_editor.h"

namespace imgfs::ext {

/// One tag of a fast commit.
struct FastRecord {
  FastTag tag;
  std::vector<std::byte> value;
};

/// Applies the tags of fast commits, one after the other, as the kernel's recovery does, its
/// peculiarities included: a parent's link count stays as it was, a new directory has one link.
class FastReplay {
 public:
  explicit FastReplay(const Storage& storage) : editor_(storage) {}

  /// To be called with all records before the first is applied.
  void reserve(const FastRecord& record);
  Result<void> apply(const FastRecord& record);
  Result<OverlayDevice::Blocks> finish() { return editor_.finish(); }
  std::uint32_t operations() const { return operations_; }

 private:
  Result<void> inode(std::span<const std::byte> value);
  Result<void> create(std::span<const std::byte> value);
  Result<void> link(std::span<const std::byte> value);
  Result<void> unlink(std::span<const std::byte> value);
  Result<void> add_range(std::span<const std::byte> value);
  Result<void> delete_range(std::span<const std::byte> value);
  Result<void> add_entry(const FastEntry& entry, std::string_view name);
  Result<void> set_blocks(Inode& inode);

  FastEditor editor_;
  std::uint32_t operations_ = 0;
};

}  // namespace imgfs::ext
