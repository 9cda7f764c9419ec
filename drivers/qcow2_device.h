#pragma once

#include "drivers/decode_ahead.h"
#include "drivers/qcow2_map.h"

namespace imgfs::qcow2 {

/// The virtual disk in a QCOW2 image.
class Qcow2Device final : public BlockDevice {
 public:
  /// `data`: the file with the clusters (`file` itself, or the external data file); `backing`: null
  /// where there is none; `cache_size` in bytes.
  Qcow2Device(const Header& header, Device file, Device data, Device backing,
              std::unique_ptr<const ClusterMap> map, std::size_t cache_size);

  std::uint64_t size() const override { return header_.size; }

 private:
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override;
  Result<Location> do_locate(std::uint64_t offset, std::uint64_t length) const override;
  Result<void> read_data(std::uint64_t host, std::span<std::byte> out) const;
  Result<void> read_backing(std::uint64_t offset, std::span<std::byte> out) const;
  Result<void> read_decoded(std::uint64_t offset, std::span<std::byte> out) const;

  const Header header_;
  const Device file_;
  const Device data_;
  const Device backing_;
  const std::unique_ptr<const ClusterMap> map_;
  mutable DecodeAhead decoded_;
};

}  // namespace imgfs::qcow2
