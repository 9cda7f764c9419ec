#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/function_ref.h"
#include "ntfs/file.h"

namespace imgfs::ntfs {

/// An entry of an index; spans are valid only while its node is.
struct IndexItem {
  std::uint64_t file_reference;      ///< of a directory's entry
  std::span<const std::byte> entry;  ///< the whole entry
  std::span<const std::byte> key;
  bool is_last;                        ///< the end of its node: no key
  std::optional<std::uint64_t> child;  ///< VCN of the node with what comes before this entry
  std::size_t end;                     ///< where the next entry begins, in the node
};

/// A B+ tree as NTFS keeps for names and for views: the root in the record, the other nodes in
/// blocks of $INDEX_ALLOCATION. For one call of one thread.
class Index {
 public:
  /// The index `name` ("$I30", "$SII") of `file`, which must outlive it; null where there is none.
  static Result<std::unique_ptr<Index>> open(const Volume& volume, File& file,
                                             std::string_view name);

  std::uint32_t block_size() const { return block_size_; }

  /// What lies in a node, in order, from byte `from` of it on; the visitor answers false to stop.
  using Visitor = FunctionRef<Result<bool>(const IndexItem&)>;
  /// The root is node 0, the block i of $INDEX_ALLOCATION is node i + 1. Blocks that $BITMAP calls
  /// free are passed over. Says whether the visitor let it go on to the end.
  Result<bool> visit_node(std::uint64_t node, std::size_t from, Visitor visit);
  std::uint64_t nodes() const { return blocks_ + 1; }
  /// The first node from `node` on that is in use; nodes() where there is none.
  std::uint64_t next_in_use(std::uint64_t node) const;

  /// Looks for a key by descent. `order` tells where the wanted keys lie: less: before `key`;
  /// equal: here. All equal keys are visited (those nearest to the root first) until `found`
  /// answers false.
  using Order = FunctionRef<Result<std::strong_ordering>(std::span<const std::byte> key)>;
  using Found = FunctionRef<Result<bool>(const IndexItem&)>;
  Result<void> search(Order order, Found found);

 private:
  explicit Index(const Volume& volume) : volume_(volume) {}
  Result<void> read_root(File& file, const Attribute& root, std::string_view name);
  Result<std::span<const std::byte>> node_bytes(std::uint64_t node);
  Result<std::uint64_t> node_of(std::uint64_t vcn) const;

  const Volume& volume_;
  std::span<const std::byte> root_;  ///< from its IndexHeader on
  std::uint32_t block_size_ = 0;
  std::uint32_t vcn_size_ = 0;  ///< bytes that a block's VCN counts
  std::uint64_t blocks_ = 0;
  std::optional<Stream> allocation_;
  std::vector<std::byte> bitmap_;
  std::vector<std::byte> block_;  ///< the node that was read last
};

}  // namespace imgfs::ntfs
