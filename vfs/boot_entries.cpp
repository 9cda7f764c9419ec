#include "vfs/boot_entries.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"

namespace imgfs {

namespace {

constexpr std::string_view kBlank = " \t\r";
constexpr std::size_t kMostEntries = 1000;
constexpr std::size_t kLongestTitle = 1024;  // bytes

/// Takes the next word: quotes are taken off, backslashes escape.
std::string next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  std::string word;
  char quote = 0;
  while (!line.empty()) {
    const char c = line.front();
    if (quote == 0 && kBlank.find(c) != std::string_view::npos) break;
    line.remove_prefix(1);
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && !line.empty()) {
      word += line.front();
      line.remove_prefix(1);
    } else {
      word += c;
    }
  }
  return word;
}

std::string_view next_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const std::string_view line = trimmed(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// The value of `name=…` in grubenv or the like.
std::string variable(std::string_view text, std::string_view name) {
  std::string value;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line.starts_with(name) && line.substr(name.size()).starts_with('='))
      value = line.substr(name.size() + 1);
  }
  return value;
}

struct MenuEntry {
  BootEntry entry;
  std::string id;
  std::string path;  ///< titles of the menus around it: "submenu>entry"
  std::string index;  ///< the same in numbers: "1>0"
};

/// Reads the menu's entries in order; a submenu's entries count within it.
std::vector<MenuEntry> read_menu(std::string_view menu, std::string& chosen) {
  struct Level {
    std::string path;
    std::string index;
    std::size_t count = 0;
  };
  std::vector<Level> levels{{}};
  std::vector<MenuEntry> entries;
  bool in_entry = false;
  while (!menu.empty()) {
    std::string_view line = next_line(menu);
    const std::string word = next_word(line);
    if (word == "set" && !in_entry) {
      const std::string assignment = next_word(line);
      if (assignment.starts_with("default=") && assignment.find('$') == std::string::npos)
        chosen = assignment.substr(8);
    } else if (word == "menuentry" || word == "submenu") {
      std::string title = next_word(line);
      title.resize(std::min(title.size(), kLongestTitle));  // it stands in the path of each entry below
      std::string id;
      while (!line.empty())
        if (const std::string option = next_word(line);
            option == "--id" || option == "$menuentry_id_option")
          id = next_word(line);
      Level& level = levels.back();
      const std::string path = level.path + title;
      const std::string index = level.index + std::to_string(level.count++);
      in_entry = word == "menuentry";
      if (in_entry && entries.size() < kMostEntries)
        entries.push_back({{title, {}, false}, id, path, index});
      if (!in_entry && levels.size() < 16) levels.push_back({path + ">", index + ">", 0});
    } else if (word == "}") {
      if (in_entry) {
        in_entry = false;
      } else if (levels.size() > 1) {
        levels.pop_back();
      }
    } else if (in_entry && !entries.empty()) {
      BootEntry& entry = entries.back().entry;
      if (word.starts_with("linux") && entry.options.empty()) {
        next_word(line);
        entry.options = trimmed(line);
      }
      if (word == "chainloader") entry.other = true;
    }
  }
  return entries;
}

/// Entries of the Boot Loader Specification; the default is the one with the greatest version.
std::optional<BootEntry> default_bls_entry(const Look& look, const std::string& directory,
                                           const std::string& environment) {
  std::optional<BootEntry> best;
  std::string best_version;
  const std::string saved = variable(environment, "saved_entry");
  for (const std::string& name : look.names(directory)) {
    if (!name.ends_with(".conf")) continue;
    auto text = look.text(directory + "/" + name);
    if (!text) continue;
    BootEntry entry;
    std::string version = name;
    for (std::string_view rest = *text; !rest.empty();) {
      std::string_view line = next_line(rest);
      const std::string key = next_word(line);
      if (key == "title") entry.title = trimmed(line);
      if (key == "version") version = trimmed(line);
      if (key == "options") entry.options = trimmed(line);
    }
    if (const auto at = entry.options.find("$kernelopts"); at != std::string::npos)
      entry.options.replace(at, std::string_view("$kernelopts").size(),
                            variable(environment, "kernelopts"));
    if (!saved.empty() && name == saved + ".conf") return entry;
    if (best && !is_newer_version(version, best_version)) continue;
    best = std::move(entry);
    best_version = version;
  }
  return best;
}

