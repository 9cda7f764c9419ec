// ntfs_show IMAGE COMMAND…: what the NTFS reader gives, for the shell tests.
//   cat PATH [OFFSET LENGTH]       the bytes
//   attribute PATH NAME            an extended attribute in hexadecimal, or "errno N"
//   usage                          block size, blocks, free, available, inodes, free inodes,
//   longest name remarks                        what was seen at open, one a line find PATH the
//   inode number, case ignored link PATH                      the target of a symbolic link walk
//   stat of every object: their count and the seconds it took everything                     looks
//   at all that the reader gives, errors passed over list PATH                      a listing
//   alone: the count and the seconds read PATH                      the whole file in pieces of 128
//   KiB: bytes and seconds record NUMBER                  the content of a file by its record, of a
//   volume that is no more than that
// ntfs_show - compress FORMAT IN OUT: IN as the stream WofCompressedData (FORMAT as stored in the
// reparse point).
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/file_device.h"
#include "core/text.h"
#include "ntfs/file.h"
#include "ntfs/ntfs.h"
#include "tests/ntfs/sample_volume.h"
#include "tests/support/walk.h"

namespace {

using namespace imgfs;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int complain(const Error& error) {
  std::printf("errno %d\n", to_errno(error));
  std::fprintf(stderr, "%s\n", describe(error).c_str());
  return 1;
}

Result<std::uint64_t> resolve(const FileSystem& fs, std::string_view path) {
  std::uint64_t inode = fs.root();
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) inode = TRY(fs.lookup_ignoring_case(inode, path.substr(0, end)));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return inode;
}

int cat(const FileSystem& fs, std::uint64_t inode, std::uint64_t offset, std::uint64_t length,
        bool quiet) {
  std::vector<std::byte> buffer(131072);
  const auto start = Clock::now();
  std::uint64_t done = 0;
  while (done < length) {
    const auto part = std::span(buffer).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), length - done)));
    const auto count = fs.read(inode, offset + done, part);
    if (!count) return complain(count.error());
    if (!quiet) std::fwrite(buffer.data(), 1, count.value(), stdout);
    done += count.value();
    if (count.value() < part.size()) break;
  }
  if (quiet)
    std::printf("%llu bytes, %.3f s\n", static_cast<unsigned long long>(done),
                seconds_since(start));
  return 0;
}

int walk_all(const FileSystem& fs) {
  const auto start = Clock::now();
  std::size_t count = 0;
  std::size_t failed = 0;
  std::vector<std::uint64_t> pending{fs.root()};
  while (!pending.empty()) {
    const std::uint64_t directory = pending.back();
    pending.pop_back();
    const auto done = fs.read_directory(directory, 0, [&](const DirectoryEntry& entry) {
      const auto attributes = fs.stat(entry.inode);
      ++count;
      if (!attributes) {
        std::fprintf(stderr, "%s: %s\n", printable(entry.name).c_str(),
                     describe(attributes.error()).c_str());
        ++failed;
      }
      if (attributes && attributes.value().type == FileType::directory)
        pending.push_back(entry.inode);
      return true;
    });
    if (!done) {
      std::fprintf(stderr, "%s\n", describe(done.error()).c_str());
      ++failed;
    }
  }
  std::printf("%zu objects, %zu failed, %.3f s\n", count, failed, seconds_since(start));
  return failed == 0 ? 0 : 1;
}

int list(const FileSystem& fs, std::uint64_t inode) {
  const auto start = Clock::now();
  std::size_t count = 0;
  const auto done =
      fs.read_directory(inode, 0, [&](const DirectoryEntry&) { return ++count, true; });
  if (!done) return complain(done.error());
  std::printf("%zu names, %.4f s\n", count, seconds_since(start));
  return 0;
}

ntfs::test::Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return ntfs::test::bytes_of(std::string(std::istreambuf_iterator<char>(in), {}));
}

int compress(const std::string& format, const std::string& from, const std::string& to) {
  const auto stream =
      ntfs::test::wof_stream(read_file(from), static_cast<ntfs::WofFormat>(std::stoul(format)));
  std::ofstream(to, std::ios::binary) << as_chars(stream);
  return 0;
}

/// Without what a whole volume has (a root, $UpCase): for captures of single files.
int record(Device device, std::uint64_t number) {
  const auto read = [&]() -> Result<void> {
    const ntfs::Geometry geometry = TRY(ntfs::read_geometry(*device));
    ntfs::Mft mft = TRY(ntfs::Mft::open(device, geometry));
    const ntfs::Volume volume{device, geometry, std::move(mft), {}, nullptr, nullptr};
    ntfs::File file = TRY(ntfs::File::open(volume, number));
    const auto bytes = TRY(file.value(ntfs::AttributeType::data, {}, 64 << 20));
    if (!bytes) return corrupt("no data");
    std::fwrite(bytes->data(), 1, bytes->size(), stdout);
    return success();
  };
  const auto done = read();
  return done ? 0 : complain(done.error());
}

int run(const std::vector<std::string>& words) {
  const std::string& command = words[1];
  if (command == "compress" && words.size() == 5) return compress(words[2], words[3], words[4]);
  const auto file = FileDevice::open(words[0]);
  if (!file) return complain(file.error());
  if (command == "record" && words.size() == 3) return record(file.value(), std::stoull(words[2]));
  const auto opened = ntfs::file_system_type().open(file.value(), Recovery::log);
  if (!opened) return complain(opened.error());
  const FileSystem& fs = *opened.value();
  if (command == "walk") return walk_all(fs);
  if (command == "everything")
    return imgfs::walk(fs, {.entries = 100'000, .bytes = 1U << 30, .depth = 64}), 0;
  if (command == "usage") {
    const auto usage = fs.usage();
    if (!usage) return complain(usage.error());
    const SpaceUsage& u = usage.value();
    for (const std::uint64_t number :
         {std::uint64_t{u.block_size}, u.blocks, u.blocks_free, u.blocks_available, u.inodes,
          u.inodes_free, std::uint64_t{u.name_max}})
      std::printf("%llu ", static_cast<unsigned long long>(number));
    return std::printf("\n"), 0;
  }
  if (command == "remarks") {
    for (const Remark& remark : fs.info().remarks)
      std::printf("%s\n", printable(remark.text).c_str());
    return 0;
  }
  if (words.size() < 3) return 2;
  const auto inode = resolve(fs, words[2]);
  if (!inode) return complain(inode.error());
  if (command == "find")
    return std::printf("%llu\n", static_cast<unsigned long long>(inode.value())), 0;
  if (command == "list") return list(fs, inode.value());
  if (command == "read") return cat(fs, inode.value(), 0, UINT64_MAX, true);
  if (command == "cat" && words.size() == 5)
    return cat(fs, inode.value(), std::stoull(words[3]), std::stoull(words[4]), false);
  if (command == "cat") return cat(fs, inode.value(), 0, UINT64_MAX, false);
  if (command == "attribute" && words.size() == 4) {
    const auto value = fs.attribute(inode.value(), words[3]);
    return value ? (std::printf("%s\n", to_hex(value.value()).c_str()), 0)
                 : complain(value.error());
  }
  if (command == "link") {
    const auto target = fs.read_link(inode.value());
    return target ? (std::printf("%s\n", printable(target.value()).c_str()), 0)
                  : complain(target.error());
  }
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const int code = words.size() < 2 ? 2 : run(words);
  if (code == 2) std::fprintf(stderr, "usage: ntfs_show IMAGE COMMAND [PATH …]\n");
  return code;
}
