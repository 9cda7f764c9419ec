#include "drivers/vhdx_patches.h"

#include <algorithm>

namespace imgfs::vhdx {

/// Takes [offset, offset + length) out of the map. Content is whole sectors and so is the range:
/// only a range of zeros can be cut in two.
void Patches::cut(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t end = offset + length;
  auto at = map_.lower_bound(offset);
  if (at != map_.begin()) {
    const auto before = std::prev(at);
    const std::uint64_t before_end = before->first + before->second.length;
    if (before_end > offset) {
      before->second.length = offset - before->first;
      if (before_end > end) map_.emplace(end, Patch{before_end - end, {}});
    }
  }
  while (at != map_.end() && at->first < end) {
    const std::uint64_t at_end = at->first + at->second.length;
    at = map_.erase(at);
    if (at_end > end) map_.emplace(end, Patch{at_end - end, {}});
  }
}

void Patches::write(std::uint64_t offset, std::vector<std::byte> content) {
  cut(offset, content.size());
  const std::uint64_t length = content.size();
  map_.insert_or_assign(offset, Patch{length, std::move(content)});
}

void Patches::zero(std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return;
  cut(offset, length);
  map_.insert_or_assign(offset, Patch{length, {}});
}

PatchedDevice::Cover PatchedDevice::cover(std::uint64_t offset) const {
  auto next = patches_.map().upper_bound(offset);
  if (next != patches_.map().begin()) {
    const auto& [start, patch] = *std::prev(next);
    if (offset - start < patch.length)
      return {&patch, offset - start, std::min(patch.length - (offset - start), size_ - offset)};
  }
  const std::uint64_t end = next == patches_.map().end() ? size_ : std::min(next->first, size_);
  return {nullptr, 0, end - offset};
}

Result<void> PatchedDevice::do_read(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const Cover found = cover(offset);
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), found.length));
    const auto target = out.first(count);
    if (found.patch != nullptr && !found.patch->content.empty()) {
      copy_bytes(
          std::span(found.patch->content).subspan(static_cast<std::size_t>(found.skip), count), target);
    } else {
      const std::uint64_t have =
          found.patch == nullptr && offset < file_->size() ? file_->size() - offset : 0;
      const std::size_t from_file = static_cast<std::size_t>(std::min<std::uint64_t>(have, count));
      if (from_file > 0) TRY(file_->read(offset, target.first(from_file)));
      fill_zero(target.subspan(from_file));
    }
    out = out.subspan(count);
    offset += count;
  }
  return success();
}

Result<Location> PatchedDevice::do_locate(std::uint64_t offset, std::uint64_t length) const {
  const Cover found = cover(offset);
  length = std::min(length, found.length);
  if (found.patch != nullptr)
    return Location{found.patch->content.empty() ? Location::Kind::zero : Location::Kind::decoded,
                    length};
  if (offset >= file_->size()) return Location{Location::Kind::zero, length};
  return file_->locate(offset, std::min(length, file_->size() - offset));
}

}  // namespace imgfs::vhdx
