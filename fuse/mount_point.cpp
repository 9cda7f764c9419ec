#include "fuse/mount_point.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace imgfs {
namespace {

struct Mount {
  std::string device;
  std::string path;
  std::string type;
};

/// mountinfo writes space, tab, newline and backslash as \ooo. Source: proc(5).
std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<Mount> our_mounts() {
  std::vector<Mount> out;
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, path, field, type;
    fields >> id >> parent >> device >> root >> path;
    while (fields >> field && field != "-") {
    }
    fields >> type;
    if (type == "fuse.imgfs") out.push_back({device, unescape(path), type});
  }
  return out;
}

/// True for a mount whose server has ended.
bool is_dead(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) != 0 && errno == ENOTCONN;
}

void unmount(const std::string& path) {
  if (::umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0) return;
  if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return;
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(null, STDERR_FILENO);
    ::execlp("fusermount3", "fusermount3", "-u", "-z", "--", path.c_str(), nullptr);
    ::_exit(127);
  }
  if (child > 0) ::waitpid(child, nullptr, 0);
}

}  // namespace

std::string mounted_device(const std::string& path) {
  std::string device;
  for (const Mount& mount : our_mounts())
    if (mount.path == path) device = mount.device;  // the last one lies on top
  return device;
}

void unmount_device(const std::string& device, const std::string& mount_point, Whose whose) {
  // Bounded: somebody might mount as fast as we unmount.
  for (int round = 0; round < 16; ++round) {
    bool found = false;
    for (const Mount& mount : our_mounts()) {
      if (device.empty() || mount.device != device) continue;
      if (!(whose == Whose::ours && mount.path == mount_point) && !is_dead(mount.path)) continue;
      found = true;
      unmount(mount.path);
    }
    if (!found) return;
  }
}

Result<void> check_mount_point(const std::string& path, bool allow_non_empty) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 && errno == ENOTCONN) {
    const std::string dead = mounted_device(path);
    if (!dead.empty()) unmount_device(dead, path, Whose::dead);
    if (::stat(path.c_str(), &status) != 0)
      return Error{Errc::io, "is a mount whose daemon has died; unmount it with fusermount3 -u", {}};
  } else if (::stat(path.c_str(), &status) != 0) {
    return Error{errno == ENOENT ? Errc::not_found : Errc::denied, std::strerror(errno), {}};
  }
  if (!S_ISDIR(status.st_mode)) return Error{Errc::not_directory, "is not a directory", {}};
  if (::access(path.c_str(), R_OK | X_OK) != 0) return Error{Errc::denied, std::strerror(errno), {}};
  std::error_code problem;
  if (!allow_non_empty && !std::filesystem::is_empty(path, problem) && !problem)
    return Error{Errc::invalid, "is not empty; -o nonempty mounts over what is there", {}};
  return success();
}

void set_read_ahead(const std::string& device) {
  std::ofstream setting("/sys/class/bdi/" + device + "/read_ahead_kb");
  setting << "1024";
}

}  // namespace imgfs
