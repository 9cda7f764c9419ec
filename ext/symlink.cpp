#include "ext/symlink.h"

#include <algorithm>

#include "ext/inline_data.h"
#include "ext/no_key_name.h"

namespace imgfs::ext {
namespace {

Result<std::string> decrypted_form(std::string_view stored, std::uint64_t size) {
  // le16 length, then the encrypted target.
  const auto length = get<le16>(as_bytes(stored));
  if (!length || length->value() == 0 || length->value() + std::uint64_t{2} > size ||
      stored.size() - 2 < length->value())
    return corrupt("encrypted symbolic link of " + std::to_string(size) + " bytes");
  if (length->value() < 16) return corrupt("encrypted symbolic link shorter than a cipher block");
  return no_key_name(stored.substr(2, length->value()), {});
}

}  // namespace

Result<std::string> read_symlink(const Storage& storage, const LeafCache& leaves,
                                 const Inode& inode) {
  const Superblock& super = storage.super;
  const std::string name = "symbolic link in inode " + std::to_string(inode.number);
  if (inode.size == 0 || inode.size > super.block_size)
    return corrupt(name + " of " + std::to_string(inode.size) + " bytes");
  const auto size = static_cast<std::size_t>(inode.size);
  std::string out(size, '\0');
  const auto bytes = std::as_writable_bytes(std::span(out.data(), size));
  if (inode.has(kFlagInlineData)) {
    const auto data = TRY(read_inline_data(storage, inode));
    if (data.size() < size) return corrupt(name + " longer than what is stored of it");
    std::copy_n(data.begin(), size, bytes.begin());
  } else if (is_fast_symlink(super, inode)) {
    if (size >= sizeof(RawInode::i_block)) return corrupt(name + " too long for its inode");
    std::copy_n(inode.raw.i_block, size, bytes.begin());
  } else {
    TRY(read_extents(FileMap(storage, leaves, inode), *storage.device, 0, bytes));
  }
  if (inode.has(kFlagEncrypt)) return decrypted_form(out, inode.size);
  if (out.find('\0') != std::string::npos) return corrupt(name + " with a zero byte in it");
  return out;
}

}  // namespace imgfs::ext
