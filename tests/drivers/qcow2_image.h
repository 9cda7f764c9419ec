#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/memory_device.h"
#include "drivers/image_format.h"
#include "drivers/qcow2_format.h"

namespace imgfs::tests {

inline std::vector<std::byte> filled(std::size_t count, unsigned char value) {
  return std::vector<std::byte>(count, std::byte{value});
}

/// Bytes that say where they are: each 8 are their own offset, from `start` on.
inline std::vector<std::byte> self_describing(std::size_t count, std::uint64_t start = 0) {
  std::vector<std::byte> out;
  for (std::uint64_t i = 0; i < count; ++i)
    out.push_back(static_cast<std::byte>((start + i / 8 * 8) >> (i % 8 * 8)));
  return out;
}

/// Files by name for a chain of images: what a directory is to the real opener.
class Files final : public SiblingOpener {
 public:
  std::map<std::string, Device, std::less<>> files;

  Result<Device> open(std::string_view name) const override {
    const auto found = files.find(name);
    if (found == files.end()) return Error{Errc::denied, "no file " + std::string(name), {}};
    return found->second;
  }
  Result<Device> open_extent(std::string_view name) const override { return open(name); }
  std::unique_ptr<SiblingOpener> beside(std::string_view) const override {
    auto copy = std::make_unique<Files>();
    copy->files = files;
    return copy;
  }
};

/// A small QCOW2 image, cluster by cluster: header, refcounts, L1, one L2 table, then what is added.
class Qcow2Image {
 public:
  explicit Qcow2Image(std::uint64_t size, unsigned cluster_bits = 9, std::uint32_t version = 3)
      : cluster_(std::size_t{1} << cluster_bits) {
    bytes.resize(5 * cluster_);
    put32(0, qcow2::kMagic);
    put32(4, version);
    put32(20, cluster_bits);
    put64(24, size);
    put32(36, 1);             // L1 entries
    put64(40, 3 * cluster_);  // L1
    put64(48, cluster_);      // refcount table
    put32(56, 1);
    if (version == 3) {
      put32(96, 4);
      put32(100, 104);
    }
    put64(cluster_, 2 * cluster_);
    put64(3 * cluster_, 4 * cluster_ | qcow2::kCopied);
    for (std::size_t i = 0; i < 5; ++i) use(i);
  }

  std::size_t cluster() const { return cluster_; }
  std::size_t l2() const { return 4 * cluster_; }

  void put8(std::size_t at, std::uint64_t value) { bytes[at] = static_cast<std::byte>(value); }
  void put32(std::size_t at, std::uint64_t value) { put(at, value, 4); }
  void put64(std::size_t at, std::uint64_t value) { put(at, value, 8); }
  void put_text(std::size_t at, std::string_view text) {
    std::ranges::copy(as_bytes(text), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }

  /// Appends a cluster with that content; its offset.
  std::uint64_t add(std::vector<std::byte> content) {
    const std::size_t place = (bytes.size() + cluster_ - 1) / cluster_ * cluster_;
    use(place / cluster_);
    bytes.resize(place);
    content.resize(cluster_);
    bytes.insert(bytes.end(), content.begin(), content.end());
    return place;
  }
  void map(std::size_t cluster, std::uint64_t entry) { put64(l2() + 8 * cluster, entry); }
  void map_data(std::size_t cluster, std::vector<std::byte> content) {
    map(cluster, add(std::move(content)) | qcow2::kCopied);
  }
  /// The L2 entry of a compressed cluster at `offset` that needs `length` bytes.
  std::uint64_t compressed_entry(std::uint64_t offset, std::uint64_t length) const {
    const unsigned bits = 62 - (static_cast<unsigned>(std::countr_zero(cluster_)) - 8);
    const std::uint64_t sectors = (offset % 512 + length + 511) / 512 - 1;
    return qcow2::kCompressed | sectors << bits | offset;
  }
  void extension(std::uint32_t type, std::string_view data) {
    put32(extension_, type);
    put32(extension_ + 4, data.size());
    put_text(extension_ + 8, data);
    extension_ += 8 + (data.size() + 7) / 8 * 8;
  }
  void backing(std::string_view name, std::string_view format) {
    if (!format.empty()) extension(qcow2::kBackingFormat, format);
    put64(8, cluster_ - 64);
    put32(16, name.size());
    put_text(cluster_ - 64, name);
  }

  Device device() const { return std::make_shared<MemoryDevice>(bytes); }
  Result<Image> open(const Files& files = {}, std::string_view format = {}) const {
    return open_image({device(), files}, format);
  }

  std::vector<std::byte> bytes;

 private:
  void put(std::size_t at, std::uint64_t value, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      bytes[at + i] = static_cast<std::byte>(value >> (8 * (count - 1 - i)));
  }
  void use(std::size_t cluster) {
    if (2 * cluster + 1 < cluster_) put8(2 * cluster_ + 2 * cluster + 1, 1);
  }

  std::size_t cluster_;
  std::size_t extension_ = 104;
};

inline std::vector<std::byte> read_all(const BlockDevice& disk) {
  std::vector<std::byte> out(static_cast<std::size_t>(disk.size()));
  const auto done = disk.read(0, out);
  if (!done) out.clear();
  return out;
}

}  // namespace imgfs::tests
