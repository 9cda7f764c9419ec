// Single keys of a hive (the one of the fuzz corpus, made by hivex), whole and damaged.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "core/bytes.h"
#include "core/text.h"
#include "registry/regf.h"
#include "registry/regf_format.h"

namespace imgfs::registry {
namespace {

std::string sample(const char* name) {
  std::ifstream in(std::string(IMGFS_SOURCE_DIR "/tests/fuzz/corpus/registry_regf/") + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Result<std::vector<Value>> values_of(const std::string& hive, std::string_view path) {
  return key_values(
      [&](std::uint64_t offset, std::span<std::byte> out) -> Result<std::size_t> {
        if (offset >= hive.size()) return std::size_t{0};
        const auto from = as_bytes(hive).subspan(static_cast<std::size_t>(offset));
        const std::size_t count = std::min(from.size(), out.size());
        copy_bytes(from.first(count), out);
        return count;
      },
      path);
}

std::string bytes_of(const std::string& hive, std::string_view path, std::string_view name) {
  const auto values = values_of(hive, path);
  EXPECT_TRUE(values.has_value()) << describe(values.error());
  for (const Value& value : values.value())
    if (value.name == name) return to_hex(value.bytes);
  return "missing";
}

TEST(Regf, GivesTheValuesOfAKey) {
  const std::string hive = sample("small");
  EXPECT_EQ(bytes_of(hive, "MountedDevices", "\\DosDevices\\D:"), "785634120000000100000000");
  EXPECT_EQ(bytes_of(hive, "mounteddevices", "\\DosDevices\\C:"), "785634120000100000000000");
  EXPECT_EQ(bytes_of(hive, "A\\B", "x"), "01000000");
  EXPECT_EQ(bytes_of(hive, "a\\b", ""), "740065007800740000" "00");
  EXPECT_EQ(values_of(hive, "").value().size(), 0U);
  EXPECT_EQ(values_of(hive, "A").value().size(), 0U);
  EXPECT_EQ(bytes_of(sample("many"), "MountedDevices", "#{1}"), "444d494f3a49443a000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(bytes_of(sample("many"), "Key40", "v"), "01000000");
}

TEST(Regf, SaysWhatIsNotThere) {
  for (const char* path : {"B", "A\\C", "A\\B\\C", "MountedDevice", "MountedDevicesX"})
    EXPECT_EQ(values_of(sample("small"), path).error().code, Errc::not_found) << path;
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "A\\";
  EXPECT_FALSE(values_of(sample("small"), deep).has_value());
}

TEST(Regf, AHiveThatIsCutOffIsCorrupt) {
  const std::string hive = sample("small");
  for (std::size_t size = 0; size < 4096 + 32; size += 16) {
    const auto values = values_of(hive.substr(0, size), "MountedDevices");
    ASSERT_FALSE(values.has_value()) << size;
    EXPECT_EQ(values.error().code, Errc::corrupt) << size;
  }
}

struct Damage {
  const char* name;
  const char* find;  ///< the signature of a cell
  std::size_t at;    ///< bytes behind it
  const char* bytes;
};

TEST(Regf, DamageIsCorruptAndNotAbsence) {
  const Damage rows[] = {
      {"key signature", "nk", 0, "xx"},
      {"list of subkeys far away", "nk", 28, "\xff\xff\xff\x7f"},
      {"list of subkeys not aligned", "nk", 28, "\x21"},
      {"list signature", "lh", 0, "xx"},
      {"value signature", "vk", 0, "xx"},
      {"value data far away", "vk", 8, "\xff\xff\xff\x0f"},
  };
  for (const Damage& row : rows) {
    std::string hive = sample("small");
    // Everywhere: the file also has cells that are free by now.
    std::size_t places = 0;
    for (const std::string_view kind : {std::string_view(row.find), std::string_view(row.find) == "lh" ? std::string_view("lf") : std::string_view(row.find)})
      for (std::size_t at = hive.find(kind, 4096); at != std::string::npos; at = hive.find(kind, at + 1)) {
        if (at % 8 != 4) continue;
        hive.replace(at + row.at, std::string_view(row.bytes).size(), row.bytes);
        ++places;
      }
    ASSERT_NE(places, 0U) << row.name;
    bool corrupt = false;
    for (const char* path : {"MountedDevices", "A\\B"}) {
      const auto values = values_of(hive, path);
      EXPECT_TRUE(values.has_value() || values.error().code == Errc::corrupt) << row.name << " " << path;
      corrupt |= !values.has_value();
    }
    EXPECT_TRUE(corrupt) << row.name;
  }
}

TEST(Regf, TheBaseBlockIsChecked) {
  for (const std::size_t at : {std::size_t{0}, std::size_t{36}, std::size_t{200}, std::size_t{508}}) {
    std::string hive = sample("small");
    hive[at] = static_cast<char>(hive[at] ^ 1);
    EXPECT_EQ(values_of(hive, "MountedDevices").error().code, Errc::corrupt) << at;
  }
}

}  // namespace
}  // namespace imgfs::registry
