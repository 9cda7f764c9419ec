#include "ntfs/stream.h"

#include <algorithm>
#include <string>

#include "ntfs/lznt1.h"

namespace imgfs::ntfs {
namespace {

/// Windows writes units of 16 clusters of at most 4 KiB.
constexpr std::uint64_t kMaximumUnit = 1U << 20;  ///< bytes

}  // namespace

/// The runs as extents of bytes: what lies behind the initialised size is a hole.
class Stream::Map final : public ExtentMap {
 public:
  Map(const Stream& stream, const Geometry& geometry)
      : stream_(stream), cluster_(geometry.cluster_size) {}

  Result<Extent> find(std::uint64_t logical) const override {
    if (logical >= stream_.initialized_)
      return Extent{stream_.initialized_, UINT64_MAX - stream_.initialized_, 0, Extent::Kind::zero};
    const Run* const run = stream_.runs_.find(logical / cluster_);
    if (run == nullptr) return corrupt("run list ends before the data does", logical);
    const std::uint64_t start = run->vcn * cluster_;
    const std::uint64_t length = std::min(run->length * cluster_, stream_.initialized_ - start);
    if (run->is_hole()) return Extent{start, length, 0, Extent::Kind::zero};
    return Extent{start, length, run->lcn * cluster_, Extent::Kind::data};
  }

 private:
  const Stream& stream_;
  std::uint64_t cluster_;
};

Result<Stream> Stream::open(const Geometry& geometry, std::span<const Attribute* const> pieces) {
  const Attribute& first = *pieces.front();
  Stream stream;
  stream.flags_ = first.flags;
  stream.encrypted_ = first.is_encrypted();
  stream.size_ = first.size();
  if (!first.non_resident) {
    if (pieces.size() != 1) return corrupt("resident attribute in several pieces");
    stream.resident_.assign(first.value.begin(), first.value.end());
    stream.initialized_ = stream.size_;
    stream.allocated_ = (stream.size_ + 7) / 8 * 8;
    return stream;
  }
  if (first.lowest_vcn != 0) return corrupt("the first piece of an attribute is missing");
  if (first.data_size > INT64_MAX || first.reserved_size > INT64_MAX ||
      first.data_size > first.reserved_size || first.initialized_size > first.data_size)
    return corrupt("sizes contradict: data " + std::to_string(first.data_size) + ", allocated " +
                   std::to_string(first.reserved_size) + ", initialised " +
                   std::to_string(first.initialized_size));
  stream.initialized_ = first.initialized_size;
  stream.allocated_ = first.allocated_size;
  stream.kind_ = first.is_compressed() ? Kind::compressed : Kind::plain;
  if (stream.kind_ == Kind::compressed) {
    if (first.compression_unit == 0 || first.compression_unit > 12 ||
        (std::uint64_t{geometry.cluster_size} << first.compression_unit) > kMaximumUnit)
      return corrupt("compression units of 2^" + std::to_string(first.compression_unit) +
                     " clusters");
    stream.unit_clusters_ = std::uint64_t{1} << first.compression_unit;
  }
  for (const Attribute* const piece : pieces) {
    if (!piece->non_resident) return corrupt("resident piece of a non-resident attribute");
    TRY(stream.runs_.append(piece->mapping_pairs, piece->lowest_vcn, piece->highest_vcn,
                            geometry.clusters));
  }
  const std::uint64_t clusters =
      (stream.initialized_ + geometry.cluster_size - 1) / geometry.cluster_size;
  if (stream.runs_.clusters() < clusters)
    return corrupt("run list of " + std::to_string(stream.runs_.clusters()) + " clusters for " +
                   std::to_string(stream.initialized_) + " bytes");
  return stream;
}

bool Stream::has_holes() const {
  return std::ranges::any_of(runs_.runs(), [](const Run& run) { return run.is_hole(); });
}

Result<void> Stream::check_readable() const {
  if (encrypted_) return Error{Errc::no_key, "encrypted by EFS, and there is no key", {}};
  const unsigned method = flags_ & AttributeHeader::kCompressionMask;
  if (method > AttributeHeader::kCompressed && kind_ != Kind::resident)
    return unsupported("compression method " + std::to_string(method));
  return success();
}

Result<std::size_t> Stream::read(const Volume& volume, std::uint64_t offset,
                                 std::span<std::byte> out, std::uint64_t number) const {
  TRY(check_readable());
  if (offset >= size_) return std::size_t{0};
  out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset)));
  switch (kind_) {
    case Kind::resident:
      copy_bytes(std::span(resident_).subspan(static_cast<std::size_t>(offset), out.size()), out);
      break;
    case Kind::plain:
      TRY(read_extents(Map(*this, volume.geometry), *volume.device, offset, out));
      break;
    case Kind::compressed: TRY(read_compressed(volume, offset, out, number)); break;
  }
  return out.size();
}

