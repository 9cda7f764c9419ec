#pragma once

#include <wimlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "ntfs/ntfs_format.h"

namespace imgfs::ntfs::test {

using Bytes = std::vector<std::byte>;

inline void append(Bytes& out, std::string_view text) {
  const auto bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}
inline void append(Bytes& out, const Bytes& bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
/// `width` bytes of `value`, little-endian.
inline void put(Bytes& out, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i)
    out.push_back(static_cast<std::byte>(i < 8 ? value >> (8 * i) & 255U : 0));
}
inline void put_at(std::span<std::byte> out, std::size_t at, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i)
    out[at + static_cast<std::size_t>(i)] = static_cast<std::byte>(value >> (8 * i) & 255U);
}
inline void pad(Bytes& out, std::size_t multiple) {
  while (out.size() % multiple != 0) out.push_back(std::byte{0});
}
inline Bytes bytes_of(std::string_view text) {
  Bytes out;
  append(out, text);
  return out;
}
inline Bytes utf16(std::u16string_view text) {
  Bytes out;
  for (const char16_t unit : text) put(out, unit, 2);
  return out;
}
inline std::u16string wide(std::string_view ascii) { return {ascii.begin(), ascii.end()}; }

/// A piece of a run list: clusters at an LCN, or -1 for a hole.
struct Piece {
  std::int64_t lcn;
  std::uint64_t length;
};
inline Bytes mapping_pairs(const std::vector<Piece>& pieces) {
  Bytes out;
  std::int64_t last = 0;
  for (const Piece& piece : pieces) {
    const bool hole = piece.lcn < 0;
    put(out, hole ? 0x04 : 0x44, 1);
    put(out, piece.length, 4);
    if (hole) continue;
    put(out, static_cast<std::uint64_t>(piece.lcn - last), 4);
    last = piece.lcn;
  }
  put(out, 0, 1);
  return out;
}

/// How a non-resident attribute is described.
struct NonResident {
  std::vector<Piece> pieces;
  std::uint64_t data_size = 0;
  std::uint64_t initialized_size = 0;
  std::uint64_t lowest_vcn = 0;
  std::uint8_t compression_unit = 0;
  std::uint64_t all_clusters = 0;  ///< of all pieces, where there are more
};

inline constexpr std::uint64_t kTime = 132'000'000'000'000'000;  ///< 2019-04-17

/// Builds a small volume: records and indexes are put in by their parts, `finish` protects them by
/// update sequences. Nothing is checked: broken shapes are made on purpose.
class NtfsImage {
 public:
  explicit NtfsImage(std::uint32_t cluster = 1024, std::uint32_t record = 1024,
                     std::uint64_t clusters = 512)
      : cluster_(cluster), record_(record), bytes_(cluster * clusters) {
    mft_lcn_ = static_cast<std::int64_t>(allocate(kRecords * record / cluster));
  }

  static constexpr std::uint64_t kRecords = 64;
  std::uint32_t cluster() const { return cluster_; }
  std::uint32_t record_size() const { return record_; }
  std::int64_t mft_lcn() const { return mft_lcn_; }
  Bytes& bytes() { return bytes_; }

  std::uint64_t allocate(std::uint64_t clusters) {
    const std::uint64_t lcn = next_;
    next_ += clusters;
    return lcn;
  }
  /// Puts `data` into clusters of its own.
  Piece store(const Bytes& data) {
    const std::uint64_t count = (data.size() + cluster_ - 1) / cluster_;
    const std::uint64_t lcn = allocate(count);
    std::ranges::copy(data, bytes_.begin() + static_cast<std::ptrdiff_t>(lcn * cluster_));
    return {static_cast<std::int64_t>(lcn), count};
  }

  Bytes resident(AttributeType type, const Bytes& value, std::string_view name = {},
                 std::uint16_t flags = 0) {
    Bytes out = head(type, name, flags, 0);
    const std::size_t name_at = 24;
    put(out, value.size(), 4);
    const std::size_t value_at = (name_at + 2 * name.size() + 7) / 8 * 8;
    put(out, value_at, 2);
    put(out, 0, 2);
    append(out, utf16(wide(name)));
    pad(out, 8);
    append(out, value);
    return closed(std::move(out), name_at);
  }
  Bytes non_resident(AttributeType type, const NonResident& what, std::string_view name = {},
                     std::uint16_t flags = 0) {
    Bytes out = head(type, name, flags, 1);
    std::uint64_t clusters = 0;
    std::uint64_t occupied = 0;
    for (const Piece& piece : what.pieces) {
      clusters += piece.length;
      if (piece.lcn >= 0) occupied += piece.length;
    }
    put(out, what.lowest_vcn, 8);
    put(out, what.lowest_vcn + clusters - 1, 8);
    const bool long_head = (flags & (AttributeHeader::kCompressed | AttributeHeader::kSparse)) != 0;
    const std::size_t name_at = long_head ? 72 : 64;
    const std::size_t pairs_at = (name_at + 2 * name.size() + 7) / 8 * 8;
    put(out, pairs_at, 2);
    put(out, what.compression_unit, 1);
    put(out, 0, 5);
    put(out, std::max(clusters, what.all_clusters) * cluster_, 8);
    put(out, what.data_size, 8);
    put(out, what.initialized_size, 8);
    if (long_head) put(out, occupied * cluster_, 8);
    append(out, utf16(wide(name)));
    pad(out, 8);
    append(out, mapping_pairs(what.pieces));
    return closed(std::move(out), name_at);
  }
  /// A whole stream of `data` in clusters of its own.
  Bytes stored(AttributeType type, const Bytes& data, std::string_view name = {}) {
    return non_resident(type, {{store(data)}, data.size(), data.size()}, name);
  }

