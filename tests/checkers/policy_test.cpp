#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>

#include <gtest/gtest.h>

#include "checkers/bounded_yaml.h"
#include "checkers/policy_reader.h"
#include "tests/checkers/fake_guest.h"

namespace imgfs::test {
namespace {

const std::string kGood = R"(schema: 1
id: mine
source: "A document"
aliases: [also-mine]
rules:
  image-format:
    formats: [raw, qcow2]
    code: BadFormat
    source: "page 1"
  image-size:
    virtual_max: 500 GB
    virtual_multiple: 1 MiB
    source: "page 2"
  partition-table:
    kinds: {linux: [mbr], windows: [mbr], freebsd: [mbr, gpt]}
    severity: warn
    source: "page 3"
)";

TEST(Policy, ReadsWhatIsGiven) {
  const auto read = parse_policy(kGood, "p.yaml");
  ASSERT_TRUE(read) << describe(read.error());
  const Policy& policy = read.value().policy;
  EXPECT_EQ(policy.id, "mine");
  EXPECT_EQ(policy.source, "A document");
  EXPECT_EQ(read.value().aliases, Names{"also-mine"});
  EXPECT_EQ(policy.rules->format.formats, (Names{"raw", "qcow2"}));
  EXPECT_EQ(policy.rules->format.code, "BadFormat");
  EXPECT_EQ(policy.rules->size.virtual_max->low, 500'000'000'000U);
  EXPECT_EQ(policy.rules->size.virtual_max->high, 500ULL << 30);
  EXPECT_EQ(policy.rules->size.multiple, 1U << 20);
  EXPECT_EQ(policy.rules->table.severity, Status::warn);
  EXPECT_FALSE(policy.rules->virtio.given);
}

struct Mistake {
  const char* name;
  const char* what;     ///< in kGood …
  const char* with;     ///< … becomes this
  const char* message;  ///< the whole error
};
void PrintTo(const Mistake& row, std::ostream* os) { *os << row.name; }
class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreNamedWithFileLineAndKey) {
  std::string text = kGood;
  const std::string what = GetParam().what;
  ASSERT_NE(text.find(what), std::string::npos);
  text.replace(text.find(what), what.size(), GetParam().with);
  const auto read = parse_policy(text, "p.yaml");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::invalid);
  EXPECT_EQ(read.error().what, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Checkers, Mistakes,
    testing::ValuesIn(std::vector<Mistake>{
        {"schema", "schema: 1", "schema: 2", "p.yaml:1: schema: expected 1"},
        {"no_schema", "schema: 1\n", "", "p.yaml:1: schema: expected 1, but it is missing"},
        {"no_id", "id: mine\n", "", "p.yaml:1: id: expected, but it is missing"},
        {"unknown_key", "id: mine", "idd: mine", "p.yaml:1: id: expected, but it is missing"},
        {"unknown_rule", "  image-size:", "  image-sise:",
         "p.yaml:10: rules.image-sise: not a key here; expected one of: architecture, cloud-init, device-names, file-system, image-format, image-size, kernel, "
         "operating-system, partition-table, root-partition and virtio"},
        {"unknown_rule_key", "    code: BadFormat", "    cod: BadFormat", "p.yaml:8: rules.image-format.cod: not a key here; expected one of: code, formats, severity, source and variants"},
        {"no_source", "    source: \"page 2\"\n", "", "p.yaml:11: rules.image-size.source: expected, but it is missing"},
        {"size", "500 GB", "500 XB", "p.yaml:11: rules.image-size.virtual_max: expected a size, as \"50 GB\" or \"1 MiB\""},
        {"severity", "severity: warn", "severity: maybe", "p.yaml:16: rules.partition-table.severity: expected fail or warn"},
        {"format", "[raw, qcow2]", "[raw, qcow3]", "p.yaml:7: rules.image-format.formats: expected one of: raw, vhd, qcow2, vmdk, vhdx and vdi"},
        {"no_list", "formats: [raw, qcow2]", "formats: raw", "p.yaml:7: rules.image-format.formats: expected a list"},
        {"empty_list", "formats: [raw, qcow2]", "formats: []", "p.yaml:7: rules.image-format.formats: expected at least one entry"},
        {"family", "{linux: [mbr]", "{linus: [mbr]", "p.yaml:15: rules.partition-table.kinds.linus: expected one of: linux, windows and freebsd"},
        {"family_missing", "windows: [mbr], ", "", "p.yaml:15: rules.partition-table.kinds.windows: expected a list that is not empty"},
        {"twice", "id: mine", "id: mine\nid: yours", "p.yaml:3: id: expected only once"},
        {"no_mapping", "  image-size:\n    virtual_max: 500 GB\n    virtual_multiple: 1 MiB\n    source: \"page 2\"\n", "  image-size: 5\n", "p.yaml:10: rules.image-size: expected a mapping of keys to values"},
        {"no_yaml", "id: mine", "id: [mine", "p.yaml:3: YAML: end of sequence flow not found"},
    }),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Policy, NoTextMakesItThrow) {
  EXPECT_FALSE(parse_policy("", "p.yaml"));
  EXPECT_FALSE(parse_policy("- a", "p.yaml"));
  EXPECT_FALSE(parse_policy("x", "p.yaml"));
  EXPECT_FALSE(parse_policy(std::string(300 << 10, ' '), "p.yaml"));
  EXPECT_FALSE(parse_policy("a: &a [*a]\nb: *b", "p.yaml"));
}

TEST(Policy, AllInstalledOnesLoad) {
  const auto all = load_all_policies();
  ASSERT_TRUE(all) << describe(all.error());
  std::vector<std::string> ids;
  for (const auto& policy : all.value()) ids.push_back(policy.id);
  EXPECT_EQ(ids, (Names{"alibaba-ecs", "aws-vm-import", "azure", "gcp", "generic-kvm", "tencent-cvm-api", "tencent-cvm-gen1", "tencent-cvm-gen2", "tencent-cvm-gen3", "tencent-cvm-gen4"}));
  ASSERT_TRUE(load_policy("tencent-cvm"));
  EXPECT_EQ(load_policy("tencent-cvm").value().id, "tencent-cvm-gen4");
  const auto unknown = load_policy("nobody");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::invalid);
  EXPECT_NE(unknown.error().what.find("tencent-cvm-gen4"), std::string::npos);
}

