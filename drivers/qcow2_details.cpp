#include "drivers/qcow2_details.h"

#include <algorithm>
#include <bit>

namespace imgfs::qcow2 {
namespace {

constexpr std::uint64_t kMaxTable = std::uint64_t{16} << 20;  // bytes of a snapshot table
constexpr std::uint32_t kMaxExtra = 1024;                     // as QEMU

struct Snapshot {
  std::string name;
  std::uint64_t length;  ///< of its entry, in bytes
};

Result<Snapshot> read_snapshot(const BlockDevice& file, std::uint64_t offset) {
  const auto header = TRY(read_struct<SnapshotHeader>(file, offset));
  const std::uint64_t extra = header.extra_data_size.value();
  if (extra > kMaxExtra) return corrupt("snapshot with " + std::to_string(extra) + " bytes of extra data");
  const std::uint64_t id = header.id_str_size.value();
  const std::uint64_t name = header.name_size.value();
  Snapshot out;
  out.name.resize(static_cast<std::size_t>(name != 0 ? name : id));
  const std::uint64_t place = offset + sizeof header + extra + (name != 0 ? id : 0);
  TRY(file.read(place, std::as_writable_bytes(std::span(out.name))));
  out.length = (sizeof header + extra + id + name + 7) / 8 * 8;
  return out;
}

/// The number of the last refcount in `block` that is not 0; nothing where all are.
std::optional<std::uint64_t> last_used(std::span<const std::byte> block, unsigned refcount_order) {
  for (std::size_t i = block.size(); i-- > 0;) {
    if (block[i] == std::byte{0}) continue;
    if (refcount_order >= 3) return i >> (refcount_order - 3);
    const unsigned top = static_cast<unsigned>(std::bit_width(std::to_integer<unsigned>(block[i]))) - 1;
    return (i << (3 - refcount_order)) + (top >> refcount_order);
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> snapshot_names(const BlockDevice& file, const Header& header,
                                        std::vector<Remark>& remarks) {
  std::vector<std::string> names;
  std::uint64_t offset = header.snapshots_offset;
  for (std::uint32_t i = 0; i < header.snapshot_count; ++i) {
    auto snapshot = offset - header.snapshots_offset > kMaxTable
                        ? Result<Snapshot>(corrupt("snapshot table of more than 16 MiB"))
                        : read_snapshot(file, offset);
    if (!snapshot) {
      remarks.push_back({Remark::Kind::damaged, "internal snapshot " + std::to_string(i + 1) + " of " +
                                                    std::to_string(header.snapshot_count) + ": " +
                                                    snapshot.error().what});
      break;
    }
    offset += snapshot.value().length;
    names.push_back(std::move(snapshot.value().name));
  }
  return names;
}

Result<std::uint64_t> used_end(const BlockDevice& file, const Header& header) {
  std::vector<be64> table(static_cast<std::size_t>(header.refcount_table_size / 8));
  TRY(file.read(header.refcount_table_offset, std::as_writable_bytes(std::span(table))));
  std::vector<std::byte> block(static_cast<std::size_t>(header.cluster_size()));
  const std::uint64_t per_block = header.cluster_size() * 8 >> header.refcount_order;
  int blocks_read = 0;
  for (std::size_t i = table.size(); i-- > 0 && blocks_read < 8;) {
    const std::uint64_t offset = table[i].value() & kOffsetMask;
    if (offset == 0) continue;
    ++blocks_read;  // preallocated ones at the end may be empty
    TRY(file.read(offset, block));
    if (const auto last = last_used(block, header.refcount_order))
      return (i * per_block + *last + 1) << header.cluster_bits;
  }
  return corrupt("no refcounts");
}

}  // namespace imgfs::qcow2
