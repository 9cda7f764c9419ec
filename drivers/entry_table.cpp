#include "drivers/entry_table.h"

#include <algorithm>

namespace imgfs {
namespace {
constexpr std::uint64_t kPiece = 65536;
}  // namespace

Result<ByteTable> ByteTable::open(Device file, std::uint64_t offset, std::uint64_t size,
                                  std::size_t memory) {
  if (offset > file->size() || size > file->size() - offset)
    return corrupt("table of " + std::to_string(size) + " bytes ends past the end of the file of " +
                       std::to_string(file->size()) + " bytes",
                   offset);
  ByteTable table;
  table.offset_ = offset;
  table.size_ = size;
  if (size <= memory) {
    table.whole_.resize(static_cast<std::size_t>(size));
    TRY(file->read(offset, table.whole_));
  } else {
    table.pieces_ = std::make_unique<ByteCache>(memory);
  }
  table.file_ = std::move(file);
  return table;
}

Result<void> ByteTable::copy(std::uint64_t at, std::span<std::byte> out) const {
  if (at > size_ || out.size() > size_ - at)
    return corrupt("entry past the end of its table", offset_ + std::min(at, size_));
  if (pieces_ == nullptr) {
    copy_bytes(std::span(whole_).subspan(static_cast<std::size_t>(at), out.size()), out);
    return success();
  }
  const std::uint64_t start = at - at % kPiece;
  const auto load = [&]() -> Result<std::vector<std::byte>> {
    std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(kPiece, size_ - start)));
    TRY(file_->read(offset_ + start, bytes));
    return bytes;
  };
  const auto piece = TRY(pieces_->get(start, load));
  copy_bytes(std::span(*piece).subspan(static_cast<std::size_t>(at - start), out.size()), out);
  return success();
}

}  // namespace imgfs
