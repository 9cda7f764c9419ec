#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "core/crc32c.h"
#include "core/memory_device.h"
#include "ext/checksum.h"
#include "ext/ext_format.h"
#include "ext/inode.h"
#include "ext/journal_format.h"
#include "ext/name_hash.h"

namespace imgfs::ext {

struct TestEntry {
  std::uint32_t inode;
  std::string_view name;
  std::uint8_t type = 1;
};

struct TestExtent {
  std::uint32_t logical;
  std::uint32_t length;
  std::uint64_t physical;
  bool unwritten = false;
};

/// A small file system made in memory, one group, blocks of 1 KiB, all checksums right: what tests
/// break one thing of. Block 1 is the superblock, 2 the descriptors, 3 and 4 bitmaps, 5 to 20 the
/// inode table (64 inodes of 256 bytes); data is from 21 on.
class ExtImage {
 public:
  static constexpr std::uint32_t kBlock = 1024;
  static constexpr std::uint32_t kBlocks = 512;
  static constexpr std::uint32_t kInodes = 64;
  static constexpr std::uint32_t kInodeSize = 256;
  static constexpr std::uint64_t kTable = 5;

  explicit ExtImage(FeatureSet features = {kHasJournal | kDirIndex, kFiletype | kExtents,
                                           kSparseSuper | kLargeFile | kHugeFile | kMetadataCsum})
      : bytes_(std::size_t{kBlock} * kBlocks) {
    super.s_inodes_count = kInodes;
    super.s_blocks_count_lo = kBlocks;
    super.s_free_blocks_count_lo = 100;
    super.s_free_inodes_count = 20;
    super.s_first_data_block = 1;
    super.s_blocks_per_group = 8192;
    super.s_clusters_per_group = 8192;
    super.s_inodes_per_group = kInodes;
    super.s_magic = RawSuperblock::kMagic;
    super.s_state = 1;
    super.s_rev_level = 1;
    super.s_first_ino = 11;
    super.s_inode_size = kInodeSize;
    super.s_feature_compat = features.compat;
    super.s_feature_incompat = features.incompat;
    super.s_feature_ro_compat = features.ro_compat;
    for (std::size_t i = 0; i < 16; ++i) super.s_uuid[i] = static_cast<std::byte>(i + 1);
    std::memcpy(super.s_volume_name, "test", 4);
    super.s_def_hash_version = kHashHalfMd4;
    super.s_checksum_type = 1;
    super.s_desc_size = 64;
    group.bg_block_bitmap_lo = 3;
    group.bg_inode_bitmap_lo = 4;
    group.bg_inode_table_lo = kTable;
    group.bg_free_blocks_count_lo = 100;
    group.bg_free_inodes_count_lo = 20;
    for (std::size_t i = 0; i < 40; ++i) block(3)[i] = std::byte{0xff};  // 320 blocks in use
  }

  RawSuperblock super{};
  RawGroupDescriptor group{};

  std::span<std::byte> block(std::uint64_t number) {
    return std::span(bytes_).subspan(static_cast<std::size_t>(number) * kBlock, kBlock);
  }
  std::span<std::byte> inode_bytes(std::uint32_t number) {
    return std::span(bytes_).subspan(
        static_cast<std::size_t>(kTable) * kBlock + std::size_t{number - 1} * kInodeSize,
        kInodeSize);
  }
  std::uint64_t next_block() { return next_++; }
  bool checksums() const { return (super.s_feature_ro_compat.value() & kMetadataCsum) != 0; }
  std::uint32_t seed(std::uint32_t number) const {
    return crc32c_number(crc32c_number(crc32c(~0U, super.s_uuid), number), 0);
  }

  /// A used inode with the given mode and size.
  RawInode inode(std::uint16_t mode, std::uint64_t size, std::uint16_t links = 1) const {
    RawInode out{};
    out.i_mode = mode;
    out.i_size_lo = static_cast<std::uint32_t>(size);
    out.i_size_high = static_cast<std::uint32_t>(size >> 32);
    out.i_links_count = links;
    out.i_extra_isize = 32;
    return out;
  }
  void put_inode(std::uint32_t number, const RawInode& raw) {
    std::memcpy(inode_bytes(number).data(), &raw, sizeof raw);
    seal_inode(number);
  }
  void seal_inode(std::uint32_t number) {
    if (!checksums()) return;
    const auto bytes = inode_bytes(number);
    const std::uint32_t crc = inode_checksum(seed(number), bytes);
    put(bytes, offsetof(RawInode, i_checksum_lo), le16(static_cast<std::uint16_t>(crc)));
    put(bytes, offsetof(RawInode, i_checksum_hi), le16(static_cast<std::uint16_t>(crc >> 16)));
  }

