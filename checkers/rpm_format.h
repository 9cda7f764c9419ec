#pragma once

#include "core/bytes.h"

namespace imgfs::checkers::rpm_format {

/// Header of an ndb Packages.db. Source: rpm, lib/backend/ndb/rpmpkg.c.
struct NdbHeader {
  le32 magic;       ///< "RpmP"
  le32 version;
  le32 generation;
  le32 slot_pages;  ///< pages of 4096 bytes with slots, the header's own included
  le32 next_package;
  le32 unused[3];
};
static_assert(sizeof(NdbHeader) == 32 && OnDisk<NdbHeader>);

struct NdbSlot {
  le32 magic;  ///< "Slot"
  le32 package;
  le32 block;  ///< units of 16 bytes from the file's start
  le32 blocks;
};
static_assert(sizeof(NdbSlot) == 16 && OnDisk<NdbSlot>);

struct NdbBlob {
  le32 magic;  ///< "BlbS"
  le32 package;
  le32 generation;
  le32 length;  ///< bytes of the rpm header that follows
};
static_assert(sizeof(NdbBlob) == 16 && OnDisk<NdbBlob>);

inline constexpr std::uint32_t kNdbMagic = 0x506d7052;
inline constexpr std::uint32_t kSlotMagic = 0x746f6c53;
inline constexpr std::uint32_t kBlobMagic = 0x53626c42;
inline constexpr std::uint64_t kNdbPage = 4096;

/// The fields of Berkeley DB's pages are of the byte order of the machine that wrote them: read with
/// `number` at these offsets. Source: Berkeley DB, dbinc/db_page.h.
inline constexpr std::size_t kMetaMagic = 12;
inline constexpr std::size_t kMetaPageSize = 20;
inline constexpr std::size_t kMetaLastPage = 32;
inline constexpr std::size_t kMetaMaxBucket = 72;
inline constexpr std::size_t kMetaSpares = 96;  ///< 32 numbers
inline constexpr std::uint32_t kHashMagic = 0x061561;

inline constexpr std::size_t kPageNext = 16;     ///< number of the next page of the bucket
inline constexpr std::size_t kPageEntries = 20;  ///< 16 bits
inline constexpr std::size_t kPageFree = 22;     ///< 16 bits; of an overflow page: bytes used
inline constexpr std::size_t kPageType = 25;     ///< 8 bits
inline constexpr std::size_t kPageHeader = 26;

enum PageType { kHashUnsorted = 2, kOverflow = 7, kHashMeta = 8, kHashSorted = 13 };
enum ItemType { kKeyData = 1, kDuplicates = 2, kOffPage = 3, kOffDuplicates = 4 };

}  // namespace imgfs::checkers::rpm_format
