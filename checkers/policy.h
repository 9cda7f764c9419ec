#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace imgfs {

/// One rule set as read from YAML; its content is known to the checkers only.
struct PolicyRules;
struct Policy {
  std::string id;
  std::string source;  ///< the document that it comes from
  std::shared_ptr<const PolicyRules> rules;
};

/// Loads the policy called `name`, or the file `name` where it has a '/' or ends in ".yaml". A mistake
/// is `invalid` with "file:line: key: what was expected".
Result<Policy> load_policy(std::string_view name);
/// All installed policies, by name ("all").
Result<std::vector<Policy>> load_all_policies();

}  // namespace imgfs