  /// A file whose extents lie in its inode.
  void put_file(std::uint32_t number, std::uint64_t size, const std::vector<TestExtent>& extents,
                std::uint16_t mode = 0100644) {
    RawInode raw = inode(mode, size);
    raw.i_flags = kFlagExtents;
    put_extents(std::span(raw.i_block), extents, 0, 4);
    put_inode(number, raw);
  }
  /// A file with one leaf block below its inode.
  void put_deep_file(std::uint32_t number, std::uint64_t size,
                     const std::vector<TestExtent>& extents) {
    const std::uint64_t leaf = next_block();
    constexpr std::uint16_t kMax = 84;
    put_extents(block(leaf), extents, 0, kMax);
    seal_extents(number, leaf);
    RawInode raw = inode(0100644, size);
    raw.i_flags = kFlagExtents;
    put_header(std::span(raw.i_block), 1, 4, 1);
    ExtentIndex index{};
    index.ei_block = extents.empty() ? 0 : extents.front().logical;
    index.ei_leaf_lo = static_cast<std::uint32_t>(leaf);
    put(std::span(raw.i_block), sizeof(ExtentHeader), index);
    put_inode(number, raw);
    last_leaf = leaf;
  }
  std::uint64_t last_leaf = 0;
  void seal_extents(std::uint32_t number, std::uint64_t leaf) {
    const auto bytes = block(leaf);
    if (checksums()) put(bytes, 1020, le32(crc32c(seed(number), bytes.first(1020))));
  }

  /// Fills a block of a directory with entries; the last one takes what is left.
  void put_entries(std::uint32_t directory, std::uint64_t where,
                   const std::vector<TestEntry>& entries) {
    const auto bytes = block(where);
    const std::size_t space = kBlock - (checksums() ? sizeof(DirEntryTail) : 0);
    std::size_t at = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::size_t need =
          std::max<std::size_t>(12, (sizeof(DirEntryHeader) + entries[i].name.size() + 3) / 4 * 4);
      DirEntryHeader header{};
      header.inode = entries[i].inode;
      header.rec_len = static_cast<std::uint16_t>(i + 1 == entries.size() ? space - at : need);
      header.name_len = static_cast<std::uint8_t>(entries[i].name.size());
      header.file_type = entries[i].type;
      put(bytes, at, header);
      std::memcpy(bytes.data() + at + sizeof header, entries[i].name.data(),
                  entries[i].name.size());
      at += need;
    }
    seal_entries(directory, where);
  }
  void seal_entries(std::uint32_t directory, std::uint64_t where) {
    if (!checksums()) return;
    const auto bytes = block(where);
    DirEntryTail tail{};
    tail.det_rec_len = sizeof tail;
    tail.det_reserved_ft = DirEntryHeader::kTailType;
    tail.det_checksum = crc32c(seed(directory), bytes.first(kBlock - sizeof tail));
    put(bytes, kBlock - sizeof tail, tail);
  }
  /// A directory of one block; gives where it lies.
  std::uint64_t put_directory(std::uint32_t number, std::uint32_t parent,
                              std::vector<TestEntry> entries) {
    const std::uint64_t where = next_block();
    entries.insert(entries.begin(), {{number, ".", 2}, {parent, "..", 2}});
    put_entries(number, where, entries);
    put_file(number, kBlock, {{0, 1, where}}, 0040755);
    set_links(number, 2);
    return where;
  }
  void set_links(std::uint32_t number, std::uint16_t links) {
    put(inode_bytes(number), offsetof(RawInode, i_links_count), le16(links));
    seal_inode(number);
  }
  void set_flag(std::uint32_t number, std::uint32_t flag) {
    const auto flags = get<le32>(inode_bytes(number), offsetof(RawInode, i_flags))->value();
    put(inode_bytes(number), offsetof(RawInode, i_flags), le32(flags | flag));
    seal_inode(number);
  }
  /// Sets a field of an inode by its offset.
  template <OnDisk T>
  void set_field(std::uint32_t number, std::size_t offset, T value) {
    put(inode_bytes(number), offset, value);
    seal_inode(number);
  }

