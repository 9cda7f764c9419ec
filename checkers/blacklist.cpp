#include <algorithm>
#include <map>

#include "checkers/boot_entry.h"
#include "checkers/kernel_facts.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;

std::string normal(std::string_view module) {
  std::string out(trimmed(module));
  std::ranges::replace(out, '-', '_');
  return out;
}

std::string_view next_word(std::string_view& line) {
  line = trimmed(line);
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

void read_file(std::string_view text, const std::string& path, std::vector<Blacklisted>& out) {
  for (int number = 1; !text.empty() && out.size() < 10'000; ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view command = next_word(line);
    if (command != "blacklist" && command != "install") continue;
    const std::string module = normal(next_word(line));
    const std::string_view program = next_word(line);
    const bool refused = command == "install" && (program.ends_with("/false") || program.ends_with("/true") || program == ":" );
    if (command == "install" && !refused) continue;
    out.push_back({module, path + ":" + std::to_string(number), refused});
  }
}

void read_option(std::string_view options, std::string_view key, bool refused,
                 std::vector<Blacklisted>& out) {
  for (const auto& value : option_values(options, key)) {
    std::string_view rest = value;
    while (!rest.empty() && out.size() < 10'000) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      out.push_back({normal(rest.substr(0, end)), std::string(key) + "=", refused});
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
}

}  // namespace

Result<std::vector<Blacklisted>> find_blacklisted(const GuestFiles& files, std::string_view options) {
  std::vector<Blacklisted> out;
  // A file of the same name in the first directory hides the others'.
  std::map<std::string, std::string> places;
  for (const std::string directory : {"/etc/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"}) {
    const auto names = files.list(directory);
    if (!names) {
      if (names.error().code == Errc::not_found) continue;
      return in_context(names.error(), directory);
    }
    for (const auto& name : names.value()) places.emplace(name, directory + "/" + name);
  }
  places.emplace("", "/etc/modprobe.conf");
  for (const auto& [name, path] : places) {
    // Early tools read every file; today's only *.conf.
    if (!name.empty() && !name.ends_with(".conf")) continue;
    const auto text = files.read_text(path, kMaxFile);
    if (text)
      read_file(text.value(), path, out);
    else if (text.error().code != Errc::not_found && text.error().code != Errc::is_directory)
      return in_context(text.error(), path);
  }
  read_option(options, "modprobe.blacklist", false, out);
  read_option(options, "rd.driver.blacklist", false, out);
  read_option(options, "module_blacklist", true, out);
  return out;
}

}  // namespace imgfs::checkers
