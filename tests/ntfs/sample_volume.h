#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "ntfs/wof.h"
#include "tests/ntfs/ntfs_image.h"

namespace imgfs::ntfs::test {

/// What the files of the sample volume are called and where they are.
namespace sample {
constexpr std::uint64_t kPlain = 24, kRuns = 25, kSparse = 26, kCompressed = 27, kWof = 28,
                        kSymlink = 29, kJunction = 30, kDedup = 31, kCloud = 32, kListed = 33,
                        kListedExtension = 34, kDirectory = 35, kInterix = 36, kLinked = 37,
                        kEncrypted = 38, kFilled = 39, kObjectIds = 40, kHibernation = 41,
                        kLongList = 42, kLongListExtension = 43, kUnknownTag = 44;
/// Content whose every byte tells where it is.
inline Bytes pattern(std::size_t size) {
  Bytes out;
  for (std::size_t i = 0; i < size; ++i)
    out.push_back(static_cast<std::byte>((i * 7 + i / 256) & 255U));
  return out;
}
/// Text that gets smaller.
inline Bytes text(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; out.size() < size; ++i)
    out += "line " + std::to_string(i * i) + " of the text\n";
  out.resize(size);
  return bytes_of(out);
}
}  // namespace sample

/// One LZNT1 unit of 16 KiB: 'a' 4096 times, a chunk stored as it is, zeros up to the end.
inline Bytes lznt1_unit() {
  Bytes out;
  put(out, 0xb003, 2);
  put(out, 0x02, 1);
  append(out, "a");
  put(out, 0x0ffc, 2);
  put(out, 0x3fff, 2);
  append(out, sample::pattern(4096));
  put(out, 0, 2);
  return out;
}

