#include "ntfs/mft.h"

#include <algorithm>
#include <string>

namespace imgfs::ntfs {
namespace {

constexpr std::uint64_t kPiece = 16384;               ///< bytes of the table that are read at once
constexpr std::size_t kCache = std::size_t{2} << 20;  ///< bytes
/// Windows allows an attribute list no more.
constexpr std::uint64_t kMaximumList = 256U << 10;

const Attribute* find_first(const Record& record, AttributeType type) {
  for (const Attribute& attribute : record.attributes())
    if (attribute.type == type && attribute.name.empty()) return &attribute;
  return nullptr;
}

}  // namespace

Result<void> read_runs(const RunList& runs, const BlockDevice& device, const Geometry& geometry,
                       std::uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const Run* const run = runs.find(offset / geometry.cluster_size);
    if (run == nullptr) return corrupt("offset past the last cluster", offset);
    const std::uint64_t skip = offset - run->vcn * geometry.cluster_size;
    const auto count = static_cast<std::size_t>(
        std::min<std::uint64_t>(out.size(), run->length * geometry.cluster_size - skip));
    if (run->is_hole())
      fill_zero(out.first(count));
    else
      TRY(device.read(geometry.cluster_offset(run->lcn) + skip, out.first(count)));
    out = out.subspan(count);
    offset += count;
  }
  return success();
}

Result<Mft> Mft::open(Device device, const Geometry& geometry) {
  Mft mft(std::move(device), geometry);
  mft.cache_ = std::make_shared<ByteCache>(kCache);
  const auto usable = [&](const Result<Record>& record) -> Result<void> {
    if (!record) return record.error();
    mft.runs_ = {};
    return mft.map(record.value());
  };
  auto problem = usable(mft.first_record(geometry.mft_lcn));
  if (!problem) {
    if (!usable(mft.first_record(geometry.mftmirr_lcn)))
      return in_context(std::move(problem.error()), "$MFT (and $MFTMirr is no better)");
    mft.mirrored_[0] = true;
  }
  mft.check_mirrored();
  return mft;
}

/// The record that describes the table itself, before the table is mapped.
Result<Record> Mft::first_record(std::uint64_t lcn) const {
  if (lcn >= geometry_.clusters)
    return corrupt("begins at LCN " + std::to_string(lcn) + " (the volume has " +
                   std::to_string(geometry_.clusters) + ")");
  std::vector<std::byte> bytes(geometry_.record_size);
  TRY(device_->read(geometry_.cluster_offset(lcn), bytes));
  Record record = TRY(Record::parse(std::move(bytes), kMftFile));
  if (!record.is_in_use()) return corrupt("MFT record 0 is marked free");
  return record;
}

Result<void> Mft::map(const Record& first) {
  const Attribute* const data = find_first(first, AttributeType::data);
  const Attribute* const list = find_first(first, AttributeType::attribute_list);
  if (data == nullptr || !data->non_resident || data->lowest_vcn != 0)
    return corrupt("MFT record 0 without non-resident data");
  const std::uint64_t size = std::min(data->data_size, data->initialized_size);
  // The table lies on the volume: a size beyond it is not believed.
  if (size / geometry_.cluster_size > geometry_.clusters ||
      size < kMirrored * geometry_.record_size)
    return corrupt("$MFT of " + std::to_string(size) + " bytes");
  TRY(runs_.append(data->mapping_pairs, 0, data->highest_vcn, geometry_.clusters));
  records_ = size / geometry_.record_size;
  const std::uint64_t clusters = (size + geometry_.cluster_size - 1) / geometry_.cluster_size;
  if (list != nullptr && runs_.clusters() < clusters) TRY(map_list(*list, clusters - 1));
  if (runs_.clusters() < clusters)
    return corrupt("$MFT of " + std::to_string(size) + " bytes has only " +
                   std::to_string(runs_.clusters()) + " clusters");
  return success();
}

/// Adds the pieces of the table's run list that lie in extension records, each of which must lie in
/// what is mapped before it.
Result<void> Mft::map_list(const Attribute& list, std::uint64_t highest_vcn) {
  std::vector<std::byte> stored;
  std::span<const std::byte> bytes = list.value;
  if (list.non_resident) {
    if (list.data_size > kMaximumList)
      return corrupt("$MFT's attribute list of " + std::to_string(list.data_size) + " bytes");
    RunList runs;
    TRY(runs.append(list.mapping_pairs, 0, list.highest_vcn, geometry_.clusters));
    stored.resize(static_cast<std::size_t>(list.data_size));
    TRY(read_runs(runs, *device_, geometry_, 0, stored));
    bytes = stored;
  }
  for (std::size_t at = 0; at < bytes.size();) {
    const auto entry = get<AttributeListEntry>(bytes, at);
    if (!entry || entry->length.value() < sizeof(AttributeListEntry))
      return corrupt("$MFT's attribute list is damaged", at);
    TRY(map_piece(bytes.subspan(at), highest_vcn));
    at += entry->length.value();
  }
  return success();
}

