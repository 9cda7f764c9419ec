#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>

#include "fuse/report_channel.h"

namespace imgfs {
namespace {

struct Pipe {
  int ends[2];
  Pipe() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0); }
  ~Pipe() {
    ::close(ends[0]);
    finish();
  }
  void finish() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
  void write(const void* bytes, std::size_t size) {
    EXPECT_EQ(::write(ends[1], bytes, size), static_cast<ssize_t>(size));
  }
};

TEST(ReportChannel, CarriesBothForms) {
  Pipe pipe;
  const ReportTexts sent{std::string(300'000, 't'), std::string(200'000, 'j')};
  std::thread sender([&] { EXPECT_TRUE(send_report(pipe.ends[1], sent)); });
  const auto got = receive_report(pipe.ends[0], 10);
  sender.join();
  ASSERT_TRUE(got);
  EXPECT_EQ(got.value().text, sent.text);
  EXPECT_EQ(got.value().json, sent.json);
}

TEST(ReportChannel, CarriesAReason) {
  Pipe pipe;
  ASSERT_TRUE(send_failure(pipe.ends[1], "no memory"));
  const auto got = receive_report(pipe.ends[0], 10);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().what, "no memory");
}

TEST(ReportChannel, AnEndInTheMiddleIsAnError) {
  Pipe pipe;
  const std::array<std::uint64_t, 2> sizes = {100, 100};
  pipe.write(sizes.data(), sizeof sizes);
  pipe.write("half", 4);
  pipe.finish();
  const auto got = receive_report(pipe.ends[0], 10);
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().what.find("ended before"), std::string::npos);
}

TEST(ReportChannel, SizesAreBounded) {
  for (const std::array<std::uint64_t, 2> sizes :
       {std::array<std::uint64_t, 2>{kReportLimit + 1, 0}, {0, ~std::uint64_t{0}}, {~std::uint64_t{0}, 5000}}) {
    Pipe pipe;
    pipe.write(sizes.data(), sizeof sizes);
    const auto got = receive_report(pipe.ends[0], 10);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Errc::too_large);
  }
}

TEST(ReportChannel, GivesUpInTime) {
  Pipe pipe;
  EXPECT_FALSE(receive_report(pipe.ends[0], 0));
}

TEST(ReportChannel, GivesUpWhenTheLauncherIsGone) {
  Pipe pipe;
  Pipe alive;
  alive.finish();
  const auto got = receive_report(pipe.ends[0], 10, alive.ends[0]);
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().what.find("launcher"), std::string::npos);
}

}  // namespace
}  // namespace imgfs
