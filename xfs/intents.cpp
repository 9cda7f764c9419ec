#include "xfs/intents.h"

#include <algorithm>

#include "xfs/attribute_format.h"
#include "xfs/extent_list.h"
#include "xfs/inode.h"

namespace imgfs::xfs {
namespace {

class Finisher {
 public:
  explicit Finisher(const Volume& volume) : volume_(volume) {}

  Result<void> finish(const Intent& intent) {
    switch (intent.type) {
      case ItemType::bui: return map(intent.item);
      case ItemType::xmi: return exchange(intent.item);
      case ItemType::attri: return attribute(intent.item);
      default: return success();
    }
  }

  Result<InodeChanges> changes() {
    for (auto& [number, file] : files_) {
      changes_[number].extents = pack_extents(file.extents);
      changes_[number].blocks = file.blocks;
    }
    return std::move(changes_);
  }

 private:
  static constexpr std::size_t kMaxFiles = 1024;
  struct File {
    std::vector<BlockExtent> extents;
    std::uint64_t blocks = 0;
    std::size_t room = 0;  ///< how many extents fit into the inode
    bool btree = false;
  };

  /// The file's extents as they are by now; nothing where the inode is free or no file (then nobody sees it).
  Result<File*> file(std::uint64_t number) {
    if (const auto found = files_.find(number); found != files_.end()) return &found->second;
    Inode inode;
    TRY(inode.load(volume_, number));
    if (inode.type() != FileType::regular) return unsupported("an unfinished change to the map of what is no file");
    if (files_.size() >= kMaxFiles) return Error{Errc::too_large, "unfinished changes to the maps of more than 1024 files", {}};
    File out;
    out.extents = TRY(list_extents(volume_, inode, inode.data()));
    out.blocks = inode.blocks();
    out.room = inode.data().bytes.size() / sizeof(ExtentRecord);
    out.btree = inode.data().format == ForkFormat::btree;
    return &files_.emplace(number, std::move(out)).first->second;
  }

  /// Counts the extents that are looked at or moved: too_large above some seconds' worth.
  Result<void> spend(std::size_t extents) {
    steps_ += extents + 1;
    if (steps_ <= kMaxSteps) return success();
    return Error{Errc::too_large, "unfinished changes to maps of very many extents", {}};
  }

  /// A fork that outgrows its inode takes a block, and gives it back.
  static void count_root(File& file) {
    const bool btree = file.extents.size() > file.room;
    if (btree && !file.btree) ++file.blocks;
    if (!btree && file.btree && file.blocks > 0) --file.blocks;
    file.btree = btree;
  }

  Result<void> map(const LogItem& item) {
    const auto head = *get<IntentItem>(item.region(0));
    const auto change = get<MapExtent>(item.region(0), sizeof(IntentItem));
    if (head.count.value() != 1 || !change) return corrupt("log: map intent of " + std::to_string(head.count.value()) + " changes");
    const std::uint32_t flags = change->me_flags.value();
    if ((flags & kMapRealtime) != 0) return unsupported("an unfinished change to the map of a realtime file");
    if ((flags & kMapAttributeFork) != 0) return unsupported("an unfinished change to the map of attributes");
    File& target = *TRY(file(change->me_owner.value()));
    const BlockExtent extent{change->me_startoff.value(), change->me_startblock.value(), change->me_len.value(),
                             (flags & kMapUnwritten) != 0};
    if (extent.count == 0 || extent.offset >> 54 != 0) return corrupt("log: map intent of no blocks");
    TRY(spend(target.extents.size()));
    switch (flags & kMapTypeMask) {
      case kMapAdd:
        TRY(volume_.offset_of(extent.block, extent.count));
        TRY(add_extent(target.extents, extent));
        target.blocks += extent.count;
        break;
      case kMapRemove: target.blocks -= std::min(target.blocks, remove_extents(target.extents, extent.offset, extent.count)); break;
      default: return unsupported("a map intent of type " + std::to_string(flags & kMapTypeMask));
    }
    count_root(target);
    return success();
  }

