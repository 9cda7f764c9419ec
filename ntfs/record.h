#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "ntfs/ntfs_format.h"

namespace imgfs::ntfs {

/// Which file, and which of those that used its record one after another.
struct FileReference {
  std::uint64_t number;
  std::uint16_t sequence;  ///< 0 matches any
};
constexpr FileReference file_reference(std::uint64_t stored) {
  return {stored & 0xffffffffffffU, static_cast<std::uint16_t>(stored >> 48)};
}

/// Checks the update sequence of a FILE or INDX record and puts the bytes back that it replaced.
Result<void> apply_fixups(std::span<std::byte> record, std::string_view magic);

/// An attribute as it lies in a record; all spans point into the record.
struct Attribute {
  AttributeType type;
  std::span<const std::byte> name;  ///< UTF-16LE
  std::uint16_t flags;
  std::uint16_t instance;
  bool non_resident;
  std::span<const std::byte> value;  ///< resident
  // Non-resident:
  std::uint64_t lowest_vcn = 0;
  std::uint64_t highest_vcn = 0;
  std::uint64_t allocated_size = 0;  ///< really occupied; the sizes are 0 unless lowest_vcn is 0
  std::uint64_t reserved_size = 0;   ///< with holes and what compression saves
  std::uint64_t data_size = 0;
  std::uint64_t initialized_size = 0;
  std::uint8_t compression_unit = 0;
  std::span<const std::byte> mapping_pairs{};

  bool is_compressed() const { return (flags & AttributeHeader::kCompressionMask) != 0; }
  bool is_encrypted() const { return (flags & AttributeHeader::kEncrypted) != 0; }
  std::uint64_t size() const { return non_resident ? data_size : value.size(); }
};

/// Whether a UTF-16LE name is the ASCII text `ascii`.
bool name_is(std::span<const std::byte> utf16, std::string_view ascii);

/// One record of the MFT: checked, its attributes parsed. Owns its bytes.
class Record {
 public:
  /// `bytes` as read from the MFT; `number` for messages.
  static Result<Record> parse(std::vector<std::byte> bytes, std::uint64_t number);

  Record(Record&&) = default;
  Record& operator=(Record&&) = default;
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

  std::uint64_t number() const { return number_; }
  std::uint16_t sequence() const { return header_.sequence_number.value(); }
  std::uint16_t links() const { return header_.link_count.value(); }
  bool is_in_use() const { return (header_.flags.value() & RecordHeader::kInUse) != 0; }
  bool is_directory() const { return (header_.flags.value() & RecordHeader::kDirectory) != 0; }
  /// The base record where this is an extension of one; number and sequence 0 otherwise.
  FileReference base() const { return file_reference(header_.base_mft_record.value()); }
  const std::vector<Attribute>& attributes() const { return attributes_; }

 private:
  Record(std::vector<std::byte> bytes, std::uint64_t number)
      : bytes_(std::move(bytes)), number_(number) {}
  Result<void> parse_attributes();

  std::vector<std::byte> bytes_;
  std::uint64_t number_;
  RecordHeader header_{};
  std::vector<Attribute> attributes_;
};

}  // namespace imgfs::ntfs
