#include "ext/features.h"

#include <array>
#include <string_view>

#include "ext/ext_format.h"

namespace imgfs::ext {
namespace {

using Names = std::array<std::string_view, 32>;

constexpr Names kCompatNames = {"dir_prealloc",    "imagic_inodes", "has_journal", "ext_attr",
                                "resize_inode",    "dir_index",     "lazy_bg",     "",
                                "snapshot_bitmap", "sparse_super2", "fast_commit", "stable_inodes",
                                "orphan_file"};
constexpr Names kIncompatNames = {"compression",
                                  "filetype",
                                  "needs_recovery",
                                  "journal_dev",
                                  "meta_bg",
                                  "",
                                  "extent",
                                  "64bit",
                                  "mmp",
                                  "flex_bg",
                                  "ea_inode",
                                  "",
                                  "dirdata",
                                  "metadata_csum_seed",
                                  "large_dir",
                                  "inline_data",
                                  "encrypt",
                                  "casefold"};
constexpr Names kRoCompatNames = {
    "sparse_super", "large_file", "btree_dir",     "huge_file", "uninit_bg",     "dir_nlink",
    "extra_isize",  "snapshot",   "quota",         "bigalloc",  "metadata_csum", "replica",
    "read-only",    "project",    "shared_blocks", "verity",    "orphan_present"};

constexpr std::uint32_t kReadableIncompat = kFiletype | kRecover | kMetaBg | kExtents | k64Bit |
                                            kMmp | kFlexBg | kEaInode | kCsumSeed | kLargeDir |
                                            kInlineData | kEncrypt | kCasefold;

void add_names(const Names& names, char kind, std::uint32_t bits, std::vector<std::string>& out) {
  for (std::size_t bit = 0; bit < names.size(); ++bit) {
    if ((bits >> bit & 1U) == 0) continue;
    out.push_back(names[bit].empty() ? std::string("FEATURE_") + kind + std::to_string(bit)
                                     : std::string(names[bit]));
  }
}

}  // namespace

std::vector<std::string> feature_names(const FeatureSet& features) {
  std::vector<std::string> out;
  add_names(kCompatNames, 'C', features.compat, out);
  add_names(kIncompatNames, 'I', features.incompat, out);
  add_names(kRoCompatNames, 'R', features.ro_compat, out);
  return out;
}

std::string unreadable_features(const FeatureSet& features) {
  std::vector<std::string> names;
  add_names(kIncompatNames, 'I', features.incompat & ~kReadableIncompat, names);
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string type_name(const FeatureSet& features) {
  constexpr std::uint32_t kOldRoCompat = kSparseSuper | kLargeFile | kBtreeDir;
  const bool journal = (features.compat & kHasJournal) != 0;
  const std::uint32_t old_incompat = kFiletype | kMetaBg | (journal ? std::uint32_t{kRecover} : 0U);
  if ((features.ro_compat & ~kOldRoCompat) != 0 || (features.incompat & ~old_incompat) != 0)
    return "ext4";
  return journal ? "ext3" : "ext2";
}

}  // namespace imgfs::ext