  static Bytes standard_information(std::uint32_t attributes, std::uint32_t security_id = 0) {
    Bytes out;
    for (std::uint64_t i = 0; i < 4; ++i) put(out, kTime + i * 10'000'001, 8);
    put(out, attributes, 4);
    put(out, 0, 12);
    put(out, 0, 4);
    put(out, security_id, 4);
    put(out, 0, 16);
    return out;
  }
  static std::uint64_t reference(std::uint64_t number, std::uint16_t sequence = 1) {
    return number | std::uint64_t{sequence} << 48;
  }
  static Bytes file_name(std::uint64_t parent, std::u16string_view name,
                         std::uint8_t type = FileName::kPosix, std::uint32_t attributes = 0,
                         std::uint32_t tag = 0) {
    Bytes out;
    put(out, reference(parent), 8);
    for (int i = 0; i < 4; ++i) put(out, kTime, 8);
    put(out, 0, 8);
    put(out, 0, 8);
    put(out, attributes, 4);
    put(out, tag, 4);
    put(out, name.size(), 1);
    put(out, type, 1);
    append(out, utf16(name));
    return out;
  }

  /// An index entry; child below 0: none. An empty key with `last` ends a node.
  static Bytes entry(std::uint64_t file, const Bytes& key, std::int64_t child = -1,
                     bool last = false) {
    Bytes out;
    put(out, file, 8);
    put(out, 0, 2);
    put(out, key.size(), 2);
    put(out, (child >= 0 ? 1U : 0U) | (last ? 2U : 0U), 2);
    put(out, 0, 2);
    append(out, key);
    pad(out, 8);
    if (child >= 0) put(out, static_cast<std::uint64_t>(child), 8);
    put_at(out, 8, out.size(), 2);
    return out;
  }
  /// An entry of a view: key and data.
  static Bytes view_entry(const Bytes& key, const Bytes& data) {
    Bytes out;
    const std::size_t data_at = (16 + key.size() + 3) / 4 * 4;
    put(out, data_at, 2);
    put(out, data.size(), 2);
    put(out, 0, 4);
    put(out, 0, 2);
    put(out, key.size(), 2);
    put(out, 0, 4);
    append(out, key);
    pad(out, 4);
    append(out, data);
    pad(out, 8);
    put_at(out, 8, out.size(), 2);
    return out;
  }
  static Bytes end_entry(std::int64_t child = -1) { return entry(0, {}, child, true); }

  static Bytes index_header(const Bytes& entries, std::size_t first, bool children) {
    Bytes out;
    put(out, first, 4);
    put(out, first + entries.size(), 4);
    put(out, first + entries.size(), 4);
    put(out, children ? 1 : 0, 4);
    return out;
  }
  Bytes index_root(const Bytes& entries, std::uint32_t block, bool children,
                   std::string_view name = "$I30") {
    Bytes value;
    put(value, name == "$I30" ? 0x30 : 0, 4);
    put(value, 1, 4);
    put(value, block, 4);
    put(value, 1, 4);
    append(value, index_header(entries, 16, children));
    append(value, entries);
    return resident(AttributeType::index_root, value, name);
  }
  /// One block of $INDEX_ALLOCATION, not yet protected.
  static Bytes index_block(const Bytes& entries, std::uint32_t size, std::uint64_t vcn,
                           bool children) {
    const std::size_t usa_count = size / 512 + 1;
    Bytes out = bytes_of("INDX");
    put(out, 40, 2);
    put(out, usa_count, 2);
    put(out, 0, 8);
    put(out, vcn, 8);
    const std::size_t first = (40 + 2 * usa_count + 7) / 8 * 8 - 24;
    append(out, index_header(entries, first, children));
    out.resize(24 + first);
    put_at(out, 40, 1, 2);
    append(out, entries);
    out.resize(size);
    return out;
  }

