#include <gtest/gtest.h>

#include "core/byte_cache.h"
#include "core/crc32c.h"
#include "core/extent.h"
#include "core/memory_device.h"
#include "core/overlay_device.h"
#include "core/slice_device.h"
#include "core/text.h"

namespace imgfs {
namespace {

using namespace std::string_literals;

std::vector<std::byte> counting(std::size_t count) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < count; ++i) bytes.push_back(static_cast<std::byte>(i));
  return bytes;
}

TEST(Crc32c, KnownAnswer) {  // RFC 3720, B.4: "123456789" gives e3069283
  EXPECT_EQ(~crc32c(~0U, as_bytes("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c_zeros(7, 100), crc32c(7, std::vector<std::byte>(100)));
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[31mb\n\xff\xc3\xa4"), "a\\x1b[31mb\\x0a\\xff\xc3\xa4");
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");  // right-to-left override
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate is not UTF-8
}

TEST(Utf16, KeepsUnpairedSurrogates) {
  const std::u16string text = {u'a', 0xd800, u'b', 0xd83d, 0xde00, 0xdc00};
  const std::string wtf8 = utf16_to_wtf8(text);
  EXPECT_EQ(wtf8_to_utf16(wtf8), text);
  EXPECT_EQ(wtf8_to_utf16("\xff"), std::nullopt);
}

TEST(Guid, Spellings) {
  const auto bytes = counting(16);
  const std::span<const std::byte, 16> all(bytes.data(), 16);
  EXPECT_EQ(uuid_text(all), "00010203-0405-0607-0809-0a0b0c0d0e0f");
  EXPECT_EQ(guid_text(all), "03020100-0504-0706-0809-0a0b0c0d0e0f");
}

TEST(OverlayDevice, ReplacedBlocksAreReadAndTheRestIsBelow) {
  auto below = std::make_shared<MemoryDevice>(counting(64));
  OverlayDevice::Blocks blocks;
  blocks[16] = std::vector<std::byte>(8, std::byte{0xaa});
  blocks[56] = std::vector<std::byte>(8, std::byte{0xbb});
  const OverlayDevice device(below, 8, blocks);
  auto expected = counting(64);
  std::fill_n(expected.begin() + 16, 8, std::byte{0xaa});
  std::fill_n(expected.begin() + 56, 8, std::byte{0xbb});
  for (std::size_t begin = 0; begin < 64; ++begin) {
    for (std::size_t end = begin + 1; end <= 64; ++end) {
      std::vector<std::byte> out(end - begin);
      ASSERT_TRUE(device.read(begin, out));
      ASSERT_TRUE(std::equal(out.begin(), out.end(), expected.begin() + static_cast<long>(begin)));
    }
  }
  EXPECT_EQ(device.locate(20, 20).value().length, 4U);
  EXPECT_FALSE(device.read(60, std::span(expected).first(5)));
}

struct BadMap final : ExtentMap {
  Extent answer{};
  Result<Extent> find(std::uint64_t) const override { return answer; }
};

TEST(ReadExtents, RefusesAMapThatMakesNoProgress) {
  const MemoryDevice device(counting(16));
  BadMap map;
  std::vector<std::byte> out(4);
  map.answer = {0, 0, 0, Extent::Kind::data};
  EXPECT_FALSE(read_extents(map, device, 0, out));
  map.answer = {8, 8, 0, Extent::Kind::data};
  EXPECT_FALSE(read_extents(map, device, 0, out));
  map.answer = {0, 16, UINT64_MAX - 2, Extent::Kind::data};
  EXPECT_FALSE(read_extents(map, device, 0, out));
  map.answer = {0, 16, 4, Extent::Kind::data};
  EXPECT_TRUE(read_extents(map, device, 0, out));
  EXPECT_EQ(out.front(), std::byte{4});
}

TEST(ByteCache, KeepsTheRecentlyUsedWithinItsCapacity) {
  ByteCache cache(100);
  int loads = 0;
  const auto load = [&]() -> Result<std::vector<std::byte>> {
    ++loads;
    return std::vector<std::byte>(40);
  };
  ASSERT_TRUE(cache.get(1, load));
  ASSERT_TRUE(cache.get(2, load));
  ASSERT_TRUE(cache.get(1, load));
  ASSERT_TRUE(cache.get(3, load));  // 2 has to go
  EXPECT_EQ(loads, 3);
  EXPECT_NE(cache.peek(1), nullptr);
  EXPECT_EQ(cache.peek(2), nullptr);
  const auto failing = [&]() -> Result<std::vector<std::byte>> { return corrupt("no"); };
  EXPECT_FALSE(cache.get(9, failing));
  EXPECT_TRUE(cache.get(9, load));
}

TEST(Errors, AreOnePrintableLine) {
  EXPECT_EQ(describe(in_context(corrupt("bad\nname", 0x1f400), "inode 12")),
            "inode 12: bad\\x0aname, at 0x1f400");
}

}  // namespace
}  // namespace imgfs
