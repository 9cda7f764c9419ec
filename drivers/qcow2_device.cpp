#include "drivers/qcow2_device.h"

#include <algorithm>

#include "drivers/qcow2_compressed.h"

namespace imgfs::qcow2 {
namespace {

/// How many of `length` bytes at `offset` lie inside a file of `size` bytes.
std::uint64_t inside(std::uint64_t offset, std::uint64_t length, std::uint64_t size) {
  return offset >= size ? 0 : std::min(length, size - offset);
}

}  // namespace

Qcow2Device::Qcow2Device(const Header& header, Device file, Device data, Device backing,
                         std::unique_ptr<const ClusterMap> map, std::size_t cache_size)
    : header_(header),
      file_(std::move(file)),
      data_(std::move(data)),
      backing_(std::move(backing)),
      map_(std::move(map)),
      decoded_(cache_size, static_cast<std::size_t>(header.cluster_size()),
               (header.size >> header.cluster_bits) + 1,
               [this](std::uint64_t cluster) -> Result<std::optional<std::vector<std::byte>>> {
                 const std::uint64_t offset = cluster << header_.cluster_bits;
                 if (offset >= header_.size) return std::nullopt;
                 const Run run = TRY(map_->find(offset, 1));
                 if (run.kind != Run::Kind::compressed) return std::nullopt;
                 return std::optional(TRY(read_compressed(*file_, header_, run.host)));
               }) {}

Result<void> Qcow2Device::do_read(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const Run run = TRY(map_->find(offset, out.size()));
    const auto target = out.first(static_cast<std::size_t>(run.length));
    switch (run.kind) {
      case Run::Kind::data: TRY(read_data(run.host, target)); break;
      case Run::Kind::zero: fill_zero(target); break;
      case Run::Kind::backing: TRY(read_backing(offset, target)); break;
      case Run::Kind::compressed: TRY(read_decoded(offset, target)); break;
    }
    out = out.subspan(target.size());
    offset += target.size();
  }
  return success();
}

Result<void> Qcow2Device::read_data(std::uint64_t host, std::span<std::byte> out) const {
  if (inside(host, out.size(), data_->size()) < out.size())
    return corrupt("the file is cut off: a data cluster lies past its end at " +
                   std::to_string(data_->size()), host);
  return data_->read(host, out);
}

/// The backing disk may be shorter: what it does not reach is zeros.
Result<void> Qcow2Device::read_backing(std::uint64_t offset, std::span<std::byte> out) const {
  const auto there = static_cast<std::size_t>(
      backing_ == nullptr ? 0 : inside(offset, out.size(), backing_->size()));
  fill_zero(out.subspan(there));
  if (there == 0) return success();
  return backing_->read(offset, out.first(there));
}

Result<void> Qcow2Device::read_decoded(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const auto bytes = TRY(decoded_.get(offset >> header_.cluster_bits));
    const auto skip = static_cast<std::size_t>(offset & (header_.cluster_size() - 1));
    const std::size_t count = std::min(out.size(), bytes->size() - skip);
    copy_bytes(std::span(*bytes).subspan(skip, count), out);
    out = out.subspan(count);
    offset += count;
  }
  return success();
}

Result<Location> Qcow2Device::do_locate(std::uint64_t offset, std::uint64_t length) const {
  const Run run = TRY(map_->find(offset, length));
  switch (run.kind) {
    case Run::Kind::zero: return Location{Location::Kind::zero, run.length};
    case Run::Kind::compressed: return Location{Location::Kind::decoded, run.length};
    case Run::Kind::data:
      // What was cut off is not there to be located; reading it gives the error.
      if (const std::uint64_t there = inside(run.host, run.length, data_->size()); there != 0)
        return data_->locate(run.host, there);
      return Location{Location::Kind::decoded, run.length};
    case Run::Kind::backing: break;
  }
  const std::uint64_t there =
      backing_ == nullptr ? 0 : inside(offset, run.length, backing_->size());
  if (there == 0) return Location{Location::Kind::zero, run.length};
  return backing_->locate(offset, there);
}

}  // namespace imgfs::qcow2