Result<std::vector<std::byte>> Stream::read_all(const Volume& volume, std::uint64_t limit) const {
  if (size_ > limit)
    return Error{Errc::too_large,
                 std::to_string(size_) + " bytes (at most " + std::to_string(limit) + ")",
                 {}};
  std::vector<std::byte> bytes(static_cast<std::size_t>(size_));
  if (!bytes.empty()) TRY(read(volume, 0, bytes));
  return bytes;
}

Result<void> Stream::read_compressed(const Volume& volume, std::uint64_t offset,
                                     std::span<std::byte> out, std::uint64_t number) const {
  const std::uint64_t unit_size = unit_clusters_ * volume.geometry.cluster_size;
  while (!out.empty()) {
    if (offset >= initialized_) {
      fill_zero(out);
      return success();
    }
    const std::uint64_t skip = offset % unit_size;
    auto target =
        out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), unit_size - skip)));
    target = target.first(
        static_cast<std::size_t>(std::min<std::uint64_t>(target.size(), initialized_ - offset)));
    // A whole unit is decoded where it is wanted; a part of one by way of the cache.
    if (target.size() == unit_size)
      TRY(read_unit(volume, offset / unit_size, target));
    else
      TRY(read_part_of_unit(volume, offset, target, number));
    out = out.subspan(target.size());
    offset += target.size();
  }
  return success();
}

Stream::Unit Stream::unit(std::uint64_t first_vcn) const {
  std::uint64_t occupied = 0;
  while (occupied < unit_clusters_) {
    const Run* const run = runs_.find(first_vcn + occupied);
    if (run == nullptr || run->is_hole()) break;
    occupied += run->end() - (first_vcn + occupied);
  }
  if (occupied == 0) return {Unit::Kind::hole, 0};
  if (occupied >= unit_clusters_) return {Unit::Kind::plain, unit_clusters_};
  return {Unit::Kind::compressed, occupied};
}

Result<void> Stream::read_unit(const Volume& volume, std::uint64_t index,
                               std::span<std::byte> out) const {
  const std::uint64_t vcn = index * unit_clusters_;
  const std::uint64_t cluster = volume.geometry.cluster_size;
  const Unit found = unit(vcn);
  if (found.kind == Unit::Kind::hole) {
    fill_zero(out);
    return success();
  }
  if (found.kind == Unit::Kind::plain)
    return read_runs(runs_, *volume.device, volume.geometry, vcn * cluster, out);
  std::vector<std::byte> stored(static_cast<std::size_t>(found.clusters * cluster));
  TRY(read_runs(runs_, *volume.device, volume.geometry, vcn * cluster, stored));
  auto done = lznt1_decompress(stored, out);
  if (!done)
    return in_context(std::move(done.error()), "compression unit " + std::to_string(index));
  return success();
}

