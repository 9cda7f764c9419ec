#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/function_ref.h"
#include "vfs/guest_files.h"

namespace imgfs::checkers {

/// An installed package, as far as the checkers ask: cloud-init, and kernels.
struct Package {
  std::string name;
  std::string version;  ///< with the release where the database has one
  std::string vendor;   ///< rpm only
};

/// What the guest's package database knows of the packages that the checkers ask for.
struct Packages {
  std::string kind;  ///< "dpkg", "rpm (sqlite)", "rpm (ndb)", "rpm (Berkeley DB)", "apk", "pacman"
  std::string path;  ///< of the database, in the guest
  std::vector<Package> found;    ///< installed ones that matter
  std::vector<Package> removed;  ///< removed with their configuration left
  bool complete = true;          ///< false where changes may lie in a file that was not read
};

/// Whether the checkers ask for a package of that name.
bool package_matters(std::string_view name);

/// Reads whichever database the guest has. not_found where it has none.
Result<Packages> find_packages(const GuestFiles& files);

/// Counts what a database makes us read: one in which all leads to the same large header must end.
class ReadWork {
 public:
  Result<void> add(std::uint64_t bytes) {
    done_ += bytes;
    if (done_ <= kMost) return success();
    return Error{Errc::too_large, "package database of more than 1 GiB of headers", {}};
  }

 private:
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
  std::uint64_t done_ = 0;
};
/// The most packages that are kept.
inline constexpr std::size_t kMaxFoundPackages = 4096;

// The databases one by one. Each appends to `packages.found`.
void parse_dpkg_status(std::string_view text, Packages& packages);
void parse_apk_installed(std::string_view text, Packages& packages);
Result<void> read_rpm_sqlite(const GuestFiles& files, std::string_view path, Packages& packages);
Result<void> read_rpm_ndb(const GuestFiles& files, std::string_view path, Packages& packages);
Result<void> read_rpm_berkeley(const GuestFiles& files, std::string_view path, Packages& packages);

/// Gives bytes of an rpm header from `offset` on; fewer than asked only at its end.
using HeaderBytes =
    FunctionRef<Result<std::size_t>(std::uint64_t offset, std::span<std::byte> out)>;
/// Name, version-release.architecture and vendor from an rpm header of `size` bytes without magic.
/// Source: rpm, docs/manual/format_header.md.
Result<Package> read_rpm_header(std::uint64_t size, HeaderBytes bytes);

}  // namespace imgfs::checkers