  Result<void> exchange(const LogItem& item) {
    const auto head = get<ExchangeIntent>(item.region(0));
    if (!head) return corrupt("log: exchange intent is too short");
    const std::uint64_t flags = head->xmi_flags.value();
    if ((flags & kExchangeAttributes) != 0) return unsupported("an unfinished exchange of attributes");
    const std::uint64_t number1 = head->xmi_inode1.value();
    const std::uint64_t number2 = head->xmi_inode2.value();
    if (number1 == number2) return unsupported("an unfinished exchange within one file");
    File& one = *TRY(file(number1));
    File& two = *TRY(file(number2));
    const std::uint64_t count = head->xmi_blockcount.value();
    const std::uint64_t start1 = head->xmi_startoff1.value();
    const std::uint64_t start2 = head->xmi_startoff2.value();
    if ((count | start1 | start2) >> 54 != 0) return corrupt("log: exchange intent past what a file can hold");
    if ((flags & kExchangeWritten) == 0) {
      TRY(exchange_range(one, start1, two, start2, count));
    } else {
      for (const BlockExtent& piece : cut_extents(one.extents, start1, count))
        if (!piece.unwritten) TRY(exchange_range(one, piece.offset, two, piece.offset - start1 + start2, piece.count));
    }
    if ((flags & kExchangeSizes) != 0) {
      changes_[number1].size = head->xmi_isize1.value() & INT64_MAX;
      changes_[number2].size = head->xmi_isize2.value() & INT64_MAX;
    }
    return success();
  }

  Result<void> exchange_range(File& one, std::uint64_t start1, File& two, std::uint64_t start2, std::uint64_t count) {
    TRY(spend(one.extents.size() + two.extents.size()));
    const auto from1 = cut_extents(one.extents, start1, count);
    const auto from2 = cut_extents(two.extents, start2, count);
    const auto place = [&](File& file, std::uint64_t to, std::uint64_t from, const std::vector<BlockExtent>& pieces) -> Result<void> {
      file.blocks -= std::min(file.blocks, remove_extents(file.extents, to, count));
      for (BlockExtent piece : pieces) {
        TRY(spend(file.extents.size()));
        piece.offset = piece.offset - from + to;
        TRY(add_extent(file.extents, piece));
        file.blocks += piece.count;
      }
      count_root(file);
      return success();
    };
    TRY(place(one, start1, start2, from2));
    return place(two, start2, start1, from1);
  }

  Result<void> attribute(const LogItem& item) {
    const auto head = get<AttributeIntent>(item.region(0));
    if (!head) return corrupt("log: attribute intent is too short");
    const std::uint32_t operation = head->alfi_op_flags.value() & kAttributeOpMask;
    const std::uint32_t space = head->alfi_attr_filter.value();
    if ((space & kAttributeParent) != 0 || operation > kAttributeReplace) return success();  // parent pointers: nobody sees them
    if (operation == 0) return unsupported("an attribute intent of type 0");
    const auto name = item.region(1);
    if (name.size() < head->alfi_name_len.value() || head->alfi_name_len.value() == 0)
      return corrupt("log: attribute intent without a name");
    std::optional<std::string> value;
    if (operation != kAttributeRemove) {
      const auto bytes = item.region(2);
      if (bytes.size() < head->alfi_value_len.value() || head->alfi_value_len.value() > kMaxAttribute)
        return corrupt("log: attribute intent without its value");
      value = as_chars(bytes.first(head->alfi_value_len.value()));
    }
    const auto key = std::pair(static_cast<std::uint8_t>(space & kAttributeSpaces),
                               std::string(as_chars(name.first(head->alfi_name_len.value()))));
    changes_[head->alfi_ino.value()].attributes[key] = std::move(value);
    return success();
  }

  static constexpr std::uint64_t kMaxSteps = 4'000'000'000;
  const Volume& volume_;
  std::uint64_t steps_ = 0;
  std::map<std::uint64_t, File> files_;
  InodeChanges changes_;
};

}  // namespace

Result<InodeChanges> finish_intents(const Volume& volume, std::span<const Intent> intents) {
  Finisher finisher(volume);
  for (const Intent& intent : intents) TRY(finisher.finish(intent));
  return finisher.changes();
}

}  // namespace imgfs::xfs
