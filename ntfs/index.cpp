#include "ntfs/index.h"

#include <bit>
#include <string>

namespace imgfs::ntfs {
namespace {

/// Far more than any directory needs: 2^32 names in blocks of 4 KiB make a tree of 8 levels.
constexpr int kMaximumVisits = 4096;
/// For 2^32 blocks would be 512 MiB; a directory of 100 million names needs some 400 KiB.
constexpr std::uint64_t kMaximumBitmap = 16U << 20;

Result<IndexItem> parse_entry(std::span<const std::byte> node, std::size_t at) {
  const auto header = get<IndexEntry>(node, at);
  if (!header) return corrupt("index entry past the end of its node", at);
  const std::size_t length = header->length.value();
  const unsigned flags = header->flags.value();
  const bool has_child = (flags & IndexEntry::kHasChild) != 0;
  const bool is_last = (flags & IndexEntry::kLast) != 0;
  const std::size_t least =
      sizeof(IndexEntry) + (is_last ? 0U : header->key_length.value()) + (has_child ? 8U : 0U);
  const auto entry = part(node, at, length);
  if (!entry || length < least || length % 8 != 0)
    return corrupt("index entry of " + std::to_string(length) + " bytes (at least " +
                       std::to_string(least) + ", a multiple of 8, inside its node)",
                   at);
  IndexItem item{header->indexed_file.value(), *entry, {}, is_last, {}, at + length};
  if (!is_last) item.key = entry->subspan(sizeof(IndexEntry), header->key_length.value());
  if (has_child) item.child = get<le64>(*entry, length - 8)->value();
  return item;
}

/// The entries of a node: [first, end) in what begins with its IndexHeader.
Result<std::span<const std::byte>> checked_node(std::span<const std::byte> bytes) {
  const auto header = get<IndexHeader>(bytes);
  if (!header) return corrupt("index node of " + std::to_string(bytes.size()) + " bytes");
  const std::size_t first = header->entries_offset.value();
  const std::size_t end = header->index_length.value();
  if (first < sizeof(IndexHeader) || first % 8 != 0 || first > end || end > bytes.size())
    return corrupt("index entries from " + std::to_string(first) + " to " + std::to_string(end) +
                   " in a node of " + std::to_string(bytes.size()) + " bytes");
  return bytes.first(end);
}

}  // namespace

Result<std::unique_ptr<Index>> Index::open(const Volume& volume, File& file,
                                           std::string_view name) {
  const Attribute* const root = TRY(file.find(AttributeType::index_root, name));
  if (root == nullptr) return std::unique_ptr<Index>();
  std::unique_ptr<Index> index(new Index(volume));
  auto done = index->read_root(file, *root, name);
  if (!done)
    return in_context(std::move(done.error()),
                      "MFT record " + std::to_string(file.number()) + ": index");
  return index;
}

Result<void> Index::read_root(File& file, const Attribute& root, std::string_view name) {
  const auto header = get<IndexRoot>(root.value);
  if (!header) return corrupt("index root of " + std::to_string(root.value.size()) + " bytes");
  block_size_ = header->index_block_size.value();
  if (!std::has_single_bit(block_size_) || block_size_ < 512 || block_size_ > 65536)
    return corrupt("index blocks of " + std::to_string(block_size_) + " bytes (512 to 65536)");
  const std::uint32_t cluster = volume_.geometry.cluster_size;
  vcn_size_ = block_size_ >= cluster ? cluster : 512;
  root_ = TRY(checked_node(root.value.subspan(offsetof(IndexRoot, index))));
  allocation_ = TRY(file.stream(AttributeType::index_allocation, name));
  if (!allocation_) return success();
  blocks_ = allocation_->size() / block_size_;
  if (blocks_ == 0) return success();
  auto bitmap = TRY(file.value(AttributeType::bitmap, name, kMaximumBitmap));
  if (!bitmap || bitmap->size() < (blocks_ + 7) / 8)
    return corrupt("bitmap of " + std::to_string(bitmap ? bitmap->size() : 0) + " bytes for " +
                   std::to_string(blocks_) + " blocks");
  bitmap_ = std::move(*bitmap);
  return success();
}

std::uint64_t Index::next_in_use(std::uint64_t node) const {
  if (node == 0) return 0;
  for (std::uint64_t block = node - 1; block < blocks_; ++block) {
    const unsigned bits = std::to_integer<unsigned>(bitmap_[static_cast<std::size_t>(block / 8)]);
    if (bits == 0) {
      block |= 7U;
      continue;
    }
    if ((bits >> (block % 8) & 1U) != 0) return block + 1;
  }
  return nodes();
}

Result<std::uint64_t> Index::node_of(std::uint64_t vcn) const {
  const std::uint64_t per_block = block_size_ / vcn_size_;
  const std::uint64_t block = vcn / per_block;
  if (vcn % per_block != 0 || block >= blocks_)
    return corrupt("index entry points to VCN " + std::to_string(vcn) + " (there are " +
                   std::to_string(blocks_) + " blocks)");
  return block + 1;
}

Result<std::span<const std::byte>> Index::node_bytes(std::uint64_t node) {
  if (node == 0) return root_;
  const std::uint64_t block = node - 1;
  if (block >= blocks_)
    return corrupt("index block " + std::to_string(block) + " of " + std::to_string(blocks_));
  const auto prepare = [&]() -> Result<std::span<const std::byte>> {
    block_.resize(block_size_);
    const std::size_t count = TRY(allocation_->read(volume_, block * block_size_, block_));
    if (count != block_size_) return corrupt("index block is cut off");
    TRY(apply_fixups(block_, "INDX"));
    const auto header = get<IndexBlock>(block_);
    if (!header) return corrupt("index block of " + std::to_string(block_.size()) + " bytes");
    const std::uint64_t expected = block * (block_size_ / vcn_size_);
    if (header->index_block_vcn.value() != expected)
      return corrupt("index block says that its VCN is " +
                     std::to_string(header->index_block_vcn.value()) + " (expected " +
                     std::to_string(expected) + ")");
    return checked_node(std::span<const std::byte>(block_).subspan(offsetof(IndexBlock, index)));
  };
  auto bytes = prepare();
  if (!bytes) return in_context(std::move(bytes.error()), "index block " + std::to_string(block));
  return bytes;
}

Result<bool> Index::visit_node(std::uint64_t node, std::size_t from, Visitor visit) {
  const auto bytes = TRY(node_bytes(node));
  std::size_t at = get<IndexHeader>(bytes)->entries_offset.value();
  while (true) {
    const IndexItem item = TRY(parse_entry(bytes, at));
    if (item.is_last) return true;
    if (at >= from && !TRY(visit(item))) return false;
    at = item.end;
  }
}

Result<void> Index::search(Order order, Found found) {
  std::vector<std::uint64_t> pending{0};
  for (int visits = 0; !pending.empty(); ++visits) {
    // A tree that goes round in circles ends here.
    if (visits == kMaximumVisits)
      return corrupt("index search visits more than " + std::to_string(visits) + " nodes");
    const std::uint64_t node = pending.back();
    pending.pop_back();
    const auto bytes = TRY(node_bytes(node));
    std::vector<std::uint64_t> children;
    std::size_t at = get<IndexHeader>(bytes)->entries_offset.value();
    while (true) {
      const IndexItem item = TRY(parse_entry(bytes, at));
      const auto place = item.is_last ? std::strong_ordering::less : TRY(order(item.key));
      if (place <= 0 && item.child) children.push_back(TRY(node_of(*item.child)));
      if (place == 0 && !TRY(found(item))) return success();
      if (place < 0) break;
      at = item.end;
    }
    pending.insert(pending.end(), children.rbegin(), children.rend());
  }
  return success();
}

}  // namespace imgfs::ntfs
