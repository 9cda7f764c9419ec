// xfs_list IMAGE [DIRECTORY] [--no-recovery] [--usage]
//
// Prints what our reader sees in the XFS file system IMAGE, a line for each object, tabs between: type,
// permissions in octal, uid, gid, size, links, mtime, inode, path, link target. With DIRECTORY, writes each
// regular file's content to DIRECTORY/INODE. With --usage, prints statfs' numbers alone, as stat -f does with
// '%S %b %f %a %c %d'. Exit 0; 1 where some objects have errors; 2 where it cannot be
// opened.
#include <cstdio>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "core/file_device.h"
#include "core/text.h"
#include "xfs/xfs.h"

namespace {

using namespace imgfs;

class Lister {
 public:
  Lister(const FileSystem& fs, std::string directory) : fs_(fs), directory_(std::move(directory)) {}

  int run() {
    std::vector<std::pair<std::uint64_t, std::string>> stack{{fs_.root(), ""}};
    std::set<std::uint64_t> seen;
    while (!stack.empty()) {
      const auto [inode, path] = stack.back();
      stack.pop_back();
      const auto attributes = fs_.stat(inode);
      if (!attributes) {
        complain(path, attributes.error());
        continue;
      }
      show(inode, path, attributes.value());
      for (const auto& name : fs_.list_attributes(inode) ? fs_.list_attributes(inode).value() : std::vector<std::string>())
        if (const auto value = fs_.attribute(inode, name); !value) complain(path, value.error());
      if (attributes.value().type != FileType::directory || !seen.insert(inode).second) continue;
      const auto done = fs_.read_directory(inode, 0, [&](const DirectoryEntry& entry) {
        stack.emplace_back(entry.inode, (path.empty() ? "" : path + "/") + std::string(entry.name));
        return true;
      });
      if (!done) complain(path, done.error());
    }
    return errors_ == 0 ? 0 : 1;
  }

 private:
  void complain(const std::string& path, const Error& error) {
    ++errors_;
    std::fprintf(stderr, "%s: %s\n", printable(path).c_str(), describe(error).c_str());
  }

  void show(std::uint64_t inode, const std::string& path, const Attributes& a) {
    static constexpr char kTypes[] = "?fdlcbps";
    std::string link;
    if (a.type == FileType::symlink) {
      const auto target = fs_.read_link(inode);
      if (!target) complain(path, target.error());
      if (target) link = target.value();
    }
    if (a.type == FileType::regular) extract(inode, path, a.size);
    std::printf("%c\t%o\t%u\t%u\t%llu\t%u\t%lld.%09u\t%llu\t%s\t%s\n", kTypes[static_cast<int>(a.type)], a.permissions,
                a.uid, a.gid, static_cast<unsigned long long>(a.size), a.links,
                static_cast<long long>(a.modified.seconds), a.modified.nanoseconds,
                static_cast<unsigned long long>(inode), path.c_str(), link.c_str());
  }

  void extract(std::uint64_t inode, const std::string& path, std::uint64_t size) {
    std::ofstream out;
    if (!directory_.empty()) out.open(directory_ + "/" + std::to_string(inode), std::ios::binary);
    std::vector<std::byte> bytes(1 << 20);
    for (std::uint64_t offset = 0; offset < std::min<std::uint64_t>(size, 1U << 30);) {
      const auto count = fs_.read(inode, offset, bytes);
      if (!count) return complain(path, count.error());
      if (count.value() == 0) return complain(path, corrupt("short read", offset));
      const auto chars = as_chars(std::span(bytes).first(count.value()));
      if (out.is_open()) out.write(chars.data(), static_cast<std::streamsize>(chars.size()));
      offset += count.value();
    }
  }

  const FileSystem& fs_;
  std::string directory_;
  std::size_t errors_ = 0;
};

int print_usage(const FileSystem& fs) {
  const auto usage = fs.usage();
  if (!usage) return 1;
  const SpaceUsage& u = usage.value();
  std::printf("%u", u.block_size);
  for (const std::uint64_t value : {u.blocks, u.blocks_free, u.blocks_available, u.inodes, u.inodes_free})
    std::printf(" %llu", static_cast<unsigned long long>(value));
  std::printf("\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string image;
  std::string directory;
  Recovery recovery = Recovery::log;
  bool usage = false;
  for (const std::string& argument : std::vector<std::string>(argv + 1, argv + argc)) {
    if (argument == "--no-recovery")
      recovery = Recovery::none;
    else if (argument == "--usage")
      usage = true;
    else
      (image.empty() ? image : directory) = argument;
  }
  const auto file = FileDevice::open(image);
  if (!file) return std::fprintf(stderr, "%s\n", describe(file.error()).c_str()), 2;
  const FileSystemType type = xfs::file_system_type();
  if (!type.probe(*file.value())) return std::fprintf(stderr, "not XFS\n"), 2;
  const auto fs = type.open(file.value(), recovery);
  if (!fs) return std::fprintf(stderr, "open: %s\n", describe(fs.error()).c_str()), 2;
  for (const auto& remark : fs.value()->info().remarks) std::fprintf(stderr, "remark: %s\n", printable(remark.text).c_str());
  if (usage) return print_usage(*fs.value());
  return Lister(*fs.value(), directory).run();
}
