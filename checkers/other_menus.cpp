#include <algorithm>
#include <optional>

#include "checkers/boot_entry.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxOptions = 16384;  // bytes

std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = trimmed(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

struct Setting {
  std::string key;         ///< in lower case
  std::string_view value;
};
Setting setting_of(std::string_view line) {
  const std::size_t split = std::min(line.find_first_of(" \t"), line.size());
  Setting out{std::string(line.substr(0, split)), trimmed(line.substr(split))};
  for (char& c : out.key)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void append(std::string& options, std::string_view more) {
  if (!options.empty() && !more.empty()) options += ' ';
  options += more;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (!text.empty() && out.size() < 64) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) out.emplace_back(trimmed(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

Menu parse_extlinux(std::string_view text) {
  Menu menu;
  std::string menu_default;
  std::string everywhere;  // APPEND before the first label is for all
  while (!text.empty() && menu.entries.size() < 512) {
    const std::string_view line = next_line(text);
    if (line.empty() || line[0] == '#') continue;
    const auto [key, value] = setting_of(line);
    if (key == "default" || key == "ontimeout") {
      if (menu.selected.empty() || key == "ontimeout") menu.selected = std::string(value);
    } else if (key == "label") {
      MenuEntry entry;
      entry.id = std::string(value);
      entry.title = entry.id;
      entry.path = std::to_string(menu.entries.size());
      entry.options = everywhere;
      menu.entries.push_back(std::move(entry));
    } else if (key == "append" && menu.entries.empty()) {
      everywhere = std::string(value.substr(0, kMaxOptions));  // each entry gets a copy
    } else if (menu.entries.empty()) {
      continue;
    } else if (key == "linux" || key == "kernel") {
      menu.entries.back().kernel = std::string(value);
    } else if (key == "initrd") {
      menu.entries.back().initrds = split(value, ',');
    } else if (key == "append") {
      menu.entries.back().options = std::string(value);
    } else if (key == "menu") {
      if (setting_of(value).key == "default") menu_default = menu.entries.back().id;
      if (setting_of(value).key == "label") menu.entries.back().title = std::string(setting_of(value).value);
    }
  }
  for (auto& entry : menu.entries)
    if (entry.initrds.empty())
      if (const auto initrd = option_value(entry.options, "initrd")) entry.initrds = split(*initrd, ',');
  if (!menu_default.empty()) menu.selected = menu_default;
  const bool known = std::ranges::any_of(
      menu.entries, [&](const MenuEntry& entry) { return entry.id == menu.selected; });
  if (!known) menu.selected.clear();  // "menu.c32", as a rule: the first label
  return menu;
}

MenuEntry parse_loader_entry(std::string_view text, std::string_view file_name) {
  MenuEntry entry;
  entry.id = std::string(file_name.substr(0, file_name.rfind(".conf")));
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line.empty() || line[0] == '#') continue;
    const auto [key, value] = setting_of(line);
    if (key == "title") entry.title = std::string(value);
    if (key == "linux" || key == "efi") entry.kernel = std::string(value);
    if (key == "initrd" && entry.initrds.size() < 64)
      for (auto& initrd : split(value, ' ')) entry.initrds.push_back(std::move(initrd));
    if (key == "options" && entry.options.size() < kMaxOptions) append(entry.options, value);
  }
  return entry;
}

std::vector<std::string> option_values(std::string_view options, std::string_view key) {
  std::vector<std::string> values;
  std::string word;
  bool quoted = false;
  const auto finish = [&] {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos && std::string_view(word).substr(0, equals) == key)
      values.push_back(word.substr(equals + 1));
    word.clear();
  };
  for (const char c : options) {
    if (c == '"') quoted = !quoted;
    else if ((c == ' ' || c == '\t' || c == '\n') && !quoted) finish();
    else word += c;
  }
  finish();
  return values;
}

std::optional<std::string> option_value(std::string_view options, std::string_view key) {
  auto values = option_values(options, key);
  if (values.empty()) return {};
  return std::move(values.back());
}

}  // namespace imgfs::checkers
