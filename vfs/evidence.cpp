#include "vfs/evidence.h"

#include <algorithm>
#include <array>

#include "volumes/volume.h"

namespace imgfs {

namespace {

using std::string_view_literals::operator""sv;

/// Any of these beside /etc and programs: a system, not somebody's copy of a few directories.
constexpr std::array kLinuxSigns{
    "etc/fstab"sv,           "etc/os-release"sv,        "usr/lib/os-release"sv,
    "etc/hosts"sv,           "etc/passwd"sv,            "sbin/init"sv,
    "usr/sbin/init"sv,       "lib/systemd/systemd"sv,   "usr/lib/systemd/systemd"sv,
    "etc/inittab"sv,         "lib/modules"sv,           "usr/lib/modules"sv,
};

/// What lies at `path` when each name is looked up as Windows does.
bool exists_ignoring_case(const FileSystem& fs, std::string_view path) {
  std::uint64_t at = fs.root();
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const auto next = fs.lookup_ignoring_case(at, path.substr(0, end));
    if (!next) return false;
    at = next.value();
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return static_cast<bool>(fs.stat(at));
}

}  // namespace

std::vector<std::string> linux_evidence(const Look& look) {
  if (!look.is_directory("etc")) return {};
  // /bin may be a link into a /usr that is a volume of its own.
  const bool programs = look.exists("bin") || look.is_directory("usr/bin");
  if (!programs) return {};
  std::vector<std::string> found;
  for (const std::string_view sign : kLinuxSigns)
    if (look.exists(sign)) found.push_back("/" + std::string(sign));
  if (found.size() < 2) return {};
  found.insert(found.begin(), look.exists("bin") ? "/bin" : "/usr/bin");
  return found;
}

std::vector<std::string> windows_evidence(const FileSystem& fs) {
  for (const std::string directory : {"Windows", "WINNT"}) {
    std::vector<std::string> found;
    for (const char* sign : {"/System32/config/SYSTEM", "/System32/ntoskrnl.exe"}) {
      if (!exists_ignoring_case(fs, directory + sign)) break;
      found.push_back("/" + directory + sign);
    }
    if (found.size() == 2) return found;
  }
  return {};
}

bool is_freebsd_partition(const Volume& volume) {
  constexpr std::array kTypes{"0xa5"sv, "516e7cb4-6ecf-11d6-8ff8-00022d09712b"sv,
                              "516e7cb6-6ecf-11d6-8ff8-00022d09712b"sv,
                              "516e7cba-6ecf-11d6-8ff8-00022d09712b"sv};
  return std::ranges::find(kTypes, volume.partition_type) != kTypes.end();
}

}  // namespace imgfs
