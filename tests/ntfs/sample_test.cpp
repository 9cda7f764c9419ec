#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "core/memory_device.h"
#include "core/text.h"
#include "ntfs/ntfs.h"
#include "tests/ntfs/sample_volume.h"

namespace imgfs::ntfs::test {
namespace {

FileSystemPtr open_volume(Bytes bytes) {
  auto opened =
      file_system_type().open(std::make_shared<MemoryDevice>(std::move(bytes)), Recovery::log);
  if (!opened) {
    ADD_FAILURE() << describe(opened.error());
    return nullptr;
  }
  return opened.value();
}

std::string content(const FileSystem& fs, std::uint64_t number) {
  const auto attributes = fs.stat(number);
  if (!attributes) return describe(attributes.error());
  std::string out(static_cast<std::size_t>(attributes.value().size), '\0');
  const auto count = fs.read(number, 0, std::as_writable_bytes(std::span(out)));
  return count ? out : describe(count.error());
}
std::string chars(const Bytes& bytes) { return std::string(as_chars(bytes)); }

/// Says where contents differ, not what they are.
testing::AssertionResult same(const std::string& ours, const std::string& expected) {
  if (ours == expected) return testing::AssertionSuccess();
  const auto place =
      std::mismatch(ours.begin(), ours.end(), expected.begin(), expected.end()).first -
      ours.begin();
  return testing::AssertionFailure()
         << ours.size() << " bytes (expected " << expected.size() << "), differ at " << place
         << ": " << printable(ours.substr(0, 80));
}

class Sample : public testing::TestWithParam<std::uint32_t> {
 protected:
  void SetUp() override {
    SampleVolume volume(GetParam(), GetParam());
    cluster_ = GetParam();
    fs_ = open_volume(volume.bytes());
    ASSERT_NE(fs_, nullptr);
  }
  std::uint32_t cluster_ = 0;
  FileSystemPtr fs_;
};

TEST_P(Sample, ListsEveryNameOnceFromEveryCookie) {
  std::map<std::string, std::uint64_t> all;
  std::vector<std::uint64_t> cookies{0};
  std::vector<std::string> order;
  ASSERT_TRUE(fs_->read_directory(5, 0, [&](const DirectoryEntry& entry) {
    EXPECT_TRUE(all.emplace(entry.name, entry.inode).second) << entry.name;
    order.emplace_back(entry.name);
    cookies.push_back(entry.next_cookie);
    return true;
  }));
  EXPECT_EQ(all.size(), 17U);
  EXPECT_FALSE(all.contains("$MFT"));
  EXPECT_FALSE(all.contains("."));
  for (std::size_t i = 0; i < cookies.size(); ++i) {
    std::vector<std::string> rest;
    ASSERT_TRUE(fs_->read_directory(5, cookies[i], [&](const DirectoryEntry& entry) {
      rest.emplace_back(entry.name);
      return true;
    }));
    EXPECT_EQ(rest, std::vector<std::string>(order.begin() + static_cast<std::ptrdiff_t>(i),
                                             order.end()));
  }
  for (const auto& [name, inode] : all) {
    const auto found = fs_->lookup(5, name);
    ASSERT_TRUE(found) << name << ": " << describe(found.error());
    EXPECT_EQ(found.value(), inode);
  }
}

TEST_P(Sample, ReadsContents) {
  using namespace sample;
  EXPECT_TRUE(same(content(*fs_, kPlain), "hello"));
  const std::size_t valid = 2 * std::size_t{cluster_} + 952;
  Bytes runs = pattern(valid + 2000);
  std::fill(runs.begin() + static_cast<std::ptrdiff_t>(valid), runs.end(), std::byte{0});
  EXPECT_TRUE(same(content(*fs_, kRuns), chars(runs)));
  EXPECT_TRUE(same(content(*fs_, kWof), chars(text(30000))));
  EXPECT_TRUE(same(content(*fs_, kListed), chars(pattern(4 * cluster_))));
  EXPECT_TRUE(same(content(*fs_, kLongList), chars(pattern(4 * cluster_))));
  EXPECT_TRUE(same(content(*fs_, kFilled), "here"));
  EXPECT_TRUE(same(content(*fs_, kLinked), "linked"));
  std::string compressed = std::string(4096, 'a') + chars(pattern(4096)) + std::string(8192, '\0') +
                           chars(pattern(16384)) + std::string(16284, '\0');
  EXPECT_TRUE(same(content(*fs_, kCompressed), compressed));
  std::string sparse(900 * std::size_t{cluster_}, '\0');
  const std::string island = chars(pattern(cluster_));
  sparse.replace(10 * std::size_t{cluster_}, island.size(), island);
  EXPECT_TRUE(same(content(*fs_, kSparse), sparse));
}

TEST_P(Sample, ReadsPartsAsTheWhole) {
  for (const std::uint64_t number :
       {sample::kRuns, sample::kWof, sample::kCompressed, sample::kListed, sample::kSparse}) {
    const std::string whole = content(*fs_, number);
    for (std::size_t offset = 0; offset < whole.size(); offset += 997) {
      const std::size_t size = (offset * 31) % 9000 + 1;
      std::string out(size, '?');
      const auto count = fs_->read(number, offset, std::as_writable_bytes(std::span(out)));
      ASSERT_TRUE(count);
      ASSERT_TRUE(same(out.substr(0, count.value()), whole.substr(offset, size)))
          << number << " at " << offset;
    }
  }
}

TEST_P(Sample, RefusesWhatItCannotGiveBack) {
  const auto code = [&](std::uint64_t number) {
    Bytes out(10);
    const auto count = fs_->read(number, 0, out);
    return count ? std::optional<Errc>() : count.error().code;
  };
  EXPECT_EQ(code(sample::kDedup), Errc::unsupported);
  EXPECT_EQ(code(sample::kCloud), Errc::unsupported);
  EXPECT_EQ(code(sample::kUnknownTag), Errc::unsupported);
  EXPECT_EQ(code(sample::kEncrypted), Errc::no_key);
  EXPECT_EQ(code(sample::kDirectory), Errc::is_directory);
  EXPECT_EQ(code(sample::kListedExtension), Errc::corrupt);
  EXPECT_EQ(code(60), Errc::corrupt);
}

TEST_P(Sample, ReadsLinks) {
  EXPECT_EQ(fs_->read_link(sample::kSymlink).value(), "sub/plain.txt");
  EXPECT_EQ(fs_->read_link(sample::kJunction).value(), "/D:/Data");
  EXPECT_EQ(fs_->read_link(sample::kInterix).value(), "plain.txt");
  EXPECT_EQ(fs_->stat(sample::kJunction).value().type, FileType::symlink);
  EXPECT_EQ(fs_->read_link(sample::kPlain).error().code, Errc::not_symlink);
}

TEST_P(Sample, LooksNamesUpInBothWays) {
  const auto found = [&](std::string_view name) {
    return bool(fs_->lookup(sample::kDirectory, name));
  };
  for (const char* name : {"alpha", "Beta", "case", "CASE", "delta", "middle", "zeta", "ZETA~1"})
    EXPECT_TRUE(found(name)) << name;
  for (const char* name : {"ALPHA", "beta", "Case", "free", "", "zeta~1"})
    EXPECT_FALSE(found(name)) << name;
  EXPECT_EQ(fs_->lookup_ignoring_case(sample::kDirectory, "bETA").value(), sample::kLinked);
  EXPECT_EQ(fs_->lookup_ignoring_case(sample::kDirectory, "Case").value(), sample::kLinked);
  EXPECT_EQ(fs_->lookup_ignoring_case(sample::kDirectory, "zeta~1").value(), sample::kLinked);
  EXPECT_EQ(fs_->lookup_ignoring_case(5, "SUB").value(), sample::kDirectory);
  EXPECT_EQ(fs_->lookup(5, "$MFT").value(), 0U);
  EXPECT_EQ(fs_->lookup(sample::kPlain, "x").error().code, Errc::not_directory);
  EXPECT_EQ(fs_->lookup(5, std::string(300, 'x')).error().code, Errc::not_found);
}

TEST_P(Sample, TellsAttributes) {
  const Attributes linked = fs_->stat(sample::kLinked).value();
  EXPECT_EQ(linked.permissions, 0555);
  EXPECT_EQ(linked.links, 9U);
  EXPECT_TRUE(linked.owned_by_mounter);
  EXPECT_EQ(linked.modified.seconds, 1555526401);
  EXPECT_EQ(linked.modified.nanoseconds, 100U);
  EXPECT_EQ(fs_->stat(sample::kDirectory).value().size, 5U * SampleVolume::kIndexBlock);
  EXPECT_EQ(fs_->parent(sample::kDirectory).value(), 5U);
  EXPECT_EQ(fs_->parent(5).value(), 5U);
  EXPECT_EQ(fs_->extent(sample::kSparse, 0).value(),
            (Extent{0, 10 * std::uint64_t{cluster_}, 0, Extent::Kind::zero}));
  EXPECT_EQ(fs_->extent(sample::kRuns, 2 * std::uint64_t{cluster_} + 1000).value(),
            (Extent{2 * std::uint64_t{cluster_} + 952, 2000, 0, Extent::Kind::zero}));
  EXPECT_EQ(fs_->extent(sample::kCompressed, 40000).value().kind, Extent::Kind::zero);
}

TEST_P(Sample, GivesExtendedAttributes) {
  const auto value = [&](std::uint64_t number, std::string_view name) {
    const auto found = fs_->attribute(number, name);
    return found ? found.value() : describe(found.error());
  };
  EXPECT_EQ(fs_->list_attributes(sample::kPlain).value(), std::vector<std::string>{"user.one"});
  EXPECT_EQ(fs_->list_attributes(sample::kListed).value(), std::vector<std::string>{"user.far"});
  EXPECT_TRUE(fs_->list_attributes(sample::kWof).value().empty());
  EXPECT_EQ(value(sample::kPlain, "user.one"), "stream");
  EXPECT_EQ(value(sample::kListed, "user.far"), "far away");
  EXPECT_EQ(value(sample::kPlain, "system.ntfs_attrib"), std::string("\x20\0\0\0", 4));
  EXPECT_EQ(value(sample::kPlain, "system.ntfs_attrib_be"), std::string("\0\0\0\x20", 4));
  EXPECT_EQ(value(sample::kPlain, "system.ntfs_times").size(), 32U);
  EXPECT_EQ(value(sample::kPlain, "system.ntfs_acl"), chars(sample::pattern(60)));
  EXPECT_EQ(value(sample::kPlain, "system.ntfs_object_id"),
            chars(sample::pattern(16)) + chars(sample::pattern(48)));
  EXPECT_EQ(value(sample::kPlain, "system.ntfs_ea").size(), 23U);
  EXPECT_EQ(value(sample::kLinked, "system.ntfs_dos_name"), "ZETA~1");
  EXPECT_EQ(value(sample::kWof, "system.ntfs_reparse_data"),
            chars(wof_reparse(WofFormat::xpress4k)));
  for (const char* name :
       {"user.none", "system.ntfs_none", "security.x", "system.ntfs_reparse_data"})
    EXPECT_EQ(fs_->attribute(sample::kPlain, name).error().code, Errc::no_attribute) << name;
}

TEST_P(Sample, TellsStateAndLabel) {
  const FileSystemInfo& info = fs_->info();
  EXPECT_EQ(info.label, "Sample");
  EXPECT_EQ(info.uuid, "1122334455667788");
  ASSERT_EQ(info.remarks.size(), 2U) << info.remarks.back().text;
  EXPECT_NE(info.remarks[0].text.find("dirty"), std::string::npos);
  EXPECT_NE(info.remarks[1].text.find("hibernated"), std::string::npos);
  EXPECT_EQ(fs_->usage().value().blocks_free, cluster_ == 1024 ? 135U : 103U);
}

TEST_P(Sample, FollowsAnMftWhoseRunListGoesOnInARecordOfItsOwn) {
  using Type = AttributeType;
  constexpr std::uint64_t kExtension = 15;
  SampleVolume volume(cluster_, cluster_);
  NtfsImage& image = volume.image();
  const std::uint64_t table = NtfsImage::kRecords * image.record_size();
  const std::uint64_t half = table / cluster_ / 2;
  const Bytes information =
      image.resident(Type::standard_information, NtfsImage::standard_information(0x6));
  const Bytes name = image.resident(Type::file_name, NtfsImage::file_name(5, u"$MFT"));
  const Bytes head =
      image.non_resident(Type::data, {{{image.mft_lcn(), half}}, table, table, 0, 0, 2 * half});
  const Bytes tail = image.non_resident(
      Type::data, {{{image.mft_lcn() + static_cast<std::int64_t>(half), half}}, 0, 0, half});
  Bytes list = SampleVolume::list_entry(information, 0, 0);
  append(list, SampleVolume::list_entry(name, 0, 0));
  append(list, SampleVolume::list_entry(head, 0, 0));
  append(list, SampleVolume::list_entry(tail, kExtension, half));
  image.write_record(kExtension, {{tail}, RecordHeader::kInUse, 0, 1, NtfsImage::reference(0)});
  for (const bool resident : {true, false}) {
    const Bytes listed = resident ? image.resident(Type::attribute_list, list)
                                  : image.stored(Type::attribute_list, list);
    image.write_record(0, {{information, listed, name, head}});
    const FileSystemPtr fs = open_volume(volume.bytes());
    ASSERT_NE(fs, nullptr);
    static_assert(sample::kPlain < NtfsImage::kRecords / 2 &&
                  sample::kFilled > NtfsImage::kRecords / 2);
    EXPECT_EQ(content(*fs, sample::kPlain), "hello");
    EXPECT_EQ(content(*fs, sample::kFilled), "here");
    EXPECT_EQ(content(*fs, 0).size(), table);
  }
}

INSTANTIATE_TEST_SUITE_P(Clusters, Sample, testing::Values(1024, 4096),
                         [](const auto& row) { return std::to_string(row.param); });

}  // namespace
}  // namespace imgfs::ntfs::test
