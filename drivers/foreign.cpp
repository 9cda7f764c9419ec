#include "drivers/foreign.h"

#include <algorithm>
#include <array>

namespace imgfs {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kDecompress = "decompress it first";
constexpr std::string_view kUnpack = "unpack it and give the disk image inside";
constexpr std::string_view kConvert = "convert it first (qemu-img convert -O qcow2)";
constexpr std::string_view kNoDisk = "give a disk image";

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  std::string_view name;
  std::string_view advice;
};

constexpr std::array kMagics = {
    Magic{0, "\x1f\x8b\x08"sv, "a gzip-compressed file", kDecompress},
    Magic{0, "\xfd"
             "7zXZ\0"sv, "an xz-compressed file", kDecompress},
    Magic{0, "\x28\xb5\x2f\xfd"sv, "a zstd-compressed file", kDecompress},
    Magic{0, "\x04\x22\x4d\x18"sv, "an lz4-compressed file", kDecompress},
    Magic{0, "\x89LZO\0\r\n\x1a\n"sv, "an lzop-compressed file", kDecompress},
    Magic{0, "LZIP\x01"sv, "an lzip-compressed file", kDecompress},
    Magic{0, "\x1f\x9d\x90"sv, "a compress (.Z) file", kDecompress},
    Magic{4, "1AY&SY"sv, "a bzip2-compressed file", kDecompress},
    Magic{0, "PK\x03\x04"sv, "a ZIP archive", kUnpack},
    Magic{0, "PK\x05\x06"sv, "an empty ZIP archive", kNoDisk},
    Magic{0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive", kUnpack},
    Magic{0, "Rar!\x1a\x07"sv, "a RAR archive", kUnpack},
    Magic{0, "070701"sv, "a cpio archive (an initramfs?)", kNoDisk},
    Magic{0, "070707"sv, "a cpio archive", kNoDisk},
    Magic{0, "!<arch>\ndebian-binary"sv, "a Debian package (deb)", kNoDisk},
    Magic{0, "!<arch>\n"sv, "an ar archive", kNoDisk},
    Magic{0, "\xed\xab\xee\xdb"sv, "an RPM package", kNoDisk},
    Magic{0, "\x7f" "ELF"sv, "an ELF program or kernel", kNoDisk},
    Magic{0, "QED\0"sv, "a QED image, which is not read", kConvert},
    Magic{0, "QFI\xfb\0\0\0\x01"sv, "a QCOW version 1 image, which is not read", kConvert},
    Magic{0, "WithoutFreeSpace"sv, "a Parallels image, which is not read", kConvert},
    Magic{0, "WithouFreSpacExt"sv, "a Parallels image, which is not read", kConvert},
    Magic{0, "Bochs Virtual HD Image"sv, "a Bochs image, which is not read", kConvert},
    Magic{0, "EVF\x09\x0d\x0a\xff\0"sv, "an EnCase (EWF/E01) image, which is not read",
          "export it as raw first (ewfexport)"sv},
    Magic{0, "EVF2\x0d\x0a\x81\0"sv, "an EnCase (Ex01) image, which is not read",
          "export it as raw first"sv},
    Magic{0, "AFF10\r\n\0"sv, "an AFF image, which is not read", "export it as raw first"sv},
    Magic{0, "\x3a\xff\x26\xed"sv, "an Android sparse image, which is not read",
          "convert it first (simg2img)"sv},
    Magic{0, "MSWIM\0\0\0"sv, "a Windows imaging (WIM) archive", kNoDisk},
    Magic{0, "VMA\0"sv, "a Proxmox backup (VMA)", "extract it first (vma extract)"sv},
    Magic{0, "partclone-image"sv, "a Partclone image", "restore it to a raw file first"sv},
    Magic{0, "sprs"sv, "an Apple sparse image, which is not read", "convert it first"sv},
    Magic{0, "shdw"sv, "an Apple sparse image (ASIF), which is not read", "convert it first"sv},
    Magic{0, "%PDF-"sv, "a PDF document", kNoDisk},
    Magic{0, "\x89PNG\r\n\x1a\n"sv, "a PNG picture", kNoDisk},
    Magic{0, "<?xml"sv, "an XML document (an OVF descriptor, perhaps)",
          "give the disk image beside it"sv},
    Magic{0, "<!DOCTYPE html"sv, "a web page", "the download of the image failed"sv},
    Magic{0, "<!doctype html"sv, "a web page", "the download of the image failed"sv},
    Magic{0, "<html"sv, "a web page", "the download of the image failed"sv},
    Magic{0, "version https://git-lfs"sv, "a Git LFS pointer", "fetch the file itself (git lfs pull)"sv},
};

bool has(std::span<const std::byte> bytes, std::size_t offset, std::string_view text) {
  const auto found = part(bytes, offset, text.size());
  return found && as_chars(*found) == text;
}

std::string sentence(std::string_view name, std::string_view advice) {
  return "is " + std::string(name) + ": " + std::string(advice);
}

/// A tar header's own sum, so that old archives without "ustar" are known as well.
bool is_tar(std::span<const std::byte> head) {
  if (head.size() < 512) return false;
  if (has(head, 257, "ustar")) return true;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < 512; ++i)
    sum += i >= 148 && i < 156 ? std::uint64_t{' '} : std::to_integer<std::uint64_t>(head[i]);
  std::uint64_t stored = 0;
  std::size_t digits = 0;
  for (const char c : as_chars(head.subspan(148, 7))) {
    if (c == ' ' && digits == 0) continue;
    if (c < '0' || c > '7') break;
    stored = stored * 8 + static_cast<std::uint64_t>(c - '0');
    ++digits;
  }
  return digits >= 4 && stored == sum && head[0] != std::byte{0};
}

