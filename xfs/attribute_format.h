#pragma once

#include <cstddef>

#include "xfs/directory_format.h"

namespace imgfs::xfs {

// Extended attributes as on disk; their tree is in directory_format.h. Nothing here decides.
// Source: XFS Algorithms & Data Structures, 3rd edition, chapter "Extended Attributes".

struct ShortAttributesHeader {
  be16 totsize;  ///< bytes, with this header
  std::uint8_t count;
  std::uint8_t padding;
};
struct ShortAttribute {
  std::uint8_t namelen;
  std::uint8_t valuelen;
  std::uint8_t flags;  ///< name and value follow
};
static_assert(sizeof(ShortAttributesHeader) == 4 && sizeof(ShortAttribute) == 3);

// Flags of an attribute.
constexpr std::uint8_t kAttributeLocal = 1;
constexpr std::uint8_t kAttributeRoot = 2;
constexpr std::uint8_t kAttributeSecure = 4;
constexpr std::uint8_t kAttributeParent = 8;
constexpr std::uint8_t kAttributeIncomplete = 128;
constexpr std::uint8_t kAttributeSpaces = kAttributeRoot | kAttributeSecure | kAttributeParent;

/// Bytes of a leaf's header, with its HashBlockInfo.
constexpr std::size_t kAttributeLeafHeader = 32;
constexpr std::size_t kAttributeLeafHeaderV5 = 80;

struct AttributeEntry {
  be32 hashval;
  be16 nameidx;  ///< byte offset in the block
  std::uint8_t flags;
  std::uint8_t pad2;
};
static_assert(sizeof(AttributeEntry) == 8);
struct AttributeLocal {
  be16 valuelen;
  std::uint8_t namelen;  ///< name and value follow
};
struct AttributeRemote {
  be32 valueblk;  ///< in blocks of the fork
  be32 valuelen;
  std::uint8_t namelen;  ///< the name follows
};
static_assert(sizeof(AttributeLocal) == 3 && sizeof(AttributeRemote) == 9);
constexpr std::uint32_t kMaxAttribute = 65536;

/// Before each block of a remote value, version 5 only.
struct RemoteValueHeader {
  static constexpr std::uint32_t kMagic = 0x5841524d;  // "XARM"
  be32 rm_magic;
  be32 rm_offset;
  be32 rm_bytes;
  le32 rm_crc;
  std::byte rm_uuid[16];
  be64 rm_owner;
  be64 rm_blkno;
  be64 rm_lsn;
};
static_assert(sizeof(RemoteValueHeader) == 56);

/// An access control list as XFS stores it: a be32 count, then these.
struct AclEntry {
  be32 ae_tag;
  be32 ae_id;
  be16 ae_perm;
  be16 ae_pad;
};
static_assert(sizeof(AclEntry) == 12);

}  // namespace imgfs::xfs
