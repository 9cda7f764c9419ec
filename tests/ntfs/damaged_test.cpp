#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "core/memory_device.h"
#include "core/text.h"
#include "ntfs/ntfs.h"
#include "tests/ntfs/sample_volume.h"

namespace imgfs::ntfs::test {
namespace {

constexpr std::uint32_t kSize = 1024;  ///< of clusters and of records

/// The place of the first attribute of `type` in record `record`.
std::size_t attribute(const NtfsImage& image, const Bytes& bytes, std::uint64_t record,
                      AttributeType type) {
  std::size_t at = image.record_offset(record) +
                   get<RecordHeader>(bytes, image.record_offset(record))->attrs_offset.value();
  while (get<AttributeHeader>(bytes, at)->type.value() != static_cast<std::uint32_t>(type))
    at += get<AttributeHeader>(bytes, at)->length.value();
  return at;
}
std::size_t index_block(const Bytes& bytes, std::size_t which, std::u16string_view containing) {
  const Bytes name = utf16(containing);
  for (std::size_t at = 0; at + 1024 <= bytes.size(); at += 1024) {
    if (as_chars(std::span(bytes).subspan(at, 4)) != "INDX") continue;
    const auto block = std::span(bytes).subspan(at, 1024);
    if (std::search(block.begin(), block.end(), name.begin(), name.end()) != block.end() &&
        which-- == 0)
      return at;
  }
  ADD_FAILURE() << "no such block";
  return 0;
}

using Damage = std::function<void(const NtfsImage&, Bytes&)>;  ///< before the records are protected
using Answer = std::optional<Errc>;                            ///< nothing: it works
using Question = std::function<Answer(const FileSystem&)>;

template <class T>
Answer answer(const Result<T>& result) {
  return result ? Answer() : Answer(result.error().code);
}
Question stat(std::uint64_t inode) {
  return [=](const FileSystem& fs) { return answer(fs.stat(inode)); };
}
Question read(std::uint64_t inode) {
  return [=](const FileSystem& fs) {
    Bytes out(100);
    return answer(fs.read(inode, 0, out));
  };
}
Question lookup(std::uint64_t directory, std::string name) {
  return [=](const FileSystem& fs) { return answer(fs.lookup(directory, name)); };
}
Question list(std::uint64_t directory) {
  return [=](const FileSystem& fs) {
    return answer(fs.read_directory(directory, 0, [](const DirectoryEntry&) { return true; }));
  };
}
Question link(std::uint64_t inode) {
  return [=](const FileSystem& fs) { return answer(fs.read_link(inode)); };
}

struct DamageCase {
  const char* name;
  Damage damage;
  Question question;
  Answer expected;
  const char* remark = "";  ///< a part of one that must be there
};
void PrintTo(const DamageCase& c, std::ostream* os) { *os << c.name; }
class Damaged : public testing::TestWithParam<DamageCase> {};

TEST_P(Damaged, AnswersHonestly) {
  SampleVolume volume(kSize, kSize);
  Bytes bytes = volume.image().bytes();
  GetParam().damage(volume.image(), bytes);
  protect_all(bytes, kSize, SampleVolume::kIndexBlock);
  const auto fs =
      file_system_type().open(std::make_shared<MemoryDevice>(std::move(bytes)), Recovery::log);
  if (!GetParam().question) {
    ASSERT_FALSE(fs);
    EXPECT_EQ(fs.error().code, GetParam().expected);
    return;
  }
  ASSERT_TRUE(fs) << describe(fs.error());
  EXPECT_EQ(GetParam().question(*fs.value()), GetParam().expected);
  std::string remarks;
  for (const Remark& remark : fs.value()->info().remarks) remarks += remark.text + "\n";
  EXPECT_NE(remarks.find(GetParam().remark), std::string::npos) << remarks;
}

const Question kNoVolume;  ///< opening fails
using T = AttributeType;
using namespace sample;

/// Overwrites `width` bytes at `offset` in the first attribute of `type`.
Damage in_attribute(std::uint64_t record, T type, std::size_t offset, std::uint64_t value,
                    int width) {
  return [=](const NtfsImage& image, Bytes& bytes) {
    put_at(bytes, attribute(image, bytes, record, type) + offset, value, width);
  };
}
Damage in_record(std::uint64_t record, std::size_t offset, std::uint64_t value, int width) {
  return [=](const NtfsImage& image, Bytes& bytes) {
    put_at(bytes, image.record_offset(record) + offset, value, width);
  };
}
Damage in_block(std::u16string containing, std::size_t offset, std::uint64_t value, int width) {
  return [=](const NtfsImage&, Bytes& bytes) {
    put_at(bytes, index_block(bytes, 0, containing) + offset, value, width);
  };
}
Damage in_both(std::uint64_t offset, std::uint64_t value) {
  return [=](const NtfsImage&, Bytes& bytes) {
    put_at(bytes, offset, value, 1);
    put_at(bytes, bytes.size() - 512 + offset, value, 1);
  };
}

INSTANTIATE_TEST_SUITE_P(Ntfs, Damaged,
                         testing::
                             ValuesIn(std::
                                          vector<DamageCase>{
                                              {"nothing",
                                               [](const NtfsImage&, Bytes&) {},
                                               stat(kPlain),
                                               {}},
                                              {"boot_sector",
                                               [](const NtfsImage&, Bytes& bytes) {
                                                 bytes[0xb] = std::byte{1};
                                               },
                                               list(5),
                                               {},
                                               "backup was taken"},
                                              {"both_boot_sectors", in_both(0xb, 1), kNoVolume,
                                               Errc::corrupt},
                                              {"mft_record_0",
                                               in_record(0, 0, 0, 4),
                                               list(5),
                                               {},
                                               "MFT record 0 is damaged"},
                                              {"mft_record_3",
                                               in_record(3, 0, 0, 4),
                                               list(5),
                                               {},
                                               "MFT record 3 is damaged"},
                                              {"root", in_record(5, 0, 0, 4), kNoVolume,
                                               Errc::corrupt},
                                              {"root_is_no_directory", in_record(5, 0x16, 1, 2),
                                               kNoVolume, Errc::corrupt},
                                              {"upcase",
                                               in_record(10, 0, 0, 4),
                                               lookup(kDirectory, "zeta"),
                                               {},
                                               "$UpCase cannot be read"},
                                              {"upcase_ignoring_case",
                                               in_record(10, 0, 0, 4),
                                               [](const FileSystem& fs) {
                                                 return answer(
                                                     fs.lookup_ignoring_case(5, "PLAIN.txt"));
                                               },
                                               {}},
                                              {"update_sequence_elsewhere",
                                               in_record(kPlain, 4, 1020, 2), stat(kPlain),
                                               Errc::corrupt},
                                              {"update_sequence_too_short",
                                               in_record(kPlain, 6, 2, 2), stat(kPlain),
                                               Errc::corrupt},
                                              {"attributes_past_the_end",
                                               in_record(kPlain, 0x14, 1016, 2), stat(kPlain),
                                               Errc::corrupt},
                                              {"more_used_than_there_is",
                                               in_record(kPlain, 0x18, 4096, 4), stat(kPlain),
                                               Errc::corrupt},
                                              {"free_record", in_record(kPlain, 0x16, 0, 2),
                                               stat(kPlain), Errc::not_found},
                                              {"name_of_a_free_record",
                                               in_record(kPlain, 0x16, 0, 2),
                                               lookup(5, "plain.txt"), Errc::corrupt},
                                              {"record_used_again", in_record(kPlain, 0x10, 9, 2),
                                               lookup(5, "plain.txt"), Errc::corrupt},
                                              {"attribute_of_0_bytes",
                                               in_attribute(kPlain, T::file_name, 4, 0, 4),
                                               stat(kPlain), Errc::corrupt},
                                              {"attribute_of_5_bytes",
                                               in_attribute(kPlain, T::file_name, 4, 5, 4),
                                               stat(kPlain), Errc::corrupt},
                                              {"value_outside",
                                               in_attribute(kPlain, T::file_name, 20, 500, 2),
                                               stat(kPlain), Errc::corrupt},
                                              {"attribute_name_outside",
                                               in_attribute(kListedExtension, T::data, 9, 255, 1),
                                               read(kListed), Errc::corrupt},
                                              {"no_standard_information",
                                               in_attribute(kPlain, T::standard_information, 0,
                                                            0x11, 4),
                                               stat(kPlain), Errc::corrupt},
                                              {"run_past_the_volume",
                                               in_attribute(kRuns, T::data, 64 + 5, 0x7fffff, 4),
                                               read(kRuns), Errc::corrupt},
                                              {"stat_of_the_same",
                                               in_attribute(kRuns, T::data, 64 + 5, 0x7fffff, 4),
                                               stat(kRuns),
                                               {}},
                                              {"more_data_than_clusters",
                                               in_attribute(kRuns, T::data, 48, 1 << 20, 8),
                                               read(kRuns), Errc::corrupt},
                                              {"more_valid_than_data",
                                               in_attribute(kRuns, T::data, 56, 1 << 20, 8),
                                               read(kRuns), Errc::corrupt},
                                              {"data_begin_late",
                                               in_attribute(kRuns, T::data, 16, 1, 8),
                                               read(kRuns), Errc::corrupt},
                                              {"mapping_pairs_outside",
                                               in_attribute(kRuns, T::data, 32, 5000, 2),
                                               stat(kRuns), Errc::corrupt},
                                              {"unit_of_0_clusters",
                                               in_attribute(kCompressed, T::data, 34, 0, 1),
                                               read(kCompressed), Errc::corrupt},
                                              {"unit_of_2_to_30_clusters",
                                               in_attribute(kCompressed, T::data, 34, 30, 1),
                                               read(kCompressed), Errc::corrupt},
                                              {"unknown_compression",
                                               in_attribute(kCompressed, T::data, 12, 2, 2),
                                               read(kCompressed), Errc::unsupported},
                                              {"list_names_what_is_not_there",
                                               in_attribute(kListedExtension, T::data, 14, 999, 2),
                                               read(kListed), Errc::corrupt},
                                              {"extension_of_another",
                                               in_record(kListedExtension, 0x20, 24, 8),
                                               read(kListed), Errc::corrupt},
                                              {"list_entry_of_0_bytes",
                                               in_attribute(kListed, T::attribute_list, 24 + 4,
                                                            0, 2),
                                               stat(kListed), Errc::corrupt},
                                              {"index_block_of_another",
                                               in_block(u"alpha", 16, 77, 8),
                                               lookup(kDirectory, "alpha"), Errc::corrupt},
                                              {"same_in_a_listing", in_block(u"alpha", 16, 77, 8),
                                               list(kDirectory), Errc::corrupt},
                                              {"index_block_without_magic",
                                               in_block(u"alpha", 0, 0, 4), list(kDirectory),
                                               Errc::corrupt},
                                              {"entries_outside", in_block(u"alpha", 24, 4096, 4),
                                               list(kDirectory), Errc::corrupt},
                                              {"entry_of_0_bytes",
                                               in_block(u"alpha", 48 + 8, 0, 2), list(kDirectory),
                                               Errc::corrupt},
                                              {"key_longer_than_entry",
                                               in_block(u"alpha", 48 + 10, 400, 2),
                                               list(kDirectory), Errc::corrupt},
                                              {"name_longer_than_key",
                                               in_block(u"alpha", 48 + 16 + 64, 200, 1),
                                               list(kDirectory), Errc::corrupt},
                                              {"tree_in_a_circle",
                                               [](const NtfsImage&, Bytes& bytes) {
                                                 // The child of "case" in block 1 is block 1
                                                 // itself.
                                                 const std::size_t at =
                                                     index_block(bytes, 0, u"case");
                                                 const std::size_t length =
                                                     get<le16>(bytes, at + 48 + 8)->value();
                                                 put_at(bytes, at + 48 + length - 8, 1, 8);
                                               },
                                               lookup(kDirectory, "alpha"), Errc::corrupt},
                                              {"child_past_the_end",
                                               [](const NtfsImage&, Bytes& bytes) {
                                                 const std::size_t at =
                                                     index_block(bytes, 0, u"case");
                                                 const std::size_t length =
                                                     get<le16>(bytes, at + 48 + 8)->value();
                                                 put_at(bytes, at + 48 + length - 8, 99, 8);
                                               },
                                               lookup(kDirectory, "alpha"), Errc::corrupt},
                                              {"wof_of_a_wim",
                                               in_attribute(kWof, T::reparse_point, 24 + 12, 1, 4),
                                               read(kWof), Errc::unsupported},
                                              {"wof_format_9",
                                               in_attribute(kWof, T::reparse_point, 24 + 20, 9, 4),
                                               read(kWof), Errc::unsupported},
                                              {"wof_other_format",
                                               in_attribute(kWof, T::reparse_point, 24 + 20, 1, 4),
                                               read(kWof), Errc::corrupt},
                                              {"wof_chunk_table",
                                               [](const NtfsImage& image, Bytes& bytes) {
                                                 const Bytes stream =
                                                     wof_stream(text(30000), WofFormat::xpress4k);
                                                 const auto at =
                                                     std::search(bytes.begin(), bytes.end(),
                                                                 stream.begin(), stream.end()) -
                                                     bytes.begin();
                                                 put_at(bytes, static_cast<std::size_t>(at),
                                                        0xffffff, 4);
                                                 static_cast<void>(image);
                                               },
                                               read(kWof), Errc::corrupt},
                                              {"link_outside",
                                               in_attribute(kSymlink, T::reparse_point, 24 + 10,
                                                            6000, 2),
                                               link(kSymlink), Errc::corrupt},
                                              {"stat_of_that_link",
                                               in_attribute(kSymlink, T::reparse_point, 24 + 10,
                                                            6000, 2),
                                               stat(kSymlink),
                                               {}},
                                              {"cut_off",
                                               [](const NtfsImage&,
                                                  Bytes&
                                                      bytes) { bytes.resize(bytes.size() - 2048); },
                                               list(5),
                                               {},
                                               "cut off"},
                                          }),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Damaged, TornWriteOfARecordIsSeen) {
  SampleVolume volume(kSize, kSize);
  Bytes bytes = volume.bytes();
  bytes[volume.image().record_offset(kPlain) + 510] ^= std::byte{1};
  const auto fs =
      file_system_type().open(std::make_shared<MemoryDevice>(std::move(bytes)), Recovery::log);
  ASSERT_TRUE(fs);
  EXPECT_EQ(fs.value()->stat(kPlain).error().code, Errc::corrupt);
  EXPECT_NE(fs.value()->stat(kPlain).error().what.find("torn write"), std::string::npos);
}

/// Counts what is read of another device.
class CountingDevice final : public BlockDevice {
 public:
  explicit CountingDevice(Bytes content) : device_(std::move(content)) {}
  std::uint64_t size() const override { return device_.size(); }
  mutable std::atomic<std::uint64_t> count{0};

 private:
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override {
    count += out.size();
    return device_.read(offset, out);
  }
  MemoryDevice device_;
};

TEST(Wof, ReadsOnlyTheChunksThatAReadNeeds) {
  SampleVolume volume(kSize, kSize);
  const auto device = std::make_shared<CountingDevice>(volume.bytes());
  const auto fs = file_system_type().open(device, Recovery::log);
  ASSERT_TRUE(fs);
  Bytes out(1);
  ASSERT_TRUE(fs.value()->read(kWof, 0, out));
  const std::uint64_t before = device->count;
  ASSERT_TRUE(fs.value()->read(kWof, 17000, out));
  EXPECT_LE(device->count - before, 4096U + 8U);
  EXPECT_EQ(out[0], text(30000)[17000]);
  const std::uint64_t after = device->count;
  ASSERT_TRUE(fs.value()->read(kWof, 17001, out));
  EXPECT_EQ(device->count, after);  // the chunk is kept
}

}  // namespace
}  // namespace imgfs::ntfs::test