Result<void> Mft::map_piece(std::span<const std::byte> entry_bytes, std::uint64_t highest_vcn) {
  const auto entry = get<AttributeListEntry>(entry_bytes);
  if (!entry || entry->type.value() != static_cast<std::uint32_t>(AttributeType::data) ||
      entry->name_length != 0 || entry->lowest_vcn.value() == 0 || runs_.clusters() > highest_vcn)
    return success();
  const std::uint64_t number = file_reference(entry->mft_reference.value()).number;
  if (number >= records_ ||
      (number + 1) * geometry_.record_size > runs_.clusters() * geometry_.cluster_size)
    return corrupt("$MFT's run list goes on in record " + std::to_string(number) +
                   ", which it does not map itself");
  const Record record = TRY(stored_record(number));
  for (const Attribute& attribute : record.attributes())
    if (record.is_in_use() && attribute.type == AttributeType::data && attribute.name.empty() &&
        attribute.non_resident && attribute.lowest_vcn == entry->lowest_vcn.value())
      return runs_.append(attribute.mapping_pairs, attribute.lowest_vcn, attribute.highest_vcn,
                          geometry_.clusters);
  return corrupt("MFT record " + std::to_string(number) + " has no part of $MFT's run list");
}

/// Records up to kMirrored that are damaged are taken from the mirror from now on.
void Mft::check_mirrored() {
  for (std::size_t number = 0; number < kMirrored; ++number) {
    if (mirrored_[number]) continue;
    const auto record = stored_record(number);
    if (record && record.value().is_in_use()) continue;
    const auto copy = mirror_record(number);
    mirrored_[number] = copy && copy.value().is_in_use();
  }
}

Result<void> Mft::read_stored(std::uint64_t number, std::span<std::byte> out) const {
  const std::uint64_t offset = number * geometry_.record_size;
  const std::uint64_t start = offset / kPiece * kPiece;
  const std::uint64_t mapped = runs_.clusters() * geometry_.cluster_size;
  // While the table is being mapped, and for records larger than a piece: the record alone.
  if (start + kPiece > mapped || geometry_.record_size > kPiece ||
      start + kPiece > records_ * geometry_.record_size)
    return read_runs(runs_, *device_, geometry_, offset, out);
  const auto load = [&]() -> Result<std::vector<std::byte>> {
    std::vector<std::byte> piece(kPiece);
    TRY(read_runs(runs_, *device_, geometry_, start, piece));
    return piece;
  };
  const auto piece = cache_->get(start, load);
  // A piece that cannot be read as a whole (the image is cut off) may hold records that can.
  if (!piece) return read_runs(runs_, *device_, geometry_, offset, out);
  copy_bytes(
      std::span(*piece.value()).subspan(static_cast<std::size_t>(offset - start), out.size()), out);
  return success();
}

Result<Record> Mft::stored_record(std::uint64_t number) const {
  std::vector<std::byte> bytes(geometry_.record_size);
  TRY(read_stored(number, bytes));
  return Record::parse(std::move(bytes), number);
}

Result<Record> Mft::mirror_record(std::uint64_t number) const {
  if (geometry_.mftmirr_lcn >= geometry_.clusters)
    return corrupt("$MFTMirr lies past the end of the volume");
  std::vector<std::byte> bytes(geometry_.record_size);
  TRY(device_->read(
      geometry_.cluster_offset(geometry_.mftmirr_lcn) + number * geometry_.record_size, bytes));
  return Record::parse(std::move(bytes), number);
}

Result<Record> Mft::record(std::uint64_t number) const {
  if (number >= records_)
    return Error{Errc::not_found,
                 "MFT record " + std::to_string(number) + " of " + std::to_string(records_),
                 {}};
  return number < kMirrored && mirrored_[static_cast<std::size_t>(number)] ? mirror_record(number)
                                                                           : stored_record(number);
}

Result<Record> Mft::record(FileReference reference) const {
  if (reference.number >= records_)
    return corrupt("reference to MFT record " + std::to_string(reference.number) + " (there are " +
                   std::to_string(records_) + ")");
  Record found = TRY(record(reference.number));
  if (!found.is_in_use())
    return corrupt("reference to MFT record " + std::to_string(reference.number) +
                   ", which is free");
  if (reference.sequence != 0 && found.sequence() != reference.sequence)
    return corrupt("reference to MFT record " + std::to_string(reference.number) +
                   " with sequence number " + std::to_string(reference.sequence) + " (found " +
                   std::to_string(found.sequence()) + ")");
  return found;
}

}  // namespace imgfs::ntfs
