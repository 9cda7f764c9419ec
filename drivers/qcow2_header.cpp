#include "drivers/qcow2_header.h"

#include <algorithm>
#include <vector>

#include "core/text.h"

namespace imgfs::qcow2 {
namespace {

constexpr std::uint64_t kMaxL1Size = std::uint64_t{32} << 20;             // bytes, as QEMU
constexpr std::uint64_t kMaxRefcountTableSize = std::uint64_t{8} << 20;  // bytes, as QEMU
constexpr std::uint32_t kMaxSnapshots = 65536;
constexpr std::uint64_t kMaxBackingName = 1023;

std::string number(std::uint64_t value) { return std::to_string(value); }

/// What the header extensions say, and which names they give to features.
struct Extensions {
  std::string backing_format;
  std::string data_file;
  std::vector<FeatureName> features;
};

std::string name_of(const Extensions& extensions, unsigned bit) {
  for (const FeatureName& feature : extensions.features) {
    if (feature.type != 0 || feature.bit != bit) continue;
    const std::string_view name(feature.name, sizeof feature.name);
    return "'" + printable(name.substr(0, name.find('\0'))) + "'";
  }
  return "bit " + number(bit);
}

Error unknown_features(const Extensions& extensions, std::uint64_t bits) {
  std::string names;
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((bits >> bit & 1) != 0) names += (names.empty() ? "" : ", ") + name_of(extensions, bit);
  }
  return unsupported("unknown incompatible feature of QCOW2: " + names);
}

void take_features(std::span<const std::byte> data, Extensions& out) {
  for (std::size_t at = 0; const auto feature = get<FeatureName>(data, at); at += sizeof(FeatureName))
    out.features.push_back(*feature);
}

/// `bytes`: the first cluster up to the backing file's name.
Result<Extensions> read_extensions(std::span<const std::byte> bytes, std::uint64_t offset) {
  Extensions out;
  while (const auto header = get<ExtensionHeader>(bytes, static_cast<std::size_t>(offset))) {
    const std::uint64_t length = header->length.value();
    if (header->type.value() == kEndOfExtensions) break;
    const std::uint64_t start = offset + sizeof(ExtensionHeader);
    const auto data = part(bytes, start, length);
    if (!data)
      return corrupt("header extension of " + number(length) + " bytes does not fit in its cluster",
                     offset);
    switch (header->type.value()) {
      case kBackingFormat: out.backing_format = as_chars(*data); break;
      case kDataFileName: out.data_file = as_chars(*data); break;
      case kFeatureNames: take_features(*data, out); break;
      default: break;  // bitmaps, encryption and what is to come: known by feature bits if they matter
    }
    offset = start + (length + 7) / 8 * 8;
  }
  return out;
}

Result<void> check_table(const BlockDevice& file, std::string_view name, std::uint64_t offset,
                         std::uint64_t size, const Header& header) {
  if (offset % header.cluster_size() != 0)
    return corrupt(std::string(name) + " at " + number(offset) + ", not at a cluster's start");
  if (offset > file.size() || size > file.size() - offset)
    return corrupt(std::string(name) + " of " + number(size) + " bytes at " + number(offset) +
                   " lies past the file's end at " + number(file.size()));
  return success();
}

Result<void> take_geometry(const BlockDevice& file, const HeaderV2& v2, Header& header) {
  if (v2.cluster_bits.value() < 9 || v2.cluster_bits.value() > 21)
    return unsupported("QCOW2 clusters of 2^" + number(v2.cluster_bits.value()) +
                       " bytes (2^9 to 2^21 exist)");
  header.cluster_bits = v2.cluster_bits.value();
  header.size = v2.size.value();
  if (header.size > INT64_MAX)
    return corrupt("virtual size of " + number(header.size) + " bytes (below 2^63 expected)");
  if (header.extended_l2 && header.cluster_bits < 14)
    return corrupt("subclusters with clusters of " + number(header.cluster_size()) +
                   " bytes (at least 16384)");
  const unsigned reach_bits = header.cluster_bits + header.l2_bits();
  header.l1_entries = (header.size >> reach_bits) +
                      ((header.size & ((std::uint64_t{1} << reach_bits) - 1)) != 0 ? 1 : 0);
  if (v2.l1_size.value() > kMaxL1Size / 8 || header.l1_entries > kMaxL1Size / 8)
    return Error{Errc::too_large, "L1 table of more than 32 MiB", {}};
  if (v2.l1_size.value() < header.l1_entries)
    return corrupt("L1 table of " + number(v2.l1_size.value()) + " entries, " +
                   number(header.l1_entries) + " needed for the virtual size");
  header.l1_offset = v2.l1_table_offset.value();
  return check_table(file, "L1 table", header.l1_offset, header.l1_entries * 8, header);
}

Result<void> take_rest(const HeaderV2& v2, Header& header) {
  header.refcount_table_offset = v2.refcount_table_offset.value();
  header.refcount_table_size = v2.refcount_table_clusters.value() * header.cluster_size();
  if (header.refcount_table_size > kMaxRefcountTableSize)
    return Error{Errc::too_large, "refcount table of more than 8 MiB", {}};
  if (header.refcount_order > 6)
    return corrupt("refcount order " + number(header.refcount_order) + " (at most 6)");
  header.snapshot_count = v2.nb_snapshots.value();
  header.snapshots_offset = v2.snapshots_offset.value();
  if (header.snapshot_count > kMaxSnapshots)
    return corrupt(number(header.snapshot_count) + " internal snapshots (at most 65536)");
  if (v2.crypt_method.value() == kAes)
    return Error{Errc::no_key, "the image is encrypted (QCOW2 with AES)", {}};
  if (v2.crypt_method.value() == kLuks)
    return Error{Errc::no_key, "the image is encrypted (QCOW2 with LUKS)", {}};
  if (v2.crypt_method.value() != kNoEncryption)
    return unsupported("QCOW2 encryption method " + number(v2.crypt_method.value()));
  return success();
}

Result<void> take_features_of(const HeaderV3& v3, std::span<const std::byte> cluster,
                              Header& header) {
  const std::uint64_t bits = v3.incompatible_features.value();
  header.dirty = (bits & kDirty) != 0;
  header.corrupt = (bits & kCorrupt) != 0;
  header.external_data = (bits & kExternalDataFile) != 0;
  header.extended_l2 = (bits & kExtendedL2) != 0;
  header.raw_external_data =
      header.external_data && (v3.autoclear_features.value() & kRawExternalData) != 0;
  header.refcount_order = v3.refcount_order.value();
  std::uint8_t type = kZlib;
  if (v3.header_length.value() > kCompressionTypeOffset)
    type = get<std::uint8_t>(cluster, kCompressionTypeOffset).value_or(kZlib);
  if ((bits & kCompressionType) == 0 && type != kZlib)
    return corrupt("compression type " + number(type) + " without its feature bit");
  if (type > kZstd) return unsupported("QCOW2 compression type " + number(type));
  header.compression = static_cast<CompressionType>(type);
  return success();
}

Result<std::string> backing_name(std::span<const std::byte> cluster, const HeaderV2& v2) {
  const std::uint64_t offset = v2.backing_file_offset.value();
  const std::uint64_t size = v2.backing_file_size.value();
  if (offset == 0) return std::string();
  if (size > kMaxBackingName)
    return corrupt("backing file name of " + number(size) + " bytes (at most 1023)");
  const auto name = part(cluster, offset, size);
  if (!name) return corrupt("backing file name outside the first cluster", offset);
  return std::string(as_chars(*name));
}

/// The part of the file that header, extensions and backing name lie in, with checked bounds.
Result<std::vector<std::byte>> first_cluster(const BlockDevice& file, const HeaderV2& v2) {
  const unsigned bits = std::clamp(v2.cluster_bits.value(), std::uint32_t{9}, std::uint32_t{21});
  std::vector<std::byte> bytes(
      static_cast<std::size_t>(std::min(file.size(), std::uint64_t{1} << bits)));
  TRY(file.read(0, bytes));
  return bytes;
}

}  // namespace

