#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace imgfs::xfs {

// The log as it lies on disk: record headers big-endian, items in the byte order of the machine that wrote
// them (only little-endian is read). Nothing here reads, checks or decides.
// Source: XFS Algorithms & Data Structures, 3rd edition, chapter "Journaling Log".

constexpr std::uint32_t kLogBlock = 512;        ///< the log's unit, whatever the sectors are
constexpr std::uint32_t kLogMagic = 0xfeedbabe;
constexpr std::uint32_t kCycleBlocks = 64;      ///< blocks of payload whose first words one header keeps
constexpr std::uint32_t kHeaderCycleSize = kCycleBlocks * kLogBlock;
constexpr std::uint32_t kLogFormatLittle = 1;
constexpr std::uint32_t kLogFormatBig = 2;
constexpr std::uint32_t kMaxRecordsInFlight = 8;
constexpr std::uint32_t kMaxRecordV1 = 32 * 1024;
constexpr std::uint32_t kMaxRecordV2 = 256 * 1024;

struct LogRecordHeader {
  be32 h_magicno;
  be32 h_cycle;
  be32 h_version;     ///< 1 or 2
  be32 h_len;         ///< bytes of payload
  be64 h_lsn;         ///< cycle and block
  be64 h_tail_lsn;
  le32 h_crc;
  be32 h_prev_block;
  be32 h_num_logops;
  be32 h_cycle_data[kCycleBlocks];
  be32 h_fmt;
  std::byte h_fs_uuid[16];
  be32 h_size;        ///< version 2: the size of the log's buffers in memory
};
static_assert(sizeof(LogRecordHeader) == 324);
static_assert(offsetof(LogRecordHeader, h_crc) == 32);
/// Bytes under the checksum: with padding on machines that align to 8 bytes, without on others.
constexpr std::size_t kRecordCrcLength = 328;
constexpr std::size_t kRecordCrcLengthOther = 324;

/// For payloads above 32 KiB more of these follow the header, a block each.
struct LogExtendedHeader {
  be32 xh_cycle;
  be32 xh_cycle_data[kCycleBlocks];
};
static_assert(sizeof(LogExtendedHeader) == 260);

struct LogOperation {
  be32 oh_tid;
  be32 oh_len;
  std::uint8_t oh_clientid;
  std::uint8_t oh_flags;
  be16 oh_res2;
};
static_assert(sizeof(LogOperation) == 12);
constexpr std::uint8_t kClientTransaction = 0x69;
constexpr std::uint8_t kClientLog = 0xaa;
constexpr std::uint8_t kOpStart = 0x01;
constexpr std::uint8_t kOpCommit = 0x02;
constexpr std::uint8_t kOpContinue = 0x04;
constexpr std::uint8_t kOpWasContinued = 0x08;
constexpr std::uint8_t kOpEnd = 0x10;
constexpr std::uint8_t kOpUnmount = 0x20;

struct TransactionHeader {
  static constexpr std::uint32_t kMagic = 0x5452414e;  // "TRAN"
  le32 th_magic;
  le32 th_type;
  le32 th_tid;
  le32 th_num_items;
};
static_assert(sizeof(TransactionHeader) == 16);

/// The first words of every item.
struct ItemHeader {
  le16 type;
  le16 size;  ///< how many regions the item has
};

enum class ItemType : std::uint16_t {
  efi = 0x1236,
  efd = 0x1237,
  iunlink = 0x1238,
  inode = 0x123b,
  buffer = 0x123c,
  dquot = 0x123d,
  quotaoff = 0x123e,
  icreate = 0x123f,
  rui = 0x1240,
  rud = 0x1241,
  cui = 0x1242,
  cud = 0x1243,
  bui = 0x1244,
  bud = 0x1245,
  attri = 0x1246,
  attrd = 0x1247,
  xmi = 0x1248,
  xmd = 0x1249,
};

struct BufferItem {
  le16 blf_type;
  le16 blf_size;
  le16 blf_flags;
  le16 blf_len;       ///< units of 512 bytes
  le64 blf_blkno;     ///< units of 512 bytes
  le32 blf_map_size;  ///< words of the bitmap that follows: which 128-byte pieces were logged
};
static_assert(sizeof(BufferItem) == 20);
constexpr std::uint32_t kBufferChunk = 128;
constexpr std::uint16_t kBufferInodes = 1;
constexpr std::uint16_t kBufferCancel = 2;
constexpr std::uint16_t kBufferDquots = 4 | 8 | 16;
constexpr unsigned kBufferTypeShift = 11;

