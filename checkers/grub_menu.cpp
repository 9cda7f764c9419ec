#include <algorithm>
#include <map>
#include <optional>

#include "checkers/boot_entry.h"
#include "checkers/distribution.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxEntries = 512;
constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kMaxLine = 16 << 10;
constexpr std::size_t kMaxExpanded = 16 << 10;
constexpr std::size_t kMaxWords = 64 << 10;

using Variables = std::map<std::string, std::string, std::less<>>;

/// Splits off the first line, without white space around it.
std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = trimmed(text.substr(0, std::min(end, kMaxLine)));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// Replaces $name and ${name}; unknown ones become empty, as GRUB does it.
std::string expand(std::string_view text, const Variables& variables) {
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < kMaxExpanded; ++i) {
    if (text[i] != '$' || i + 1 >= text.size()) {
      out += text[i];
      continue;
    }
    const bool braces = text[i + 1] == '{';
    std::size_t begin = i + (braces ? 2 : 1);
    std::size_t end = begin;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) ++end;
    if (end == begin) {
      out += text[i];
      continue;
    }
    const auto found = variables.find(text.substr(begin, end - begin));
    if (found != variables.end()) out += found->second.substr(0, kMaxExpanded);
    i = end - (braces && end < text.size() && text[end] == '}' ? 0 : 1);
  }
  return out;
}

/// The words of a GRUB command; quotes are taken off, single-quoted text is not expanded. Variables stop
/// growing it at `kMaxWords` bytes: a line of 16 KiB can name one of 16 KiB four thousand times.
std::vector<std::string> words_of(std::string_view line, const Variables& variables) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  std::size_t total = 0;
  const auto add = [&](std::string text) {
    text.resize(std::min(text.size(), kMaxWords - total));
    total += text.size();
    word += text;
  };
  for (std::size_t i = 0; i < line.size() && words.size() < 512 && total < kMaxWords; ++i) {
    const char c = line[i];
    if (c == ' ' || c == '\t') {
      if (inside) words.push_back(std::move(word));
      word.clear();
      inside = false;
      continue;
    }
    inside = true;
    if (c == '\\' && i + 1 < line.size()) {
      add(std::string(1, line[++i]));
    } else if (c == '\'' || c == '"') {
      const std::size_t end = std::min(line.find(c, i + 1), line.size());
      const std::string_view quoted = line.substr(i + 1, end - i - 1);
      add(c == '"' ? expand(quoted, variables) : std::string(quoted));
      i = end;
    } else {
      std::size_t end = line.find_first_of(" \t'\"\\", i);
      end = std::min(end, line.size());
      add(expand(line.substr(i, end - i), variables));
      i = end - 1;
    }
  }
  if (inside) words.push_back(std::move(word));
  return words;
}

/// An unquoted variable that holds several words, as $kernelopts does.
std::string joined(const std::vector<std::string>& words, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < words.size(); ++i) out += (i > from ? " " : "") + words[i];
  return std::string(trimmed(out));
}

struct Level {
  int entries = 0;
  std::string place;
  bool menu = false;  ///< a menuentry or submenu, as opposed to a function or if
};

Variables grub_environment(std::string_view text) {
  Variables variables;
  while (!text.empty() && variables.size() < 256) {
    const std::string_view line = next_line(text);
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    variables[std::string(line.substr(0, equals))] = std::string(line.substr(equals + 1));
  }
  return variables;
}

class GrubReader {
 public:
  explicit GrubReader(std::string_view environment) : variables_(grub_environment(environment)) {
    levels_.push_back({});
  }

  Menu read(std::string_view text) {
    while (!text.empty() && menu_.entries.size() < kMaxEntries) line(next_line(text));
    if (const auto next = variables_.find("next_entry");
        uses_next_ && next != variables_.end() && !next->second.empty())
      menu_.selected = next->second;
    else
      menu_.selected = expand(default_, variables_);
    return std::move(menu_);
  }

 private:
  void line(std::string_view text) {
    if (text.empty() || text[0] == '#') return;
    if (text[0] == '}') {
      if (levels_.size() > 1) levels_.pop_back();
      in_entry_ = false;
      return;
    }
    const auto words = words_of(text, variables_);
    if (words.empty()) return;
    const std::string& command = words[0];
    if (command == "menuentry" || command == "submenu") return open(words, command == "menuentry");
    if (command == "set" && words.size() > 1) return assign(text, words[1]);
    if (text.ends_with('{') && levels_.size() < kMaxDepth) return levels_.push_back({0, levels_.back().place, false});
    if (command == "blscfg") menu_.boot_loader_specification = true;
    if (!in_entry_ || menu_.entries.empty()) return;
    MenuEntry& entry = menu_.entries.back();
    if ((command.starts_with("linux") || command == "multiboot2" || command == "multiboot") && words.size() > 1) {
      entry.kernel = words[1];
      entry.options = joined(words, 2);
    } else if (command.starts_with("initrd")) {
      entry.initrds.assign(words.begin() + 1, words.end());
    } else if (command == "chainloader" && words.size() > 1 && entry.kernel.empty()) {
      entry.kernel = words[1];
    }
  }

