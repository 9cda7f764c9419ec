#include "checkers/policy_reader.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include <yaml-cpp/yaml.h>

#include "checkers/bounded_yaml.h"
#include "checkers/checker.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxPolicy = 256 << 10;

Error mistake(const std::string& file, const YAML::Mark& mark, std::string_view key,
              std::string_view expected) {
  return {Errc::invalid, file + ":" + std::to_string(mark.line + 1) + ": " + printable(key) + ": " +
                             std::string(expected)};
}

/// One mapping of the file. Remembers which keys were asked for, so that any other is a mistake. The
/// first mistake wins.
class Section {
 public:
  Section(const YAML::Node& node, std::string path, const std::string& file,
          std::optional<Error>& error)
      : node_(node), path_(std::move(path)), file_(file), error_(error) {
    if (!node.IsMap()) complain(node, path_, "expected a mapping of keys to values");
    std::set<std::string> seen;
    for (const auto& pair : node.IsMap() ? node : YAML::Node(YAML::NodeType::Map)) {
      if (!pair.first.IsScalar()) complain(pair.first, path_, "expected a plain key");
      else if (!seen.insert(pair.first.Scalar()).second)
        complain(pair.first, name(pair.first.Scalar()), "expected only once");
    }
  }

  bool has(const std::string& key) { return bool(value(key)); }

  void text(const std::string& key, std::string& out, bool required = false) {
    const YAML::Node node = value(key);
    if (!node) {
      if (required) complain(node_, name(key), "expected, but it is missing");
      return;
    }
    if (!node.IsScalar() || node.Scalar().empty())
      return complain(node, name(key), "expected a text");
    out = node.Scalar();
  }

  template <class T>
  void choice(const std::string& key, T& out,
              std::initializer_list<std::pair<std::string_view, T>> values) {
    const YAML::Node node = value(key);
    if (!node) return;
    std::string known;
    for (const auto& [word, meaning] : values) {
      if (node.IsScalar() && node.Scalar() == word) {
        out = meaning;
        return;
      }
      known += (known.empty() ? "" : " or ") + std::string(word);
    }
    complain(node, name(key), "expected " + known);
  }

  /// A list of texts, of which each must be one of `allowed` where that is not empty.
  void list(const std::string& key, Names& out, const Names& allowed = {}, bool required = false) {
    const YAML::Node node = value(key);
    if (!node) {
      if (required) complain(node_, name(key), "expected a list, but it is missing");
      return;
    }
    read_list(node, name(key), out, allowed);
    if (required && out.empty()) complain(node, name(key), "expected at least one entry");
  }

  /// A mapping of keys (one of `keys` where that is not empty) to lists.
  void lists(const std::string& key, std::map<std::string, Names>& out, const Names& keys,
             const Names& allowed = {}) {
    const YAML::Node node = value(key);
    if (!node) return;
    if (!node.IsMap()) return complain(node, name(key), "expected a mapping of names to lists");
    for (const auto& pair : node) {
      const std::string word = pair.first.IsScalar() ? pair.first.Scalar() : std::string();
      if (!keys.empty() && !contains(keys, word))
        return complain(pair.first, name(key) + "." + word, "expected one of: " + join(keys));
      if (out.contains(word)) return complain(pair.first, name(key) + "." + word, "expected once");
      read_list(pair.second, name(key) + "." + word, out[word], allowed);
    }
  }

  void size(const std::string& key, std::optional<SizeLimit>& out) {
    const YAML::Node node = value(key);
    if (!node) return;
    out = node.IsScalar() ? parse_size(node.Scalar()) : std::nullopt;
    if (!out) complain(node, name(key), "expected a size, as \"50 GB\" or \"1 MiB\"");
  }

  /// To be called last.
  void no_more() {
    if (!node_.IsMap()) return;
    for (const auto& pair : node_)
      if (pair.first.IsScalar() && !asked_.contains(pair.first.Scalar()))
        return complain(pair.first, name(pair.first.Scalar()),
                        "not a key here; expected one of: " + join({asked_.begin(), asked_.end()}));
  }

