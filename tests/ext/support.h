#pragma once

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "core/text.h"
#include "ext/ext.h"
#include "tests/ext/ext_image.h"

namespace imgfs::ext {

inline Result<FileSystemPtr> open_image(const Device& device, Recovery recovery = Recovery::log) {
  return file_system_type().open(device, recovery);
}

inline FileSystemPtr open_or_fail(const Device& device, Recovery recovery = Recovery::log) {
  auto fs = open_image(device, recovery);
  if (fs) return fs.value();
  ADD_FAILURE() << describe(fs.error());
  return nullptr;
}

inline std::string read_all(const FileSystem& fs, std::uint64_t inode, std::uint64_t offset = 0,
                            std::size_t size = 1U << 20) {
  std::string out(size, '?');
  const auto count =
      fs.read(inode, offset, std::as_writable_bytes(std::span(out.data(), out.size())));
  if (!count) return "error: " + describe(count.error());
  out.resize(count.value());
  return out;
}

/// Names and inodes, listed in steps of one entry so that every cookie is used; the error at the
/// end, if any.
inline std::map<std::string, std::uint64_t> list_all(const FileSystem& fs, std::uint64_t directory,
                                                     std::string* error = nullptr) {
  std::map<std::string, std::uint64_t> out;
  std::uint64_t cookie = 0;
  for (bool more = true; more;) {
    more = false;
    bool one = true;
    const auto done = fs.read_directory(directory, cookie, [&](const DirectoryEntry& entry) {
      if (!one) {
        more = true;
        return false;
      }
      one = false;
      cookie = entry.next_cookie;
      EXPECT_NE(cookie, 0U);
      EXPECT_LT(cookie, std::uint64_t{1} << 63);
      EXPECT_TRUE(out.emplace(entry.name, entry.inode).second) << entry.name;
      return true;
    });
    if (!done && error != nullptr) *error = describe(done.error());
    if (!done) break;
  }
  return out;
}

inline std::string remarks_of(const FileSystem& fs) {
  std::string out;
  for (const auto& remark : fs.info().remarks) out += remark.text + "\n";
  return out;
}

}  // namespace imgfs::ext
