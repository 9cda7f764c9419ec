// image_dump IMAGE [--format F] [--backing deny|same-dir|any] [--map | --info | --size | --threads N]
//
// Writes the virtual disk to standard output. --map: a line for each run, "offset length kind"
// (data, zero, decoded), neighbours of one kind joined. --info: what is known of the image.
// --size: bound and exact size as QCOW2. --threads N: reads everything N times at a time, in
// different orders, and prints a sum: for the thread sanitizer.
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "core/text.h"
#include "drivers/image_format.h"

using namespace imgfs;

namespace {

constexpr std::uint64_t kPiece = 1 << 20;

int fail(const Error& error) { return std::fprintf(stderr, "%s\n", describe(error).c_str()), 1; }

bool write_all(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

int dump(const BlockDevice& disk) {
  std::vector<std::byte> buffer(kPiece);
  for (std::uint64_t offset = 0; offset < disk.size();) {
    const auto count = std::min<std::uint64_t>(kPiece, disk.size() - offset);
    const auto out = std::span(buffer).first(static_cast<std::size_t>(count));
    const auto done = disk.read(offset, out);
    if (!done) return fail(done.error());
    if (!write_all(out)) return std::perror("write"), 1;
    offset += count;
  }
  return 0;
}

const char* kind_name(Location::Kind kind) {
  return kind == Location::Kind::host ? "data" : kind == Location::Kind::zero ? "zero" : "decoded";
}

/// Also proves that what `locate` says is what `read` gives: zeros are zeros, host bytes are there.
bool check_run(const BlockDevice& disk, std::uint64_t offset, const Location& location) {
  std::vector<std::byte> ours(4096);
  std::vector<std::byte> theirs(4096);
  for (const std::uint64_t skip : {std::uint64_t{0}, location.length - std::min<std::uint64_t>(4096, location.length)}) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(4096, location.length - skip));
    if (!disk.read(offset + skip, std::span(ours).first(count))) continue;
    std::ranges::fill(theirs, std::byte{0});
    if (location.kind == Location::Kind::decoded) continue;
    if (location.kind == Location::Kind::host &&
        ::pread(location.fd, theirs.data(), count, static_cast<off_t>(location.offset + skip)) != static_cast<ssize_t>(count))
      return false;
    if (!std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(count), theirs.begin())) return false;
  }
  return true;
}

int map(const BlockDevice& disk) {
  std::uint64_t begin = 0;
  const char* kind = nullptr;
  for (std::uint64_t offset = 0; offset < disk.size();) {
    const auto location = disk.locate(offset, disk.size() - offset);
    if (!location) return fail(location.error());
    if (!check_run(disk, offset, location.value()))
      return std::fprintf(stderr, "locate and read disagree at %llu\n", static_cast<unsigned long long>(offset)), 3;
    const char* const now = kind_name(location.value().kind);
    if (kind != nullptr && kind != now) {
      std::printf("%llu %llu %s\n", static_cast<unsigned long long>(begin), static_cast<unsigned long long>(offset - begin), kind);
      begin = offset;
    }
    kind = now;
    offset += location.value().length;
  }
  if (kind != nullptr)
    std::printf("%llu %llu %s\n", static_cast<unsigned long long>(begin), static_cast<unsigned long long>(disk.size() - begin), kind);
  return 0;
}

int info(const Image& image) {
  std::printf("format %s\nvariant %s\nvirtual_size %llu\nfile_size %llu\n", image.info.format.c_str(),
              printable(image.info.variant).c_str(), static_cast<unsigned long long>(image.disk->size()),
              static_cast<unsigned long long>(image.info.file_size));
  for (const auto& name : image.info.backing_files) std::printf("backing %s\n", printable(name).c_str());
  for (const auto& name : image.info.snapshots) std::printf("snapshot %s\n", printable(name).c_str());
  for (const auto& remark : image.info.remarks)
    std::printf("remark %d %s\n", static_cast<int>(remark.kind), printable(remark.text).c_str());
  return 0;
}

int sizes(const BlockDevice& disk) {
  const auto bound = qcow2_size_bound(disk);
  if (!bound) return fail(bound.error());
  const auto exact = qcow2_size_exact(disk, [](std::uint64_t) {});
  if (!exact) return fail(exact.error());
  std::printf("bound %llu\nexact %llu\n", static_cast<unsigned long long>(bound.value().bytes),
              static_cast<unsigned long long>(exact.value().bytes));
  return 0;
}

std::uint64_t sum_from(const BlockDevice& disk, std::uint64_t start, std::uint64_t piece) {
  std::vector<std::byte> buffer(piece);
  std::uint64_t sum = 0;
  const std::uint64_t pieces = (disk.size() + piece - 1) / piece;
  for (std::uint64_t i = 0; i < pieces; ++i) {
    const std::uint64_t offset = (start + i) % pieces * piece;
    const auto out = std::span(buffer).first(static_cast<std::size_t>(std::min(piece, disk.size() - offset)));
    if (!disk.read(offset, out)) return UINT64_MAX;
    for (std::size_t k = 0; k < out.size(); ++k) sum += (offset + k) % 65521 * std::to_integer<std::uint64_t>(out[k]);
  }
  return sum;
}

int threads(const BlockDevice& disk, unsigned count) {
  std::vector<std::uint64_t> sums(count);
  std::vector<std::thread> running;
  for (unsigned i = 0; i < count; ++i)
    running.emplace_back([&, i] { sums[i] = sum_from(disk, i * 3, (i % 3 + 1) * 40960); });
  for (auto& thread : running) thread.join();
  for (const auto sum : sums) std::printf("%llu\n", static_cast<unsigned long long>(sum));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) return std::fprintf(stderr, "usage: image_dump IMAGE [OPTIONS]\n"), 2;
  OpenOptions options;
  std::string mode;
  unsigned count = 0;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const std::string value = i + 1 < arguments.size() ? arguments[i + 1] : "";
    if (argument == "--format") options.format = value;
    if (argument == "--backing")
      options.backing = value == "any" ? Backing::any : value == "same-dir" ? Backing::same_dir : Backing::deny;
    if (argument == "--map" || argument == "--info" || argument == "--size") mode = argument;
    if (argument == "--threads") count = static_cast<unsigned>(std::stoul(value));
  }
  const auto image = open_image_file(arguments[0], options);
  if (!image) return fail(image.error());
  if (count != 0) return threads(*image.value().disk, count);
  if (mode == "--map") return map(*image.value().disk);
  if (mode == "--info") return info(image.value());
  if (mode == "--size") return sizes(*image.value().disk);
  return dump(*image.value().disk);
}
