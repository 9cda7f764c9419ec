#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace imgfs::ext {

struct FeatureSet {
  std::uint32_t compat = 0;
  std::uint32_t incompat = 0;
  std::uint32_t ro_compat = 0;
};

/// Names of all bits that are set, as dumpe2fs spells them; an unknown bit is "FEATURE_I31".
std::vector<std::string> feature_names(const FeatureSet& features);

/// The incompatible bits that no file can be read with, by name, comma separated; empty: none.
std::string unreadable_features(const FeatureSet& features);

/// ext2, ext3 or ext4, as blkid tells them apart by their features.
std::string type_name(const FeatureSet& features);

}  // namespace imgfs::ext
