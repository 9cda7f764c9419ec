#include <algorithm>
#include <array>

#include "xfs/checksum.h"
#include "xfs/extent_block.h"
#include "xfs/inode_format.h"
#include "xfs/replay.h"

namespace imgfs::xfs {
namespace {

constexpr std::uint16_t kMaxFlush = 0xffff;
constexpr std::size_t kLogCoreV2 = offsetof(InodeCore, di_next_unlinked);  ///< bytes logged of a version 2 inode

/// The fields of an inode's core that the log keeps in the machine's byte order: offset and size.
struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kFields[] = {{0, 2},  {2, 2},  {8, 4},  {12, 4}, {16, 4}, {20, 2}, {22, 2}, {56, 8}, {64, 8},
                             {72, 4}, {84, 4}, {88, 2}, {90, 2}, {92, 4}};
constexpr Field kFieldsV3[] = {{104, 8}, {120, 8}, {128, 4}, {152, 8}};
constexpr std::size_t kTimes[] = {32, 40, 48};
constexpr std::size_t kTimeCreated = 144;

void swap_field(std::span<const std::byte> from, std::span<std::byte> to, Field field) {
  std::reverse_copy(from.begin() + static_cast<std::ptrdiff_t>(field.offset),
                    from.begin() + static_cast<std::ptrdiff_t>(field.offset + field.size),
                    to.begin() + static_cast<std::ptrdiff_t>(field.offset));
}

void copy_bytes(std::span<const std::byte> from, std::span<std::byte> to, Field field) {
  std::ranges::copy(from.subspan(field.offset, field.size), to.begin() + static_cast<std::ptrdiff_t>(field.offset));
}

/// A logged core: 96 bytes of a version 2 inode, or all 176 of a version 3 one.
class LoggedCore {
 public:
  explicit LoggedCore(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint8_t version() const { return std::to_integer<std::uint8_t>(bytes_[4]); }
  bool v3() const { return version() == 3; }
  std::uint64_t flags2() const { return v3() ? get<le64>(bytes_, 120)->value() : 0; }
  std::uint16_t flush_count() const { return get<le16>(bytes_, 30)->value(); }
  std::uint16_t magic() const { return get<le16>(bytes_)->value(); }

  /// Writes it over the inode `to` as it would lie on disk.
  void to_disk(std::span<std::byte> to, std::uint64_t lsn) const {
    for (const Field field : kFields) swap_field(bytes_, to, field);
    copy_bytes(bytes_, to, {4, 2});   // version, format
    copy_bytes(bytes_, to, {82, 2});  // forkoff, aformat
    fill(to, {6, 2});
    if ((flags2() & kInodeMetadata) != 0) swap_field(bytes_, to, {6, 2});
    for (const std::size_t time : kTimes) swap_time(to, time);
    fill(to, {24, 8});
    if (v3()) {
      for (const Field field : kFieldsV3) swap_field(bytes_, to, field);
      swap_time(to, kTimeCreated);
      fill(to, {132, 12});
      copy_bytes(bytes_, to, {160, 16});  // UUID
      be64 stamp;
      stamp = lsn;
      std::ranges::copy(std::as_bytes(std::span(&stamp, 1)), to.begin() + offsetof(InodeCore, di_lsn));
    }
    if ((flags2() & kInodeNrext64) != 0) swap_field(bytes_, to, {24, 8});
    swap_field(bytes_, to, {76, 4});
    swap_field(bytes_, to, {80, 2});
  }

 private:
  static void fill(std::span<std::byte> to, Field field) {
    fill_zero(to.subspan(field.offset, field.size));
  }
  void swap_time(std::span<std::byte> to, std::size_t at) const {
    if ((flags2() & kInodeBigtime) != 0) return swap_field(bytes_, to, {at, 8});
    swap_field(bytes_, to, {at, 4});
    swap_field(bytes_, to, {at + 4, 4});
  }

  std::span<const std::byte> bytes_;
};

/// The item in today's form, also where a 32-bit machine wrote it.
Result<InodeItem> parse_item(std::span<const std::byte> region) {
  if (const auto item = get<InodeItem>(region)) return *item;
  if (region.size() < kInodeItem32) return corrupt("inode item in the log is too short");
  std::array<std::byte, sizeof(InodeItem)> wide{};
  std::ranges::copy(region.first(kInodeItemPad), wide.begin());
  std::ranges::copy(region.subspan(kInodeItemPad, kInodeItem32 - kInodeItemPad), wide.begin() + kInodeItemPad + 4);
  return *get<InodeItem>(wide);
}

/// A root of an extent btree as it lies in memory (a whole block's header, keys, pointers) into the short form
/// that an inode holds.
Result<void> root_to_disk(std::span<const std::byte> logged, std::span<std::byte> fork, bool v5) {
  const std::size_t header = v5 ? ExtentBlockHeader::kSizeV5 : ExtentBlockHeader::kSize;
  const auto head = get<ExtentBlockHeader>(logged);
  if (!head || logged.size() < header || fork.size() < sizeof(ExtentRoot))
    return corrupt("inode item in the log: the root of its btree is too short");
  const std::size_t count = head->bb_numrecs.value();
  const std::size_t room = (logged.size() - header) / 16;
  const std::size_t disk_room = (fork.size() - sizeof(ExtentRoot)) / 16;
  if (count > room || count > disk_room) return corrupt("inode item in the log: the root of its btree is too large");
  std::ranges::copy(logged.subspan(offsetof(ExtentBlockHeader, bb_level), sizeof(ExtentRoot)), fork.begin());
  std::ranges::copy(logged.subspan(header, count * 8), fork.begin() + sizeof(ExtentRoot));
  std::ranges::copy(logged.subspan(header + room * 8, count * 8),
                    fork.begin() + static_cast<std::ptrdiff_t>(sizeof(ExtentRoot) + disk_room * 8));
  return success();
}

Result<void> copy_fork(std::span<const std::byte> logged, std::span<std::byte> fork) {
  if (logged.size() > fork.size())
    return corrupt("inode item in the log: " + std::to_string(logged.size()) + " bytes for a fork of " +
                   std::to_string(fork.size()));
  std::ranges::copy(logged, fork.begin());
  return success();
}

/// Copies what was logged of the forks into the inode `bytes`.
Result<void> copy_forks(const LogItem& item, const InodeItem& head, std::span<std::byte> bytes, bool v5) {
  const std::uint32_t fields = head.ilf_fields.value();
  const std::size_t start = v5 ? sizeof(InodeCore) : kInodeCoreV2;
  const std::size_t offset = std::to_integer<std::size_t>(bytes[offsetof(InodeCore, di_forkoff)]) * 8;
  const auto literal = bytes.subspan(start);
  if (offset >= literal.size()) return corrupt("inode item in the log: attribute fork past the inode's end");
  const auto data = offset == 0 ? literal : literal.first(offset);
  if ((fields & kLogDevice) != 0) {
    be32 device;
    device = head.ilf_rdev.value();
    std::ranges::copy(std::as_bytes(std::span(&device, 1)), data.begin());
  }
  std::size_t region = 2;
  if ((fields & kLogDataFork) != 0) {
    const auto logged = item.region(region++);
    TRY((fields & kLogDataRoot) != 0 ? root_to_disk(logged, data, v5) : copy_fork(logged, data));
  }
  if ((fields & kLogAttributeFork) != 0) {
    const auto logged = item.region(region);
    if (offset == 0) return corrupt("inode item in the log: attributes for an inode without a fork for them");
    TRY((fields & kLogAttributeRoot) != 0 ? root_to_disk(logged, literal.subspan(offset), v5)
                                          : copy_fork(logged, literal.subspan(offset)));
  }
  return success();
}

void set_inode_crc(std::span<std::byte> bytes) {
  le32 crc;
  crc = block_crc(bytes, offsetof(InodeCore, di_crc));
  std::ranges::copy(std::as_bytes(std::span(&crc, 1)), bytes.begin() + offsetof(InodeCore, di_crc));
}

/// True where the inode on disk is newer than what was logged.
bool is_newer(std::span<const std::byte> disk, const LoggedCore& logged, std::uint64_t lsn, bool v5) {
  if (v5) {
    const std::uint64_t written = get<be64>(disk, offsetof(InodeCore, di_lsn))->value();
    return written != 0 && written != UINT64_MAX && written > lsn;
  }
  const std::uint16_t count = get<be16>(disk, 30)->value();
  return logged.flush_count() < count && !(count == kMaxFlush && logged.flush_count() < kMaxFlush / 2);
}

}  // namespace

Result<void> Replay::inode(const LogItem& item, std::uint64_t lsn) {
  const InodeItem head = TRY(parse_item(item.region(0)));
  if (is_cancelled(head.ilf_blkno.value(), head.ilf_len.value())) return success();
  const std::uint64_t block = head.ilf_blkno.value();
  if (block > UINT64_MAX / 2 / kLogBlock || head.ilf_boffset.value() % sb_.inode_size != 0)
    return corrupt("inode item in the log: no inode lies there");
  const std::uint64_t offset = block * kLogBlock + head.ilf_boffset.value();
  std::vector<std::byte> bytes(sb_.inode_size);
  TRY(image_.read(offset, bytes));
  const LoggedCore core(item.region(1));
  if (item.region(1).size() < (sb_.v5 ? sizeof(InodeCore) : kLogCoreV2) || core.magic() != InodeCore::kMagic ||
      core.v3() != sb_.v5)
    return corrupt("inode item in the log: no inode in it");
  if (get<be16>(bytes)->value() != InodeCore::kMagic)
    return corrupt("inode item in the log: there is no inode on disk", offset);
  if (!is_newer(bytes, core, lsn, sb_.v5)) {
    core.to_disk(bytes, lsn);
    TRY(copy_forks(item, head, bytes, sb_.v5));
    if (sb_.v5) set_inode_crc(bytes);
    TRY(image_.write(offset, bytes));
  } else if (!sb_.v5) {
    return success();
  }
  const bool is_free = get<be16>(bytes, offsetof(InodeCore, di_mode))->value() == 0;
  if ((head.ilf_fields.value() & kLogDataOwner) != 0 && !is_free)
    TRY(change_owner(bytes, head.ilf_ino.value(), false));
  if ((head.ilf_fields.value() & kLogAttributeOwner) != 0 && !is_free)
    TRY(change_owner(bytes, head.ilf_ino.value(), true));
  return success();
}

/// After two files' extents were swapped, the blocks of their btrees must name their new owner.
Result<void> Replay::change_owner(std::span<const std::byte> inode, std::uint64_t number, bool attributes) {
  if (!sb_.v5) return success();
  const auto core = *get<InodeCore>(inode);
  const auto format = static_cast<ForkFormat>(attributes ? core.di_aformat : core.di_format);
  if (format != ForkFormat::btree) return success();
  const auto literal = inode.subspan(sizeof(InodeCore));
  const std::size_t offset = std::size_t{core.di_forkoff} * 8;
  if (offset >= literal.size()) return corrupt("inode: attribute fork past its end");
  const auto fork = attributes ? literal.subspan(offset) : offset == 0 ? literal : literal.first(offset);
  const auto root = get<ExtentRoot>(fork);
  const std::size_t room = fork.size() < sizeof(ExtentRoot) ? 0 : (fork.size() - sizeof(ExtentRoot)) / 16;
  if (!root || root->bb_numrecs.value() > room) return corrupt("inode: the root of its btree makes no sense");
  std::vector<std::uint64_t> blocks;
  for (std::size_t i = 0; i < root->bb_numrecs.value(); ++i)
    blocks.push_back(get<be64>(fork, sizeof(ExtentRoot) + room * 8 + i * 8)->value());
  std::vector<std::byte> bytes(sb_.block_size);
  std::uint64_t budget = core.di_nblocks.value();  // a tree has no more blocks than its inode
  while (!blocks.empty()) {
    const std::uint64_t block = blocks.back();
    blocks.pop_back();
    if (budget-- == 0) return corrupt("extent btree has more blocks than its inode");
    const std::uint64_t group = block >> sb_.ag_block_log;
    const std::uint64_t in_group = block & ((std::uint64_t{1} << sb_.ag_block_log) - 1);
    if (group >= sb_.ag_count || in_group >= sb_.ag_blocks) return corrupt("extent btree points outside of the file system");
    const std::uint64_t position = (group * sb_.ag_blocks + in_group) << sb_.block_log;
    TRY(image_.read(position, bytes));
    const auto head = *get<ExtentBlockHeader>(bytes);
    if (head.bb_magic.value() != ExtentBlockHeader::kMagicV5) return corrupt("extent btree block: wrong magic", position);
    const ExtentBlockView view = view_extent_block(sb_, bytes);
    if (view.count > view.keys.size() / 16) return corrupt("extent btree block: too many records", position);
    if (view.level != 0)
      for (std::size_t i = 0; i < view.count; ++i) blocks.push_back(get<be64>(view.pointers, i * 8)->value());
    be64 owner;
    owner = number;
    TRY(image_.write(position + kExtentBlockCheck.owner, std::as_bytes(std::span(&owner, 1))));
    changed_.insert_or_assign(position, Changed{sb_.block_size, 0});
  }
  return success();
}

/// A chunk of new inodes: all free, with their numbers.
Result<void> Replay::inode_create(const LogItem& item) {
  const auto head = get<InodeCreateItem>(item.region(0));
  if (!head) return corrupt("inode creation in the log is too short");
  const std::uint64_t group = head->icl_ag.value();
  const std::uint64_t first = head->icl_agbno.value();
  const std::uint64_t length = head->icl_length.value();
  const std::uint64_t count = head->icl_count.value();
  if (group >= sb_.ag_count || first >= sb_.ag_blocks || length == 0 || length > sb_.ag_blocks - first ||
      head->icl_isize.value() != sb_.inode_size || count != length << sb_.inodes_per_block_log || count > 65536)
    return corrupt("inode creation in the log: no inodes can lie there");
  const std::uint64_t start = (group * sb_.ag_blocks + first) << sb_.block_log;
  // Freed again later: the buffers of these inodes are some or all of this range.
  const std::uint64_t end = start + (length << sb_.block_log);
  const auto cancelled = cancelled_.lower_bound({start / kLogBlock, 0});
  if (cancelled != cancelled_.end() && cancelled->first.first < end / kLogBlock) return success();

  const std::uint64_t number = ((group << sb_.ag_block_log) | first) << sb_.inodes_per_block_log;
  std::vector<std::byte> bytes(sb_.inode_size);
  for (std::uint64_t i = 0; i < count; ++i) {
    InodeCore core{};
    core.di_magic = InodeCore::kMagic;
    core.di_version = sb_.v5 ? 3 : 2;
    core.di_gen = head->icl_gen.value();
    core.di_next_unlinked = 0xffffffff;
    core.di_ino = number + i;
    std::ranges::copy(sb_.meta_uuid, core.di_uuid);
    const auto raw = std::as_bytes(std::span(&core, 1));
    std::ranges::copy(sb_.v5 ? raw : raw.first(kInodeCoreV2), bytes.begin());
    if (sb_.v5) set_inode_crc(bytes);
    TRY(image_.write(start + (i << sb_.inode_log), bytes));
  }
  return success();
}

}  // namespace imgfs::xfs
