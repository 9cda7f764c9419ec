#pragma once

#include "tests/volumes/disk_builder.h"

namespace imgfs::volumes {

constexpr std::size_t kPvSize = 256 << 10;   ///< bytes of each physical volume in the tests
constexpr std::size_t kExtent = 4096;        ///< bytes
constexpr std::size_t kPeStart = 64 << 10;   ///< bytes
constexpr std::size_t kPeCount = 40;
constexpr std::size_t kArea = 4096;          ///< of the metadata area in its physical volume
constexpr std::size_t kAreaSize = 32 << 10;  ///< bytes

inline std::string pv_id(std::size_t number) { return "pv" + std::to_string(number) + "AAAA" + std::string(25 - (number > 9 ? 1 : 0), 'x'); }
inline std::string pv_uuid(std::size_t number) {
  const std::string id = pv_id(number);
  return id.substr(0, 6) + "-" + id.substr(6, 4) + "-" + id.substr(10, 4) + "-" + id.substr(14, 4) + "-" +
         id.substr(18, 4) + "-" + id.substr(22, 4) + "-" + id.substr(26);
}

/// The text of a volume group of `count` physical volumes.
inline std::string group_text(const std::string& volumes, std::size_t count = 1, unsigned seqno = 1,
                              const std::string& name = "vg") {
  std::string out = name + " {\nid = \"" + name + "-id\"\nseqno = " + std::to_string(seqno) +
                    "\nformat = \"lvm2\" # a comment\nstatus = [\"READ\", \"WRITE\"]\nflags = []\nextent_size = 8\n"
                    "physical_volumes {\n";
  for (std::size_t i = 0; i < count; ++i)
    out += "pv" + std::to_string(i) + " {\nid = \"" + pv_uuid(i) + "\"\ndevice = \"/dev/sd" +
           std::string(1, static_cast<char>('a' + i)) + "\"\npe_start = 128\npe_count = 40\n}\n";
  return out + "}\nlogical_volumes {\n" + volumes + "}\n}\ncontents = \"Text Format Volume Group\"\nversion = 1\n";
}
inline std::string lv(const std::string& name, const std::string& segments, const std::string& status = "\"READ\", \"VISIBLE\"") {
  return name + " {\nid = \"" + name + "-id\"\nstatus = [" + status + "]\nflags = []\nsegment_count = 1\n" + segments + "}\n";
}
inline std::string segment(int number, int start, int count, const std::string& body) {
  return "segment" + std::to_string(number) + " {\nstart_extent = " + std::to_string(start) + "\nextent_count = " +
         std::to_string(count) + "\n" + body + "\n}\n";
}
inline std::string linear(const std::string& area, int extent) {
  return "type = \"striped\"\nstripe_count = 1\nstripes = [\"" + area + "\", " + std::to_string(extent) + "]";
}

/// A physical volume at `offset` of the disk, its text at `at` in its metadata area (wrapping around);
/// each extent's bytes say where they are: the disk's offset in 8 bytes, again and again.
inline void physical_volume(DiskBuilder& disk, std::size_t offset, std::size_t number, const std::string& text,
                            std::size_t at = 512) {
  std::size_t p = offset + 512;
  disk.text(p, "LABELONE").u64(p + 8, 1).u32(p + 20, 32).text(p + 24, "LVM2 001");
  disk.text(p + 32, pv_id(number)).u64(p + 64, kPvSize).u64(p + 72, kPeStart);
  if (!text.empty()) disk.u64(p + 104, kArea).u64(p + 112, kAreaSize);
  disk.u32(p + 16, disk.lvm_crc(p + 20, 512 - 20));
  for (std::size_t o = kPeStart; o < kPeStart + kPeCount * kExtent; o += 8) disk.u64(offset + o, offset + o);
  if (text.empty()) return;
  p = offset + kArea;
  disk.text(p + 4, " LVM2 x[5A%r0N*>").u32(p + 20, 1).u64(p + 24, kArea).u64(p + 32, kAreaSize);
  const std::string whole = text + '\0';
  disk.u64(p + 40, at).u64(p + 48, whole.size());
  disk.u32(p + 56, crc32(0xf597a6cf, as_bytes(whole)));
  const std::size_t first = std::min(whole.size(), kAreaSize - at);
  disk.text(p + at, whole.substr(0, first)).text(p + 512, whole.substr(first));
  disk.u32(p, disk.lvm_crc(p + 4, 508));
}

}  // namespace imgfs::volumes
