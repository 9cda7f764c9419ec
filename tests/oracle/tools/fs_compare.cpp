// fs_compare TYPE IMAGE DIRECTORY [--offset BYTES] [--no-owner] [--no-mode] [--no-blocks] [--no-inode]
//            [--no-recovery] [--no-nlink] [--no-dirsize] [--skip NAME]…
//
// Compares the file system TYPE (ext, xfs, ntfs, fat) in IMAGE, as our reader sees it, with DIRECTORY,
// where another implementation has mounted the same bytes: names, every attribute, link targets,
// contents, holes, extended attributes, parents, lookups. Prints up to 30 differences and
// "N entries, M differences"; exit 0 where there is none.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/file_device.h"
#include "core/slice_device.h"
#include "core/text.h"
#include "ext/ext.h"
#include "fat/fat.h"
#include "ntfs/ntfs.h"
#include "xfs/xfs.h"

namespace {

using namespace imgfs;

struct Options {
  bool owner = true, mode = true, blocks = true, inode = true, links = true, directory_size = true;
  Recovery recovery = Recovery::log;
  std::uint64_t offset = 0;
  std::set<std::string> skip;
};

class Comparison {
 public:
  Comparison(const FileSystem& fs, Options options) : fs_(fs), options_(std::move(options)) {}

  void compare(std::uint64_t inode, const std::string& path) {
    ++entries_;
    struct stat truth{};
    if (::lstat(path.c_str(), &truth) != 0) return differ(path, "truth cannot be stat'ed", errno, 0);
    const auto ours = fs_.stat(inode);
    if (!ours) return differ(path, "stat: " + describe(ours.error()));
    compare_attributes(path, truth, ours.value());
    compare_xattrs(path, inode);
    if (S_ISDIR(truth.st_mode) && ours.value().type == FileType::directory) compare_directory(path, inode);
    if (S_ISLNK(truth.st_mode)) compare_link(path, inode, truth);
    if (S_ISREG(truth.st_mode) && seen_.insert(inode).second) compare_content(path, inode, truth);
  }

  int report() const {
    std::printf("%zu entries, %zu differences\n", entries_, differences_);
    return differences_ == 0 ? 0 : 1;
  }

 private:
  void differ(const std::string& path, const std::string& what) {
    if (++differences_ <= 30) std::printf("%s: %s\n", printable(path).c_str(), what.c_str());
  }
  template <class A, class B>
  void differ(const std::string& path, const char* what, A truth, B ours) {
    differ(path, std::string(what) + ": truth " + std::to_string(truth) + ", ours " + std::to_string(ours));
  }
  template <class A, class B>
  void same(const std::string& path, const char* what, A truth, B ours) {
    if (std::cmp_not_equal(truth, ours)) differ(path, what, truth, ours);
  }

  static mode_t type_bits(FileType type) {
    switch (type) {
      case FileType::regular: return S_IFREG;
      case FileType::directory: return S_IFDIR;
      case FileType::symlink: return S_IFLNK;
      case FileType::character: return S_IFCHR;
      case FileType::block: return S_IFBLK;
      case FileType::fifo: return S_IFIFO;
      case FileType::socket: return S_IFSOCK;
      case FileType::unknown: break;
    }
    return 0;
  }

  void compare_attributes(const std::string& path, const struct stat& truth, const Attributes& ours) {
    same(path, "type", truth.st_mode & S_IFMT, type_bits(ours.type));
    if (options_.mode) same(path, "permissions", truth.st_mode & 07777U, unsigned{ours.permissions});
    if (options_.owner) {
      same(path, "uid", truth.st_uid, ours.uid);
      same(path, "gid", truth.st_gid, ours.gid);
    }
    if (options_.inode) same(path, "inode", truth.st_ino, ours.inode);
    if (options_.links) same(path, "links", truth.st_nlink, ours.links);
    if (!S_ISDIR(truth.st_mode) || options_.directory_size)
      same(path, "size", static_cast<std::uint64_t>(truth.st_size), ours.size);
    if (options_.blocks) same(path, "blocks", static_cast<std::uint64_t>(truth.st_blocks), ours.blocks);
    if (S_ISCHR(truth.st_mode) || S_ISBLK(truth.st_mode)) {
      same(path, "major", major(truth.st_rdev), ours.device_major);
      same(path, "minor", minor(truth.st_rdev), ours.device_minor);
    }
    compare_time(path, "mtime", truth.st_mtim, ours.modified);
    compare_time(path, "ctime", truth.st_ctim, ours.changed);
    compare_time(path, "atime", truth.st_atim, ours.accessed);
  }

