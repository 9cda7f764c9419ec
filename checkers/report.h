#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/policy.h"
#include "vfs/tree.h"

namespace imgfs {

enum class Status { pass, warn, fail, unknown, not_evaluated, not_applicable };

struct Evidence {
  std::string path;    ///< in the mounted tree, a registry key, or a byte offset
  std::string detail;
};

struct Finding {
  std::string check;  ///< INTERFACE section 3's id
  Status status = Status::unknown;
  std::optional<std::string> code;  ///< only for `fail`, where the policy's document has one
  std::string summary;
  std::vector<Evidence> evidence;
  std::optional<std::string> fix;   ///< every `fail` has one
};

/// INTERFACE section 4's object.
struct Report {
  std::string json;  ///< one line, without the newline at its end
  std::string text;  ///< for people, 80 columns
  std::string verdict;               ///< pass, warn, fail, unknown
  std::vector<std::string> codes;
  std::vector<Finding> findings;
};

struct ReportInput {
  const Tree& tree;
  std::string image_path;  ///< as the user gave it
  const Policy& policy;
  /// Gets the bytes done so far of a long scan; may be empty.
  std::function<void(std::uint64_t)> progress;
};

/// Runs all checkers. Never fails: what goes wrong is a finding. Exceptions of libraries end here.
Report make_report(const ReportInput& input);

/// The same for several policies, from one scan: what was found out about the image is shared.
std::vector<Report> make_reports(const Tree& tree, const std::string& image_path,
                                 const std::vector<Policy>& policies,
                                 const std::function<void(std::uint64_t)>& progress);

}  // namespace imgfs