  template <OnDisk T>
  static void put(std::span<std::byte> bytes, std::size_t offset, const T& value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(T));
  }

  /// Writes superblock and descriptor with their checksums and gives the whole.
  std::vector<std::byte> finish() {
    if (checksums()) {
      std::uint32_t crc = crc32c_number(crc32c(~0U, super.s_uuid), 0);
      const auto bytes = std::as_bytes(std::span(&group, 1)).first(descriptor_size());
      group.bg_checksum = 0;
      crc = crc32c(crc, bytes);
      group.bg_checksum = static_cast<std::uint16_t>(crc);
      const auto all = std::as_bytes(std::span(&super, 1));
      super.s_checksum = crc32c(~0U, all.first(offsetof(RawSuperblock, s_checksum)));
    }
    put(block(1), 0, super);
    std::memcpy(block(2).data(), &group, descriptor_size());
    return bytes_;
  }
  Device device() { return std::make_shared<MemoryDevice>(finish()); }
  std::vector<std::byte>& raw() { return bytes_; }

 private:
  std::size_t descriptor_size() const {
    return (super.s_feature_incompat.value() & k64Bit) != 0 ? sizeof group
                                                            : RawGroupDescriptor::kShortSize;
  }
  static void put_header(std::span<std::byte> area, std::uint16_t entries, std::uint16_t max,
                         std::uint16_t depth) {
    ExtentHeader header{};
    header.eh_magic = ExtentHeader::kMagic;
    header.eh_entries = entries;
    header.eh_max = max;
    header.eh_depth = depth;
    put(area, 0, header);
  }
  static void put_extents(std::span<std::byte> area, const std::vector<TestExtent>& extents,
                          std::uint16_t depth, std::uint16_t max) {
    put_header(area, static_cast<std::uint16_t>(extents.size()), max, depth);
    for (std::size_t i = 0; i < extents.size(); ++i) {
      ExtentLeaf leaf{};
      leaf.ee_block = extents[i].logical;
      leaf.ee_len =
          static_cast<std::uint16_t>(extents[i].length + (extents[i].unwritten ? 32768 : 0));
      leaf.ee_start_lo = static_cast<std::uint32_t>(extents[i].physical);
      leaf.ee_start_hi = static_cast<std::uint16_t>(extents[i].physical >> 32);
      put(area, (i + 1) * sizeof leaf, leaf);
    }
  }

  std::vector<std::byte> bytes_;
  std::uint64_t next_ = 21;
};