/// The upper bits of blf_flags.
enum class BufferType : std::uint16_t {
  btree = 4,
  agf = 5,
  agfl = 6,
  agi = 7,
  inodes = 8,
  symlink = 9,
  directory_block = 10,
  directory_data = 11,
  directory_free = 12,
  directory_leaf1 = 13,
  directory_leafn = 14,
  node = 15,
  attribute_leaf = 16,
  attribute_remote = 17,
  superblock = 18,
};

struct InodeItem {
  le16 ilf_type;
  le16 ilf_size;
  le32 ilf_fields;
  le16 ilf_asize;
  le16 ilf_dsize;
  le32 ilf_pad;
  le64 ilf_ino;
  le32 ilf_rdev;
  std::byte ilf_unused[12];
  le64 ilf_blkno;    ///< of the inode's buffer, units of 512 bytes
  le32 ilf_len;      ///< of the inode's buffer, units of 512 bytes
  le32 ilf_boffset;  ///< of the inode in it, bytes
};
static_assert(sizeof(InodeItem) == 56);
/// The same as 32-bit machines wrote it: without ilf_pad.
constexpr std::size_t kInodeItem32 = 52;
constexpr std::size_t kInodeItemPad = offsetof(InodeItem, ilf_pad);

// ilf_fields
constexpr std::uint32_t kLogCore = 0x001;
constexpr std::uint32_t kLogDataLocal = 0x002;
constexpr std::uint32_t kLogDataExtents = 0x004;
constexpr std::uint32_t kLogDataRoot = 0x008;
constexpr std::uint32_t kLogDevice = 0x010;
constexpr std::uint32_t kLogAttributeLocal = 0x040;
constexpr std::uint32_t kLogAttributeExtents = 0x080;
constexpr std::uint32_t kLogAttributeRoot = 0x100;
constexpr std::uint32_t kLogDataOwner = 0x200;
constexpr std::uint32_t kLogAttributeOwner = 0x400;
constexpr std::uint32_t kLogDataFork = kLogDataLocal | kLogDataExtents | kLogDataRoot;
constexpr std::uint32_t kLogAttributeFork = kLogAttributeLocal | kLogAttributeExtents | kLogAttributeRoot;

/// A chunk of inodes to be made; its fields are big-endian.
struct InodeCreateItem {
  le16 icl_type;
  le16 icl_size;
  be32 icl_ag;
  be32 icl_agbno;
  be32 icl_count;
  be32 icl_isize;
  be32 icl_length;  ///< blocks
  be32 icl_gen;
};
static_assert(sizeof(InodeCreateItem) == 28);

/// What EFI, RUI, CUI and BUI begin with; and their "done" counterparts, which name the same id.
struct IntentItem {
  le16 type;
  le16 size;
  le32 count;
  le64 id;
};
static_assert(sizeof(IntentItem) == 16);

/// One change to a map, in a BUI.
struct MapExtent {
  le64 me_owner;
  le64 me_startblock;
  le64 me_startoff;
  le32 me_len;
  le32 me_flags;
};
static_assert(sizeof(MapExtent) == 32);
constexpr std::uint32_t kMapAdd = 1;
constexpr std::uint32_t kMapRemove = 2;
constexpr std::uint32_t kMapTypeMask = 0xff;
constexpr std::uint32_t kMapAttributeFork = 1U << 31;
constexpr std::uint32_t kMapUnwritten = 1U << 30;
constexpr std::uint32_t kMapRealtime = 1U << 29;

struct AttributeIntent {
  le16 alfi_type;
  le16 alfi_size;
  le32 alfi_igen;      ///< parent pointers: the file's generation
  le64 alfi_id;
  le64 alfi_ino;
  le32 alfi_op_flags;
  le16 alfi_name_len;  ///< for a replaced parent pointer the old name's
  le16 alfi_new_name_len;
  le32 alfi_value_len;
  le32 alfi_attr_filter;
};
static_assert(sizeof(AttributeIntent) == 40);
constexpr std::uint32_t kAttributeSet = 1;
constexpr std::uint32_t kAttributeRemove = 2;
constexpr std::uint32_t kAttributeReplace = 3;
constexpr std::uint32_t kAttributeOpMask = 0xff;

struct ExchangeIntent {
  le16 xmi_type;
  le16 xmi_size;
  le32 pad;
  le64 xmi_id;
  le64 xmi_inode1;
  le64 xmi_inode2;
  le32 xmi_igen1;
  le32 xmi_igen2;
  le64 xmi_startoff1;
  le64 xmi_startoff2;
  le64 xmi_blockcount;
  le64 xmi_flags;
  le64 xmi_isize1;
  le64 xmi_isize2;
};
static_assert(sizeof(ExchangeIntent) == 88);
constexpr std::uint64_t kExchangeAttributes = 1;
constexpr std::uint64_t kExchangeSizes = 2;
constexpr std::uint64_t kExchangeWritten = 4;

}  // namespace imgfs::xfs
