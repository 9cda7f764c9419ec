#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace imgfs::vmdk {

/// One line of the extent list.
struct ExtentLine {
  std::string access;  ///< upper case: RW, RDONLY, NOACCESS
  std::uint64_t sectors = 0;
  std::string type;          ///< upper case: FLAT, SPARSE, ZERO, VMFS, VMFSSPARSE, SESPARSE, …
  std::string file;          ///< bytes as in the descriptor; empty for ZERO
  std::uint64_t offset = 0;  ///< in sectors, where the data begins in a flat file
};

/// What the text of a VMDK's descriptor says.
struct Descriptor {
  static constexpr std::uint32_t kNoParent = 0xffffffff;
  std::optional<std::uint32_t> cid;  ///< changes with every first write after an open
  std::uint32_t parent_cid = kNoParent;
  std::string create_type;  ///< as it is spelt
  std::string parent_file;
  bool encrypted = false;
  std::vector<ExtentLine> extents;
};

constexpr std::size_t kMaxDescriptor = std::size_t{1} << 20;  ///< bytes; longer ones are refused
constexpr std::size_t kMaxExtents = 4096;

/// Corrupt where a line of the extent list makes no sense or the disk would be larger than 2^63
/// bytes. Ends at the first NUL.
Result<Descriptor> parse_descriptor(std::string_view text);

/// Whether a file that begins with `head` is a descriptor: its first line that is no comment and
/// not empty is the version, or the first comment says what it is.
bool is_descriptor(std::string_view head);

}  // namespace imgfs::vmdk
