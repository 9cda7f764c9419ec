#pragma once

#include <string>
#include <string_view>

namespace imgfs::checkers {

/// In what state a hive file was found.
enum class HiveState {
  clean,
  replayed,  ///< it was dirty; its logs have been applied in memory
  dirty,     ///< it was dirty, and its logs could not be applied: newer values may be missing
};

/// Brings the hive file `hive` up to date from its transaction logs (the content of .LOG1 and .LOG2,
/// or .LOG; empty where there is none), as Windows would at its next start. Whatever does not check
/// out is not applied. Source: as hive_format.h.
HiveState replay_hive_logs(std::string& hive, std::string_view log1, std::string_view log2);

/// The checksum that new logs use, with their seed where none is given.
std::uint64_t marvin32(std::string_view bytes, std::uint64_t seed = 0x82EF4D887A4E55C5);
/// The checksum of a base block's first 508 bytes.
std::uint32_t hive_checksum(std::string_view base_block);

}  // namespace imgfs::checkers