/// One with a bit of everything, for fuzz targets and walks: extents of two depths, block pointers,
/// inline data, a hashed directory, links, devices, attributes.
inline ExtImage varied_image() {
  ExtImage image({kHasJournal | kDirIndex,
                  kFiletype | kExtents | kInlineData | kEaInode | kLargeDir,
                  kSparseSuper | kLargeFile | kHugeFile | kMetadataCsum});
  using Image = ExtImage;
  const auto fill = [&](std::uint64_t number, char with) {
    std::ranges::fill(image.block(number), static_cast<std::byte>(with));
    return number;
  };
  const std::uint64_t first_data = image.next_block();
  fill(first_data, 'a');
  fill(image.next_block(), 'a');
  image.put_file(12, 3000, {{0, 2, first_data}, {2, 1, fill(image.next_block(), 'b')}});
  const std::uint64_t far = image.next_block();
  image.put_deep_file(
      13, 20000,
      {{1, 1, fill(far, 'c')}, {4, 2, far, true}, {9, 1, fill(image.next_block(), 'd')}});
  RawInode mapped = image.inode(0100600, 300000);
  const std::uint64_t indirect = image.next_block();
  const std::uint64_t twice = image.next_block();
  Image::put(std::span(mapped.i_block), 0, le32(static_cast<std::uint32_t>(far)));
  Image::put(std::span(mapped.i_block), 48, le32(static_cast<std::uint32_t>(indirect)));
  Image::put(std::span(mapped.i_block), 52, le32(static_cast<std::uint32_t>(twice)));
  Image::put(image.block(indirect), 8, le32(static_cast<std::uint32_t>(far)));
  Image::put(image.block(twice), 0, le32(static_cast<std::uint32_t>(indirect)));
  image.put_inode(14, mapped);
  RawInode small = image.inode(0100644, 40);
  small.i_flags = kFlagInlineData;
  std::memcpy(small.i_block, "inline data of forty bytes in all, so so", 40);
  image.put_inode(15, small);
  const auto spill = image.inode_bytes(15).subspan(160);
  Image::put(spill, 0, le32(XattrHeader::kMagic));
  XattrEntry data{4, 7, le16(92), le32(0), le32(0), le32(0)};
  Image::put(spill, 4, data);
  std::memcpy(spill.data() + 4 + sizeof data, "data", 4);
  image.seal_inode(15);
  RawInode link = image.inode(0120777, 5);
  std::memcpy(link.i_block, "to/it", 5);
  image.put_inode(16, link);
  RawInode device = image.inode(0020600, 0);
  Image::put(std::span(device.i_block), 4, le32(0x1234567));
  image.put_inode(17, device);
  const std::uint64_t attributes = image.next_block();
  const auto xattrs = image.block(attributes);
  XattrHeader header{};
  header.h_magic = XattrHeader::kMagic;
  header.h_refcount = 1;
  header.h_blocks = 1;
  Image::put(xattrs, 0, header);
  Image::put(xattrs, 32, XattrEntry{1, 1, le16(1000), le32(0), le32(5), le32(0)});
  Image::put(xattrs, 52, XattrEntry{0, 2, le16(960), le32(0), le32(12), le32(0)});
  xattrs[48] = std::byte{'x'};
  std::memcpy(xattrs.data() + 1000, "value", 5);
  const std::uint8_t acl[] = {1, 0, 0, 0, 1, 0, 6, 0, 0x20, 0, 4, 0};
  std::memcpy(xattrs.data() + 960, acl, sizeof acl);
  Image::put(xattrs, offsetof(XattrHeader, h_checksum),
             le32(crc32c(crc32c_number64(crc32c(~0U, image.super.s_uuid), attributes), xattrs)));
  image.set_field(12, offsetof(RawInode, i_file_acl_lo),
                  le32(static_cast<std::uint32_t>(attributes)));
  image.put_directory(18, 2, {{12, "hard"}, {13, "deep"}});
  image.put_directory(2, 2,
                      {{12, "file"},
                       {13, "sparse"},
                       {14, "mapped"},
                       {15, "inline"},
                       {16, "link", 7},
                       {17, "device", 3},
                       {18, "dir", 2},
                       {19, "hashed", 2}});
  // A hashed directory: the root, and two leaves.
  const std::uint64_t root = image.next_block();
  const std::uint64_t first = image.next_block();
  const std::uint64_t second = image.next_block();
  std::vector<TestEntry> low;
  std::vector<TestEntry> high;
  const Superblock plain;
  const std::vector<TestEntry> names = {
      {12, "one"}, {13, "two"}, {14, "three"}, {15, "four"}, {16, "five", 7}};
  for (const TestEntry& entry : names)
    (hash_name(plain, kHashHalfMd4, entry.name)->major < 0x80000000U ? low : high).push_back(entry);
  // One more where no search by hash finds it.
  (hash_name(plain, kHashHalfMd4, "lost")->major < 0x80000000U ? high : low)
      .push_back({12, "lost"});
  image.put_entries(19, first, low);
  image.put_entries(19, second, high);
  const auto index = image.block(root);
  Image::put(index, 0, DirEntryHeader{le32(19), le16(12), 1, 2});
  index[8] = std::byte{'.'};
  Image::put(index, 12, DirEntryHeader{le32(2), le16(1012), 2, 2});
  index[20] = index[21] = std::byte{'.'};
  Image::put(index, HtreeRootInfo::kOffset, HtreeRootInfo{le32(0), 1, 8, 0, 0});
  Image::put(index, 32, HtreeCountLimit{le16(123), le16(2)});
  Image::put(index, 36, le32(1));
  Image::put(index, 40, HtreeEntry{le32(0x80000000U), le32(2)});
  std::uint32_t crc = crc32c(image.seed(19), index.first(48));
  crc = crc32c_zeros(crc32c(crc, index.subspan(1016, 4)), 4);
  Image::put(index, 1020, le32(crc));
  image.put_file(19, 3072, {{0, 3, root}}, 0040755);
  image.set_flag(19, kFlagIndex);
  return image;
}

}  // namespace imgfs::ext
