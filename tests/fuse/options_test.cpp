#include <gtest/gtest.h>

#include "fuse/options.h"

namespace imgfs {
namespace {

Options parsed(const std::vector<std::string>& arguments) {
  auto options = parse_options(arguments);
  EXPECT_TRUE(options) << describe(options.error());
  return options ? options.value() : Options{};
}

TEST(Options, DefaultsAreTheContracts) {
  const Options options = parsed({"disk.img", "/mnt"});
  EXPECT_EQ(options.links, Links::contained);
  EXPECT_EQ(options.open.backing, Backing::deny);
  EXPECT_EQ(options.recovery, Recovery::log);
  EXPECT_EQ(options.policy, "tencent-cvm");
  EXPECT_TRUE(options.report);
  EXPECT_EQ(options.sandbox, Sandbox::on);
  EXPECT_TRUE(options.mount_options.starts_with("ro,nosuid,nodev,noexec,fsname="));
}

TEST(Options, AllOfThem) {
  const Options options = parsed(
      {"-f", "-o", "format=qcow2,policy=generic-kvm,symlinks=raw,backing=same-dir,recovery=none", "disk.img",
       "/mnt//x/", "-oreport=off,sandbox=off,cache_mb=7,log_level=debug,log_file=/tmp/l,exec,nonempty"});
  EXPECT_TRUE(options.foreground);
  EXPECT_EQ(options.open.format, "qcow2");
  EXPECT_EQ(options.policy, "generic-kvm");
  EXPECT_EQ(options.links, Links::raw);
  EXPECT_EQ(options.open.backing, Backing::same_dir);
  EXPECT_EQ(options.recovery, Recovery::none);
  EXPECT_FALSE(options.report);
  EXPECT_EQ(options.sandbox, Sandbox::off);
  EXPECT_EQ(options.cache_bytes, 7U << 20);
  EXPECT_EQ(options.log.level, LogLevel::debug);
  EXPECT_EQ(options.mount_point, "/mnt/x");
  EXPECT_TRUE(options.allow_non_empty);
  EXPECT_EQ(options.mount_options.find("noexec"), std::string::npos);
}

TEST(Options, AllowOtherBringsPermissions) {
  const auto has = [](const std::string& given, const char* what) {
    return parsed({"a", "/b", "-o", given}).mount_options.find(what) != std::string::npos;
  };
  EXPECT_TRUE(has("allow_other", "allow_other,default_permissions"));
  EXPECT_FALSE(has("allow_other,no_default_permissions", "default_permissions"));
  EXPECT_FALSE(has("ro,defaults", "default_permissions"));
}

TEST(Options, WhatMountAndFstabPassIsTaken) {
  parsed({"a", "/b", "-o", "ro,nosuid,nodev,relatime,user,_netdev,x-systemd.automount,suid,dev", "-n"});
}

TEST(Options, AnImageNameCannotBecomeAnOption) {
  const Options options = parsed({"/x/a,allow_other,b", "/b"});
  EXPECT_NE(options.mount_options.find("fsname=/x/a_allow_other_b"), std::string::npos);
}

struct Mistake {
  const char* name;
  std::vector<std::string> arguments;
  const char* says;
};
void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class OptionMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(OptionMistakes, AreToldInOneSentence) {
  const auto options = parse_options(GetParam().arguments);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, Errc::invalid);
  EXPECT_NE(options.error().what.find(GetParam().says), std::string::npos) << options.error().what;
}

INSTANTIATE_TEST_SUITE_P(
    Fuse, OptionMistakes,
    testing::ValuesIn(std::vector<Mistake>{
        {"nothing", {}, "IMAGE and MOUNTPOINT"},
        {"one_path", {"a"}, "IMAGE and MOUNTPOINT"},
        {"three_paths", {"a", "b", "c"}, "IMAGE and MOUNTPOINT"},
        {"unknown_argument", {"a", "b", "--colour"}, "--colour"},
        {"unknown_option", {"a", "b", "-o", "colour=red"}, "colour"},
        {"no_options", {"a", "b", "-o"}, "-o needs options"},
        {"rw", {"a", "b", "-o", "rw"}, "read-only"},
        {"links", {"a", "b", "-o", "symlinks=x"}, "contained or raw"},
        {"backing", {"a", "b", "-o", "backing=x"}, "same-dir"},
        {"recovery", {"a", "b", "-o", "recovery=x"}, "log or none"},
        {"format", {"a", "b", "-o", "format=x"}, "qcow2"},
        {"report", {"a", "b", "-o", "report=x"}, "on or off"},
        {"cache_letters", {"a", "b", "-o", "cache_mb=x"}, "MiB"},
        {"cache_large", {"a", "b", "-o", "cache_mb=99999999999"}, "MiB"},
        {"cache_negative", {"a", "b", "-o", "cache_mb=-1"}, "MiB"},
        {"level", {"a", "b", "-o", "log_level=x"}, "debug"},
    }),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace imgfs
