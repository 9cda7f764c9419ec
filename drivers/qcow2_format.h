#pragma once

#include "core/bytes.h"

// The on-disk structures of QCOW2. Source: QEMU, docs/interop/qcow2.txt.
namespace imgfs::qcow2 {

inline constexpr std::uint32_t kMagic = 0x514649fb;  // "QFI\xfb"

struct HeaderV2 {
  be32 magic;
  be32 version;
  be64 backing_file_offset;
  be32 backing_file_size;
  be32 cluster_bits;
  be64 size;
  be32 crypt_method;
  be32 l1_size;  // entries
  be64 l1_table_offset;
  be64 refcount_table_offset;
  be32 refcount_table_clusters;
  be32 nb_snapshots;
  be64 snapshots_offset;
};
static_assert(sizeof(HeaderV2) == 72);

struct HeaderV3 {  // follows HeaderV2
  be64 incompatible_features;
  be64 compatible_features;
  be64 autoclear_features;
  be32 refcount_order;
  be32 header_length;
};
static_assert(sizeof(HeaderV2) + sizeof(HeaderV3) == 104);
inline constexpr std::uint32_t kCompressionTypeOffset = 104;  // one byte, where header_length > 104

enum Incompatible : std::uint64_t {
  kDirty = 1 << 0,
  kCorrupt = 1 << 1,
  kExternalDataFile = 1 << 2,
  kCompressionType = 1 << 3,
  kExtendedL2 = 1 << 4,
};
inline constexpr std::uint64_t kKnownIncompatible = 0x1f;
enum Autoclear : std::uint64_t { kRawExternalData = 1 << 1 };
enum Encryption : std::uint32_t { kNoEncryption = 0, kAes = 1, kLuks = 2 };
enum CompressionType : std::uint8_t { kZlib = 0, kZstd = 1 };

struct ExtensionHeader {
  be32 type;
  be32 length;  // of the data that follows, padded to 8
};
enum ExtensionType : std::uint32_t {
  kEndOfExtensions = 0,
  kBackingFormat = 0xe2792aca,
  kFeatureNames = 0x6803f857,
  kDataFileName = 0x44415441,
};
struct FeatureName {
  std::uint8_t type;  // 0: incompatible, 1: compatible, 2: autoclear
  std::uint8_t bit;
  char name[46];      // padded with NULs
};
static_assert(sizeof(FeatureName) == 48);

// Bits of L1 and L2 entries.
inline constexpr std::uint64_t kCopied = std::uint64_t{1} << 63;
inline constexpr std::uint64_t kCompressed = std::uint64_t{1} << 62;
inline constexpr std::uint64_t kOffsetMask = 0x00fffffffffffe00;
inline constexpr std::uint64_t kAllZero = 1;  // version 3, without subclusters

struct ExtendedL2Entry {
  be64 entry;
  be32 zero;       // a bit for each subcluster: reads as zeros
  be32 allocated;  // a bit for each subcluster: lies in the host cluster
};
static_assert(sizeof(ExtendedL2Entry) == 16);
inline constexpr unsigned kSubclusterBits = 5;  // 32 a cluster

struct SnapshotHeader {
  be64 l1_table_offset;
  be32 l1_size;
  be16 id_str_size;
  be16 name_size;
  be32 date_sec;
  be32 date_nsec;
  be64 vm_clock_nsec;
  be32 vm_state_size;
  be32 extra_data_size;  // then: extra data, id, name, padding to 8
};
static_assert(sizeof(SnapshotHeader) == 40);

}  // namespace imgfs::qcow2