  void compare_time(const std::string& path, const char* what, const timespec& truth, Timestamp ours) {
    same(path, what, truth.tv_sec, ours.seconds);
    same(path, what, truth.tv_nsec, ours.nanoseconds);
  }

  static bool is_compared(std::string_view name) {
    return name.starts_with("user.") || name.starts_with("security.") || name.starts_with("trusted.") ||
           name.starts_with("system.posix_acl") || name.starts_with("system.ntfs_");
  }

  std::map<std::string, std::string> truth_xattrs(const std::string& path) {
    std::map<std::string, std::string> out;
    static std::vector<char> names(1 << 18);
    static std::vector<char> value(1 << 18);
    const ssize_t size = ::llistxattr(path.c_str(), names.data(), names.size());
    for (ssize_t at = 0; at < size;) {
      const std::string name(names.data() + at);
      at += static_cast<ssize_t>(name.size()) + 1;
      const ssize_t length = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
      if (!is_compared(name)) continue;
      out[name] = length < 0 ? "errno " + std::to_string(errno)
                             : std::string(value.data(), static_cast<std::size_t>(length));
    }
    return out;
  }

  void compare_xattrs(const std::string& path, std::uint64_t inode) {
    std::map<std::string, std::string> ours;
    const auto names = fs_.list_attributes(inode);
    if (!names) return differ(path, "list_attributes: " + describe(names.error()));
    for (const auto& name : names.value()) {
      const auto value = fs_.attribute(inode, name);
      if (!is_compared(name)) continue;
      ours[name] = value ? value.value() : "errno " + std::to_string(to_errno(value.error()));
    }
    const auto truth = truth_xattrs(path);
    if (truth == ours) return;
    std::string what = "xattrs: truth";
    for (const auto& [name, value] : truth) what += " " + name + "=" + to_hex(value).substr(0, 64);
    what += ", ours";
    for (const auto& [name, value] : ours) what += " " + name + "=" + to_hex(value).substr(0, 64);
    differ(path, printable(what).substr(0, 600));
  }

  void compare_directory(const std::string& path, std::uint64_t inode) {
    std::set<std::string> truth;
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return differ(path, "truth cannot be opened");
    while (const dirent* entry = ::readdir(directory)) truth.insert(entry->d_name);
    ::closedir(directory);
    truth.erase(".");
    truth.erase("..");
    std::map<std::string, std::uint64_t> ours;
    std::uint64_t cookie = 0;
    // Listed in steps of 100, as FUSE does, so that cookies are tested, too.
    for (bool more = true; more;) {
      more = false;
      int left = 100;
      const auto done = fs_.read_directory(inode, cookie, [&](const DirectoryEntry& entry) {
        if (left-- == 0) {
          more = true;
          return false;
        }
        cookie = entry.next_cookie;
        if (!ours.emplace(entry.name, entry.inode).second)
          differ(path, "listed twice: " + printable(entry.name));
        return true;
      });
      if (!done) return differ(path, "read_directory: " + describe(done.error()));
    }
    for (const auto& name : truth)
      if (!ours.contains(name) && !options_.skip.contains(name)) differ(path + "/" + name, "missing");
    for (const auto& [name, child] : ours) {
      if (!truth.contains(name)) {
        if (!options_.skip.contains(name)) differ(path + "/" + name, "not in the truth");
        continue;
      }
      if (options_.skip.contains(name)) continue;
      const auto found = fs_.lookup(inode, name);
      if (!found || found.value() != child) differ(path + "/" + name, "lookup and listing disagree");
      compare(child, path + "/" + name);
      const auto attributes = fs_.stat(child);
      if (attributes && attributes.value().type == FileType::directory) {
        const auto up = fs_.parent(child);
        if (!up || up.value() != inode) differ(path + "/" + name, "parent is wrong");
      }
    }
    if (fs_.lookup(inode, "no such name, surely")) differ(path, "lookup finds what is not there");
  }

  void compare_link(const std::string& path, std::uint64_t inode, const struct stat& truth) {
    std::string target(static_cast<std::size_t>(truth.st_size) + 65536, '\0');
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    const auto ours = fs_.read_link(inode);
    if (size < 0) {
      if (ours) differ(path, "truth cannot read the link");
      return;
    }
    target.resize(static_cast<std::size_t>(size));
    if (!ours) return differ(path, "read_link: " + describe(ours.error()));
    if (ours.value() != target) differ(path, "link: " + printable(target) + " / " + printable(ours.value()));
  }

