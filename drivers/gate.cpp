#include "drivers/gate.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/text.h"

namespace imgfs {
namespace {

constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

std::string quoted(std::string_view name) { return "'" + printable(name) + "'"; }

std::string_view directory_part(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash + 1);
}

std::string stem_of(std::string_view path) {
  std::string_view name = path.substr(directory_part(path).size());
  const auto dot = name.rfind('.');
  return std::string(dot == std::string_view::npos || dot == 0 ? name : name.substr(0, dot));
}

/// "nbd://…", "json:{…}": letters and the like, then a colon, before any slash.
bool has_protocol(std::string_view name) {
  const auto end = name.find_first_of(":/");
  return end != std::string_view::npos && name[end] == ':';
}

/// Why `name` is no path at all, or nothing.
const char* problem_of(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() >= PATH_MAX) return "is longer than any path";
  if (name.find('\0') != std::string_view::npos) return "contains a NUL";
  return nullptr;
}

Error host_problem(std::string_view name, int number) {
  const Errc code = number == ENOENT                                        ? Errc::not_found
                    : number == EXDEV || number == ELOOP || number == EACCES ? Errc::denied
                                                                             : Errc::io;
  std::string what = "the file " + quoted(name) + " that the image names ";
  if (number == EXDEV || number == ELOOP)
    what += "lies outside the image's directory or behind a symbolic link; it is opened only with "
            "-o backing=any";
  else
    what += std::string("cannot be opened: ") + std::strerror(number);
  return {code, std::move(what), {}};
}

}  // namespace

struct Gate::Directory {
  int fd;
  std::string canonical;  ///< its absolute path, ending in '/'
  Directory(int descriptor, std::string path) : fd(descriptor), canonical(std::move(path)) {}
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { ::close(fd); }
};

Result<std::unique_ptr<Gate>> Gate::for_image(const std::string& path, int image_fd,
                                              Backing backing) {
  const std::string name(directory_part(path));
  const char* const directory = name.empty() ? "." : name.c_str();
  const int fd = ::open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return Error{Errc::io, std::string("cannot open its directory: ") + std::strerror(errno), {}};
  std::string canonical;
  if (char* const real = ::realpath(directory, nullptr)) {
    canonical = real;
    std::free(real);
    if (!canonical.ends_with('/')) canonical += '/';
  }
  std::unique_ptr<Gate> gate(new Gate(std::make_shared<Directory>(fd, canonical), backing));
  gate->stem_ = stem_of(path);
  struct stat status{};
  if (::fstat(image_fd, &status) == 0) gate->chain_.push_back({status.st_dev, status.st_ino});
  return gate;
}

std::string Gate::path_of(std::string_view name) const {
  if (!name.starts_with('/')) return prefix_ + std::string(name);
  // An absolute name of something below the image's own directory is as good as a relative one.
  const std::string& own = directory_->canonical;
  if (!own.empty() && name.starts_with(own) && name.size() > own.size())
    return std::string(name.substr(own.size()));
  return std::string(name);
}

Result<int> Gate::open_path(const std::string& path, int flags, Backing backing) const {
  if (backing == Backing::any) {
    const int fd = ::openat(directory_->fd, path.c_str(), flags);
    if (fd < 0) return host_problem(path, errno);
    return fd;
  }
  open_how how{};
  how.flags = static_cast<unsigned>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  int fd = static_cast<int>(::syscall(SYS_openat2, directory_->fd, path.c_str(), &how, sizeof how));
  // Before Linux 5.6, or forbidden by a container: a bare name that is no link is as safe.
  if (fd < 0 && (errno == ENOSYS || errno == EPERM) && path.find('/') == std::string::npos &&
      path != "..")
    fd = ::openat(directory_->fd, path.c_str(), flags | O_NOFOLLOW);
  if (fd < 0) return host_problem(path, errno);
  return fd;
}

Result<Device> Gate::open_checked(std::string_view name, Backing backing, bool in_chain) const {
  const int fd = TRY(open_path(path_of(name), kReadFlags, backing));
  struct stat status{};
  if (in_chain && ::fstat(fd, &status) == 0 &&
      std::ranges::find(chain_, FileId{status.st_dev, status.st_ino}) != chain_.end()) {
    ::close(fd);
    return corrupt("the file " + quoted(name) + " that it names is in the chain of images already: a loop");
  }
  auto file = FileDevice::adopt(fd);
  if (!file) return in_context(file.error(), "the file " + quoted(name) + " that the image names");
  return Device(std::move(file.value()));
}

Result<Device> Gate::open(std::string_view name) const {
  if (name.starts_with("file:") && !name.starts_with("file://")) name.remove_prefix(5);
  if (const char* const problem = problem_of(name))
    return corrupt("the name of a file that the image needs " + std::string(problem));
  if (has_protocol(name))
    return Error{Errc::denied,
                 "the image needs " + quoted(name) + ", which is no plain file: never opened", {}};
  if (backing_ == Backing::deny)
    return Error{Errc::denied,
                 "the image needs the file " + quoted(name) +
                     ", which is opened only with -o backing=same-dir (or any)", {}};
  return open_checked(name, backing_, true);
}

Result<Device> Gate::open_extent(std::string_view name) const {
  const bool own = problem_of(name) == nullptr && name.find('/') == std::string_view::npos &&
                   name.size() > stem_.size() && name.starts_with(stem_) && name[stem_.size()] == '-';
  if (!own) return open(name);
  return open_checked(name, Backing::same_dir, false);
}

std::unique_ptr<SiblingOpener> Gate::beside(std::string_view name) const {
  if (name.starts_with("file:") && !name.starts_with("file://")) name.remove_prefix(5);
  std::unique_ptr<Gate> gate(new Gate(directory_, backing_));
  const std::string path = path_of(name);
  gate->prefix_ = directory_part(path);
  gate->stem_ = stem_of(path);
  gate->chain_ = chain_;
  if (backing_ == Backing::deny || problem_of(name) != nullptr) return gate;
  if (const auto fd = open_path(path, O_PATH | O_CLOEXEC, backing_)) {
    struct stat status{};
    if (::fstat(fd.value(), &status) == 0) gate->chain_.push_back({status.st_dev, status.st_ino});
    ::close(fd.value());
  }
  return gate;
}

}  // namespace imgfs
