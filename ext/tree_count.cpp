#include "ext/tree_count.h"

#include <algorithm>

#include "ext/extent_node.h"

namespace imgfs::ext {
namespace {

constexpr std::uint64_t kMaxNodes = 1U << 20;

class Count {
 public:
  Count(const Storage& storage, const Inode& inode, std::uint64_t first, std::uint64_t& visited)
      : storage_(storage),
        inode_(inode),
        visited_(visited),
        ratio_(storage.super.cluster_size / storage.super.block_size) {
    // A cluster goes only when no block in it is left.
    first_ = first;
    first_cluster_ = (first + ratio_ - 1) / ratio_;
  }

  Result<std::uint64_t> run() {
    if (inode_.has(kFlagExtents)) {
      const auto depth = get<ExtentHeader>(inode_.block_area())->eh_depth.value();
      if (depth > ExtentHeader::kMaxDepth)
        return corrupt("extent tree of depth " + std::to_string(depth));
      const auto root =
          TRY(ExtentNode::parse(storage_.super, inode_.block_area(), depth, 0, kMaxLogicalBlocks));
      TRY(extents(root));
    } else {
      TRY(pointers());
    }
    return clusters_ * ratio_ + nodes_;
  }

 private:
  void data(std::uint64_t logical, std::uint64_t length) {
    const std::uint64_t last = (logical + length - 1) / ratio_;
    const std::uint64_t from = std::max({logical / ratio_, first_cluster_, next_cluster_});
    if (last < from) return;
    clusters_ += last - from + 1;
    next_cluster_ = last + 1;
  }

  /// Whether something is left in the node. No deeper than the tree: each level is checked to fall
  /// by one.
  Result<bool> extents(const ExtentNode& node) {
    bool left = false;
    for (std::uint16_t i = 0; i < node.entries(); ++i) {
      if (node.depth() == 0) {
        const MappedRun run = TRY(node.run(i));
        left = left || run.logical < first_;
        data(run.logical, run.length);
        continue;
      }
      const ExtentChild child = TRY(node.child(i));
      if (child.end <= first_) {
        left = true;
        continue;
      }
      if (++visited_ > kMaxNodes)
        return Error{Errc::too_large, "extent tree with more than a million nodes", {}};
      Scratch buffer(storage_.super.block_size);
      TRY(storage_.read_block(child.block, buffer.span()));
      const auto depth = static_cast<std::uint16_t>(node.depth() - 1);
      const auto below =
          TRY(ExtentNode::parse(storage_.super, buffer.span(), depth, child.begin, child.end));
      TRY(ExtentNode::check_tail(storage_.super, inode_, buffer.span()));
      const bool some = TRY(extents(below));
      left = left || some;
      if (!some) ++nodes_;
    }
    return left;
  }

  Result<void> pointers() {
    const auto root = inode_.block_area();
    for (std::uint64_t i = 0; i < 12; ++i)
      if (get<le32>(root, static_cast<std::size_t>(i) * 4)->value() != 0) data(i, 1);
    std::uint64_t begin = 12;
    std::uint64_t span = 1;
    for (std::size_t level = 1; level <= 3; ++level) {
      span *= storage_.super.block_size / 4;
      const std::uint32_t where = get<le32>(root, (11 + level) * 4)->value();
      if (where != 0 && begin + span > first_ && !TRY(indirect(where, level, begin, span)))
        ++nodes_;
      begin += span;
    }
    return success();
  }

  /// Whether something is left below the pointer block `where`, `level` levels above the data.
  Result<bool> indirect(std::uint32_t where, std::size_t level, std::uint64_t begin,
                        std::uint64_t span) {
    if (++visited_ > kMaxNodes)
      return Error{Errc::too_large, "more than a million pointer blocks", {}};
    if (!storage_.super.holds(where, 1))
      return corrupt("block pointer " + std::to_string(where) + " outside the file system");
    Scratch buffer(storage_.super.block_size);
    TRY(storage_.read_block(where, buffer.span()));
    const std::uint64_t count = storage_.super.block_size / 4;
    const std::uint64_t each = span / count;
    bool left = false;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint32_t pointer =
          get<le32>(buffer.span(), static_cast<std::size_t>(i) * 4)->value();
      if (pointer == 0) continue;
      const std::uint64_t start = begin + i * each;
      if (start + each <= first_) {
        left = true;
      } else if (level == 1) {
        data(start, 1);
      } else if (TRY(indirect(pointer, level - 1, start, each))) {
        left = true;
      } else {
        ++nodes_;
      }
    }
    return left;
  }

  const Storage& storage_;
  const Inode& inode_;
  std::uint64_t& visited_;
  std::uint64_t ratio_;
  std::uint64_t first_;
  std::uint64_t first_cluster_;
  std::uint64_t next_cluster_ = 0;
  std::uint64_t clusters_ = 0;
  std::uint64_t nodes_ = 0;
};

}  // namespace

Result<std::uint64_t> count_freed(const Storage& storage, const Inode& inode, std::uint64_t first,
                                  std::uint64_t& visited) {
  return Count(storage, inode, first, visited).run();
}

}  // namespace imgfs::ext
