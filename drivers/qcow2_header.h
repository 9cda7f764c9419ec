#pragma once

#include <string>

#include "core/block_device.h"
#include "drivers/qcow2_format.h"

namespace imgfs::qcow2 {

/// A header whose every field has been checked.
struct Header {
  std::uint32_t version = 0;     ///< 2 or 3
  unsigned cluster_bits = 0;     ///< 9 … 21
  std::uint64_t size = 0;        ///< of the virtual disk, below 2^63
  std::uint64_t l1_offset = 0;
  std::uint64_t l1_entries = 0;  ///< as many as the size needs, at most 4 Mi
  std::uint64_t refcount_table_offset = 0;
  std::uint64_t refcount_table_size = 0;  ///< bytes
  unsigned refcount_order = 4;            ///< log2 of the bits of a refcount, at most 6
  std::uint32_t snapshot_count = 0;
  std::uint64_t snapshots_offset = 0;
  bool dirty = false;
  bool corrupt = false;
  bool extended_l2 = false;
  bool external_data = false;
  bool raw_external_data = false;
  CompressionType compression = kZlib;
  std::string backing_file;    ///< empty: none
  std::string backing_format;  ///< empty: not said
  std::string data_file;       ///< the name of the external data file

  std::uint64_t cluster_size() const { return std::uint64_t{1} << cluster_bits; }
  /// Bytes of one L2 entry.
  std::uint64_t entry_size() const { return extended_l2 ? sizeof(ExtendedL2Entry) : 8; }
  /// log2 of the clusters that one L2 table maps.
  unsigned l2_bits() const { return cluster_bits - (extended_l2 ? 4 : 3); }
};

/// Reads and checks the header of `file`. Unknown incompatible features are refused by name,
/// encryption as no_key.
Result<Header> read_header(const BlockDevice& file);

}  // namespace imgfs::qcow2
