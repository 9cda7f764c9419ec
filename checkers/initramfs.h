#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/decoder.h"
#include "core/function_ref.h"
#include "vfs/guest_files.h"

namespace imgfs::checkers {

/// What was seen in an initramfs.
struct InitramfsContent {
  std::set<std::string, std::less<>> modules;  ///< of those that were looked for
  std::uint64_t entries = 0;
  std::uint64_t all_modules = 0;               ///< module files of any name
  std::set<std::string, std::less<>> versions;  ///< of modules' directories other than the kernel's
  std::vector<std::string> parts;              ///< "cpio", "zstd": as they follow one another
  bool complete = false;  ///< read to the end; false where all was found before
  bool has_init = false;
};

struct InitramfsLimits {
  std::uint64_t output = 512ULL << 20;  ///< bytes decompressed in all
  std::uint64_t entries = 200'000;
  int parts = 64;
  double seconds = 10;  ///< of this thread's processor time
};

/// Looks for `wanted` modules (names with '_') of kernel `version` in an initramfs, by the kernel's
/// own grammar: archives one after another, each plain or compressed, zeros between them. Stops as
/// soon as all are found. Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
Result<InitramfsContent> scan_initramfs(ByteSource& source, std::string_view version,
                                        const std::vector<std::string>& wanted,
                                        const InitramfsLimits& limits = {});

/// Where a section of a PE file (a unified kernel image) lies.
struct PeSection {
  std::string name;  ///< ".initrd"
  std::uint64_t offset;
  std::uint64_t size;
};
Result<std::vector<PeSection>> pe_sections(const GuestFiles& files, std::string_view path);

}  // namespace imgfs::checkers
