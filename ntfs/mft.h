#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/block_device.h"
#include "core/byte_cache.h"
#include "ntfs/boot_sector.h"
#include "ntfs/record.h"
#include "ntfs/runs.h"

namespace imgfs::ntfs {

/// The master file table: every file's records by number. Immutable after open.
class Mft {
 public:
  /// Finds the table through its own first record (or that of $MFTMirr, where it is damaged) and
  /// the extension records that its attribute list names.
  static Result<Mft> open(Device device, const Geometry& geometry);

  /// The record `number`, checked; one of $MFTMirr's where the record itself is damaged. It may be
  /// free.
  Result<Record> record(std::uint64_t number) const;
  /// The record that `reference` means; corrupt where it is free or was used again for another
  /// file.
  Result<Record> record(FileReference reference) const;

  std::uint64_t records() const { return records_; }
  /// True where the copy of record `number` (below kMirrored) is taken from $MFTMirr.
  bool is_from_mirror(std::size_t number) const { return mirrored_[number]; }
  static constexpr std::size_t kMirrored = 4;

 private:
  Mft(Device device, const Geometry& geometry) : device_(std::move(device)), geometry_(geometry) {}
  Result<Record> first_record(std::uint64_t lcn) const;
  Result<void> map(const Record& first);
  Result<void> map_list(const Attribute& list, std::uint64_t highest_vcn);
  Result<void> map_piece(std::span<const std::byte> entry, std::uint64_t highest_vcn);
  Result<void> read_stored(std::uint64_t number, std::span<std::byte> out) const;
  Result<Record> stored_record(std::uint64_t number) const;
  Result<Record> mirror_record(std::uint64_t number) const;
  void check_mirrored();

  Device device_;
  Geometry geometry_;
  RunList runs_;
  std::uint64_t records_ = 0;
  std::bitset<kMirrored> mirrored_;
  /// Pieces of the table of kPiece bytes: neighbours are mostly asked for one after another.
  std::shared_ptr<ByteCache> cache_;
};

/// Reads [offset, offset + out.size()) of what `runs` maps; holes are zeros. The range must be
/// mapped.
Result<void> read_runs(const RunList& runs, const BlockDevice& device, const Geometry& geometry,
                       std::uint64_t offset, std::span<std::byte> out);

}  // namespace imgfs::ntfs
