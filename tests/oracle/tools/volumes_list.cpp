// volumes_list IMAGE                          the volumes of a raw image, one a line, fields with tabs between:
//     name offset size type uuid label active content content-uuid content-label device-size problem
//   after a line "table KIND PTUUID SECTOR-SIZE", and before lines "remark TEXT"
// volumes_list IMAGE --cat NAME               the bytes of one volume
// volumes_list IMAGE --map NAME               where they lie: offset, length, kind, host offset
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "core/file_device.h"
#include "core/text.h"
#include "volumes/volume.h"

namespace {

using namespace imgfs;

const char* kind_name(VolumeTable::Kind kind) {
  switch (kind) {
    case VolumeTable::Kind::none: return "none";
    case VolumeTable::Kind::mbr: return "dos";
    case VolumeTable::Kind::gpt: return "gpt";
    case VolumeTable::Kind::whole_disk: return "whole";
    case VolumeTable::Kind::bsd: return "bsd";
    case VolumeTable::Kind::apm: return "mac";
    case VolumeTable::Kind::dynamic_disk: return "ldm";
  }
  return "?";
}

void list(const VolumeTable& table) {
  std::printf("table\t%s\t%s\t%u\n", kind_name(table.kind), table.disk_uuid.c_str(), table.sector_size);
  for (const Volume& v : table.volumes)
    std::printf("%s\t%s\t%llu\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", v.name.c_str(),
                v.offset ? std::to_string(*v.offset).c_str() : "-", static_cast<unsigned long long>(v.size),
                v.partition_type.c_str(), v.partition_uuid.c_str(), printable(v.partition_label).c_str(), v.active ? 1 : 0,
                v.content.c_str(), v.uuid.c_str(), printable(v.label).c_str(),
                v.device ? std::to_string(v.device->size()).c_str() : "-", printable(v.problem).c_str());
  for (const Remark& remark : table.remarks) std::printf("remark\t%s\n", printable(remark.text).c_str());
}

int cat(const BlockDevice& device) {
  std::vector<std::byte> bytes(1 << 20);
  for (std::uint64_t at = 0; at < device.size(); at += bytes.size()) {
    const auto out = std::span(bytes).first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), device.size() - at)));
    if (const auto done = device.read(at, out); !done)
      return std::fprintf(stderr, "%s\n", describe(done.error()).c_str()), 1;
    std::fwrite(out.data(), 1, out.size(), stdout);
  }
  return 0;
}

int map(const BlockDevice& device) {
  for (std::uint64_t at = 0; at < device.size();) {
    const auto location = device.locate(at, device.size() - at);
    if (!location) return std::fprintf(stderr, "%s\n", describe(location.error()).c_str()), 1;
    const Location& l = location.value();
    std::printf("%llu\t%llu\t%s\t%llu\n", static_cast<unsigned long long>(at), static_cast<unsigned long long>(l.length),
                l.kind == Location::Kind::host ? "host" : l.kind == Location::Kind::zero ? "zero" : "decoded",
                static_cast<unsigned long long>(l.offset));
    at += l.length;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) return std::fprintf(stderr, "usage: volumes_list IMAGE [--cat NAME | --map NAME]\n"), 2;
  const auto file = FileDevice::open(argv[1]);
  if (!file) return std::fprintf(stderr, "%s\n", describe(file.error()).c_str()), 2;
  const VolumeTable table = find_volumes(file.value());
  if (argc == 2) return list(table), 0;
  for (const Volume& volume : table.volumes) {
    if (volume.name != argv[3]) continue;
    if (!volume.device) return std::fprintf(stderr, "%s\n", volume.problem.c_str()), 1;
    return std::strcmp(argv[2], "--cat") == 0 ? cat(*volume.device) : map(*volume.device);
  }
  return std::fprintf(stderr, "no such volume\n"), 2;
}
