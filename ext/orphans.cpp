#include "ext/orphans.h"

#include <algorithm>
#include <unordered_set>

#include "ext/checksum.h"
#include "ext/tree_count.h"

namespace imgfs::ext {
namespace {

constexpr std::size_t kMaxOrphans = 1U << 16;

Result<void> collect_list(const Storage& storage, std::unordered_set<std::uint32_t>& out) {
  std::uint32_t number = storage.super.last_orphan;
  while (number != 0) {
    if (out.size() >= kMaxOrphans) return Error{Errc::too_large, "more than 65536 orphans", {}};
    if (number < storage.super.first_inode || number > storage.super.inodes)
      return corrupt("orphan list with inode " + std::to_string(number));
    if (!out.insert(number).second)
      return corrupt("orphan list that goes round at inode " + std::to_string(number));
    const Inode inode = TRY(storage.inode(number));
    number = inode.raw.i_dtime.value();  // the next one, while an inode is on the list
  }
  return success();
}

Result<void> collect_file(const Storage& storage, const LeafCache& leaves,
                          std::unordered_set<std::uint32_t>& out) {
  const Superblock& super = storage.super;
  const Inode file = TRY(storage.inode(super.orphan_file));
  const FileMap map(storage, leaves, file);
  Scratch buffer(super.block_size);
  const std::size_t tail_at = super.block_size - sizeof(OrphanBlockTail);
  constexpr std::uint64_t kMaxBlocks = 4096;
  const std::uint64_t blocks = std::min(file.size / super.block_size, kMaxBlocks);
  for (std::uint64_t number = 0; number < blocks; ++number) {
    const MappedRun run = TRY(map.find_run(number));
    if (run.physical == 0) return corrupt("orphan file with a hole");
    const std::uint64_t block = run.physical + (number - run.logical);
    TRY(storage.read_block(block, buffer.span()));
    const auto tail = *get<OrphanBlockTail>(buffer.span(), tail_at);
    if (tail.ob_magic.value() != OrphanBlockTail::kMagic)
      return corrupt("orphan file block without its magic");
    const std::uint32_t crc =
        crc32c(crc32c_number64(file.checksum_seed, block), buffer.span().first(tail_at));
    if (super.metadata_csum() && kChecksumsCount && crc != tail.ob_checksum.value())
      return corrupt("orphan file block: checksum does not match");
    for (std::size_t at = 0; at + 4 <= tail_at; at += 4) {
      const std::uint32_t inode = get<le32>(buffer.span(), at)->value();
      if (inode == 0) continue;
      if (out.size() >= kMaxOrphans) return Error{Errc::too_large, "more than 65536 orphans", {}};
      out.insert(inode);
    }
  }
  return success();
}

/// One orphan: deleted where no name is left, else cut off at its size.
void process(const Storage& storage, std::uint32_t number, OrphanEffects& out,
             std::uint64_t& visited) {
  const auto found = storage.inode(number);
  if (!found) return;
  const Inode& inode = found.value();
  if (inode.raw.i_links_count.value() == 0) {
    out.freed_sectors += inode.sectors;
    ++out.freed_inodes;
    return;
  }
  if (inode.type != FileType::regular || inode.has(kFlagInlineData)) return;
  const std::uint64_t size = storage.super.block_size;
  const std::uint64_t first = inode.size / size + (inode.size % size != 0 ? 1 : 0);
  const auto freed = count_freed(storage, inode, first, visited);
  if (!freed || freed.value() == 0) return;
  const std::uint64_t sectors = freed.value() * (size / 512);
  out.freed_sectors += sectors;
  out.sectors.emplace_back(number, inode.sectors > sectors ? inode.sectors - sectors : 0);
}

}  // namespace

Result<OrphanEffects> process_orphans(const Storage& storage, const LeafCache& leaves) {
  OrphanEffects out;
  const Superblock& super = storage.super;
  const bool in_file = super.orphan_file != 0 && super.has(kOrphanPresent);
  if (super.last_orphan == 0 && !in_file) return out;
  // Kernels leave the lists alone where the file system is known to have errors.
  if ((super.state & RawSuperblock::kStateError) != 0) return out;
  std::unordered_set<std::uint32_t> orphans;
  TRY(collect_list(storage, orphans));
  if (in_file) TRY(collect_file(storage, leaves, orphans));
  out.count = static_cast<std::uint32_t>(orphans.size());
  std::uint64_t visited = 0;
  for (const std::uint32_t number : orphans) process(storage, number, out, visited);
  std::ranges::sort(out.sectors);
  return out;
}

}  // namespace imgfs::ext
