#include <gtest/gtest.h>

#include <functional>

#include "fat/names.h"
#include "fat/times.h"
#include "tests/fat/fat_builder.h"

namespace imgfs::fat {
namespace {

/// "name name/ …": a directory's entries in their order; "!" where the listing ends with an error.
std::string listing(const FileSystem& fs, std::uint64_t directory) {
  std::string out;
  const auto done = fs.read_directory(directory, 0, [&](const DirectoryEntry& entry) {
    (out += out.empty() ? "" : " ") += std::string(entry.name) + (entry.type == FileType::directory ? "/" : "");
    return true;
  });
  return done ? out : out + "!";
}
std::string root_listing(const FatBuilder& fat) {
  const auto fs = fat.open();
  return fs ? listing(*fs.value(), fs.value()->root()) : "no file system";
}
Result<std::string> content(const FileSystem& fs, std::string_view name) {
  const std::uint64_t inode = TRY(fs.lookup(fs.root(), name));
  std::vector<std::byte> bytes(100'000);
  const std::size_t count = TRY(fs.read(inode, 0, bytes));
  return std::string(as_chars(bytes).substr(0, count));
}

struct NameRow {
  const char* name;
  std::function<void(FatBuilder&, std::size_t root)> build;
  const char* expected;
};

constexpr std::string_view kShort = "LONGNA~1TXT";

const NameRow kNames[] = {
    {"Nothing", [](FatBuilder&, std::size_t) {}, ""},
    {"Short", [](FatBuilder& f, std::size_t r) { f.entry(r, "README  TXT", 0x20, 0, 0); }, "README.TXT"},
    {"WithoutExtension", [](FatBuilder& f, std::size_t r) { f.entry(r, "README     ", 0x20, 0, 0); }, "README"},
    {"LowerBase", [](FatBuilder& f, std::size_t r) { f.entry(r, "README  TXT", 0x20, 0, 0, 0x08); }, "readme.TXT"},
    {"LowerExtension", [](FatBuilder& f, std::size_t r) { f.entry(r, "README  TXT", 0x20, 0, 0, 0x10); }, "README.txt"},
    {"LowerBoth", [](FatBuilder& f, std::size_t r) { f.entry(r, "R\x8e\x99\x9a""\xa5\x90  TXT", 0x20, 0, 0, 0x18); }, "räöüñé.txt"},
    {"BlanksInside", [](FatBuilder& f, std::size_t r) { f.entry(r, "A B     C D", 0x20, 0, 0); }, "A B.C D"},
    {"CodePage", [](FatBuilder& f, std::size_t r) { f.entry(r, "\x80\x81\xe1\xfe    \xff  ", 0x20, 0, 0); }, "Çüß■.\xc2\xa0"},
    {"FirstLetterE5", [](FatBuilder& f, std::size_t r) { f.entry(r, "\x05X         ", 0x20, 0, 0); }, "σX"},
    {"DeletedAndFree", [](FatBuilder& f, std::size_t r) { f.entry(r, "\xe5X         ", 0x20, 0, 0).entry(r + 64, "B          ", 0x20, 0, 0); }, "B"},
    {"LabelIsNoEntry", [](FatBuilder& f, std::size_t r) { f.entry(r, "MY LABEL   ", 0x08, 0, 0).entry(r + 32, "A          ", 0x20, 0, 0); }, "A"},
    {"Long", [](FatBuilder& f, std::size_t r) { r += f.long_name(r, u"Long Name.txt", kShort), f.entry(r, kShort, 0x20, 0, 0); }, "Long Name.txt"},
    {"LongOfSeveralPieces", [](FatBuilder& f, std::size_t r) { r += f.long_name(r, u"a name of more than 26 units: \u6839 \xd83d\xdc27", kShort), f.entry(r, kShort, 0x10, 5, 0); },
     "a name of more than 26 units: 根 🐧/"},
    {"Of255Units", [](FatBuilder& f, std::size_t r) { r += f.long_name(r, std::u16string(255, u'x'), kShort), f.entry(r, kShort, 0x20, 0, 0); },
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
    {"UnpairedSurrogate", [](FatBuilder& f, std::size_t r) { const std::u16string n{u'a', 0xd800}; r += f.long_name(r, n, kShort), f.entry(r, kShort, 0x20, 0, 0); },
     "a\xed\xa0\x80"},
    {"WrongChecksum", [](FatBuilder& f, std::size_t r) { r += f.long_name(r, u"Long", "OTHER      "), f.entry(r, kShort, 0x20, 0, 0); }, "LONGNA~1.TXT"},
    {"PieceMissing", [](FatBuilder& f, std::size_t r) { r += f.long_name(r, u"a name of two pieces", kShort), f.entry(r - 32, "B          ", 0x20, 0, 0).entry(r, kShort, 0x20, 0, 0); },
     "B LONGNA~1.TXT"},
    {"PiecesOfTwoNames", [](FatBuilder& f, std::size_t r) { f.long_name(r, u"a name of two pieces", kShort); r += 32; r += f.long_name(r, u"second", kShort), f.entry(r, kShort, 0x20, 0, 0); },
     "second"},
    {"PieceOutOfOrder", [](FatBuilder& f, std::size_t r) { r += f.long_name(r, u"a name of two pieces", kShort), f.number(r - 32, 3, 1).entry(r, kShort, 0x20, 0, 0); },
     "LONGNA~1.TXT"},
    {"FirstPieceOfTooMany", [](FatBuilder& f, std::size_t r) { r += f.long_name(r, u"x", kShort), f.number(r - 32, 0x40 | 21, 1).entry(r, kShort, 0x20, 0, 0); }, "LONGNA~1.TXT"},
    {"LongNameAtTheEnd", [](FatBuilder& f, std::size_t r) { f.entry(r, "A          ", 0x20, 0, 0).long_name(r + 63 * 32, u"x", kShort); }, "A"},
    {"DotsInTheRoot", [](FatBuilder& f, std::size_t r) { f.entry(r, ".          ", 0x10, 0, 0).entry(r + 32, "..         ", 0x10, 0, 0); }, ""},
    {"SlashAndNothing", [](FatBuilder& f, std::size_t r) { f.entry(r, "A/B        ", 0x20, 0, 0).entry(r + 32, "           ", 0x20, 0, 0); }, "A/B "},
};

class FatNames : public testing::TestWithParam<NameRow> {};

TEST_P(FatNames, AreShownAsByLinux) {
  FatBuilder fat;
  GetParam().build(fat, fat.root_at());
  EXPECT_EQ(root_listing(fat), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(All, FatNames, testing::ValuesIn(kNames), [](const auto& row) { return std::string(row.param.name); });

/// A file of five clusters, not in order, in each kind of FAT; its bytes say where in the file they are.
FatBuilder with_file(FatOptions options) {
  FatBuilder fat(options);
  const std::vector<std::size_t> clusters = {9, 10, 5, 20, 6};
  const std::size_t size = fat.cluster_size();
  fat.chain(clusters).entry(fat.root_at(), "FILE       ", 0x21, clusters[0], 4 * size + 100);
  for (std::size_t i = 0; i < clusters.size(); ++i)
    for (std::size_t at = 0; at < size; at += 4) fat.number(fat.cluster_at(clusters[i]) + at, i * size + at, 4);
  return fat;
}

TEST(Fat, ClustersAreFollowedInEachKind) {
  for (const FatOptions options : {FatOptions{12}, FatOptions{16}, FatOptions{32}, FatOptions{12, 4096, 1, 128}, FatOptions{32, 512, 8},
                                   FatOptions{12, 512, 128, 16, 30}, FatOptions{32, 1024, 2, 0, 0, 1}, FatOptions{12, 512, 1, 16, 4084}, FatOptions{16, 512, 1, 16, 4085}}) {
    const FatBuilder fat = with_file(options);
    ASSERT_TRUE(fat.probe());
    const auto fs = fat.open();
    ASSERT_TRUE(fs) << describe(fs.error());
    EXPECT_EQ(fs.value()->info().features[0], "FAT" + std::to_string(options.bits));
    EXPECT_EQ(fs.value()->info().uuid, "1234-ABCD");
    const std::uint64_t inode = fs.value()->lookup(1, "FILE").value();
    const Attributes a = fs.value()->stat(inode).value();
    EXPECT_EQ(a.size, 4 * fat.cluster_size() + 100);
    EXPECT_EQ(a.blocks, 5 * fat.cluster_size() / 512);
    EXPECT_EQ(a.permissions, 0555);
    EXPECT_EQ(a.modified.seconds, 981173106);  // 2001-02-03 04:05:06
    EXPECT_EQ(a.accessed.seconds, 1015200000);  // 2002-03-04
    std::vector<std::byte> bytes(a.size + 10);
    ASSERT_EQ(fs.value()->read(inode, 0, bytes).value(), a.size);
    for (std::size_t at = 0; at < a.size; at += 4) ASSERT_EQ(get<le32>(bytes, at)->value(), at);
    ASSERT_EQ(fs.value()->read(inode, fat.cluster_size() * 2 - 2, std::span(bytes).first(6)).value(), 6U);
    EXPECT_EQ(get<le32>(bytes, 2)->value(), fat.cluster_size() * 2);
    EXPECT_EQ(fs.value()->read(inode, a.size, bytes).value(), 0U);
    EXPECT_EQ(fs.value()->usage().value().blocks_free, fs.value()->usage().value().blocks - (options.bits == 32 ? 6 : 5));
  }
}

struct ChainRow {
  const char* name;
  std::function<void(FatBuilder&)> change;
  const char* error;
};
const ChainRow kChains[] = {
    {"EndsTooEarly", [](FatBuilder& f) { f.fat(5, f.end()); }, "ends before the file does"},
    {"LeadsToAFreeCluster", [](FatBuilder& f) { f.fat(20, 0); }, "free, impossible or earlier"},
    {"LeadsToClusterOne", [](FatBuilder& f) { f.fat(20, 1); }, "free, impossible or earlier"},
    {"LeadsPastTheEnd", [](FatBuilder& f) { f.fat(20, 0xff0); }, "free, impossible or earlier"},
    {"LeadsToABadCluster", [](FatBuilder& f) { f.fat(20, f.end() - 8); }, "ends before the file does"},
    {"IsALoop", [](FatBuilder& f) { f.fat(20, 10); }, "free, impossible or earlier"},
    {"LeadsToItself", [](FatBuilder& f) { f.fat(9, 9); }, "free, impossible or earlier"},
    {"BeginsNowhere", [](FatBuilder& f) { f.number(f.root_at() + 26, 0, 2); }, "free, impossible or earlier"},
    {"BeginsPastTheEnd", [](FatBuilder& f) { f.number(f.root_at() + 26, 0x9999, 2); }, "free, impossible or earlier"},
    {"BeginsWithTheEndMark", [](FatBuilder& f) { f.number(f.root_at() + 26, 0xffff, 2); }, "free, impossible or earlier"},
};

TEST(Fat, ABrokenChainIsAnErrorAndNotZeros) {
  for (const unsigned bits : {12U, 16U, 32U})
    for (const ChainRow& row : kChains) {
      if (bits == 16 && std::string_view(row.name) == "LeadsPastTheEnd") continue;  // a valid number there
      FatBuilder fat = with_file({bits});
      row.change(fat);
      const auto fs = fat.open();
      ASSERT_TRUE(fs);
      const auto text = content(*fs.value(), "FILE");
      ASSERT_FALSE(text) << row.name << bits;
      EXPECT_EQ(text.error().code, Errc::corrupt) << row.name;
      EXPECT_NE(text.error().what.find(row.error), std::string::npos) << row.name << bits << ": " << text.error().what;
    }
}

TEST(Fat, DirectoriesOfSeveralClusters) {
  for (const unsigned bits : {12U, 16U, 32U}) {
    FatBuilder fat({bits});
    fat.entry(fat.root_at(), "DIR        ", 0x10, 7, 0).chain({7, 12}).dots(7, 0);
    for (std::size_t i = 2; i < 16; ++i) fat.entry(fat.cluster_at(7) + i * 32, "A" + std::string(1, static_cast<char>('A' + i)) + "         ", 0x20, 0, 0);
    const std::string name = "LONGNA~1TXT";  // its pieces on both sides of the border
    fat.long_name(fat.cluster_at(7) + 15 * 32, u"over the border.txt", name);
    std::vector<std::byte>& b = fat.bytes();
    std::copy_n(b.begin() + static_cast<std::ptrdiff_t>(fat.cluster_at(8)), 32, b.begin() + static_cast<std::ptrdiff_t>(fat.cluster_at(12)));
    fat.entry(fat.cluster_at(12) + 32, name, 0x20, 0, 0).entry(fat.cluster_at(12) + 64, "SUB        ", 0x10, 30, 0).chain({30}).dots(30, 7);
    const auto opened = fat.open();
    const FileSystem& fs = *opened.value();
    const std::uint64_t directory = fs.lookup(1, "dir").value();
    EXPECT_EQ(listing(fs, directory), "AC AD AE AF AG AH AI AJ AK AL AM AN AO over the border.txt SUB/");
    const std::uint64_t sub = fs.lookup(directory, "SUB").value();
    EXPECT_EQ(fs.parent(sub).value(), directory);
    EXPECT_EQ(fs.parent(directory).value(), fs.root());
    EXPECT_EQ(fs.stat(directory).value().links, 3U);
    EXPECT_EQ(fs.stat(directory).value().size, 1024U);
    EXPECT_EQ(fs.stat(fs.root()).value().links, 3U);
    // From every cookie on, the rest is the same.
    std::vector<std::pair<std::string, std::uint64_t>> all;
    ASSERT_TRUE(fs.read_directory(directory, 0, [&](const DirectoryEntry& e) { return all.emplace_back(e.name, e.next_cookie), true; }));
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::size_t at = i + 1;
      ASSERT_TRUE(fs.read_directory(directory, all[i].second, [&](const DirectoryEntry& e) { return at < all.size() && e.name == all[at++].first; }));
      EXPECT_EQ(at, all.size());
    }
  }
}

TEST(Fat, LookupIgnoresCaseAndKnowsShortNames) {
  FatBuilder fat;
  std::size_t at = fat.root_at();
  at += fat.long_name(at, u"Long Name.txt", kShort);
  fat.entry(at, kShort, 0x20, 0, 0).entry(at + 32, "A          ", 0x20, 0, 0).entry(at + 64, "A          ", 0x20, 0, 0, 0x08);
  const auto opened = fat.open();
  const FileSystem& fs = *opened.value();
  const auto inode = fs.lookup(1, "Long Name.txt").value();
  for (const char* name : {"LONG NAME.TXT", "longna~1.txt", "long name.txt..."}) EXPECT_EQ(fs.lookup(1, name).value(), inode) << name;
  EXPECT_NE(fs.lookup(1, "A").value(), fs.lookup(1, "a").value());  // what is listed goes first
  for (const char* name : {"Long Name", "", ".", "...", "Long Name.tx"}) {
    const auto missing = fs.lookup(1, name);
    ASSERT_FALSE(missing) << name;
    EXPECT_EQ(missing.error().code, Errc::not_found);
  }
}

TEST(Fat, BrokenDirectories) {
  FatBuilder fat;
  fat.entry(fat.root_at(), "LOOP       ", 0x10, 7, 0).fat(7, 8).fat(8, 7).dots(7, 0);
  fat.entry(fat.root_at() + 32, "LOST       ", 0x10, 9, 0).fat(9, 0x333).dots(9, 0).entry(fat.cluster_at(9) + 64, "FIRST      ", 0x20, 0, 0);
  fat.entry(fat.root_at() + 64, "NONE       ", 0x10, 0, 0);
  fat.entry(fat.root_at() + 96, "NODOTS     ", 0x10, 11, 0).chain({11});
  fat.entry(fat.root_at() + 128, "AGAIN      ", 0x10, 12, 0).chain({12}).dots(12, 0).entry(fat.cluster_at(12) + 64, "SELF       ", 0x10, 12, 0);
  const auto opened = fat.open();
  const FileSystem& fs = *opened.value();
  EXPECT_EQ(listing(fs, fs.lookup(1, "LOOP").value()), "!");
  EXPECT_EQ(listing(fs, fs.lookup(1, "LOST").value()), "FIRST!");
  EXPECT_EQ(fs.lookup(fs.lookup(1, "LOST").value(), "SECOND").error().code, Errc::corrupt);
  EXPECT_EQ(listing(fs, fs.lookup(1, "NONE").value()), "");
  EXPECT_FALSE(fs.parent(fs.lookup(1, "NODOTS").value()));
  const auto again = fs.lookup(1, "AGAIN").value();
  const auto self = fs.lookup(again, "SELF").value();
  EXPECT_EQ(fs.parent(again).value(), fs.root());
  EXPECT_NE(fs.parent(self).value(), again);  // so no walk follows it
  EXPECT_EQ(fs.lookup(fs.lookup(1, "NONE").value(), "x").error().code, Errc::not_found);
}

TEST(Fat, ErrorsOfTheWrongKindOfObject) {
  FatBuilder fat;
  fat.entry(fat.root_at(), "FILE       ", 0x20, 0, 0).entry(fat.root_at() + 32, "DIR        ", 0x10, 5, 0).chain({5}).dots(5, 0);
  const auto opened = fat.open();
  const FileSystem& fs = *opened.value();
  const auto file = fs.lookup(1, "FILE").value();
  const auto directory = fs.lookup(1, "DIR").value();
  std::byte byte[1];
  EXPECT_EQ(fs.lookup(file, "x").error().code, Errc::not_directory);
  EXPECT_EQ(fs.read(directory, 0, byte).error().code, Errc::is_directory);
  EXPECT_EQ(fs.read(1, 0, byte).error().code, Errc::is_directory);
  EXPECT_EQ(fs.read(file, 0, byte).value(), 0U);
  EXPECT_EQ(fs.read_link(file).error().code, Errc::not_symlink);
  EXPECT_EQ(fs.attribute(file, "user.x").error().code, Errc::no_attribute);
  EXPECT_TRUE(fs.without_attributes());
  for (const std::uint64_t inode : {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{1} << 32, (std::uint64_t{1} << 56) - 1, UINT64_MAX})
    EXPECT_FALSE(fs.stat(inode)) << inode;
}

struct BootRow {
  const char* name;
  std::function<void(FatBuilder&)> change;
};
const BootRow kBoots[] = {
    {"sector size 500", [](FatBuilder& f) { f.number(11, 500, 2); }},
    {"sector size 8192", [](FatBuilder& f) { f.number(11, 8192, 2); }},
    {"cluster of 0 sectors", [](FatBuilder& f) { f.number(13, 0, 1); }},
    {"cluster of 3 sectors", [](FatBuilder& f) { f.number(13, 3, 1); }},
    {"nothing reserved", [](FatBuilder& f) { f.number(14, 0, 2); }},
    {"no FAT", [](FatBuilder& f) { f.number(16, 0, 1); }},
    {"media", [](FatBuilder& f) { f.number(21, 0x77, 1); }},
    {"FAT of 0 sectors", [](FatBuilder& f) { f.number(22, 0, 2); }},
    {"half a root sector", [](FatBuilder& f) { f.number(17, 65, 2); }},
    {"data past the end", [](FatBuilder& f) { f.number(32, 3, 4); }},
    {"FAT past the device", [](FatBuilder& f) { f.number(22, 0xffff, 2).number(32, 0xffffffff, 4); }},
    {"too many clusters for FAT16", [](FatBuilder& f) { f.number(22, 300, 2).number(32, 0xfffffff, 4); }},
};

TEST(Fat, ImpossibleBootSectorsAreRefused) {
  for (const BootRow& row : kBoots) {
    FatBuilder fat;
    row.change(fat);
    EXPECT_FALSE(fat.open()) << row.name;
    EXPECT_FALSE(fat.probe()) << row.name;
  }
  FatBuilder root({32});
  EXPECT_FALSE(root.number(44, 1, 4).open());
  EXPECT_FALSE(root.number(44, 302, 4).open());
  EXPECT_FALSE(FatBuilder().text(3, "NTFS    ").probe());
  EXPECT_TRUE(FatBuilder().number(510, 0, 2).probe());
  EXPECT_FALSE(FatBuilder().number(510, 0, 2).number(0, 0, 1).fat(0, 0).probe());
  EXPECT_FALSE(file_system_type().probe(MemoryDevice(std::vector<std::byte>(100))));
}

TEST(Fat, TheActiveFatIsUsed) {
  FatBuilder fat = with_file({32});
  const std::size_t first = 8 * 512;
  fat.number(first + 9 * 4, 0, 4);  // the first copy is broken
  EXPECT_FALSE(content(*fat.open().value(), "FILE"));
  fat.number(40, 0x81, 2);
  EXPECT_TRUE(content(*fat.open().value(), "FILE"));
  EXPECT_FALSE(fat.number(40, 0x85, 2).open());
}

TEST(Fat, LabelAndRemarks) {
  FatBuilder fat;
  fat.entry(fat.root_at(), "\xe5OLD       ", 0x08, 0, 0).entry(fat.root_at() + 32, "EFI SYSTEM ", 0x28, 0, 0).number(37, 1, 1);
  const auto fs = fat.open();
  EXPECT_EQ(fs.value()->info().label, "EFI SYSTEM");
  ASSERT_EQ(fs.value()->info().remarks.size(), 1U);
  EXPECT_EQ(fs.value()->info().remarks[0].kind, Remark::Kind::unclean);
  fat.bytes().resize(fat.bytes().size() - 512);
  EXPECT_EQ(fat.open().value()->info().remarks.size(), 2U);
}

TEST(FatTimes, EveryDayAsTheCalendarHasIt) {
  std::int64_t days = 3652;  // 1980-01-01
  for (unsigned year = 0; year < 128; ++year)
    for (unsigned month = 1; month <= 12; ++month) {
      const bool leap = year % 4 == 0 && year != 120;
      constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
      for (unsigned day = 1; day <= kDays[month - 1] + (month == 2 && leap ? 1 : 0); ++day, ++days)
        ASSERT_EQ(timestamp(static_cast<std::uint16_t>(year << 9 | month << 5 | day), 0).seconds, days * 86400)
            << 1980 + year << "-" << month << "-" << day;
    }
  EXPECT_EQ(timestamp(0, 0).seconds, 315532800);  // never set: 1980-01-01, as Linux
  EXPECT_EQ(timestamp(0x21, 23 << 11 | 59 << 5 | 29).seconds, 315532800 + 86398);
}

}  // namespace
}  // namespace imgfs::fat
