#include <algorithm>

#include "core/byte_cache.h"
#include "core/text.h"
#include "drivers/formats.h"
#include "drivers/qcow2_details.h"
#include "drivers/qcow2_device.h"

namespace imgfs {
namespace {

using qcow2::Header;

bool probe_qcow2(const ProbeBytes& bytes) {
  const auto magic = get<be32>(bytes.head);
  const auto version = get<be32>(bytes.head, 4);
  return magic && version && magic->value() == qcow2::kMagic && version->value() != 1;
}

std::string cluster_text(std::uint64_t size) {
  if (size >= std::uint64_t{1} << 20) return std::to_string(size >> 20) + " MiB clusters";
  if (size >= 1024) return std::to_string(size >> 10) + " KiB clusters";
  return std::to_string(size) + " B clusters";
}

std::string variant_text(const Header& header) {
  std::string text = "v" + std::to_string(header.version);
  if (header.compression == qcow2::kZstd) text += ", zstd";
  if (header.extended_l2) text += ", extended L2";
  if (header.external_data) text += header.raw_external_data ? ", raw data file" : ", data file";
  if (header.cluster_size() != 65536) text += ", " + cluster_text(header.cluster_size());
  return text;
}

void remark_on_state(const BlockDevice& file, const Header& header, std::uint64_t tables_end,
                     ImageInfo& info) {
  if (header.dirty)
    info.remarks.push_back({Remark::Kind::unclean, "marked dirty: it was not closed properly"});
  if (header.corrupt)
    info.remarks.push_back({Remark::Kind::damaged, "marked corrupt by the program that wrote it"});
  std::uint64_t end = tables_end;
  if (const auto used = qcow2::used_end(file, header)) {
    end = std::max(end, used.value() - std::min(used.value(), header.cluster_size() - 1));
  } else {
    info.remarks.push_back({Remark::Kind::damaged, "refcounts: " + used.error().what});
  }
  if (end > file.size())
    info.remarks.push_back({Remark::Kind::damaged,
                            "the file is cut off: it uses at least " + std::to_string(end) +
                                " bytes and has " + std::to_string(file.size())});
}

/// The disk below, with its own backing files.
Result<Device> open_backing(const ImageSource& source, const Header& header, ImageInfo& info) {
  if (header.backing_file.empty()) return Device();
  const std::string context = "backing file '" + printable(header.backing_file) + "'";
  const Device file = TRY(source.siblings.open(header.backing_file));
  const auto beside = source.siblings.beside(header.backing_file);
  if (beside == nullptr) return Error{Errc::denied, context + ": no way to what it names itself", {}};
  auto image = open_image({file, *beside, source.depth + 1}, header.backing_format);
  if (!image) return in_context(image.error(), context);
  info.file_size += image.value().info.file_size;
  info.backing_files.push_back(header.backing_file);
  for (auto& name : image.value().info.backing_files) info.backing_files.push_back(std::move(name));
  for (auto& remark : image.value().info.remarks)
    info.remarks.push_back({remark.kind, context + ": " + remark.text});
  return std::move(image.value().disk);
}

Result<Device> open_data_file(const ImageSource& source, const Header& header, ImageInfo& info) {
  if (!header.external_data) return source.file;
  Device data = TRY(source.siblings.open(header.data_file));
  info.file_size += data->size();
  info.backing_files.push_back(header.data_file);
  return data;
}

Result<Image> open_qcow2(const ImageSource& source) {
  const Header header = TRY(qcow2::read_header(*source.file));
  // The caches of a chain share what one image would have: half, a quarter, …
  const auto level = static_cast<unsigned>(std::clamp(source.depth, 0, 16)) +
                     (header.backing_file.empty() ? 0U : 1U);
  const std::size_t cache = cache_capacity() >> level;
  auto map = TRY(qcow2::ClusterMap::open(source.file, header, cache / 8));

  Image image;
  image.info.format = "qcow2";
  image.info.variant = variant_text(header);
  image.info.file_size = source.file->size();
  image.info.snapshots = qcow2::snapshot_names(*source.file, header, image.info.remarks);
  remark_on_state(*source.file, header, map->tables_end(), image.info);
  Device data = TRY(open_data_file(source, header, image.info));
  Device backing = TRY(open_backing(source, header, image.info));
  image.disk = std::make_shared<qcow2::Qcow2Device>(header, source.file, std::move(data),
                                                    std::move(backing), std::move(map),
                                                    cache - cache / 8);
  return image;
}

}  // namespace

ImageFormat qcow2_format() { return {"qcow2", probe_qcow2, open_qcow2}; }

}  // namespace imgfs