  YAML::Node value(const std::string& key) {
    asked_.insert(key);
    if (!node_.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    const YAML::Node node = node_;  // const: the other operator[] would add the key
    return node[key];
  }
  std::string name(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  void complain(const YAML::Node& node, std::string_view key, std::string_view expected) {
    if (error_) return;
    error_ = mistake(file_, node.IsDefined() ? node.Mark() : node_.Mark(), key, expected);
  }
  const std::string& file() const { return file_; }
  std::optional<Error>& error() { return error_; }

 private:
  void read_list(const YAML::Node& node, const std::string& key, Names& out, const Names& allowed) {
    if (!node.IsSequence()) return complain(node, key, "expected a list");
    for (const auto& item : node) {
      if (!item.IsScalar() || item.Scalar().empty())
        return complain(item, key, "expected a list of texts");
      if (!allowed.empty() && !contains(allowed, item.Scalar()))
        return complain(item, key, "expected one of: " + join(allowed));
      out.push_back(item.Scalar());
    }
  }

  const YAML::Node node_;
  std::string path_;
  const std::string& file_;
  std::optional<Error>& error_;
  std::set<std::string> asked_;
};

const Names kFamilies = {"linux", "windows", "freebsd"};

void read_common(Section& section, Rule& rule) {
  rule.given = true;
  section.choice("severity", rule.severity, {{"fail", Status::fail}, {"warn", Status::warn}});
  std::string code;
  section.text("code", code);
  if (!code.empty()) rule.code = code;
  section.text("source", rule.source, true);
}

void read(Section& section, FormatRule& rule) {
  const Names formats = {"raw", "vhd", "qcow2", "vmdk", "vhdx", "vdi"};
  section.list("formats", rule.formats, formats, true);
  section.lists("variants", rule.variants, formats);
}
void read(Section& section, SizeRule& rule) {
  section.size("virtual_max", rule.virtual_max);
  section.size("virtual_min", rule.virtual_min);
  section.size("qcow2_max", rule.qcow2_max);
  std::optional<SizeLimit> multiple;
  section.size("virtual_multiple", multiple);
  if (multiple) rule.multiple = std::max<std::uint64_t>(multiple->low, 1);
}
void read(Section& section, TableRule& rule) {
  const Names kinds = {"mbr", "gpt"};
  section.lists("kinds", rule.kinds, kFamilies, kinds);
  section.lists("doubtful", rule.doubtful, kFamilies, kinds);
  for (const auto& family : kFamilies)
    if (rule.kinds[family].empty())
      section.complain(section.value("kinds"), section.name("kinds." + family),
                       "expected a list that is not empty");
}
void read(Section& section, RootRule& rule) {
  section.choice("several", rule.several, {{"fail", Status::fail}, {"warn", Status::warn}});
}
void read(Section& section, SystemRule& rule) {
  section.choice("any", rule.any, {{"true", true}, {"false", false}});
  section.lists("listed", rule.listed, kFamilies);
  section.lists("close", rule.close, kFamilies);
  section.lists("versions", rule.versions, {});
  section.choice("others", rule.others, {{"fail", Status::fail}, {"warn", Status::warn}});
  if (!rule.any && rule.listed.empty())
    section.complain(section.value("listed"), section.name("listed"),
                     "expected lists of systems, or any: true");
}
void read(Section& section, ArchitectureRule& rule) {
  section.list("accepted", rule.accepted, {"x86_64", "i386", "aarch64"}, true);
}
void read(Section& section, DriverRule& rule) {
  section.text("title", rule.title, true);
  section.list("disk", rule.disk, {}, true);
  section.list("network", rule.network, {}, true);
}
void read(Section& section, AgentRule& rule) {
  section.list("sources", rule.sources);
  section.choice("disabled", rule.disabled, {{"fail", Status::fail}, {"warn", Status::warn}});
}
void read(Section&, Rule&) {}
void read(Section& section, NamesRule& rule) { section.list("survives", rule.survives, {}, true); }
void read(Section& section, FileSystemRule& rule) {
  section.lists("kinds", rule.kinds, kFamilies);
  section.lists("refused_volumes", rule.refused_volumes, kFamilies, {"lvm", "dynamic-disk"});
  section.lists("features", rule.features, {"ext2", "ext3", "ext4", "xfs", "ntfs", "vfat"});
  section.size("free_min", rule.free_min);
}

template <class T>
void read_rule(Section& rules, const std::string& id, T& rule) {
  const YAML::Node node = rules.value(id);
  if (!node) return;
  Section section(node, rules.name(id), rules.file(), rules.error());
  read_common(section, rule);
  read(section, rule);
  section.no_more();
}

Result<PolicyText> read_policy(const YAML::Node& root, const std::string& file) {
  std::optional<Error> error;
  Section top(root, "", file, error);
  auto rules = std::make_shared<PolicyRules>();
  PolicyText out;
  int schema = 0;
  top.choice("schema", schema, {{"1", 1}});
  if (schema == 0) top.complain(root, "schema", "expected 1, but it is missing");
  top.text("id", out.policy.id, true);
  top.text("source", out.policy.source, true);
  std::string document;
  top.text("document", document);
  top.list("aliases", out.aliases);
  const YAML::Node node = top.value("rules");
  if (!node) {
    top.complain(root, "rules", "expected a mapping of checks to rules, but it is missing");
  } else {
    Section section(node, "rules", file, error);
    read_rule(section, "image-format", rules->format);
    read_rule(section, "image-size", rules->size);
    read_rule(section, "partition-table", rules->table);
    read_rule(section, "root-partition", rules->root);
    read_rule(section, "operating-system", rules->system);
    read_rule(section, "architecture", rules->architecture);
    read_rule(section, "virtio", rules->virtio);
    read_rule(section, "cloud-init", rules->cloud_init);
    read_rule(section, "kernel", rules->kernel);
    read_rule(section, "device-names", rules->device_names);
    read_rule(section, "file-system", rules->file_system);
    section.no_more();
  }
  top.no_more();
  if (error) return *error;
  if (!document.empty()) out.policy.source += ", " + document;
  out.policy.rules = std::move(rules);
  return out;
}

}  // namespace

std::optional<SizeLimit> parse_size(std::string_view text) {
  SizeLimit limit;
  limit.text = std::string(text);
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc()) return {};
  const std::string_view unit =
      trimmed(text.substr(static_cast<std::size_t>(end - text.data())));
  static constexpr std::string_view kPrefixes = "KMGT";
  std::uint64_t low = 1;
  std::uint64_t high = 1;
  if (!unit.empty() && unit != "B") {
    const std::size_t power = kPrefixes.find(unit[0]);
    const bool binary = unit.size() == 3 && unit.substr(1) == "iB";
    if (power == std::string_view::npos || !(binary || (unit.size() == 2 && unit[1] == 'B')))
      return {};
    for (std::size_t i = 0; i <= power; ++i) {
      low *= binary ? 1024 : 1000;
      high *= 1024;
    }
  }
  if (number > UINT64_MAX / high) return {};
  limit.low = number * low;
  limit.high = number * high;
  return limit;
}

Result<PolicyText> parse_policy(std::string_view text, const std::string& file) {
  if (text.size() > kMaxPolicy)
    return Error{Errc::invalid, file + ":1: policy: expected at most 256 KiB"};
  YamlProblem problem;
  const auto root = load_yaml(text, problem);
  if (!root)
    return Error{Errc::invalid, file + ":" + std::to_string(problem.line) + ": YAML: " + problem.what};
  return read_policy(*root, file);
}

}  // namespace imgfs::checkers
