#include "vfs/names.h"

#include <gtest/gtest.h>

namespace imgfs {
namespace {

using namespace std::string_literals;

TEST(Names, PlainOnes) {
  for (const auto& name : {"a"s, "..."s, ".bad-name"s, "$MFT"s, "\xff\x01"s, std::string(1024, 'x')})
    EXPECT_TRUE(is_plain_name(name)) << name;
}

TEST(Names, CodesAreInjectiveAndReadBack) {
  const struct {
    std::string name;
    std::string code;
  } rows[] = {
      {"", ".bad-name."},
      {".", ".bad-name.2e"},
      {"..", ".bad-name.2e2e"},
      {"a/b", ".bad-name.612f62"},
      {"a\0b"s, ".bad-name.610062"},
      {".bad-name.612f62", ".bad-name.2e6261642d6e616d652e363132663632"},
      {std::string(123, '/'), ".bad-name.@1f"},  // too long for its digits
      {std::string(1025, 'x'), ".bad-name.@1f"},
  };
  for (const auto& row : rows) {
    EXPECT_FALSE(is_plain_name(row.name));
    EXPECT_EQ(name_code(row.name, 0x1f), row.code);
    const auto code = parse_name_code(row.code);
    ASSERT_TRUE(code) << row.code;
    if (code->name)
      EXPECT_EQ(*code->name, row.name);
    else
      EXPECT_EQ(code->cookie, 0x1fU);
  }
}

TEST(Names, NotCodes) {
  for (const char* name : {".bad-name.6", ".bad-name.61", ".bad-name.2E", ".bad-name.zz",
                           ".bad-name.@", ".bad-name.@01", ".bad-name.@1F", ".bad-name.@1g", "a"})
    EXPECT_FALSE(parse_name_code(name)) << name;
}

}  // namespace
}  // namespace imgfs
