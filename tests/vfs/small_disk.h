#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace imgfs::test {

/// The disk that images/make_small_disk.sh made; empty where it cannot be read.
inline std::vector<std::byte> small_disk() {
  static const std::vector<std::byte> bytes = [] {
    std::ifstream file(IMGFS_SOURCE_DIR "/tests/vfs/images/small_disk.img", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto* first = reinterpret_cast<const std::byte*>(text.data());
    return std::vector<std::byte>(first, first + text.size());
  }();
  return bytes;
}

}  // namespace imgfs::test