std::string tar_sentence(std::span<const std::byte> head) {
  std::string_view first = as_chars(head.first(100));
  first = first.substr(0, first.find('\0'));
  if (first.ends_with(".ovf"))
    return sentence("an OVA appliance (a tar archive)",
                    "unpack it (tar xf) and give the disk image (.vmdk) inside");
  return sentence("a tar archive", kUnpack);
}

/// ECMA-119: the primary volume descriptor is sector 16. A disk that once held an ISO may still have
/// it before its first partition, so the volume has to be about as long as the file.
bool is_iso9660(const ProbeBytes& bytes, const BlockDevice& file) {
  constexpr std::uint64_t kDescriptor = 16 * 2048;
  if (bytes.size < kDescriptor + 2048) return false;
  std::array<std::byte, 84> descriptor{};
  if (!file.read(kDescriptor, descriptor)) return false;
  if (!has(descriptor, 0, "\x01" "CD001"sv)) return false;
  const auto blocks = get<le32>(descriptor, 80);
  const std::uint64_t volume = std::uint64_t{blocks->value()} * 2048;
  return volume >= bytes.size / 2 && volume <= bytes.size + (std::uint64_t{64} << 20);
}

}  // namespace

std::optional<std::string> foreign_format(const ProbeBytes& bytes, const BlockDevice& file) {
  for (const Magic& magic : kMagics)
    if (has(bytes.head, magic.offset, magic.bytes)) return sentence(magic.name, magic.advice);
  if (has(bytes.tail, bytes.tail.size() - std::min<std::size_t>(512, bytes.tail.size()), "koly"))
    return sentence("an Apple disk image (DMG), which is not read", kConvert);
  if (is_tar(bytes.head)) return tar_sentence(bytes.head);
  if (has(bytes.head, 0, "MZ") && !has(bytes.head, 510, "\x55\xaa"))
    return sentence("a Windows program or boot loader", kNoDisk);
  if (is_iso9660(bytes, file))
    return sentence("an ISO 9660 installation medium, not an installed disk",
                    "install it and give the disk that results");
  return std::nullopt;
}

}  // namespace imgfs