  void compare_content(const std::string& path, std::uint64_t inode, const struct stat& truth) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    static std::vector<std::byte> ours(1 << 20);
    static std::vector<std::byte> theirs(ours.size());
    if (fd < 0) {
      const int number = errno;
      const auto count = fs_.read(inode, 0, ours);
      if (count || to_errno(count.error()) != number)
        differ(path, "truth cannot be opened", number, count ? 0 : to_errno(count.error()));
      return;
    }
    const auto size = static_cast<std::uint64_t>(truth.st_size);
    for (std::uint64_t offset = 0; offset < size;) {
      const off_t data = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
      const std::uint64_t next = data < 0 ? size : static_cast<std::uint64_t>(data);
      if (next > offset && !compare_hole(path, inode, offset, next)) break;
      if (next >= size) break;
      const std::uint64_t count = std::min<std::uint64_t>(ours.size(), size - next);
      const ssize_t got = ::pread(fd, theirs.data(), static_cast<std::size_t>(count), static_cast<off_t>(next));
      const auto read = fs_.read(inode, next, std::span(ours).first(static_cast<std::size_t>(count)));
      if (got < 0 && !read) break;
      if (!read) {
        differ(path, "read at " + std::to_string(next) + ": " + describe(read.error()));
        break;
      }
      if (got < 0 || static_cast<std::size_t>(got) != read.value() ||
          std::memcmp(ours.data(), theirs.data(), static_cast<std::size_t>(got)) != 0) {
        differ(path, "content differs in the MiB from " + std::to_string(next));
        break;
      }
      offset = next + count;
    }
    ::close(fd);
  }

  /// The truth says that [begin, end) is a hole: ours must read as zeros; looked at where it starts,
  /// ends, and by our own extents in between.
  bool compare_hole(const std::string& path, std::uint64_t inode, std::uint64_t begin, std::uint64_t end) {
    std::vector<std::byte> bytes(4096);
    int steps = 0;
    for (std::uint64_t at = begin; at < end && ++steps < 1000;) {
      const auto extent = fs_.extent(inode, at);
      if (!extent) return differ(path, "extent: " + describe(extent.error())), false;
      const std::uint64_t stop = std::min(end, extent.value().logical + extent.value().length);
      for (const std::uint64_t place : {at, stop - std::min<std::uint64_t>(4096, stop - at)}) {
        const auto count = fs_.read(inode, place, std::span(bytes).first(static_cast<std::size_t>(
                                                      std::min<std::uint64_t>(4096, end - place))));
        if (!count) return differ(path, "read in a hole: " + describe(count.error())), false;
        for (std::size_t i = 0; i < count.value(); ++i)
          if (bytes[i] != std::byte{0}) return differ(path, "not zero in a hole at", end, place), false;
      }
      at = stop;
    }
    return true;
  }

  const FileSystem& fs_;
  Options options_;
  std::set<std::uint64_t> seen_;
  std::size_t entries_ = 0;
  std::size_t differences_ = 0;
};

int run(const std::string& type, const std::string& image, const std::string& directory, Options options) {
  const auto file = FileDevice::open(image);
  if (!file) return std::fprintf(stderr, "%s: %s\n", image.c_str(), describe(file.error()).c_str()), 2;
  const Device device = slice(file.value(), options.offset, file.value()->size() - options.offset).value();
  const FileSystemType row = type == "ext"    ? ext::file_system_type()
                             : type == "xfs"  ? xfs::file_system_type()
                             : type == "ntfs" ? ntfs::file_system_type()
                                              : fat::file_system_type();
  if (!row.probe(*device)) std::printf("probe says no\n");
  const auto fs = row.open(device, options.recovery);
  if (!fs) return std::fprintf(stderr, "open: %s\n", describe(fs.error()).c_str()), 2;
  for (const auto& remark : fs.value()->info().remarks) std::printf("remark: %s\n", printable(remark.text).c_str());
  Comparison comparison(*fs.value(), options);
  comparison.compare(fs.value()->root(), directory);
  return comparison.report();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 3) return std::fprintf(stderr, "usage: fs_compare TYPE IMAGE DIRECTORY [OPTIONS]\n"), 2;
  Options options;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--no-owner") options.owner = false;
    if (argument == "--no-mode") options.mode = false;
    if (argument == "--no-blocks") options.blocks = false;
    if (argument == "--no-inode") options.inode = false;
    if (argument == "--no-nlink") options.links = false;
    if (argument == "--no-dirsize") options.directory_size = false;
    if (argument == "--no-recovery") options.recovery = Recovery::none;
    if (argument == "--skip" && i + 1 < arguments.size()) options.skip.insert(arguments[++i]);
    if (argument == "--offset" && i + 1 < arguments.size()) options.offset = std::stoull(arguments[++i]);
  }
  return run(arguments[0], arguments[1], arguments[2], options);
}