TEST(Policy, AFileOfTheUserIsTaken) {
  const auto path = std::filesystem::temp_directory_path() / ("imgfs-policy." + std::to_string(getpid()) + ".yaml");
  std::ofstream(path) << kGood;
  const auto read = load_policy(path.string());
  std::filesystem::remove(path);
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read.value().id, "mine");
  EXPECT_FALSE(load_policy(path.string()));
}

TEST(Yaml, BoundsHold) {
  YamlProblem problem;
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before + ", " + before + "]\n";
  }
  EXPECT_TRUE(load_yaml(bomb, problem));  // shared, not copied: reading it is cheap
  EXPECT_FALSE(load_yaml(std::string(1000, '['), problem));
  EXPECT_FALSE(load_yaml("x: " + std::string(100, '[') + std::string(100, ']'), problem));
  std::string many = "x:\n";
  for (int i = 0; i < 21'000; ++i) many += "- a\n";
  EXPECT_FALSE(load_yaml(many, problem));
  EXPECT_EQ(problem.what, "more than 20,000 nodes");
}

TEST(Yaml, AnchoredBlocksAreTaken) {
  YamlProblem problem;
  const auto node = load_yaml("_log:\n - &log_base |\n   [loggers]\n   keys=a\n\n   b\n - &log_file >-\n   x\nlog_cfgs:\n - [ *log_base, *log_file ]\nlast: 5\n", problem);
  ASSERT_TRUE(node) << problem.what;
  EXPECT_EQ((*node)["last"].Scalar(), "5");
  EXPECT_EQ((*node)["_log"].size(), 2U);
}

}  // namespace
}  // namespace imgfs::test
