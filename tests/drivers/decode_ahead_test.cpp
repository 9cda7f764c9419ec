#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/decode_ahead.h"

namespace imgfs::tests {
namespace {

constexpr std::size_t kPiece = 4096;

std::optional<std::vector<std::byte>> piece(std::uint64_t index) {
  return std::vector<std::byte>(kPiece, static_cast<std::byte>(index * 7));
}

/// Waits, at most five seconds, until `done`.
template <class Condition>
bool soon(Condition done) {
  for (int i = 0; i < 5000 && !done(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return done();
}

TEST(DecodeAhead, EachPieceOnceForASequentialPass) {
  std::vector<std::atomic<int>> loads(500);
  DecodeAhead decoded(1 << 20, kPiece, 500, [&](std::uint64_t i) -> Result<std::optional<std::vector<std::byte>>> {
    ++loads[i];
    return piece(i);
  });
  for (std::uint64_t i = 0; i < 500; ++i) {
    for (int part = 0; part < 4; ++part) {
      const auto bytes = decoded.get(i);
      ASSERT_TRUE(bytes);
      ASSERT_EQ(bytes.value()->front(), static_cast<std::byte>(i * 7));
    }
  }
  for (const auto& count : loads) EXPECT_EQ(count, 1);
}

TEST(DecodeAhead, DecodesBeforeItIsAskedButOnlyForASequentialReader) {
  std::atomic<int> loads = 0;
  DecodeAhead decoded(1 << 20, kPiece, 10000, [&](std::uint64_t i) -> Result<std::optional<std::vector<std::byte>>> {
    ++loads;
    return piece(i);
  });
  for (const std::uint64_t i : {5000U, 9U, 700U, 6000U, 100U, 8000U}) ASSERT_TRUE(decoded.get(i));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(loads, 6);
  for (std::uint64_t i = 2000; i < 2004; ++i) ASSERT_TRUE(decoded.get(i));
  EXPECT_TRUE(soon([&] { return loads >= 6 + 4 + 8; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_LE(loads, 6 + 4 + 64);
}

TEST(DecodeAhead, ErrorsAreForThoseWhoReadThem) {
  DecodeAhead decoded(1 << 20, kPiece, 100, [](std::uint64_t i) -> Result<std::optional<std::vector<std::byte>>> {
    if (i % 10 == 9) return corrupt("bad piece");
    if (i % 10 == 8) return std::nullopt;
    return piece(i);
  });
  for (int round = 0; round < 2; ++round)
    for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(decoded.get(i).has_value(), i % 10 < 8) << i;
}

TEST(DecodeAhead, ManyReaders) {
  DecodeAhead decoded(200000, kPiece, 1000, [](std::uint64_t i) -> Result<std::optional<std::vector<std::byte>>> { return piece(i); });
  std::vector<std::thread> readers;
  std::atomic<int> wrong = 0;
  for (unsigned reader = 0; reader < 4; ++reader) {
    readers.emplace_back([&, reader] {
      for (std::uint64_t k = 0; k < 1000; ++k) {
        const std::uint64_t i = reader == 3 ? k * 389 % 1000 : (k + reader * 5) % 1000;
        const auto bytes = decoded.get(i);
        if (!bytes || bytes.value()->back() != static_cast<std::byte>(i * 7)) ++wrong;
      }
    });
  }
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST(DecodeAhead, NoCacheNoDecodingAhead) {
  std::atomic<int> loads = 0;
  DecodeAhead decoded(100, kPiece, 1000, [&](std::uint64_t i) -> Result<std::optional<std::vector<std::byte>>> {
    ++loads;
    return piece(i);
  });
  for (std::uint64_t i = 0; i < 50; ++i) ASSERT_TRUE(decoded.get(i));
  EXPECT_EQ(loads, 50);
}

// The daemon opens an image, reads in it, and forks: both sides must go on.
TEST(DecodeAhead, ForkWhileDecoding) {
  DecodeAhead decoded(1 << 20, kPiece, 100000, [](std::uint64_t i) -> Result<std::optional<std::vector<std::byte>>> { return piece(i); });
  for (int round = 0; round < 5; ++round) {
    const auto start = static_cast<std::uint64_t>(round) * 1000;
    for (std::uint64_t i = 0; i < 50; ++i) ASSERT_TRUE(decoded.get(start + i));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::alarm(20);
      bool right = true;
      for (std::uint64_t i = 0; i < 200; ++i) right = right && decoded.get(start + i).has_value();
      decoded.pause();
      ::_exit(right ? 0 : 1);
    }
    for (std::uint64_t i = 50; i < 100; ++i) ASSERT_TRUE(decoded.get(start + i));
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

}  // namespace
}  // namespace imgfs::tests
