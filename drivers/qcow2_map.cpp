#include "drivers/qcow2_map.h"

#include <algorithm>

namespace imgfs::qcow2 {
namespace {

constexpr std::uint64_t kSliceSize = 16384;  // bytes of an L2 table read at a time

}  // namespace

/// One cluster, or subcluster, of a table.
struct ClusterMap::Unit {
  Run::Kind kind;
  std::uint64_t host;
};

/// A piece of an L2 table and the first cluster of the disk that it maps.
class ClusterMap::Slice {
 public:
  Slice(ByteCache::Bytes bytes, std::uint64_t first) : bytes_(std::move(bytes)), first_(first) {}

  template <OnDisk T>
  T entry(std::uint64_t cluster) const {
    return *get<T>(*bytes_, static_cast<std::size_t>(cluster - first_) * sizeof(T));
  }

 private:
  ByteCache::Bytes bytes_;
  std::uint64_t first_;
};

ClusterMap::ClusterMap(Device file, const Header& header, std::size_t cache_size)
    : file_(std::move(file)),
      header_(header),
      unit_bits_(header.cluster_bits - (header.extended_l2 ? kSubclusterBits : 0)),
      slice_bits_(static_cast<unsigned>(
          std::countr_zero(std::min(kSliceSize, header.cluster_size()) / header.entry_size()))),
      tables_(cache_size) {}

Result<std::unique_ptr<ClusterMap>> ClusterMap::open(Device file, const Header& header,
                                                     std::size_t cache_size) {
  std::unique_ptr<ClusterMap> map(new ClusterMap(std::move(file), header, cache_size));
  map->l1_.resize(static_cast<std::size_t>(header.l1_entries));
  TRY(map->file_->read(header.l1_offset, std::as_writable_bytes(std::span(map->l1_))));
  return map;
}

std::uint64_t ClusterMap::tables_end() const {
  std::uint64_t end = 0;
  for (const be64& entry : l1_) {
    const std::uint64_t offset = entry.value() & kOffsetMask;
    if (offset != 0) end = std::max(end, offset + header_.cluster_size());
  }
  return end;
}

Result<std::vector<std::byte>> ClusterMap::read_slice(std::uint64_t place) const {
  std::vector<std::byte> bytes(static_cast<std::size_t>(header_.entry_size() << slice_bits_));
  if (place > file_->size() || bytes.size() > file_->size() - place)
    return corrupt("the file is cut off before this L2 table", place);
  TRY(file_->read(place, bytes));
  return bytes;
}

Result<Run> ClusterMap::find(std::uint64_t offset, std::uint64_t length) const {
  const std::uint64_t cluster = offset >> header_.cluster_bits;
  const std::uint64_t l1_index = cluster >> header_.l2_bits();
  if (l1_index >= l1_.size()) return corrupt("offset past the end of the L1 table", offset);
  const std::uint64_t table = l1_[static_cast<std::size_t>(l1_index)].value() & kOffsetMask;
  if (table == 0) return find_without_table(l1_index, offset, length);
  if (table % header_.cluster_size() != 0)
    return corrupt("L2 table not at a cluster's start", table);

  const std::uint64_t first = cluster >> slice_bits_ << slice_bits_;
  const std::uint64_t in_table = first & ((std::uint64_t{1} << header_.l2_bits()) - 1);
  const std::uint64_t place = table + in_table * header_.entry_size();
  const Slice slice(TRY(tables_.get(place, [&] { return read_slice(place); })), first);
  const std::uint64_t slice_end = (first + (std::uint64_t{1} << slice_bits_)) << header_.cluster_bits;
  const std::uint64_t end = offset + std::min(length, slice_end - offset);
  std::uint64_t index = offset >> unit_bits_;
  const Unit start = TRY(unit(slice, index));
  const std::uint64_t skip = offset & ((std::uint64_t{1} << unit_bits_) - 1);
  std::uint64_t expected = start.host;
  while ((++index << unit_bits_) < end) {
    expected += std::uint64_t{1} << unit_bits_;
    const auto next = unit(slice, index);
    if (!next || next.value().kind != start.kind ||
        (start.kind == Run::Kind::data && next.value().host != expected))
      break;
  }
  const std::uint64_t host = start.kind == Run::Kind::data ? start.host + skip : start.host;
  return Run{start.kind, std::min(index << unit_bits_, end) - offset, host};
}

/// Unallocated, together with the tables after it that are not there either.
Result<Run> ClusterMap::find_without_table(std::uint64_t l1_index, std::uint64_t offset,
                                           std::uint64_t length) const {
  const unsigned reach_bits = header_.cluster_bits + header_.l2_bits();
  const std::uint64_t end = offset + length;
  std::uint64_t next = l1_index + 1;
  while (next < l1_.size() && next << reach_bits < end &&
         (l1_[static_cast<std::size_t>(next)].value() & kOffsetMask) == 0)
    ++next;
  return Run{Run::Kind::backing, std::min(next << reach_bits, end) - offset};
}

Result<ClusterMap::Unit> ClusterMap::unit(const Slice& slice, std::uint64_t unit_index) const {
  if (!header_.extended_l2) return plain_unit(slice.entry<be64>(unit_index).value(), unit_index);
  return subcluster(slice.entry<ExtendedL2Entry>(unit_index >> kSubclusterBits), unit_index);
}

/// Where a cluster that is not compressed lies; an external data file may use offset 0.
Result<std::uint64_t> ClusterMap::data_offset(std::uint64_t entry, std::uint64_t cluster) const {
  const std::uint64_t offset = entry & kOffsetMask;
  if (offset % header_.cluster_size() != 0)
    return corrupt("data cluster " + std::to_string(cluster) + " not at a cluster's start", offset);
  if (header_.raw_external_data && offset != cluster << header_.cluster_bits)
    return corrupt("cluster " + std::to_string(cluster) + " is not at its own place in the raw data file",
                   offset);
  return offset;
}

Result<ClusterMap::Unit> ClusterMap::plain_unit(std::uint64_t entry, std::uint64_t cluster) const {
  if ((entry & kCompressed) != 0) {
    if (header_.external_data) return corrupt("compressed cluster with an external data file");
    return Unit{Run::Kind::compressed, entry};
  }
  if ((entry & kAllZero) != 0) {
    if (header_.version < 3) return corrupt("zero cluster in an image of version 2");
    return Unit{Run::Kind::zero, 0};
  }
  const bool allocated =
      (entry & kOffsetMask) != 0 || (header_.external_data && (entry & kCopied) != 0);
  if (!allocated) return Unit{Run::Kind::backing, 0};
  return Unit{Run::Kind::data, TRY(data_offset(entry, cluster))};
}

Result<ClusterMap::Unit> ClusterMap::subcluster(const ExtendedL2Entry& entry,
                                                std::uint64_t unit_index) const {
  const std::uint64_t value = entry.entry.value();
  const std::uint64_t cluster = unit_index >> kSubclusterBits;
  if ((value & kCompressed) != 0) {
    if (header_.external_data) return corrupt("compressed cluster with an external data file");
    return Unit{Run::Kind::compressed, value};
  }
  const unsigned number = static_cast<unsigned>(unit_index & ((1U << kSubclusterBits) - 1));
  const bool zero = (entry.zero.value() >> number & 1) != 0;
  const bool allocated = (entry.allocated.value() >> number & 1) != 0;
  const bool has_cluster =
      (value & kOffsetMask) != 0 || (header_.external_data && (value & kCopied) != 0);
  if (allocated && (zero || !has_cluster))
    return corrupt("impossible subcluster bits in cluster " + std::to_string(cluster));
  if (zero) return Unit{Run::Kind::zero, 0};
  if (!allocated) return Unit{Run::Kind::backing, 0};
  const std::uint64_t base = TRY(data_offset(value, cluster));
  return Unit{Run::Kind::data, base + (std::uint64_t{number} << unit_bits_)};
}

}  // namespace imgfs::qcow2
