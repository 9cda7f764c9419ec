#include "checkers/policy.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <boost/filesystem.hpp>

#include "checkers/checker.h"
#include "checkers/policy_reader.h"
#include "core/text.h"

namespace imgfs {

using namespace checkers;

namespace {

namespace fs = boost::filesystem;

/// Where the policies are: the user's choice, else as installed, else in the source tree.
fs::path policy_directory() {
  if (const char* chosen = std::getenv("IMGFS_POLICY_DIR"); chosen != nullptr && *chosen != '\0')
    return chosen;
  boost::system::error_code ignored;
  const fs::path installed = fs::path(IMGFS_DATA_DIR) / "policies";
  if (fs::is_directory(installed, ignored)) return installed;
  return fs::path(IMGFS_SOURCE_DIR) / "policies";
}

Result<PolicyText> read_file(const fs::path& path) {
  boost::system::error_code problem;
  if (!fs::is_regular_file(path, problem))
    return Error{Errc::invalid, "policy " + path.string() + ": there is no such file"};
  std::ifstream stream(path.string(), std::ios::binary);
  std::string text(std::size_t{1} << 20, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  if (stream.bad() || (text.empty() && !stream.eof()))
    return Error{Errc::invalid, "policy " + path.string() + ": it cannot be read"};
  return parse_policy(text, path.string());
}

Result<std::vector<fs::path>> policy_files() {
  const fs::path directory = policy_directory();
  boost::system::error_code problem;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(directory, problem), end; !problem && entry != end;
       entry.increment(problem))
    if (entry->path().extension() == ".yaml") files.push_back(entry->path());
  if (problem)
    return Error{Errc::invalid, "policy directory " + directory.string() + ": " +
                                    problem.message() + "; set IMGFS_POLICY_DIR"};
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<Policy> load_policy(std::string_view name) {
  if (name.find('/') != std::string_view::npos || name.ends_with(".yaml"))
    return TRY(read_file(std::string(name))).policy;
  const fs::path direct = policy_directory() / (std::string(name) + ".yaml");
  boost::system::error_code ignored;
  if (!name.empty() && fs::exists(direct, ignored)) return TRY(read_file(direct)).policy;
  Names known;
  for (const auto& file : TRY(policy_files())) {
    PolicyText text = TRY(read_file(file));
    if (text.policy.id == name || contains(text.aliases, name)) return std::move(text.policy);
    known.push_back(text.policy.id);
    known.insert(known.end(), text.aliases.begin(), text.aliases.end());
  }
  return Error{Errc::invalid, "policy " + printable(name) + ": not known; expected one of " +
                                  join(known) + ", or a file that ends in .yaml"};
}

Result<std::vector<Policy>> load_all_policies() {
  std::vector<Policy> policies;
  for (const auto& file : TRY(policy_files())) policies.push_back(TRY(read_file(file)).policy);
  if (policies.empty())
    return Error{Errc::invalid,
                 "policy directory " + policy_directory().string() + ": there is no policy in it"};
  return policies;
}

}  // namespace imgfs