/// GRUB legacy: "default N" and the Nth "title".
std::optional<BootEntry> default_legacy_entry(std::string_view menu) {
  std::size_t chosen = 0;
  std::vector<BootEntry> entries;
  while (!menu.empty()) {
    std::string_view line = next_line(menu);
    const auto space = std::min(line.find_first_of(" \t="), line.size());
    const std::string_view word = line.substr(0, space);
    const std::string_view value = trimmed(line.substr(std::min(space + 1, line.size())));
    if (word == "default")
      std::from_chars(value.data(), value.data() + value.size(), chosen);
    if (word == "title" && entries.size() < kMostEntries)
      entries.push_back({std::string(value), {}, false});
    if (entries.empty()) continue;
    if (word == "kernel")
      entries.back().options = value.substr(std::min(value.find_first_of(kBlank), value.size()));
    if (word == "chainloader") entries.back().other = true;
  }
  if (entries.empty()) return std::nullopt;
  return entries[std::min(chosen, entries.size() - 1)];
}

std::optional<BootEntry> default_entry_below(const Look& look, const std::string& boot) {
  for (const char* grub : {"grub", "grub2"}) {
    const auto menu = look.text(boot + grub + "/grub.cfg");
    if (!menu) continue;
    const std::string environment = look.text(boot + grub + "/grubenv").value_or("");
    if (menu->find("blscfg") != std::string::npos)
      if (auto entry = default_bls_entry(look, boot + "loader/entries", environment)) return entry;
    if (auto entry = default_grub_entry(*menu, variable(environment, "saved_entry"))) return entry;
  }
  if (auto entry = default_bls_entry(look, boot + "loader/entries", "")) return entry;
  for (const char* legacy : {"grub/menu.lst", "grub/grub.conf"})
    if (const auto menu = look.text(boot + legacy))
      if (auto entry = default_legacy_entry(*menu)) return entry;
  return std::nullopt;
}

}  // namespace

bool is_newer_version(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (!a.empty() && !b.empty()) {
    if (digit(a.front()) && digit(b.front())) {
      const auto number = [&](std::string_view& text) {
        text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
        std::size_t length = 0;
        while (length < text.size() && digit(text[length])) ++length;
        const std::string_view value = text.substr(0, length);
        text.remove_prefix(length);
        return value;
      };
      const std::string_view x = number(a);
      const std::string_view y = number(b);
      if (x.size() != y.size()) return x.size() > y.size();
      if (x != y) return x > y;
      continue;
    }
    if (a.front() != b.front()) return a.front() > b.front();
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.size() > b.size();
}

std::optional<BootEntry> default_grub_entry(std::string_view menu, std::string_view saved) {
  std::string chosen;
  const auto entries = read_menu(menu, chosen);
  if (entries.empty()) return std::nullopt;
  for (const std::string& wanted : {std::string(saved), chosen}) {
    if (wanted.empty()) continue;
    for (const MenuEntry& entry : entries)
      if (entry.index == wanted || entry.path == wanted || entry.entry.title == wanted ||
          (!entry.id.empty() && (entry.id == wanted || wanted.ends_with(">" + entry.id))))
        return entry.entry;
  }
  return entries.front().entry;
}

std::optional<BootEntry> default_boot_entry(const Look& look) {
  for (const char* boot : {"", "boot/"})
    if (auto entry = default_entry_below(look, boot)) return entry;
  return std::nullopt;
}

std::string kernel_argument(std::string_view options, std::string_view name) {
  std::string value;
  while (!options.empty()) {
    const std::string word = next_word(options);
    if (word.starts_with(name) && word.substr(name.size()).starts_with('='))
      value = word.substr(name.size() + 1);
    options.remove_prefix(std::min(options.find_first_not_of(kBlank), options.size()));
  }
  return value;
}

}  // namespace imgfs
