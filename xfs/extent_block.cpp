#include "xfs/extent_block.h"

#include <algorithm>
#include <string>

#include "xfs/checksum.h"

namespace imgfs::xfs {

BlockExtent decode(const ExtentRecord& record) {
  const std::uint64_t l0 = record.l0.value();
  const std::uint64_t l1 = record.l1.value();
  return {l0 >> 9 & ((std::uint64_t{1} << 54) - 1), (l0 & 0x1ff) << 43 | l1 >> 21, l1 & 0x1fffff, l0 >> 63 != 0};
}

Result<void> check_records(std::span<const std::byte> records, std::size_t count) {
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const BlockExtent extent = decode(*get<ExtentRecord>(records, i * sizeof(ExtentRecord)));
    if (extent.count == 0 || extent.offset < end)
      return corrupt("extent " + std::to_string(i) + " at block " + std::to_string(extent.offset) +
                     " is empty or overlaps the one before");
    end = extent.offset + extent.count;
  }
  return success();
}

ExtentBlockView view_extent_block(const Superblock& sb, std::span<const std::byte> block) {
  const auto header = *get<ExtentBlockHeader>(block);
  const auto body = block.subspan(sb.v5 ? ExtentBlockHeader::kSizeV5 : ExtentBlockHeader::kSize);
  ExtentBlockView out{header.bb_level.value(), header.bb_numrecs.value(), body, {}};
  if (out.level != 0) out.pointers = body.subspan(body.size() / 16 * 8);
  return out;
}

Result<void> check_extent_block(const Superblock& sb, std::span<const std::byte> block,
                                std::uint64_t position) {
  const auto header = get<ExtentBlockHeader>(block);
  if (!header || header->bb_magic.value() != (sb.v5 ? ExtentBlockHeader::kMagicV5 : ExtentBlockHeader::kMagic))
    return corrupt("extent btree block: wrong magic", position);
  const auto owner = get<be64>(block, kExtentBlockCheck.owner);
  TRY(check_self(sb, kExtentBlockCheck, block, owner ? owner->value() : 0, position));
  const ExtentBlockView view = view_extent_block(sb, block);
  if (view.count == 0 || view.count > view.keys.size() / 16)
    return corrupt("extent btree block: " + std::to_string(view.count) + " records", position);
  if (view.level == 0) return check_records(view.keys, view.count);
  for (std::size_t i = 1; i < view.count; ++i)
    if (get<be64>(view.keys, i * 8)->value() <= get<be64>(view.keys, i * 8 - 8)->value())
      return corrupt("extent btree block: keys do not ascend", position);
  return success();
}

}  // namespace imgfs::xfs
