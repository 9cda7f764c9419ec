#include "xfs/checksum.h"

#include <algorithm>
#include <string>

#include "core/crc32c.h"

namespace imgfs::xfs {
namespace {

Error mismatch(const SelfCheck& check, std::string_view field, std::uint64_t found, std::uint64_t expected,
               std::uint64_t position) {
  return corrupt(std::string(check.what) + ": " + std::string(field) + " is " + std::to_string(found) +
                     ", expected " + std::to_string(expected),
                 position);
}

}  // namespace

std::uint32_t block_crc(std::span<const std::byte> block, std::size_t field) {
  std::uint32_t crc = crc32c(~0U, block.first(field));
  crc = crc32c_zeros(crc, sizeof(le32));
  return ~crc32c(crc, block.subspan(field + sizeof(le32)));
}

Result<void> check_crc(std::span<const std::byte> block, std::size_t field, std::string_view what,
                       std::uint64_t position) {
  const auto stored = get<le32>(block, field);
  if (!stored || stored->value() != block_crc(block, field))
    return corrupt(std::string(what) + ": the checksum does not match", position);
  return success();
}

Result<void> check_self(const Superblock& sb, const SelfCheck& check, std::span<const std::byte> block,
                        std::uint64_t owner, std::uint64_t position) {
  if (!sb.v5) return success();
  TRY(check_crc(block, check.crc, check.what, position));
  const auto uuid = part(block, check.uuid, 16);
  if (!uuid || !std::ranges::equal(*uuid, sb.meta_uuid))
    return corrupt(std::string(check.what) + ": belongs to another file system (UUID)", position);
  const auto blkno = get<be64>(block, check.blkno);
  if (!blkno || blkno->value() != position / 512)
    return mismatch(check, "own address", blkno ? blkno->value() : 0, position / 512, position);
  const auto stored = get<be64>(block, check.owner);
  if (!stored || stored->value() != owner)
    return mismatch(check, "owner", stored ? stored->value() : 0, owner, position);
  return success();
}

}  // namespace imgfs::xfs
