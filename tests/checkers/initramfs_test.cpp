#include <ostream>

#include <gtest/gtest.h>

#include "checkers/initramfs.h"
#include "tests/checkers/fake_guest.h"

namespace imgfs::test {
namespace {

const std::string kVersion = "6.1.0";
const std::vector<std::string> kWanted = {"virtio_blk", "virtio_pci"};

Result<InitramfsContent> scan(const std::string& bytes, InitramfsLimits limits = {}) {
  MemorySource source(as_bytes(bytes));
  return scan_initramfs(source, kVersion, kWanted, limits);
}
std::string modules(const std::vector<std::string>& names) { return cpio(module_files(kVersion, names)); }

struct Shape {
  const char* name;
  std::string bytes;
  std::optional<std::size_t> found;  ///< of the two that are wanted; nothing: an error
};
void PrintTo(const Shape& row, std::ostream* os) { *os << row.name; }
class Shapes : public testing::TestWithParam<Shape> {};

TEST_P(Shapes, AreReadAsTheKernelReadsThem) {
  const auto content = scan(GetParam().bytes);
  ASSERT_EQ(bool(content), GetParam().found.has_value()) << (content ? "no error" : describe(content.error()));
  if (content) {
    EXPECT_EQ(content.value().modules.size(), *GetParam().found);
  }
}

std::string without_trailer() {
  std::string out = modules({"virtio_blk"});
  out.resize(out.find("TRAILER!!!") - 110);
  return out;
}
std::string with_field(std::size_t index, const std::string& digits) {
  std::string out = modules({"virtio_blk", "virtio_pci"});
  out.replace(6 + index * 8, 8, digits);
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    Checkers, Shapes,
    testing::ValuesIn(std::vector<Shape>{
        {"nothing", "", 0},
        {"zeros", std::string(4096, '\0'), 0},
        {"both", modules({"virtio_blk", "virtio_pci"}), 2},
        {"one", modules({"virtio_blk"}), 1},
        {"hyphen", modules({"virtio-blk"}), 1},
        {"no_trailer", without_trailer(), 1},
        {"two_plain_archives", modules({"virtio_blk"}) + modules({"virtio_pci"}), 2},
        {"compressed_after_entries_without_trailer", without_trailer() + compressed("xz", modules({"virtio_pci"})), 2},
        {"two_archives_in_one_stream", compressed("gzip", modules({"virtio_blk"}) + modules({"virtio_pci"})), 2},
        {"trailer_inside_a_file", cpio({{"usr/x", "TRAILER!!!" + std::string(90, '0')}}) + modules({"virtio_blk"}), 1},
        {"crc_kind", [] { std::string out = modules({"virtio_blk"}); for (std::size_t at = 0; (at = out.find("070701", at)) != std::string::npos; ++at) out[at + 5] = '2'; return out; }(), 1},
        {"old_portable_kind", "070707" + std::string(200, '0'), {}},
        {"directory_named_like_a_module", cpio({{"lib/modules/6.1.0/virtio_blk.ko", "", 040755}}), 0},
        {"empty_file", cpio({{"lib/modules/6.1.0/virtio_blk.ko", ""}}), 0},
        {"link", cpio({{"lib/modules/6.1.0/virtio_blk.ko", "../x", 0120777}}), 1},
        {"elsewhere", cpio({{"etc/virtio_blk.ko"}}), 0},
        {"leading_dot_slash", cpio({{"./lib/modules/6.1.0/virtio_blk.ko.zst"}}), 1},
        {"other_kernel", cpio({{"lib/modules/5.0/virtio_blk.ko"}}), 0},
        {"name_size_0", with_field(11, "00000000"), {}},
        {"name_size_huge", with_field(11, "FFFFFFFF"), {}},
        {"file_size_huge", with_field(6, "FFFFFFFF"), {}},
        {"bad_digits", with_field(6, "0000000G"), {}},
        {"cut_in_header", modules({"virtio_blk"}).substr(0, 50), {}},
        {"junk", "this is no archive", {}},
        {"junk_in_compressed", compressed("gzip", "junk"), {}},
        {"compressed_in_compressed", compressed("gzip", compressed("gzip", modules({"virtio_blk"}))), {}},
        {"gzip_cut", compressed("gzip", modules({"virtio_blk"})).substr(0, 100), {}},
        {"bzip2_cut", compressed("bzip2", modules({"virtio_blk"})).substr(0, 100), {}},
        {"xz_cut", compressed("xz", modules({"virtio_blk"})).substr(0, 100), {}},
        {"zstd_cut", compressed("zstd", modules({"virtio_blk"})).substr(0, 100), {}},
        {"lz4_cut", compressed("lz4", modules({"virtio_blk"})).substr(0, 100), {}},
        {"lzo_cut", compressed("lzo", modules({"virtio_blk"})).substr(0, 100), {}},
        {"lzo_wrong_sum", [] { std::string out = compressed("lzo", modules({"virtio_blk"})); out[46] ^= 1; return out; }(), {}},
        {"lzo_then_another", compressed("lzo", modules({"virtio_blk"})) + compressed("lzo", modules({"virtio_pci"})), 2},
        {"lzo_to_the_end", compressed("lzo", modules({"virtio_blk"})), 1},
        {"gzip_padded", compressed("gzip", modules({"virtio_blk"})) + std::string(700, '\0'), 1},
        {"gzip_then_zstd", compressed("gzip", modules({"virtio_blk"})) + compressed("zstd", modules({"virtio_pci"})), 2},
        {"lz4_empty_block", std::string("\x02\x21\x4c\x18\1\0\0\0\0", 9), {}},
        {"lz4_blocks_of_one_byte", [] { std::string out = "\x02\x21\x4c\x18"; for (int i = 0; i < 100'000; ++i) out += std::string("\2\0\0\0\x10\0", 6); return out; }(), 0},
        {"lz4_padded", compressed("lz4", modules({"virtio_blk"})) + std::string(8, '\0'), 1},
    }),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Initramfs, EveryCompressorGivesTheSame) {
  std::vector<CpioFile> files = module_files(kVersion, {"virtio_blk", "virtio_pci"});
  std::string noise;  // no compressor makes one block of it
  for (unsigned i = 0, x = 1; i < 700'000; ++i) noise += static_cast<char>((x = x * 1103515245 + 12345) >> 16);
  files.insert(files.begin(), {"usr/bin/big", noise});
  for (const char* kind : {"gzip", "bzip2", "lzma", "xz", "lzo", "lz4", "zstd"}) {
    const auto content = scan(compressed(kind, cpio(files)));
    ASSERT_TRUE(content) << kind << ": " << describe(content.error());
    EXPECT_EQ(content.value().modules.size(), 2U) << kind;
    EXPECT_EQ(content.value().parts, Names{kind});
  }
}

TEST(Initramfs, StopsWhenAllIsFound) {
  const std::string early = cpio(module_files(kVersion, kWanted));
  const auto content = scan(early + "what follows is never looked at");
  ASSERT_TRUE(content);
  EXPECT_FALSE(content.value().complete);
}

TEST(Initramfs, LimitsHold) {
  const std::string zeros(8 << 20, '\0');
  for (const char* kind : {"gzip", "bzip2", "lzma", "xz", "lzo", "lz4", "zstd"}) {
    const auto content = scan(compressed(kind, zeros), {.output = 1 << 20});
    ASSERT_FALSE(content) << kind;
    EXPECT_EQ(content.error().code, Errc::too_large) << kind;
  }
  std::vector<CpioFile> many;
  for (int i = 0; i < 2000; ++i) many.push_back({"f", ""});
  EXPECT_EQ(scan(cpio(many), {.entries = 1000}).error().code, Errc::too_large);
  EXPECT_EQ(scan(cpio(many), {.seconds = 0}).error().code, Errc::too_large);
  std::string parts;
  for (int i = 0; i < 100; ++i) parts += compressed("gzip", cpio({}));
  EXPECT_EQ(scan(parts).error().code, Errc::too_large);
}

TEST(Initramfs, ReadsLittleOfAPlainArchive) {
  /// Counts what is read of the guest's file.
  class Counting final : public GuestFiles {
   public:
    explicit Counting(const FakeFiles& files) : files_(files) {}
    mutable std::size_t bytes = 0;
    Result<Attributes> stat(std::string_view path, LastLink last) const override { return files_.stat(path, last); }
    Result<std::string> read_text(std::string_view path, std::size_t limit) const override { return files_.read_text(path, limit); }
    Result<std::size_t> read(std::string_view path, std::uint64_t offset, std::span<std::byte> out) const override {
      bytes += out.size();
      return files_.read(path, offset, out);
    }
    Result<std::vector<std::string>> list(std::string_view path, std::size_t limit) const override { return files_.list(path, limit); }
    Result<std::string> read_link(std::string_view path) const override { return files_.read_link(path); }
    std::string shown(std::string_view path) const override { return std::string(path); }

   private:
    const FakeFiles& files_;
  };
  FakeFiles files;
  std::vector<CpioFile> content = {{"kernel/x86/microcode/GenuineIntel.bin", std::string(8 << 20, 'u')}};
  for (auto& file : module_files(kVersion, kWanted)) content.push_back(file);
  files.put("/initrd", cpio(content));
  const Counting counting(files);
  FileSource source(counting, "/initrd", 0, files.nodes["/initrd"].content.size());
  const auto found = scan_initramfs(source, kVersion, kWanted);
  ASSERT_TRUE(found);
  EXPECT_EQ(found.value().modules.size(), 2U);
  EXPECT_LT(counting.bytes, 64U << 10);
}

TEST(Initramfs, UnifiedKernelImage) {
  Guest guest = debian();
  guest.files.remove("/boot/grub");
  const std::string archive = compressed("zstd", cpio(module_files(guest.version, {"virtio", "virtio_ring", "virtio_pci", "virtio_blk"})));
  const std::string options = "root=UUID=11111111-2222-3333-4444-555555555555 ro";
  std::string image = "MZ" + std::string(58, '\0') + std::string("\x40\0\0\0", 4);
  image += std::string("PE\0\0", 4) + std::string("\x64\x86\x03\0", 4) + std::string(12, '\0') + std::string("\0\0\0\0", 4);
  std::string body;
  const std::size_t start = image.size() + 3 * 40;
  const auto section = [&](std::string name, const std::string& data) {
    name.resize(8, '\0');
    const auto number = [](std::size_t n) {
      std::string out;
      for (int i = 0; i < 4; ++i) out += static_cast<char>((n >> (8 * i)) & 0xff);
      return out;
    };
    image += name + number(data.size()) + number(0) + number(data.size()) + number(start + body.size()) + std::string(16, '\0');
    body += data;
  };
  section(".uname", guest.version);
  section(".cmdline", options);
  section(".initrd", archive);
  guest.files.put("/boot/efi/EFI/Linux/debian.efi", image + body);
  const Report report = guest.report();
  EXPECT_EQ(finding(report, "virtio").status, Status::pass) << report.text;
  EXPECT_EQ(finding(report, "device-names").status, Status::pass) << report.text;
}

}  // namespace
}  // namespace imgfs::test
