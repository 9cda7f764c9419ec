#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <yaml-cpp/yaml.h>

namespace imgfs::checkers {

/// Why a text is no YAML that we take.
struct YamlProblem {
  int line = 0;  ///< from 1
  std::string what;
};

/// The first document of `text`, with bounds: 256 KiB, 64 levels, 20,000 nodes. An alias is a second
/// reference to the same node, also to one around it: whoever walks the result counts what it visits
/// and never goes down without a bound. yaml-cpp's exceptions end here.
std::optional<YAML::Node> load_yaml(std::string_view text, YamlProblem& problem);

}  // namespace imgfs::checkers