/// The stream WofCompressedData of `data`.
inline Bytes wof_stream(const Bytes& data, WofFormat format) {
  constexpr std::array<std::size_t, 4> kChunks{4096, 32768, 8192, 16384};
  const std::size_t chunk = kChunks[static_cast<std::size_t>(format)];
  const auto type =
      format == WofFormat::lzx ? WIMLIB_COMPRESSION_TYPE_LZX : WIMLIB_COMPRESSION_TYPE_XPRESS;
  wimlib_compressor* compressor = nullptr;
  if (wimlib_create_compressor(type, chunk, 0, &compressor) != 0) return {};
  Bytes table;
  Bytes chunks;
  for (std::size_t at = 0; at < data.size(); at += chunk) {
    const auto in = std::span(data).subspan(at, std::min(chunk, data.size() - at));
    if (at != 0) put(table, chunks.size(), 4);
    Bytes out(in.size());
    const std::size_t size =
        wimlib_compress(in.data(), in.size(), out.data(), out.size() - 1, compressor);
    if (size == 0)
      chunks.insert(chunks.end(), in.begin(), in.end());
    else
      chunks.insert(chunks.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
  }
  wimlib_free_compressor(compressor);
  append(table, chunks);
  return table;
}

inline Bytes reparse(std::uint32_t tag, const Bytes& data) {
  Bytes out;
  put(out, tag, 4);
  put(out, data.size(), 2);
  put(out, 0, 2);
  append(out, data);
  return out;
}
inline Bytes wof_reparse(WofFormat format) {
  Bytes out;
  put(out, 1, 4);
  put(out, 2, 4);
  put(out, 1, 4);
  put(out, static_cast<std::uint32_t>(format), 4);
  return reparse(reparse_tag::kWof, out);
}
/// A symbolic link (with flags) or mount point to `target`.
inline Bytes link_data(std::u16string_view target, bool is_symlink, std::uint32_t flags = 0) {
  Bytes out;
  put(out, 0, 2);
  put(out, target.size() * 2, 2);
  put(out, target.size() * 2, 2);
  put(out, 0, 2);
  if (is_symlink) put(out, flags, 4);
  append(out, utf16(target));
  return out;
}

/// A volume with one file of each kind that the reader knows. Not yet protected: patch it, then
/// `protect_all`.
class SampleVolume {
 public:
  explicit SampleVolume(std::uint32_t cluster = 1024, std::uint32_t record = 1024)
      : image_(cluster, record, cluster == 1024 ? 136 : 104) {
    add_files();
    add_special();
    add_directory();
    add_system();
  }
  NtfsImage& image() { return image_; }
  /// The finished bytes.
  Bytes bytes() {
    Bytes out = image_.bytes();
    protect_all(out, image_.record_size(), kIndexBlock);
    return out;
  }
  static constexpr std::uint32_t kIndexBlock = 1024;

  /// The entry of an attribute list for `attribute` in record `record`.
  static Bytes list_entry(const Bytes& attribute, std::uint64_t record, std::uint64_t vcn) {
    const auto header = get<AttributeHeader>(attribute);
    Bytes out;
    put(out, header->type.value(), 4);
    put(out, 0, 2);
    put(out, header->name_length, 1);
    put(out, 26, 1);
    put(out, vcn, 8);
    put(out, NtfsImage::reference(record), 8);
    put(out, header->instance.value(), 2);
    const auto name = std::span(attribute).subspan(header->name_offset.value(),
                                                   std::size_t{header->name_length} * 2);
    out.insert(out.end(), name.begin(), name.end());
    pad(out, 8);
    put_at(out, 4, out.size(), 2);
    return out;
  }

 private:
  using Type = AttributeType;

  void add(std::uint64_t number, std::u16string name, std::vector<Bytes> attributes,
           std::uint32_t flags = 0x20, std::uint32_t tag = 0, bool directory = false) {
    const std::uint32_t shown = flags | (directory ? 0x10000000U : 0U);
    attributes.push_back(
        image_.resident(Type::standard_information, NtfsImage::standard_information(flags, 0x100)));
    attributes.push_back(image_.resident(
        Type::file_name, NtfsImage::file_name(5, name, FileName::kPosix, shown, tag)));
    NtfsImage::RecordParts parts{std::move(attributes)};
    if (directory) parts.flags |= RecordHeader::kDirectory;
    image_.write_record(number, std::move(parts));
    names_.emplace_back(
        name, NtfsImage::entry(NtfsImage::reference(number),
                               NtfsImage::file_name(5, name, FileName::kPosix, shown, tag)));
  }
  Bytes data(const Bytes& value, std::string_view name = {}) {
    return image_.resident(Type::data, value, name);
  }

  void add_files() {
    using namespace sample;
    Bytes eas;
    put(eas, 0, 4);
    put(eas, 0, 1);
    put(eas, 6, 1);
    put(eas, 8, 2);
    append(eas, std::string_view("$LXDEV\0", 7));
    put(eas, 5, 4);
    put(eas, 7, 4);
    add(kPlain, u"plain.txt",
        {data(bytes_of("hello")), data(bytes_of("stream"), "one"), image_.resident(Type::ea, eas),
         image_.resident(Type::object_id, pattern(16))});
    const std::uint64_t valid = 2 * image_.cluster() + 952;
    const Bytes content = pattern(static_cast<std::size_t>(valid) + 2000);
    const Piece first =
        image_.store(Bytes(content.begin(), content.begin() + 2 * image_.cluster()));
    const Piece second = image_.store(Bytes(content.begin() + 2 * image_.cluster(), content.end()));
    // Behind the valid data length lie bytes of another file: they must read as zeros.
    add(kRuns, u"runs.bin",
        {image_.non_resident(Type::data, {{first, second}, content.size(), valid})});
    add(kSparse, u"sparse.bin",
        {image_.non_resident(Type::data,
                             {{{-1, 10}, image_.store(pattern(image_.cluster())), {-1, 1000}},
                              900 * image_.cluster(),
                              900 * image_.cluster()},
                             {}, AttributeHeader::kSparse)});
    add_compressed();
    add(kEncrypted, u"encrypted.bin",
        {image_.non_resident(Type::data, {{image_.store(pattern(600))}, 600, 600}, {},
                             AttributeHeader::kEncrypted),
         image_.resident(Type::logged_utility_stream, pattern(64), "$EFS")},
        0x4020);
    add_listed();
  }
  void add_compressed() {
    const std::uint8_t unit = image_.cluster() == 1024 ? 4 : 2;  // 16 KiB
    const std::uint64_t clusters = std::uint64_t{1} << unit;
    const Piece coded = image_.store(lznt1_unit());
    const Piece raw = image_.store(sample::pattern(16384));
    add(sample::kCompressed, u"compressed.bin",
        {image_.non_resident(Type::data,
                             {{coded, {-1, clusters - coded.length}, raw, {-1, clusters}},
                              3 * 16384 - 100,
                              3 * 16384 - 100,
                              0,
                              unit},
                             {}, AttributeHeader::kCompressed)},
        0x820);
  }
  /// A file whose data go on in an extension record.
  void add_listed() {
    using namespace sample;
    const Bytes content = pattern(4 * image_.cluster());
    const auto half = content.begin() + 2 * image_.cluster();
    const Piece first = image_.store(Bytes(content.begin(), half));
    const Piece second = image_.store(Bytes(half, content.end()));
    const Bytes head =
        image_.non_resident(Type::data, {{first}, content.size(), content.size(), 0, 0, 4});
    const Bytes tail = image_.non_resident(Type::data, {{second}, 0, 0, 2});
    for (const bool resident : {true, false}) {
      const std::uint64_t number = resident ? kListed : kLongList;
      const std::uint64_t extension = resident ? kListedExtension : kLongListExtension;
      const Bytes stream = data(bytes_of("far away"), "far");
      Bytes list;
      for (const auto& [attribute, record, vcn] :
           std::vector<std::tuple<Bytes, std::uint64_t, std::uint64_t>>{
               {head, number, 0}, {tail, extension, 2}, {stream, extension, 0}})
        append(list, list_entry(attribute, record, vcn));
      image_.write_record(
          extension, {{tail, stream}, RecordHeader::kInUse, 0, 1, NtfsImage::reference(number)});
      // The list names what `add` puts in, too: these have the next two instances.
      std::vector<Bytes> attributes{head};
      const Bytes information =
          image_.resident(Type::standard_information, NtfsImage::standard_information(0x20));
      const std::u16string name = resident ? u"listed.bin" : u"listed2.bin";
      const Bytes file_name = image_.resident(Type::file_name, NtfsImage::file_name(5, name));
      Bytes whole = list_entry(information, number, 0);
      append(whole, list_entry(file_name, number, 0));
      append(whole, list);
      attributes.push_back(information);
      attributes.push_back(file_name);
      attributes.push_back(resident ? image_.resident(Type::attribute_list, whole)
                                    : image_.stored(Type::attribute_list, whole));
      image_.write_record(number, {std::move(attributes)});
      names_.emplace_back(
          name, NtfsImage::entry(NtfsImage::reference(number), NtfsImage::file_name(5, name)));
    }
  }

  void add_special() {
    using namespace sample;
    const auto point = [&](std::uint32_t tag, const Bytes& value) {
      return image_.resident(Type::reparse_point, reparse(tag, value));
    };
    const Bytes plain = text(30000);
    add(kWof, u"wof.txt",
        {image_.non_resident(Type::data,
                             {{{-1, (plain.size() + image_.cluster() - 1) / image_.cluster()}},
                              plain.size(),
                              plain.size()},
                             {}, AttributeHeader::kSparse),
         image_.stored(Type::data, wof_stream(plain, WofFormat::xpress4k), "WofCompressedData"),
         image_.resident(Type::reparse_point, wof_reparse(WofFormat::xpress4k))},
        0x620, reparse_tag::kWof);
    add(kSymlink, u"symlink",
        {data({}), point(reparse_tag::kSymlink, link_data(u"sub\\plain.txt", true, 1))}, 0x420,
        reparse_tag::kSymlink);
    add(kJunction, u"junction",
        {image_.index_root(NtfsImage::end_entry(), kIndexBlock, false),
         point(reparse_tag::kMountPoint, link_data(u"\\??\\D:\\Data", false))},
        0x410, reparse_tag::kMountPoint, true);
    const Bytes hole =
        image_.non_resident(Type::data, {{{-1, 4}}, 4096, 4096}, {}, AttributeHeader::kSparse);
    add(kDedup, u"dedup.bin", {hole, point(reparse_tag::kDedup, pattern(100))}, 0x620,
        reparse_tag::kDedup);
    add(kCloud, u"cloud.bin", {hole, point(reparse_tag::kCloud | 0x6000, pattern(100))}, 0x620,
        reparse_tag::kCloud);
    add(kFilled, u"cloud-filled.bin",
        {data(bytes_of("here")), point(reparse_tag::kCloud, pattern(100))}, 0x420,
        reparse_tag::kCloud);
    add(kUnknownTag, u"filter.bin", {data(bytes_of("stub")), point(0x12345678, pattern(40))}, 0x420,
        0x12345678);
    Bytes interix = bytes_of(std::string_view("IntxLNK\1", 8));
    append(interix, utf16(u"plain.txt"));
    add(kInterix, u"interix", {data(interix)}, 0x4);
    add(kHibernation, u"hiberfil.sys", {data(bytes_of("HIBR and more"))}, 0x6);
  }

  /// A directory of three levels with names in both cases, one of them with a short name.
  void add_directory() {
    using namespace sample;
    const auto name = [](std::u16string_view text, std::uint8_t type = FileName::kPosix) {
      return NtfsImage::file_name(kDirectory, text, type);
    };
    const auto entry = [&](std::u16string_view text, std::int64_t child,
                           std::uint8_t type = FileName::kPosix) {
      return NtfsImage::entry(NtfsImage::reference(kLinked), name(text, type), child);
    };
    const auto node = [](std::vector<Bytes> entries, std::uint64_t block, bool children) {
      Bytes all;
      for (const Bytes& one : entries) append(all, one);
      return NtfsImage::index_block(all, kIndexBlock, block, children);
    };
    const std::int64_t per = image_.cluster() > kIndexBlock ? kIndexBlock / 512 : 1;
    const auto vcn = [&](std::int64_t block) { return block * per; };
    const auto block_vcn = [&](std::int64_t block) {
      return static_cast<std::uint64_t>(block * per);
    };
    Bytes blocks;
    append(blocks, node({entry(u"alpha", -1), entry(u"Beta", -1), NtfsImage::end_entry()},
                        block_vcn(0), false));
    append(blocks,
           node({entry(u"case", vcn(0)), NtfsImage::end_entry(vcn(2))}, block_vcn(1), true));
    append(blocks, node({entry(u"CASE", -1), entry(u"delta", -1), NtfsImage::end_entry()},
                        block_vcn(2), false));
    append(blocks,
           node({entry(u"free", -1), NtfsImage::end_entry()}, block_vcn(3), false));  // not in use
    append(blocks,
           node({entry(u"zeta", -1), entry(u"ZETA~1", -1, FileName::kDos), NtfsImage::end_entry()},
                block_vcn(4), false));
    Bytes root;
    append(root, entry(u"middle", vcn(1)));
    append(root, NtfsImage::end_entry(vcn(4)));
    Bytes bitmap{std::byte{0x17}};
    bitmap.resize(8);
    add(kDirectory, u"sub",
        {image_.index_root(root, kIndexBlock, true),
         image_.stored(Type::index_allocation, blocks, "$I30"),
         image_.resident(Type::bitmap, bitmap, "$I30")},
        0x10, 0, true);
    image_.write_record(
        kLinked,
        {{image_.resident(Type::standard_information, NtfsImage::standard_information(0x21)),
          image_.resident(Type::file_name, name(u"middle", FileName::kWin32)),
          image_.resident(Type::file_name, name(u"ZETA~1", FileName::kDos)),
          data(bytes_of("linked"))},
         RecordHeader::kInUse,
         9});
  }

  void add_system();
  void add_root();
  void add_secure();
  void add_object_ids();

  NtfsImage image_;
  std::vector<std::pair<std::u16string, Bytes>> names_;  ///< entries of the root
};

inline void SampleVolume::add_secure() {
  Bytes descriptor = sample::pattern(60);
  Bytes header;
  put(header, 0x1234, 4);
  put(header, 0x100, 4);
  put(header, 0, 8);
  put(header, descriptor.size() + 20, 4);
  Bytes sds = header;
  append(sds, descriptor);
  Bytes key;
  put(key, 0x100, 4);
  Bytes entries = NtfsImage::view_entry(key, header);
  append(entries, NtfsImage::end_entry());
  add(kSecureFile, u"$Secure",
      {image_.stored(Type::data, sds, "$SDS"),
       image_.index_root(entries, kIndexBlock, false, "$SII")},
      0x6);
}

inline void SampleVolume::add_object_ids() {
  Bytes value;
  put(value, NtfsImage::reference(sample::kPlain), 8);
  append(value, sample::pattern(48));
  Bytes entries = NtfsImage::view_entry(sample::pattern(16), value);
  append(entries, NtfsImage::end_entry());
  const Bytes name = NtfsImage::file_name(kExtendFile, u"$ObjId");
  image_.write_record(
      sample::kObjectIds,
      {{image_.resident(Type::standard_information, NtfsImage::standard_information(0x6)),
        image_.resident(Type::file_name, name),
        image_.index_root(entries, kIndexBlock, false, "$O")}});
  Bytes extend = NtfsImage::entry(NtfsImage::reference(sample::kObjectIds), name);
  append(extend, NtfsImage::end_entry());
  add(kExtendFile, u"$Extend", {image_.index_root(extend, kIndexBlock, false)}, 0x6, 0, true);
}

inline void SampleVolume::add_system() {
  add_secure();
  add_object_ids();
  Bytes upcase;
  for (std::uint64_t unit = 0; unit < 256; ++unit)
    put(upcase, unit >= 'a' && unit <= 'z' ? unit - 32 : unit, 2);
  add(kUpCaseFile, u"$UpCase", {image_.stored(Type::data, upcase)}, 0x6);
  add(kLogFile, u"$LogFile", {image_.stored(Type::data, Bytes(4096, std::byte{0xff}))}, 0x6);
  Bytes information;
  put(information, 0, 8);
  put(information, 0x0103, 2);
  put(information, 1, 2);
  put(information, 0, 4);
  add(kVolumeFile, u"$Volume",
      {image_.resident(Type::volume_name, utf16(u"Sample")),
       image_.resident(Type::volume_information, information), data({})},
      0x6);
  add(kBitmapFile, u"$Bitmap",
      {image_.stored(Type::data, Bytes(image_.bytes().size() / image_.cluster() / 8))}, 0x6);
  const std::uint64_t table = NtfsImage::kRecords * image_.record_size();
  const std::uint64_t clusters = table / image_.cluster();
  Bytes in_use(8);
  in_use[0] = std::byte{0xff};
  // The table in two runs, that it goes through its own list.
  add(kMftFile, u"$MFT",
      {image_.non_resident(
           Type::data,
           {{{image_.mft_lcn(), clusters / 2},
             {image_.mft_lcn() + static_cast<std::int64_t>(clusters / 2), clusters - clusters / 2}},
            table,
            table}),
       image_.stored(Type::bitmap, in_use)},
      0x6);
  const Piece mirror = image_.store(Bytes(4 * image_.record_size()));
  add(kMftMirrFile, u"$MFTMirr",
      {image_.non_resident(Type::data,
                           {{mirror}, 4ULL * image_.record_size(), 4ULL * image_.record_size()})},
      0x6);
  add_root();
  image_.write_boot_sector(static_cast<std::uint64_t>(mirror.lcn));
  const auto first = image_.bytes().begin() + static_cast<std::ptrdiff_t>(image_.record_offset(0));
  std::copy(
      first, first + 4 * image_.record_size(),
      image_.bytes().begin() +
          static_cast<std::ptrdiff_t>(static_cast<std::uint64_t>(mirror.lcn) * image_.cluster()));
}

/// The root's names in blocks of a few entries each; those between two blocks in the root itself.
inline void SampleVolume::add_root() {
  std::ranges::sort(names_, [](const auto& a, const auto& b) {
    const auto upper = [](std::u16string text) {
      for (char16_t& unit : text)
        unit = static_cast<char16_t>(unit >= u'a' && unit <= u'z' ? unit - 32 : unit);
      return text;
    };
    return upper(a.first) < upper(b.first);
  });
  Bytes root;
  Bytes blocks;
  std::int64_t block = 0;
  const std::int64_t per = image_.cluster() > kIndexBlock ? kIndexBlock / 512 : 1;
  for (std::size_t i = 0; i < names_.size();) {
    Bytes entries;
    while (i < names_.size() && entries.size() + 300 < kIndexBlock)
      append(entries, names_[i++].second);
    append(entries, NtfsImage::end_entry());
    append(blocks, NtfsImage::index_block(entries, kIndexBlock,
                                          static_cast<std::uint64_t>(block * per), false));
    const std::int64_t child = block++ * per;
    if (i == names_.size()) {
      append(root, NtfsImage::end_entry(child));
      break;
    }
    const Bytes plain = names_[i++].second;
    Bytes with_child = plain;
    put_at(with_child, 12, 1, 2);
    put(with_child, static_cast<std::uint64_t>(child), 8);
    put_at(with_child, 8, with_child.size(), 2);
    append(root, with_child);
    if (i == names_.size()) append(root, NtfsImage::end_entry());
  }
  Bytes bitmap(8);
  put_at(bitmap, 0, (std::uint64_t{1} << block) - 1, 8);
  const std::vector<Bytes> attributes{
      image_.resident(Type::standard_information, NtfsImage::standard_information(0x6)),
      image_.resident(Type::file_name, NtfsImage::file_name(5, u".", FileName::kPosix, 0x10000006)),
      image_.index_root(root, kIndexBlock, true),
      image_.stored(Type::index_allocation, blocks, "$I30"),
      image_.resident(Type::bitmap, bitmap, "$I30")};
  image_.write_record(kRootFile, {attributes, RecordHeader::kInUse | RecordHeader::kDirectory});
}

}  // namespace imgfs::ntfs::test
