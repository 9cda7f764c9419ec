#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "vfs/tree.h"

namespace imgfs {

/// One installed system's files, by path, as the guest would see them: symbolic links are followed
/// as after a chroot and never leave it. Paths start with '/'; a missing file is `not_found`, a damaged one
/// anything else. Safe for any number of threads.
class GuestFiles {
 public:
  virtual ~GuestFiles() = default;

  /// Attributes of what the path leads to, links followed (the last one only where asked for).
  enum class LastLink { follow, keep };
  virtual Result<Attributes> stat(std::string_view path, LastLink last = LastLink::follow) const = 0;
  /// The whole file; too_large where it has more than `limit` bytes.
  virtual Result<std::string> read_text(std::string_view path, std::size_t limit) const = 0;
  /// A part of the file; short only at its end.
  virtual Result<std::size_t> read(std::string_view path, std::uint64_t offset,
                                   std::span<std::byte> out) const = 0;
  /// Names in a directory, sorted, without "." and ".."; too_large above `limit` names.
  virtual Result<std::vector<std::string>> list(std::string_view path,
                                                std::size_t limit = 100'000) const = 0;
  virtual Result<std::string> read_link(std::string_view path) const = 0;
  /// The path as seen in the mounted tree: "/root/boot/grub/grub.cfg".
  virtual std::string shown(std::string_view path) const = 0;
};

/// The files of `tree.guests()[guest]`. `tree` must outlive it.
std::unique_ptr<GuestFiles> guest_files(const Tree& tree, std::size_t guest);
/// The files of one volume alone (a boot partition, an ESP), its root as '/'.
std::unique_ptr<GuestFiles> volume_files(const Tree& tree, std::size_t volume);

}  // namespace imgfs
