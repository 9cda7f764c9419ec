#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "checkers/packages.h"
#include "core/bytes.h"

namespace {

/// One file, whatever it is called.
class OneFile final : public imgfs::GuestFiles {
 public:
  explicit OneFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  imgfs::Result<imgfs::Attributes> stat(std::string_view path, LastLink) const override {
    if (path.ends_with("-wal")) return imgfs::Error{imgfs::Errc::not_found, ""};
    imgfs::Attributes out;
    out.type = imgfs::FileType::regular;
    out.size = bytes_.size();
    return out;
  }
  imgfs::Result<std::string> read_text(std::string_view, std::size_t) const override {
    return std::string(imgfs::as_chars(bytes_));
  }
  imgfs::Result<std::size_t> read(std::string_view, std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset >= bytes_.size()) return std::size_t{0};
    const auto piece = bytes_.subspan(static_cast<std::size_t>(offset));
    const std::size_t count = std::min(out.size(), piece.size());
    std::memcpy(out.data(), piece.data(), count);
    return count;
  }
  imgfs::Result<std::vector<std::string>> list(std::string_view, std::size_t) const override {
    return std::vector<std::string>{};
  }
  imgfs::Result<std::string> read_link(std::string_view) const override {
    return imgfs::Error{imgfs::Errc::not_symlink, ""};
  }
  std::string shown(std::string_view path) const override { return std::string(path); }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace

/// The first byte chooses the database; the rest is its file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs::checkers;
  if (size == 0) return 0;
  const OneFile file(std::as_bytes(std::span(data + 1, size - 1)));
  Packages packages;
  switch (data[0] % 4) {
    case 0: static_cast<void>(read_rpm_ndb(file, "/db", packages)); break;
    case 1: static_cast<void>(read_rpm_berkeley(file, "/db", packages)); break;
    case 2: static_cast<void>(read_rpm_sqlite(file, "/db", packages)); break;
    default: parse_dpkg_status({reinterpret_cast<const char*>(data + 1), size - 1}, packages); break;
  }
  return 0;
}
