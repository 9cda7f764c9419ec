#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "checkers/policy.h"
#include "checkers/policy_rules.h"

namespace imgfs::checkers {

/// A policy and the other names that it goes by.
struct PolicyText {
  Policy policy;
  Names aliases;
};

/// Reads one policy; `file` is only for messages. The schema is described in docs/supported/policies.md.
Result<PolicyText> parse_policy(std::string_view text, const std::string& file);

/// "50 GB", "1 MiB", "4096": nothing where it is no size.
std::optional<SizeLimit> parse_size(std::string_view text);

}  // namespace imgfs::checkers
