// fat_dump IMAGE [OFFSET [DIRECTORY]]   the tree of a FAT volume, one entry a line, fields with tabs between:
//     type mode size nlink mtime blocks path
// First "info TYPE LABEL UUID BLOCK-SIZE BLOCKS FREE", then "error PATH TEXT" where something cannot be read.
// With DIRECTORY, the files are written below it, with their times.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "core/file_device.h"
#include "core/slice_device.h"
#include "core/text.h"
#include "fat/fat.h"

namespace {

using namespace imgfs;

class Dump {
 public:
  Dump(const FileSystem& fs, std::string target) : fs_(fs), target_(std::move(target)) {}

  void directory(std::uint64_t inode, const std::string& path, int depth) {
    if (!show(inode, path) || depth > 40) return;
    std::vector<std::pair<std::string, DirectoryEntry>> entries;
    const auto done = fs_.read_directory(inode, 0, [&](const DirectoryEntry& entry) {
      entries.emplace_back(std::string(entry.name), entry);
      return true;
    });
    if (!done) error(path, done.error());
    for (const auto& [name, entry] : entries) {
      const std::string child = path.empty() ? name : path + "/" + name;
      const auto found = fs_.lookup(inode, name);
      if (!found) error(child, found.error());
      if (entry.type == FileType::directory) {
        const auto up = fs_.parent(entry.inode);
        if (!up || up.value() != inode) {
          std::printf("error\t%s\tits parent is another\n", printable(child).c_str());
          continue;
        }
        directory(entry.inode, child, depth + 1);
      } else if (show(entry.inode, child)) {
        copy(entry.inode, child);
      }
    }
    set_times(inode, path);
  }

 private:
  static void error(const std::string& path, const Error& error) {
    std::printf("error\t%s\t%s\n", printable(path).c_str(), describe(error).c_str());
  }

  bool show(std::uint64_t inode, const std::string& path) {
    const auto a = fs_.stat(inode);
    if (!a) return error(path, a.error()), false;
    const Attributes& v = a.value();
    std::printf("%c\t%o\t%llu\t%u\t%lld\t%llu\t%s\n", v.type == FileType::directory ? 'd' : 'f', v.permissions,
                static_cast<unsigned long long>(v.size), v.links, static_cast<long long>(v.modified.seconds),
                static_cast<unsigned long long>(v.blocks), printable(path).c_str());
    if (!target_.empty() && v.type == FileType::directory && !path.empty())
      ::mkdir((target_ + "/" + path).c_str(), 0755);
    return true;
  }

  void copy(std::uint64_t inode, const std::string& path) {
    std::ofstream out;
    if (!target_.empty()) out.open(target_ + "/" + path, std::ios::binary);
    std::vector<std::byte> bytes(100'000);
    for (std::uint64_t at = 0;;) {
      const auto count = fs_.read(inode, at, bytes);
      if (!count) return error(path, count.error());
      if (count.value() == 0) break;
      out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(count.value()));
      at += count.value();
    }
    out.close();
    set_times(inode, path);
  }

  void set_times(std::uint64_t inode, const std::string& path) {
    const auto a = fs_.stat(inode);
    if (target_.empty() || path.empty() || !a) return;
    const timespec times[2] = {{a.value().accessed.seconds, 0}, {a.value().modified.seconds, 0}};
    ::utimensat(AT_FDCWD, (target_ + "/" + path).c_str(), times, 0);
  }

  const FileSystem& fs_;
  std::string target_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) return std::fprintf(stderr, "usage: fat_dump IMAGE [OFFSET [DIRECTORY]]\n"), 2;
  const auto file = FileDevice::open(argv[1]);
  if (!file) return std::fprintf(stderr, "%s\n", describe(file.error()).c_str()), 2;
  const std::uint64_t offset = argc > 2 ? std::stoull(argv[2]) : 0;
  const Device device = slice(file.value(), offset, file.value()->size() - offset).value();
  const FileSystemType row = fat::file_system_type();
  if (!row.probe(*device)) return std::printf("probe says no\n"), 1;
  const auto fs = row.open(device, Recovery::none);
  if (!fs) return std::printf("open: %s\n", describe(fs.error()).c_str()), 1;
  const auto usage = fs.value()->usage();
  const FileSystemInfo& info = fs.value()->info();
  std::printf("info\t%s\t%s\t%s\t%u\t%llu\t%llu\n", info.type.c_str(), printable(info.label).c_str(), info.uuid.c_str(),
              usage ? usage.value().block_size : 0, static_cast<unsigned long long>(usage ? usage.value().blocks : 0),
              static_cast<unsigned long long>(usage ? usage.value().blocks_free : 0));
  Dump(*fs.value(), argc > 3 ? argv[3] : "").directory(fs.value()->root(), "", 0);
  return 0;
}
