#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkers/report.h"

namespace imgfs::checkers {

/// A size as documents write it: "50 GB" may mean 10^9 or 2^30. Between the two is a warning.
struct SizeLimit {
  std::uint64_t low = 0;   ///< bytes by the smaller reading
  std::uint64_t high = 0;  ///< bytes by the larger reading; the same for "1 MiB"
  std::string text;        ///< as the policy spells it
};

/// What all rules have. A check without a rule is not applicable.
struct Rule {
  bool given = false;
  Status severity = Status::fail;   ///< what breaking the rule ends in: `fail` or `warn`
  std::optional<std::string> code;  ///< the provider's error code
  std::string source;               ///< document and section that it comes from
};

using Names = std::vector<std::string>;
/// Names for each guest family ("linux", "windows", "freebsd").
using FamilyNames = std::map<std::string, Names>;

struct FormatRule : Rule {
  Names formats;
  std::map<std::string, Names> variants;  ///< format → the only variants that are accepted
};
struct SizeRule : Rule {
  std::optional<SizeLimit> virtual_max;
  std::optional<SizeLimit> virtual_min;
  std::optional<SizeLimit> qcow2_max;  ///< of the image once converted to QCOW2
  std::uint64_t multiple = 1;          ///< the virtual size must be one of it, in bytes
};
struct TableRule : Rule {
  FamilyNames kinds;     ///< "mbr", "gpt"
  FamilyNames doubtful;  ///< kinds of which the document says nothing: a warning
};
struct RootRule : Rule {
  Status several = Status::warn;  ///< more than one installed system
};
struct SystemRule : Rule {
  FamilyNames listed;                     ///< distributions (Distribution::token), or Windows versions
  FamilyNames close;                      ///< not listed, known to be taken: a warning
  std::map<std::string, Names> versions;  ///< token → major versions; others are a warning
  bool any = false;                       ///< every system is accepted
  Status others = Status::fail;           ///< what an unlisted system ends in
};
struct ArchitectureRule : Rule {
  Names accepted;  ///< "x86_64", "i386", "aarch64"
};
struct DriverRule : Rule {
  Names disk;     ///< modules without which the kernel does not find its disk
  Names network;  ///< one of these must be there
  std::string title;  ///< what they are called together: "virtio"
};
struct AgentRule : Rule {
  Names sources;                        ///< data sources, at least one of which must be allowed
  Status disabled = Status::warn;       ///< installed, but it does not start
};
struct NamesRule : Rule {
  Names survives;  ///< disk names that are the same afterwards: "vd"
};
struct FileSystemRule : Rule {
  FamilyNames kinds;                      ///< the only ones accepted; empty: any
  FamilyNames refused_volumes;            ///< "lvm", "dynamic-disk"
  std::map<std::string, Names> features;  ///< file system → features that are refused
  std::optional<SizeLimit> free_min;      ///< free bytes on the root file system
};

}  // namespace imgfs::checkers

namespace imgfs {

struct PolicyRules {
  checkers::FormatRule format;
  checkers::SizeRule size;
  checkers::TableRule table;
  checkers::RootRule root;
  checkers::SystemRule system;
  checkers::ArchitectureRule architecture;
  checkers::DriverRule virtio;
  checkers::AgentRule cloud_init;
  checkers::Rule kernel;
  checkers::NamesRule device_names;
  checkers::FileSystemRule file_system;
};

}  // namespace imgfs
