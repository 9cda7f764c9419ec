#pragma once

#include <cstddef>
#include <cstdint>

#include "core/bytes.h"
#include "ext/ext_format.h"

// Fast commits as they lie in the journal's last blocks: little-endian tags with a length each.
// Nothing here reads, checks or decides. Source: kernel documentation, filesystems/ext4/journal,
// "Fast commits".
namespace imgfs::ext {

enum class FastTag : std::uint16_t {
  add_range = 1,
  delete_range = 2,
  create = 3,
  link = 4,
  unlink = 5,
  inode = 6,
  padding = 7,
  tail = 8,
  head = 9,
};

struct FastTagHeader {
  le16 fc_tag;
  le16 fc_len;
};
static_assert(sizeof(FastTagHeader) == 4);

struct FastHead {
  le32 fc_features;
  le32 fc_tid;
};

struct FastTail {
  le32 fc_tid;
  le32 fc_crc;  ///< over all tags since the last tail, up to this field
};

struct FastAddRange {
  le32 fc_ino;
  ExtentLeaf fc_ex;
};
static_assert(sizeof(FastAddRange) == 16);

struct FastDeleteRange {
  le32 fc_ino;
  le32 fc_lblk;
  le32 fc_len;
};
static_assert(sizeof(FastDeleteRange) == 12);

/// Then the name.
struct FastEntry {
  le32 fc_parent_ino;
  le32 fc_ino;
};
static_assert(sizeof(FastEntry) == 8);

/// Then the inode's bytes.
struct FastInode {
  le32 fc_ino;
};

}  // namespace imgfs::ext
