#pragma once

#include "core/bytes.h"

namespace imgfs::registry {

// Registry hives as they lie on disk. Source:
// https://github.com/msuhanov/regf/blob/master/Windows%20registry%20file%20format%20specification.md

constexpr std::uint32_t kBinsStart = 4096;     ///< bytes before the first hive bin; cells count from there
constexpr std::uint32_t kNoCell = 0xffffffff;

struct BaseBlock {
  char signature[4];  ///< "regf"
  le32 primary_sequence;
  le32 secondary_sequence;
  le64 last_written;
  le32 major_version;
  le32 minor_version;
  le32 file_type;  ///< 0 in a hive
  le32 file_format;
  le32 root_cell;
  le32 bins_size;
  le32 clustering_factor;
  std::byte file_name[64];
  std::byte reserved[396];
  le32 checksum;  ///< XOR of the 127 words before it
};
static_assert(sizeof(BaseBlock) == 512);

/// A key, behind its cell's size.
struct KeyNode {
  static constexpr std::uint16_t kNameIsLatin = 0x20;
  char signature[2];  ///< "nk"
  le16 flags;
  le64 last_written;
  le32 access;
  le32 parent;
  le32 subkeys;
  le32 volatile_subkeys;
  le32 subkey_list;
  le32 volatile_list;
  le32 values;
  le32 value_list;
  le32 security;
  le32 class_name;
  std::byte longest[20];
  le16 name_length;  ///< bytes
  le16 class_length;
};
static_assert(sizeof(KeyNode) == 76);

/// A value, behind its cell's size.
struct ValueNode {
  static constexpr std::uint32_t kInPlace = 0x80000000;  ///< of data_size: the data is data_cell itself
  static constexpr std::uint16_t kNameIsLatin = 1;
  char signature[2];  ///< "vk"
  le16 name_length;   ///< bytes
  le32 data_size;
  le32 data_cell;
  le32 type;
  le16 flags;
  le16 spare;
};
static_assert(sizeof(ValueNode) == 20);

/// The head of a list of subkeys: "li" cells, "lf" and "lh" (cell, hash), "ri" further lists.
struct ListHead {
  char signature[2];
  le16 count;
};
static_assert(sizeof(ListHead) == 4);

}  // namespace imgfs::registry
