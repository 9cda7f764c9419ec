// initramfs_scan FILE VERSION MODULE…: prints which of the modules of kernel VERSION the initramfs FILE
// holds, one a line, and exits 0; or says why it cannot be read, and exits 1.
#include <algorithm>
#include <cstdio>

#include "checkers/initramfs.h"
#include "core/file_device.h"

namespace {

/// A file of the host as a guest's only file.
class HostFile final : public imgfs::GuestFiles {
 public:
  explicit HostFile(imgfs::Device device) : device_(std::move(device)) {}
  imgfs::Result<imgfs::Attributes> stat(std::string_view, LastLink) const override { return none(); }
  imgfs::Result<std::string> read_text(std::string_view, std::size_t) const override { return none(); }
  imgfs::Result<std::size_t> read(std::string_view, std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset >= device_->size()) return std::size_t{0};
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), device_->size() - offset));
    TRY(device_->read(offset, out.first(count)));
    return count;
  }
  imgfs::Result<std::vector<std::string>> list(std::string_view, std::size_t) const override { return none(); }
  imgfs::Result<std::string> read_link(std::string_view) const override { return none(); }
  std::string shown(std::string_view path) const override { return std::string(path); }

 private:
  static imgfs::Error none() { return {imgfs::Errc::not_found, "not asked for"}; }
  imgfs::Device device_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: initramfs_scan FILE VERSION MODULE...\n");
    return 2;
  }
  const auto device = imgfs::FileDevice::open(argv[1]);
  if (!device) {
    std::fprintf(stderr, "%s: %s\n", argv[1], imgfs::describe(device.error()).c_str());
    return 1;
  }
  const HostFile file(device.value());
  imgfs::checkers::FileSource source(file, "/", 0, device.value()->size());
  const auto content = imgfs::checkers::scan_initramfs(source, argv[2], std::vector<std::string>(argv + 3, argv + argc));
  if (!content) {
    std::fprintf(stderr, "%s: %s\n", argv[1], imgfs::describe(content.error()).c_str());
    return 1;
  }
  for (const auto& name : content.value().modules) std::printf("%s\n", name.c_str());
  return 0;
}
