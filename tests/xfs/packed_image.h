#pragma once

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "core/memory_device.h"
#include "core/overlay_device.h"
#include "xfs/checksum.h"
#include "xfs/inode_format.h"
#include "xfs/log_format.h"
#include "xfs/replay.h"
#include "xfs/superblock_format.h"

namespace imgfs::xfs {

/// A small image of tests/xfs/data that is unpacked once, and changed by laying blocks over it.
class PackedImage {
 public:
  static constexpr std::uint32_t kBlock = 4096;  ///< bytes of a block, a directory block, and of what is patched

  explicit PackedImage(const std::string& name) {
    std::ifstream file(IMGFS_SOURCE_DIR "/tests/xfs/data/" + name, std::ios::binary);
    const std::string packed{std::istreambuf_iterator<char>(file), {}};
    const auto bytes = as_bytes(packed);
    const auto size = get<le64>(bytes);
    std::vector<std::byte> image(size ? static_cast<std::size_t>(size->value()) : 0);
    std::size_t at = 0;
    for (std::size_t from = sizeof(le64); from + 8 <= bytes.size();) {
      const std::size_t zeros = get<le32>(bytes, from)->value() * std::size_t{16};
      const std::size_t count = get<le32>(bytes, from + 4)->value() * std::size_t{16};
      at += zeros;
      runs_.push_back({at, total_, count});
      total_ += count;
      std::ranges::copy(bytes.subspan(from + 8, count), image.begin() + static_cast<std::ptrdiff_t>(at));
      at += count;
      from += 8 + count;
    }
    bytes_ = image;
    base_ = std::make_shared<MemoryDevice>(std::move(image));
  }

  std::span<const std::byte> bytes() const { return bytes_; }
  Device base() const { return base_; }
  /// How many bytes are not in runs of zeros, and where the nth of them lies.
  std::size_t payload() const { return total_; }
  std::uint64_t place(std::size_t index) const {
    std::size_t low = 0;
    for (std::size_t high = runs_.size(); high - low > 1;) {
      const std::size_t middle = low + (high - low) / 2;
      (runs_[middle].index <= index ? low : high) = middle;
    }
    return runs_[low].offset + (index - runs_[low].index);
  }

 private:
  struct Run {
    std::uint64_t offset;
    std::size_t index;
    std::size_t count;
  };
  std::vector<Run> runs_;
  std::size_t total_ = 0;
  std::vector<std::byte> bytes_;
  Device base_;
};

/// Changes over a packed image.
class Patches {
 public:
  explicit Patches(const PackedImage& image) : image_(image) {}

  void set(std::uint64_t offset, std::span<const std::byte> bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::uint64_t at = offset + i;
      if (at >= image_.bytes().size() / PackedImage::kBlock * PackedImage::kBlock) return;
      block(at - at % PackedImage::kBlock)[static_cast<std::size_t>(at % PackedImage::kBlock)] = bytes[i];
    }
  }
  template <class T>
  void set_value(std::uint64_t offset, T value) {
    set(offset, std::as_bytes(std::span(&value, 1)));
  }

  /// Makes the checksums of all changed blocks right again: sectors of the first block, inodes, everything else.
  void fix_checksums() {
    for (auto& [offset, bytes] : blocks_) {
      if (offset == 0) {
        for (std::size_t at = 0; at < PackedImage::kBlock; at += 512) fix(std::span(bytes).subspan(at, 512));
        continue;
      }
      fix(bytes);
      for (std::size_t at = 0; at < PackedImage::kBlock; at += 512) fix_inode(std::span(bytes).subspan(at, 512));
    }
  }

  /// The same for the records of the log in [start, start + length).
  void fix_log(std::uint64_t start, std::uint64_t length) {
    for (std::uint64_t at = start; at < start + length; at += kLogBlock) {
      std::vector<std::byte> head = copy(at, kLogBlock);
      const auto header = *get<LogRecordHeader>(head);
      const std::uint64_t size = header.h_len.value();
      if (header.h_magicno.value() != kLogMagic || size == 0 || size > start + length - at - kLogBlock) continue;
      std::vector<std::byte> record = copy(at, kRecordCrcLength);
      const std::vector<std::byte> payload = copy(at + kLogBlock, static_cast<std::size_t>(size));
      record.insert(record.end(), payload.begin(), payload.end());
      le32 crc;
      crc = block_crc(record, offsetof(LogRecordHeader, h_crc));
      set_value(at + offsetof(LogRecordHeader, h_crc), crc);
    }
  }

  Device device() const { return std::make_shared<OverlayDevice>(image_.base(), PackedImage::kBlock, blocks_); }

 private:
  std::vector<std::byte>& block(std::uint64_t offset) {
    auto& out = blocks_[offset];
    if (out.empty()) {
      const auto from = image_.bytes().subspan(static_cast<std::size_t>(offset), PackedImage::kBlock);
      out.assign(from.begin(), from.end());
    }
    return out;
  }
  std::vector<std::byte> copy(std::uint64_t offset, std::size_t length) {
    std::vector<std::byte> out(length);
    static_cast<void>(device()->read(offset, out));
    return out;
  }
  static void fix(std::span<std::byte> block) {
    const auto field = checksum_field(block);
    if (field && *field + 4 <= block.size()) put_crc(block, *field);
  }
  static void fix_inode(std::span<std::byte> inode) {
    if (get<be16>(inode)->value() == InodeCore::kMagic) put_crc(inode, offsetof(InodeCore, di_crc));
  }
  static void put_crc(std::span<std::byte> block, std::size_t field) {
    le32 crc;
    crc = block_crc(block, field);
    std::ranges::copy(std::as_bytes(std::span(&crc, 1)), block.begin() + static_cast<std::ptrdiff_t>(field));
  }

  const PackedImage& image_;
  OverlayDevice::Blocks blocks_;
};

/// Applies a fuzzer's input: patches of three bytes of place (in the payload), one of length (0 to 7 and more), then
/// the bytes.
inline void apply_input(const PackedImage& image, std::span<const std::byte> input, Patches& patches) {
  while (input.size() > 4) {
    const std::size_t place = get<le24>(input)->value();
    const std::size_t length = std::min<std::size_t>(1 + (std::to_integer<unsigned>(input[3]) & 15), input.size() - 4);
    patches.set(image.place(place % image.payload()), input.subspan(4, length));
    input = input.subspan(4 + length);
  }
}

}  // namespace imgfs::xfs