Result<Header> read_header(const BlockDevice& file) {
  if (file.size() < sizeof(HeaderV2))
    return corrupt("a file of " + number(file.size()) + " bytes is too short for a QCOW2 header");
  const auto v2 = TRY(read_struct<HeaderV2>(file, 0));
  Header header;
  header.version = v2.version.value();
  if (v2.magic.value() != kMagic) return corrupt("no QCOW2 magic", 0);
  if (header.version != 2 && header.version != 3)
    return unsupported("QCOW version " + number(header.version) + " (2 and 3 are read)");
  const auto cluster = TRY(first_cluster(file, v2));
  std::uint64_t header_length = sizeof(HeaderV2);
  std::uint64_t unknown = 0;
  const auto v3 = get<HeaderV3>(cluster, sizeof(HeaderV2));
  if (header.version == 3) {
    if (!v3) return corrupt("the file ends inside its header");
    header_length = v3->header_length.value();
    if (header_length < 104 || header_length > cluster.size())
      return corrupt("QCOW2 header of " + number(header_length) + " bytes (104 to one cluster)");
    unknown = v3->incompatible_features.value() & ~kKnownIncompatible;
  }
  header.backing_file = TRY(backing_name(cluster, v2));
  const std::uint64_t end = v2.backing_file_offset.value() == 0 ? cluster.size()
                                                                : v2.backing_file_offset.value();
  auto extensions = TRY(read_extensions(
      std::span(cluster).first(static_cast<std::size_t>(std::min<std::uint64_t>(end, cluster.size()))),
      header_length));
  if (unknown != 0) return unknown_features(extensions, unknown);
  if (header.version == 3) TRY(take_features_of(*v3, cluster, header));
  TRY(take_geometry(file, v2, header));
  TRY(take_rest(v2, header));
  header.backing_format = std::move(extensions.backing_format);
  header.data_file = std::move(extensions.data_file);
  if (header.external_data && header.data_file.empty())
    return corrupt("the image keeps its data in another file, but does not name it");
  return header;
}

}  // namespace imgfs::qcow2
