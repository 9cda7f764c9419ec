#include "ext/groups.h"

#include <algorithm>

#include "ext/checksum.h"

namespace imgfs::ext {
namespace {

std::uint16_t descriptor_checksum(const Superblock& super, std::uint32_t group,
                                  std::span<const std::byte> bytes) {
  constexpr std::size_t kAt = RawGroupDescriptor::kChecksumOffset;
  if (super.metadata_csum()) {
    std::uint32_t crc = crc32c_number(super.checksum_seed, group);
    crc = crc32c_zeros(crc32c(crc, bytes.first(kAt)), 2);
    return static_cast<std::uint16_t>(crc32c(crc, bytes.subspan(kAt + 2)));
  }
  const le32 number(group);
  std::uint16_t crc = crc16(0xffff, super.uuid);
  crc = crc16(crc, std::as_bytes(std::span(&number, 1)));
  return crc16(crc16(crc, bytes.first(kAt)), bytes.subspan(kAt + 2));
}

std::uint64_t both(std::uint64_t high, std::uint64_t low, bool wide) {
  return wide ? high << 32 | low : low;
}

}  // namespace

GroupTable::GroupTable(const MetadataCache& cache, const Superblock& super,
                       std::vector<Remark>& remarks)
    : cache_(cache), super_(super) {
  const std::uint32_t count = std::min(super.groups, kMaxAtOpen);
  std::uint32_t copies = 0;
  std::uint32_t damaged = 0;
  std::string first;
  for (std::uint32_t group = 0; group < count; ++group) {
    bool copied = false;
    const auto descriptor = find(group, copied);
    copies += copied ? 1 : 0;
    if (!descriptor && damaged++ == 0) first = describe(descriptor.error());
    tables_.push_back(descriptor ? descriptor.value().inode_table : 0);
    if (!descriptor) continue;
    free_clusters_ += descriptor.value().free_clusters;
    free_inodes_ += descriptor.value().free_inodes;
  }
  if (copies > 0)
    remarks.push_back({Remark::Kind::damaged,
                       std::to_string(copies) + " damaged group descriptors, copies are used"});
  if (damaged > 0)
    remarks.push_back(
        {Remark::Kind::damaged,
         std::to_string(damaged) + " group descriptors cannot be used; the first: " + first});
}

Result<std::uint64_t> GroupTable::inode_table(std::uint32_t group) const {
  if (group < tables_.size() && tables_[group] != 0) return tables_[group];
  bool copied = false;
  return TRY(find(group, copied)).inode_table;
}

/// Where the block with the group's descriptor and its copies lie, the primary first.
std::vector<std::uint64_t> GroupTable::places(std::uint32_t group) const {
  constexpr std::size_t kEnough = 4;
  const std::uint32_t per_block = super_.descriptors_per_block();
  const std::uint32_t index = group / per_block;
  std::vector<std::uint64_t> out;
  if (super_.has(kMetaBg) && index >= super_.first_meta_bg) {
    for (const std::uint64_t copy :
         {std::uint64_t{index} * per_block, std::uint64_t{index} * per_block + 1,
          std::uint64_t{index} * per_block + per_block - 1}) {
      if (copy >= super_.groups) continue;
      const auto holder = static_cast<std::uint32_t>(copy);
      std::uint64_t block =
          super_.group_first_block(holder) + (super_.group_has_superblock(holder) ? 1 : 0);
      // 1 KiB blocks with bigalloc: the superblock is block 1 of a group that begins at 0.
      if (super_.block_size == 1024 && holder == 0 && super_.first_data_block == 0) ++block;
      out.push_back(block);
    }
    return out;
  }
  out.push_back(std::uint64_t{super_.superblock_block()} + 1 + index);
  for (std::uint32_t copy = 1; copy < super_.groups && copy < 100 && out.size() < kEnough; ++copy)
    if (super_.group_has_superblock(copy))
      out.push_back(super_.group_first_block(copy) + 1 + index);
  return out;
}

Result<GroupDescriptor> GroupTable::find(std::uint32_t group, bool& copied) const {
  const std::uint32_t index = group / super_.descriptors_per_block();
  if (!super_.has(kMetaBg) || index < super_.first_meta_bg) {
    auto usual = read(group, std::uint64_t{super_.superblock_block()} + 1 + index);
    if (usual) return usual;
  }
  const auto all = places(group);
  std::optional<Error> error;
  for (const std::uint64_t block : all) {
    auto descriptor = read(group, block);
    if (descriptor) {
      copied = block != all.front();
      return descriptor;
    }
    if (!error) error = descriptor.error();
  }
  return error ? *error : corrupt("group " + std::to_string(group) + " has no descriptor");
}

Result<GroupDescriptor> GroupTable::read(std::uint32_t group, std::uint64_t block) const {
  const std::string name = "descriptor of group " + std::to_string(group);
  if (block >= super_.blocks) return corrupt(name + " lies outside the file system");
  const std::uint64_t offset =
      block * super_.block_size +
      std::uint64_t{group % super_.descriptors_per_block()} * super_.descriptor_size;
  std::byte buffer[1024];
  const std::span bytes(buffer, super_.descriptor_size);
  TRY(cache_.read(offset, bytes));
  RawGroupDescriptor raw{};
  std::memcpy(&raw, buffer, std::min<std::size_t>(sizeof raw, bytes.size()));
  const bool has_checksum = super_.metadata_csum() || super_.has(kGdtCsum);
  if (has_checksum && kChecksumsCount &&
      descriptor_checksum(super_, group, bytes) != raw.bg_checksum.value())
    return corrupt(name + ": checksum does not match", offset);
  const bool wide = super_.has(k64Bit);
  GroupDescriptor out;
  out.block_bitmap = both(raw.bg_block_bitmap_hi.value(), raw.bg_block_bitmap_lo.value(), wide);
  out.inode_bitmap = both(raw.bg_inode_bitmap_hi.value(), raw.bg_inode_bitmap_lo.value(), wide);
  out.inode_table = both(raw.bg_inode_table_hi.value(), raw.bg_inode_table_lo.value(), wide);
  const std::uint64_t bytes_of_table = std::uint64_t{super_.inodes_per_group} * super_.inode_size;
  const std::uint64_t table_blocks = (bytes_of_table - 1) / super_.block_size + 1;
  if (!super_.holds(out.inode_table, table_blocks))
    return corrupt(name + ": inode table at block " + std::to_string(out.inode_table), offset);
  constexpr std::uint16_t kBlockUninit = 0x2;
  out.block_bitmap_unused = has_checksum && (raw.bg_flags.value() & kBlockUninit) != 0;
  const std::uint32_t mask = wide ? ~0U : 0xffffU;
  out.free_clusters = (std::uint32_t{raw.bg_free_blocks_count_hi.value()} << 16 |
                       raw.bg_free_blocks_count_lo.value()) &
                      mask;
  out.free_inodes = (std::uint32_t{raw.bg_free_inodes_count_hi.value()} << 16 |
                     raw.bg_free_inodes_count_lo.value()) &
                    mask;
  return out;
}

}  // namespace imgfs::ext
