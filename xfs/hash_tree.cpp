#include "xfs/hash_tree.h"

#include <bit>

#include "xfs/checksum.h"

namespace imgfs::xfs {
namespace {

constexpr int kMaxDepth = 5;  // XFS allows no more levels

std::uint32_t byte_at(std::string_view name, std::size_t i) { return static_cast<unsigned char>(name[i]); }

std::uint32_t lower_case_hash(std::string_view name) {
  std::uint32_t hash = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const std::uint32_t c = byte_at(name, i);
    hash = (c >= 'A' && c <= 'Z' ? c + 32 : c) ^ std::rotl(hash, 7);
  }
  return hash;
}

}  // namespace

std::uint32_t name_hash(std::string_view name, bool ascii_ci) {
  if (ascii_ci) return lower_case_hash(name);
  std::uint32_t hash = 0;
  for (; name.size() >= 4; name.remove_prefix(4))
    hash = byte_at(name, 0) << 21 ^ byte_at(name, 1) << 14 ^ byte_at(name, 2) << 7 ^ byte_at(name, 3) ^
           std::rotl(hash, 28);
  switch (name.size()) {
    case 3: return byte_at(name, 0) << 14 ^ byte_at(name, 1) << 7 ^ byte_at(name, 2) ^ std::rotl(hash, 21);
    case 2: return byte_at(name, 0) << 7 ^ byte_at(name, 1) ^ std::rotl(hash, 14);
    case 1: return byte_at(name, 0) ^ std::rotl(hash, 7);
    default: return hash;
  }
}

std::uint32_t HashTree::block_size() const {
  return kind_ == Kind::directory ? volume_.sb().directory_block_size() : volume_.sb().block_size;
}

std::uint32_t HashTree::root() const {
  return kind_ == Kind::directory ? static_cast<std::uint32_t>(kHashStart >> volume_.sb().block_log) : 0;
}

std::size_t HashTree::header_size() const { return volume_.sb().v5 ? kHashHeaderV5 : kHashHeader; }

bool HashTree::is_leaf(const Block& block) const {
  const bool v5 = volume_.sb().v5;
  if (kind_ == Kind::attributes) return block.magic == (v5 ? kAttributeLeafMagicV5 : kAttributeLeafMagic);
  return block.magic == (v5 ? kLeafNMagicV5 : kLeafNMagic) ||
         (block.number == root() && block.magic == (v5 ? kLeaf1MagicV5 : kLeaf1Magic));
}

Result<void> HashTree::load(std::uint32_t number, Block& out) const {
  const bool v5 = volume_.sb().v5;
  out.bytes.resize(block_size(), boost::container::default_init);
  const std::span<std::byte> bytes(out.bytes.data(), out.bytes.size());
  out.number = number;
  out.position = TRY(map_.read(std::uint64_t{number} << volume_.sb().block_log, bytes));
  TRY(check_self(volume_.sb(), kHashBlockCheck, bytes, inode_.number(), out.position));
  const auto info = *get<HashBlockInfo>(bytes);
  const auto counts = *get<HashCounts>(bytes, v5 ? kHashInfoV5 : sizeof(HashBlockInfo));
  out.magic = info.magic.value();
  out.next = info.forw.value();
  out.previous = info.back.value();
  out.count = counts.count.value();
  const bool node = out.magic == (v5 ? kNodeMagicV5 : kNodeMagic);
  if (!node && !is_leaf(out))
    return corrupt("hash tree block: unknown magic " + std::to_string(out.magic), out.position);
  // An attribute leaf's own header is longer; its reader checks its entries.
  if (out.count > (bytes.size() - header_size()) / sizeof(HashEntry))
    return corrupt("hash tree block: " + std::to_string(out.count) + " entries", out.position);
  return success();
}

Result<bool> HashTree::descend(std::optional<std::uint32_t> hash, Block& out) const {
  const bool v5 = volume_.sb().v5;
  TRY(load(root(), out));
  std::uint32_t level = 0;
  for (int depth = 0; !is_leaf(out); ++depth) {
    const std::span<const std::byte> bytes(out.bytes.data(), out.bytes.size());
    const std::uint32_t own = get<HashCounts>(bytes, v5 ? kHashInfoV5 : sizeof(HashBlockInfo))->level.value();
    if (own == 0 || own > kMaxDepth || (depth != 0 && own + 1 != level))
      return corrupt("hash tree node: level " + std::to_string(own), out.position);
    level = own;
    if (out.count == 0) return corrupt("hash tree node: no entries", out.position);
    const auto entry = [&](std::size_t i) { return *get<NodeEntry>(bytes, header_size() + i * sizeof(NodeEntry)); };
    std::size_t low = 0;
    if (hash)
      for (std::size_t high = out.count; low < high;) {
        const std::size_t middle = low + (high - low) / 2;
        if (entry(middle).hashval.value() < *hash)
          low = middle + 1;
        else
          high = middle;
      }
    if (low == out.count) return false;
    TRY(load(entry(low).before.value(), out));
    if (is_leaf(out) != (level == 1)) return corrupt("hash tree: a leaf at the wrong level", out.position);
  }
  return true;
}

Result<bool> HashTree::find_leaf(std::uint32_t hash, Block& out) const { return descend(hash, out); }

Result<void> HashTree::first_leaf(Block& out) const {
  TRY(descend({}, out));
  return success();
}

Result<bool> HashTree::next_leaf(Block& block, Chain& chain) const {
  if (block.next == 0) return false;
  const std::uint32_t from = block.number;
  if (chain.steps != 0 && block.next == chain.mark)
    return corrupt("hash tree: its leaves are chained in a loop", block.position);
  if (std::has_single_bit(++chain.steps)) chain.mark = from;
  TRY(load(block.next, block));
  if (!is_leaf(block) || block.previous != from)
    return corrupt("hash tree: the leaf after block " + std::to_string(from) + " does not point back", block.position);
  return true;
}

}  // namespace imgfs::xfs