Result<void> Stream::read_part_of_unit(const Volume& volume, std::uint64_t offset,
                                       std::span<std::byte> out, std::uint64_t number) const {
  const std::uint64_t cluster = volume.geometry.cluster_size;
  const std::uint64_t unit_size = unit_clusters_ * cluster;
  const std::uint64_t index = offset / unit_size;
  const auto skip = static_cast<std::size_t>(offset % unit_size);
  const Unit found = unit(index * unit_clusters_);
  if (found.kind == Unit::Kind::hole) {
    fill_zero(out);
    return success();
  }
  if (found.kind == Unit::Kind::plain)
    return read_runs(runs_, *volume.device, volume.geometry, offset, out);
  const auto load = [&]() -> Result<std::vector<std::byte>> {
    std::vector<std::byte> bytes(static_cast<std::size_t>(unit_size));
    TRY(read_unit(volume, index, bytes));
    return bytes;
  };
  const std::uint64_t key = number == 0 ? 0 : piece_key(number, index);
  if (key == 0) {
    const auto bytes = TRY(load());
    copy_bytes(std::span(bytes).subspan(skip, out.size()), out);
    return success();
  }
  const auto bytes = TRY(volume.decoded->get(key, load));
  copy_bytes(std::span(*bytes).subspan(skip, out.size()), out);
  return success();
}

Result<Location> Stream::locate(const Volume& volume, std::uint64_t offset,
                                std::uint64_t length) const {
  TRY(check_readable());
  if (offset >= size_) return Error{Errc::invalid, "offset past the end of the file", {}};
  length = std::min(length, size_ - offset);
  if (kind_ == Kind::resident) return Location{Location::Kind::decoded, length};
  if (kind_ == Kind::plain)
    return locate_extents(Map(*this, volume.geometry), *volume.device, offset, length);
  if (offset >= initialized_) return Location{Location::Kind::zero, length};
  const std::uint64_t unit_size = unit_clusters_ * volume.geometry.cluster_size;
  const Unit found = unit(offset / unit_size * unit_clusters_);
  if (found.kind == Unit::Kind::compressed) {
    // All compressed units that follow are answered for as well: a reader decodes them in one go.
    std::uint64_t end = (offset / unit_size + 1) * unit_size;
    while (end - offset < length &&
           unit(end / unit_size * unit_clusters_).kind == Unit::Kind::compressed)
      end += unit_size;
    return Location{Location::Kind::decoded, std::min(length, end - offset)};
  }
  const std::uint64_t rest =
      std::min({length, unit_size - offset % unit_size, initialized_ - offset});
  if (found.kind == Unit::Kind::hole) return Location{Location::Kind::zero, rest};
  return locate_extents(Map(*this, volume.geometry), *volume.device, offset, rest);
}

Result<Extent> Stream::extent(const Geometry& geometry, std::uint64_t offset) const {
  if (offset >= size_) return Error{Errc::no_more_data, "offset past the end of the file", {}};
  Extent out{0, size_, 0, Extent::Kind::data};
  if (kind_ == Kind::resident || encrypted_) return out;
  if (kind_ == Kind::plain) {
    out = TRY(find_extent(Map(*this, geometry), offset));
  } else if (offset >= initialized_) {
    out = {initialized_, size_ - initialized_, 0, Extent::Kind::zero};
  } else {
    const std::uint64_t unit_size = unit_clusters_ * geometry.cluster_size;
    const std::uint64_t first = offset / unit_size * unit_clusters_;
    const bool hole = unit(first).kind == Unit::Kind::hole;
    out = {first * geometry.cluster_size, unit_size, 0,
           hole ? Extent::Kind::zero : Extent::Kind::data};
    // A long hole is one run: told at once.
    if (hole) {
      const Run* const run = runs_.find(first);
      const std::uint64_t end =
          run == nullptr ? first + unit_clusters_ : run->end() / unit_clusters_ * unit_clusters_;
      out.length = std::max((end - first) * geometry.cluster_size, unit_size);
    }
    out.length = std::min(out.length, initialized_ - out.logical);
  }
  out.length = std::min(out.length, size_ - out.logical);
  out.physical = 0;
  return out;
}

}  // namespace imgfs::ntfs
