#include "registry/regf.h"

#include <algorithm>

#include "core/text.h"
#include "registry/regf_format.h"

namespace imgfs::registry {
namespace {

constexpr std::size_t kMostLevels = 32;  ///< of a path; Windows has 512

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_name(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

std::string latin_to_utf8(std::string_view latin) {
  std::string out;
  for (const char c : latin) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | byte >> 6);
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

std::string decode_name(std::string_view raw, bool latin) {
  return latin ? latin_to_utf8(raw) : utf16le_to_wtf8(as_bytes(raw));
}

class Reader {
 public:
  explicit Reader(ReadHive read) : read_(read) {}

  /// Checks the base block; the root key.
  Result<std::uint32_t> open() {
    std::string block(sizeof(BaseBlock), '\0');
    TRY(read_whole(0, block));
    const BaseBlock base = *get<BaseBlock>(as_bytes(block));
    if (std::string_view(base.signature, 4) != "regf") return corrupt("no registry hive: \"regf\" is missing", 0);
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < offsetof(BaseBlock, checksum); at += 4) sum ^= get<le32>(as_bytes(block), at)->value();
    if (sum == 0) sum = 1;
    if (sum == 0xffffffff) sum = 0xfffffffe;
    if (sum != base.checksum.value()) return corrupt("registry hive: wrong checksum of its base block", 508);
    bins_size_ = base.bins_size.value();
    return base.root_cell.value();
  }

  Result<std::uint32_t> find(std::uint32_t key, std::string_view name) const {
    const KeyNode node = TRY(head<KeyNode>(key, "nk"));
    if (node.subkeys.value() == 0) return not_there();
    if (node.subkeys.value() > kMostSubkeys) return too_many("subkeys", key);
    const std::vector<std::uint32_t> lists = TRY(leaves(node.subkey_list.value()));
    std::size_t looked = 0;
    for (const std::uint32_t list : lists) {
      const std::vector<std::uint32_t> keys = TRY(list_of_keys(list));
      looked += keys.size();
      if (looked > kMostSubkeys) return too_many("subkeys", key);
      for (const std::uint32_t child : keys)
        if (TRY(has_name(child, name))) return child;
    }
    return not_there();
  }

  Result<std::vector<Value>> values(std::uint32_t key) const {
    const KeyNode node = TRY(head<KeyNode>(key, "nk"));
    const std::uint32_t count = node.values.value();
    if (count > kMostValues) return too_many("values", key);
    std::vector<Value> out;
    if (count == 0) return out;
    const std::string list = TRY(content(node.value_list.value(), 0, count * sizeof(le32)));
    for (std::uint32_t i = 0; i < count; ++i) {
      Value value;
      if (TRY(read_value(get<le32>(as_bytes(list), i * sizeof(le32))->value(), value))) out.push_back(std::move(value));
    }
    return out;
  }

 private:
  static Error not_there() { return {Errc::not_found, "no such registry key"}; }
  static Error too_many(const char* what, std::uint32_t cell) {
    return {Errc::too_large, std::string("registry key with too many ") + what, kBinsStart + std::uint64_t{cell}};
  }

  Result<void> read_whole(std::uint64_t offset, std::string& out) const {
    const std::size_t count = TRY(read_(offset, std::as_writable_bytes(std::span(out))));
    if (count != out.size()) return corrupt("registry hive ends early", offset + count);
    return success();
  }

  /// `size` bytes of what is in a cell, from `skip` on.
  Result<std::string> content(std::uint32_t cell, std::size_t skip, std::size_t size) const {
    const std::uint64_t start = kBinsStart + std::uint64_t{cell};
    if (cell == kNoCell || cell % 8 != 0 || std::uint64_t{cell} + 4 > bins_size_)
      return corrupt("registry cell outside of the hive", start);
    std::string length(4, '\0');
    TRY(read_whole(start, length));
    const auto stored = static_cast<std::int32_t>(get<le32>(as_bytes(length))->value());
    const std::int64_t whole = -std::int64_t{stored};  // negative: the cell is in use
    if (whole < 8 || cell + static_cast<std::uint64_t>(whole) > bins_size_)
      return corrupt("registry cell of " + std::to_string(whole) + " bytes", start);
    if (skip + size + 4 > static_cast<std::uint64_t>(whole))
      return corrupt("registry cell of " + std::to_string(whole) + " bytes is too small for what it holds", start);
    std::string out(size, '\0');
    TRY(read_whole(start + 4 + skip, out));
    return out;
  }

  template <class T>
  Result<T> head(std::uint32_t cell, std::string_view signature) const {
    const std::string bytes = TRY(content(cell, 0, sizeof(T)));
    if (!bytes.starts_with(signature))
      return corrupt("registry cell is no \"" + std::string(signature) + "\"", kBinsStart + std::uint64_t{cell});
    return *get<T>(as_bytes(bytes));
  }

  Result<ListHead> list_head(std::uint32_t cell) const {
    const std::string bytes = TRY(content(cell, 0, sizeof(ListHead)));
    return *get<ListHead>(as_bytes(bytes));
  }

  /// The lists that name keys: the one given, or those that an "ri" names.
  Result<std::vector<std::uint32_t>> leaves(std::uint32_t list) const {
    const ListHead head = TRY(list_head(list));
    if (std::string_view(head.signature, 2) != "ri") return std::vector{list};
    return cells(list, head.count.value(), sizeof(le32));
  }

  Result<std::vector<std::uint32_t>> list_of_keys(std::uint32_t list) const {
    const ListHead head = TRY(list_head(list));
    const std::string_view kind(head.signature, 2);
    if (kind == "li") return cells(list, head.count.value(), sizeof(le32));
    if (kind == "lf" || kind == "lh") return cells(list, head.count.value(), 2 * sizeof(le32));
    return corrupt("list of registry keys is none of li, lf, lh", kBinsStart + std::uint64_t{list});
  }

  Result<std::vector<std::uint32_t>> cells(std::uint32_t list, std::size_t count, std::size_t stride) const {
    const std::string bytes = TRY(content(list, sizeof(ListHead), count * stride));
    std::vector<std::uint32_t> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(get<le32>(as_bytes(bytes), i * stride)->value());
    return out;
  }

  Result<bool> has_name(std::uint32_t key, std::string_view name) const {
    const KeyNode node = TRY(head<KeyNode>(key, "nk"));
    const bool latin = (node.flags.value() & KeyNode::kNameIsLatin) != 0;
    const std::size_t length = node.name_length.value();
    if (length != name.size() * (latin ? 1 : 2)) return false;  // the names sought are ASCII
    return same_name(decode_name(TRY(content(key, sizeof(KeyNode), length)), latin), name);
  }

  /// False where the value is too long.
  Result<bool> read_value(std::uint32_t cell, Value& out) const {
    const ValueNode node = TRY(head<ValueNode>(cell, "vk"));
    const std::string name = TRY(content(cell, sizeof(ValueNode), node.name_length.value()));
    out.name = decode_name(name, (node.flags.value() & ValueNode::kNameIsLatin) != 0);
    out.type = node.type.value();
    const std::uint32_t size = node.data_size.value() & ~ValueNode::kInPlace;
    if ((node.data_size.value() & ValueNode::kInPlace) != 0) {
      if (size > sizeof(le32)) return corrupt("registry value of more bytes than fit", kBinsStart + std::uint64_t{cell});
      out.bytes = TRY(content(cell, offsetof(ValueNode, data_cell), size));
      return true;
    }
    if (size > kLongestValue) return false;
    if (size != 0) out.bytes = TRY(content(node.data_cell.value(), 0, size));
    return true;
  }

  ReadHive read_;
  std::uint32_t bins_size_ = 0;
};

}  // namespace

Result<std::vector<Value>> key_values(ReadHive read, std::string_view path) {
  Reader reader(read);
  std::uint32_t key = TRY(reader.open());
  for (std::size_t level = 0; !path.empty(); ++level) {
    if (level >= kMostLevels) return Error{Errc::too_large, "registry path of more than 32 keys"};
    const std::size_t end = std::min(path.find('\\'), path.size());
    key = TRY(reader.find(key, path.substr(0, end)));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return reader.values(key);
}

}  // namespace imgfs::registry