  struct RecordParts {
    std::vector<Bytes> attributes;
    std::uint16_t flags = RecordHeader::kInUse;
    std::uint16_t links = 1;
    std::uint16_t sequence = 1;
    std::uint64_t base = 0;
  };
  /// Writes record `number`, not yet protected.
  void write_record(std::uint64_t number, RecordParts parts) {
    const std::size_t usa_count = record_ / 512 + 1;
    Bytes out = bytes_of("FILE");
    put(out, 48, 2);
    put(out, usa_count, 2);
    put(out, 0, 8);
    put(out, parts.sequence, 2);
    put(out, parts.links, 2);
    const std::size_t first = (48 + 2 * usa_count + 7) / 8 * 8;
    put(out, first, 2);
    put(out, parts.flags, 2);
    put(out, 0, 4);
    put(out, record_, 4);
    put(out, parts.base, 8);
    put(out, 100, 2);
    put(out, 0, 2);
    put(out, number, 4);
    out.resize(first);
    put_at(out, 48, 1, 2);
    std::ranges::stable_sort(parts.attributes, {},
                             [](const Bytes& a) { return get<le32>(a)->value(); });
    for (const Bytes& attribute : parts.attributes) append(out, attribute);
    put(out, 0xffffffff, 4);
    put(out, 0, 4);
    put_at(out, 24, out.size(), 4);
    out.resize(record_);
    std::ranges::copy(out, bytes_.begin() + static_cast<std::ptrdiff_t>(record_offset(number)));
  }
  std::uint64_t record_offset(std::uint64_t number) const {
    return static_cast<std::uint64_t>(mft_lcn_) * cluster_ + number * record_;
  }

  void write_boot_sector(std::uint64_t mirror_lcn) {
    Bytes out;
    put(out, 0x9052eb, 3);
    append(out, "NTFS    ");
    put(out, 512, 2);
    const std::uint64_t sectors_per_cluster = cluster_ / 512;
    put(out, sectors_per_cluster, 1);
    out.resize(0x28);
    put(out, bytes_.size() / 512 - 1, 8);
    put(out, static_cast<std::uint64_t>(mft_lcn_), 8);
    put(out, mirror_lcn, 8);
    put(out, size_code(record_), 4);
    put(out, size_code(1024), 4);
    put(out, 0x1122334455667788, 8);
    out.resize(510);
    put(out, 0xaa55, 2);
    std::ranges::copy(out, bytes_.begin());
    std::ranges::copy(out, bytes_.end() - 512);
  }
  static std::uint64_t size_code(std::uint32_t size) {
    std::uint64_t exponent = 0;
    while ((1U << exponent) < size) ++exponent;
    return (256 - exponent) & 255U;
  }

 private:
  Bytes head(AttributeType type, std::string_view name, std::uint16_t flags,
             std::uint8_t is_non_resident) {
    Bytes out;
    put(out, static_cast<std::uint32_t>(type), 4);
    put(out, 0, 4);
    put(out, is_non_resident, 1);
    put(out, name.size(), 1);
    put(out, 0, 2);
    put(out, flags, 2);
    put(out, instance_++, 2);
    return out;
  }
  static Bytes closed(Bytes out, std::size_t name_at) {
    pad(out, 8);
    put_at(out, 4, out.size(), 4);
    put_at(out, 10, name_at, 2);
    return out;
  }

  std::uint32_t cluster_;
  std::uint32_t record_;
  Bytes bytes_;
  std::uint64_t next_ = 8192 / cluster_ + 1;
  std::int64_t mft_lcn_;
  std::uint16_t instance_ = 0;
};

/// Writes the update sequence of the record at the start of `record`, if its header says where.
inline void protect(std::span<std::byte> record) {
  const auto header = get<MultiSectorHeader>(record);
  const std::size_t offset = header->usa_offset.value();
  const std::size_t count = header->usa_count.value();
  if (count != record.size() / 512 + 1 || offset + 2 * count > record.size()) return;
  for (std::size_t i = 1; i < count; ++i) {
    std::memcpy(record.data() + offset + 2 * i, record.data() + i * 512 - 2, 2);
    std::memcpy(record.data() + i * 512 - 2, record.data() + offset, 2);
  }
}

/// Protects all FILE records (of `record` bytes) and INDX blocks (of `block` bytes) that lie at the
/// start of a sector.
inline void protect_all(std::span<std::byte> image, std::size_t record, std::size_t block) {
  for (std::size_t at = 0; at + 512 <= image.size(); at += 512) {
    const std::string_view magic = as_chars(image.subspan(at, 4));
    const std::size_t size = magic == "FILE" ? record : magic == "INDX" ? block : 0;
    if (size != 0 && size <= image.size() - at) protect(image.subspan(at, size));
  }
}

}  // namespace imgfs::ntfs::test