  void open(const std::vector<std::string>& words, bool entry) {
    Level& above = levels_.back();
    const std::string place =
        (above.place.empty() ? "" : above.place + ">") + std::to_string(above.entries++);
    if (levels_.size() < kMaxDepth) levels_.push_back({0, place, true});
    if (!entry) return;
    MenuEntry made;
    made.title = words.size() > 1 ? words[1] : "";
    made.path = place;
    for (std::size_t i = 2; i + 1 < words.size(); ++i)
      if (words[i] == "--id" || words[i] == "$menuentry_id_option" || words[i].empty()) made.id = words[i + 1];
    menu_.entries.push_back(std::move(made));
    in_entry_ = true;
  }

  void assign(std::string_view line, const std::string& word) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) return;
    const std::string name = word.substr(0, equals);
    if (name == "default" && !in_entry_) {
      const std::size_t at = line.find('=');
      const std::string_view raw = line.substr(std::min(at + 1, line.size()));
      if (raw.find("next_entry") != std::string_view::npos)
        uses_next_ = true;
      else if (raw.find("saved_entry") != std::string_view::npos)
        default_ = "${saved_entry}";
      else
        default_ = word.substr(equals + 1);
      return;
    }
    // What grubenv says of the entry stays: these lines clear it after use.
    if (name == "next_entry" || name == "saved_entry" || name == "prev_saved_entry") return;
    if (variables_.size() < 512) variables_[name] = word.substr(equals + 1);
  }

  Variables variables_;
  std::vector<Level> levels_;
  Menu menu_;
  std::string default_;
  bool uses_next_ = false;
  bool in_entry_ = false;
};

}  // namespace

Menu parse_grub(std::string_view text, std::string_view environment) {
  return GrubReader(environment).read(text);
}

std::string expand_grub(std::string_view text, std::string_view environment) {
  return expand(text, grub_environment(environment));
}

Menu parse_grub_legacy(std::string_view text, std::string_view saved) {
  Menu menu;
  menu.selected = "0";
  const Variables none;
  while (!text.empty() && menu.entries.size() < kMaxEntries) {
    std::string line(next_line(text));
    if (line.empty() || line[0] == '#') continue;
    const std::size_t split = line.find_first_of(" \t=");
    const std::string command = line.substr(0, split);
    const std::string rest(
        split == std::string::npos ? "" : trimmed(std::string_view(line).substr(split + 1)));
    if (command == "default") {
      menu.selected = rest == "saved" ? std::string(next_line(saved)) : rest;
    } else if (command == "title") {
      MenuEntry entry;
      entry.title = rest;
      entry.path = std::to_string(menu.entries.size());
      menu.entries.push_back(std::move(entry));
    } else if (menu.entries.empty()) {
      continue;
    } else if (command == "kernel" || command == "module") {
      std::vector<std::string> words = words_of(rest, none);
      while (!words.empty() && words[0].starts_with("--")) words.erase(words.begin());
      if (words.empty()) continue;
      MenuEntry& entry = menu.entries.back();
      // Under Xen the kernel is the hypervisor and the first module is Linux.
      if (command == "kernel" || entry.kernel.find("xen") != std::string::npos) {
        entry.kernel = words[0];
        entry.options = joined(words, 1);
      } else {
        entry.initrds.push_back(words[0]);
      }
    } else if (command == "initrd") {
      menu.entries.back().initrds = words_of(rest, none);
    }
  }
  return menu;
}

const MenuEntry* selected_entry(const Menu& menu) {
  if (menu.entries.empty()) return nullptr;
  const std::string wanted = menu.selected.empty() ? "0" : menu.selected;
  for (const auto& entry : menu.entries)
    if (entry.path == wanted || (!entry.id.empty() && entry.id == wanted) || entry.title == wanted)
      return &entry;
  // "submenu>entry", each by place, id or title: what comes last is the entry's own.
  const std::size_t last = wanted.rfind('>');
  if (last != std::string::npos) {
    const std::string own = wanted.substr(last + 1);
    for (const auto& entry : menu.entries)
      if (entry.id == own || entry.title == own) return &entry;
    return nullptr;
  }
  // A number may mean a submenu: its first entry then.
  for (const auto& entry : menu.entries)
    if (entry.path.starts_with(wanted + ">")) return &entry;
  return nullptr;
}

}  // namespace imgfs::checkers
