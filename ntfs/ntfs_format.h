#pragma once

#include <cstddef>
#include <cstdint>

#include "core/bytes.h"

// The structures of NTFS 1.2 to 3.1 as they lie on disk. Nothing here reads, checks or decides.
// Sources: [MS-FSCC] for what Windows documents (reparse data, attributes, EAs); Linux-NTFS
// project, "NTFS documentation", for the rest. All integers are little-endian.
namespace imgfs::ntfs {

struct BootSector {
  std::byte jump[3];
  char oem_id[8];  ///< "NTFS    "
  le16 bytes_per_sector;
  std::uint8_t sectors_per_cluster;  ///< above 0x80: 2 to the power of its two's complement
  le16 reserved_sectors;
  std::uint8_t fats;
  le16 root_entries;
  le16 sectors;
  std::uint8_t media_type;
  le16 sectors_per_fat;
  le16 sectors_per_track;
  le16 heads;
  le32 hidden_sectors;
  le32 large_sectors;
  std::uint8_t drive[4];
  le64 number_of_sectors;  ///< without the backup boot sector
  le64 mft_lcn;
  le64 mftmirr_lcn;
  std::uint8_t clusters_per_mft_record;  ///< negative: 2 to the power of -n bytes
  std::byte reserved0[3];
  std::uint8_t clusters_per_index_record;  ///< the same
  std::byte reserved1[3];
  le64 volume_serial_number;
  le32 checksum;
  std::byte bootstrap[426];
  le16 end_of_sector_marker;  ///< 0xaa55
};
static_assert(sizeof(BootSector) == 512);
static_assert(offsetof(BootSector, mft_lcn) == 0x30);

/// Head of every record that is protected by an update sequence: FILE, INDX, RSTR.
struct MultiSectorHeader {
  static constexpr std::size_t kStride = 512;  ///< bytes that one update sequence entry protects
  char magic[4];
  le16 usa_offset;
  le16 usa_count;  ///< one more than the strides
};
static_assert(sizeof(MultiSectorHeader) == 8);

struct RecordHeader {
  static constexpr std::uint16_t kInUse = 1;
  static constexpr std::uint16_t kDirectory = 2;
  char magic[4];  ///< "FILE"
  le16 usa_offset;
  le16 usa_count;
  le64 lsn;
  le16 sequence_number;
  le16 link_count;
  le16 attrs_offset;
  le16 flags;
  le32 bytes_in_use;
  le32 bytes_allocated;
  le64 base_mft_record;  ///< of an extension record; 0 in a base record
  le16 next_attr_instance;
};
static_assert(sizeof(RecordHeader) == 0x2a);

enum class AttributeType : std::uint32_t {
  standard_information = 0x10,
  attribute_list = 0x20,
  file_name = 0x30,
  object_id = 0x40,
  security_descriptor = 0x50,
  volume_name = 0x60,
  volume_information = 0x70,
  data = 0x80,
  index_root = 0x90,
  index_allocation = 0xa0,
  bitmap = 0xb0,
  reparse_point = 0xc0,
  ea_information = 0xd0,
  ea = 0xe0,
  logged_utility_stream = 0x100,
  end = 0xffffffff,
};

struct AttributeHeader {
  static constexpr std::uint16_t kCompressionMask = 0x00ff;
  static constexpr std::uint16_t kCompressed = 0x0001;  ///< LZNT1, the only method there is
  static constexpr std::uint16_t kEncrypted = 0x4000;
  static constexpr std::uint16_t kSparse = 0x8000;
  le32 type;
  le32 length;
  std::uint8_t non_resident;
  std::uint8_t name_length;  ///< UTF-16 units
  le16 name_offset;
  le16 flags;
  le16 instance;
};
static_assert(sizeof(AttributeHeader) == 16);

struct ResidentHeader {
  AttributeHeader common;
  le32 value_length;
  le16 value_offset;
  std::uint8_t resident_flags;
  std::uint8_t reserved;
};
static_assert(sizeof(ResidentHeader) == 24);

struct NonResidentHeader {
  AttributeHeader common;
  le64 lowest_vcn;
  le64 highest_vcn;  ///< -1 where nothing is allocated
  le16 mapping_pairs_offset;
  std::uint8_t compression_unit;  ///< clusters, as a power of 2
  std::byte reserved[5];
  le64 allocated_size;  ///< this and the following only where lowest_vcn is 0
  le64 data_size;
  le64 initialized_size;
  // le64 compressed_size where the attribute is compressed or sparse
};
static_assert(sizeof(NonResidentHeader) == 64);

struct AttributeListEntry {
  le32 type;
  le16 length;
  std::uint8_t name_length;
  std::uint8_t name_offset;
  le64 lowest_vcn;
  le64 mft_reference;
  le16 instance;
};
static_assert(sizeof(AttributeListEntry) == 26);

enum FileAttribute : std::uint32_t {
  kReadOnly = 0x1,
  kHidden = 0x2,
  kSystem = 0x4,
  kDirectoryAttribute = 0x10,
  kNormal = 0x80,
  kReparsePoint = 0x400,
  kOffline = 0x1000,
  kEncryptedFile = 0x4000,
  kRecallOnOpen = 0x40000,
  kRecallOnDataAccess = 0x400000,
};

/// Times are counts of 100 ns since 1601-01-01 UTC.
struct StandardInformation {
  le64 creation_time;
  le64 last_data_change_time;
  le64 last_mft_change_time;
  le64 last_access_time;
  le32 file_attributes;
  std::byte reserved[12];
  // From NTFS 3.0 on: le32 owner_id, le32 security_id, le64 quota_charged, le64 usn
};
static_assert(sizeof(StandardInformation) == 48);

struct FileName {
  static constexpr std::uint8_t kPosix = 0, kWin32 = 1, kDos = 2, kWin32AndDos = 3;
  le64 parent_directory;
  le64 creation_time;
  le64 last_data_change_time;
  le64 last_mft_change_time;
  le64 last_access_time;
  le64 allocated_size;
  le64 data_size;
  le32 file_attributes;
  le32 reparse_tag;
  std::uint8_t name_length;  ///< UTF-16 units
  std::uint8_t name_type;
  // the name
};
static_assert(sizeof(FileName) == 66);

struct VolumeInformation {
  static constexpr std::uint16_t kDirty = 1;
  le64 reserved;
  std::uint8_t major_version;
  std::uint8_t minor_version;
  le16 flags;
};
static_assert(sizeof(VolumeInformation) == 12);

struct IndexHeader {
  static constexpr std::uint8_t kHasChildren = 1;
  le32 entries_offset;  ///< from the start of this header, as the following
  le32 index_length;
  le32 allocated_size;
  std::uint8_t flags;
  std::byte reserved[3];
};
static_assert(sizeof(IndexHeader) == 16);

struct IndexRoot {
  static constexpr std::uint32_t kFileNameRule = 1;
  le32 type;  ///< of the attribute that is indexed; 0 for views
  le32 collation_rule;
  le32 index_block_size;
  std::uint8_t clusters_per_index_block;
  std::byte reserved[3];
  IndexHeader index;
};
static_assert(sizeof(IndexRoot) == 32);

struct IndexBlock {
  char magic[4];  ///< "INDX"
  le16 usa_offset;
  le16 usa_count;
  le64 lsn;
  le64 index_block_vcn;  ///< in clusters, or in units of 512 bytes where the block is smaller
  IndexHeader index;
};
static_assert(sizeof(IndexBlock) == 40);

struct IndexEntry {
  static constexpr std::uint16_t kHasChild = 1;
  static constexpr std::uint16_t kLast = 2;
  le64 indexed_file;  ///< in views: le16 data_offset, le16 data_length, le32 reserved
  le16 length;
  le16 key_length;
  le16 flags;
  le16 reserved;
  // the key; the child's VCN in the last 8 bytes
};
static_assert(sizeof(IndexEntry) == 16);

namespace reparse_tag {
constexpr std::uint32_t kMountPoint = 0xa0000003;
constexpr std::uint32_t kSymlink = 0xa000000c;
constexpr std::uint32_t kSingleInstance = 0x80000007;
constexpr std::uint32_t kDedup = 0x80000013;
constexpr std::uint32_t kWof = 0x80000017;
constexpr std::uint32_t kAppExecLink = 0x8000001b;
constexpr std::uint32_t kCloud = 0x9000001a;
constexpr std::uint32_t kCloudMask = 0xffff0fff;  ///< without the cloud provider's number
constexpr std::uint32_t kLxSymlink = 0xa000001d;
constexpr std::uint32_t kUnixSocket = 0x80000023;
constexpr std::uint32_t kLxFifo = 0x80000024;
constexpr std::uint32_t kLxCharacter = 0x80000025;
constexpr std::uint32_t kLxBlock = 0x80000026;
}  // namespace reparse_tag

struct ReparseHeader {
  le32 tag;
  le16 data_length;
  le16 reserved;
};
static_assert(sizeof(ReparseHeader) == 8);

/// Symbolic links and mount points; offsets count from the path buffer behind (for symbolic links
/// le32 flags come first).
struct LinkReparse {
  static constexpr std::uint32_t kRelative = 1;
  le16 substitute_name_offset;
  le16 substitute_name_length;
  le16 print_name_offset;
  le16 print_name_length;
};
static_assert(sizeof(LinkReparse) == 8);

/// What WOF stores for a file that is compressed by itself.
struct WofReparse {
  static constexpr std::uint32_t kProviderWim = 1;
  static constexpr std::uint32_t kProviderFile = 2;
  le32 wof_version;
  le32 wof_provider;
  le32 provider_version;
  le32 compression_format;  ///< 0 XPRESS 4K, 1 LZX 32K, 2 XPRESS 8K, 3 XPRESS 16K
};
static_assert(sizeof(WofReparse) == 16);

/// Special files of Interix (and of ntfs-3g), the content of a file with the system attribute.
struct InterixFile {
  char magic[8];  ///< "IntxLNK\1", "IntxCHR\0", "IntxBLK\0"
  le64 major;     ///< devices; a link's target lies here in UTF-16
  le64 minor;
};
static_assert(sizeof(InterixFile) == 24);

/// Head of an entry of $Secure:$SDS and value of its index $SII.
struct SecurityDescriptorHeader {
  le32 hash;
  le32 security_id;
  le64 offset;
  le32 length;  ///< with this header
};
static_assert(sizeof(SecurityDescriptorHeader) == 20);

/// A restart page of $LogFile.
struct RestartPage {
  char magic[4];  ///< "RSTR"; "CHKD" after chkdsk
  le16 usa_offset;
  le16 usa_count;
  le64 chkdsk_lsn;
  le32 system_page_size;
  le32 log_page_size;
  le16 restart_area_offset;
  le16 minor_version;
  le16 major_version;
};
static_assert(sizeof(RestartPage) == 30);

struct RestartArea {
  static constexpr std::uint16_t kNoClient = 0xffff;
  static constexpr std::uint16_t kVolumeIsClean = 2;
  le64 current_lsn;
  le16 log_clients;
  le16 client_free_list;
  le16 client_in_use_list;
  le16 flags;
};
static_assert(sizeof(RestartArea) == 16);

// Record numbers that are fixed.
constexpr std::uint64_t kMftFile = 0, kMftMirrFile = 1, kLogFile = 2, kVolumeFile = 3,
                        kRootFile = 5, kBitmapFile = 6, kBootFile = 7, kSecureFile = 9,
                        kUpCaseFile = 10, kExtendFile = 11, kFirstUserFile = 24;

}  // namespace imgfs::ntfs
