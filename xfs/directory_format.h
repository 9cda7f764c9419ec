#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace imgfs::xfs {

// Directories and the hash trees that they share with attributes, as on disk. Nothing here decides.
// Source: XFS Algorithms & Data Structures, 3rd edition, chapters "Directories", "Extended Attributes".

struct ShortDirectoryHeader {
  std::uint8_t count;
  std::uint8_t i8count;  ///< not 0: inode numbers have 8 bytes, else 4; the parent's follows
};
struct ShortDirectoryEntry {
  std::uint8_t namelen;
  be16 offset;  ///< the name follows, then the type (ftype), then the inode number
};
static_assert(sizeof(ShortDirectoryEntry) == 3);

// Magic numbers of blocks in the data part.
constexpr std::uint32_t kBlockMagic = 0x58443242;    // "XD2B": the only block of a directory
constexpr std::uint32_t kBlockMagicV5 = 0x58444233;  // "XDB3"
constexpr std::uint32_t kDataMagic = 0x58443244;     // "XD2D"
constexpr std::uint32_t kDataMagicV5 = 0x58444433;   // "XDD3"
constexpr std::size_t kDataHeader = 16;
constexpr std::size_t kDataHeaderV5 = 64;

struct DataEntry {
  be64 inumber;
  std::uint8_t namelen;  ///< the name follows, then the type (ftype), then at the end the own offset
};
static_assert(sizeof(DataEntry) == 9);
struct DataUnused {
  static constexpr std::uint16_t kTag = 0xffff;
  be16 freetag;
  be16 length;
};
/// At the very end of the only block of a directory; `count` hash entries lie before it.
struct BlockTail {
  be32 count;
  be32 stale;
};
struct HashEntry {
  be32 hashval;
  be32 address;  ///< of an entry, units of 8 bytes in the data part; 0 for a deleted one
};
static_assert(sizeof(HashEntry) == 8);

/// Byte offset of the hash tree in a directory's fork.
constexpr std::uint64_t kHashStart = std::uint64_t{1} << 35;
constexpr std::uint64_t kFreeStart = std::uint64_t{2} << 35;

struct HashBlockInfo {
  be32 forw;
  be32 back;
  be16 magic;
  be16 pad;
};
static_assert(sizeof(HashBlockInfo) == 12);
constexpr std::size_t kHashInfoV5 = 56;  ///< with checksum, address, LSN, UUID and owner

constexpr std::uint16_t kNodeMagic = 0xfebe;
constexpr std::uint16_t kNodeMagicV5 = 0x3ebe;
constexpr std::uint16_t kLeaf1Magic = 0xd2f1;  ///< the only leaf of a directory
constexpr std::uint16_t kLeaf1MagicV5 = 0x3df1;
constexpr std::uint16_t kLeafNMagic = 0xd2ff;  ///< one of many
constexpr std::uint16_t kLeafNMagicV5 = 0x3dff;
constexpr std::uint16_t kAttributeLeafMagic = 0xfbee;
constexpr std::uint16_t kAttributeLeafMagicV5 = 0x3bee;

/// After HashBlockInfo, in a node and in a directory's leaf; then padding to 64 bytes in version 5.
struct HashCounts {
  be16 count;
  be16 level;  ///< of a node; in a leaf the number of deleted entries
};
constexpr std::size_t kHashHeader = 16;
constexpr std::size_t kHashHeaderV5 = 64;

struct NodeEntry {
  be32 hashval;  ///< the highest in the child
  be32 before;   ///< the child, in blocks of the fork
};
static_assert(sizeof(NodeEntry) == 8);

// Types in directory entries, and in the same order FileType.
constexpr std::uint8_t kDirectoryTypes = 9;  ///< numbers below are known

}  // namespace imgfs::xfs
