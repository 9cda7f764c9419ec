#include "checkers/initramfs.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <optional>

#include "checkers/kernel_facts.h"
#include "core/bytes.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kHeader = 110;    // bytes of a "newc" header
constexpr std::uint32_t kMaxName = 4096;  // the kernel's PATH_MAX; it passes over longer ones
constexpr std::size_t kDecoded = 256 << 10;

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Result<void> check_time(double deadline) {
  if (processor_seconds() <= deadline) return success();
  return Error{Errc::too_large, "it takes more than 10 seconds to unpack"};
}

/// What a decoder gives, as a source. Counts its bytes.
class DecodedSource final : public ByteSource {
 public:
  DecodedSource(ByteSource& below, std::unique_ptr<Decoder> decoder, std::uint64_t& left, double deadline)
      : below_(below), decoder_(std::move(decoder)), left_(left), deadline_(deadline), buffer_(kDecoded) {}

  Result<std::span<const std::byte>> peek() override { return peek_at_least(1); }
  void take(std::size_t count) override { begin_ += count; }
  Result<std::span<const std::byte>> peek_at_least(std::size_t count) override {
    while (filled_ - begin_ < count && !done_) {
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
      filled_ -= begin_;
      begin_ = 0;
      TRY(check_time(deadline_));
      const std::size_t got = TRY(decoder_->read(below_, std::span(buffer_).subspan(filled_)));
      if (got == 0) done_ = true;
      if (got > left_) return Error{Errc::too_large, "the initramfs is larger than 512 MiB"};
      left_ -= got;
      filled_ += got;
    }
    return std::span<const std::byte>(buffer_).subspan(begin_, filled_ - begin_);
  }

 private:
  ByteSource& below_;
  std::unique_ptr<Decoder> decoder_;
  std::uint64_t& left_;
  double deadline_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t filled_ = 0;
  bool done_ = false;
};

class Scanner {
 public:
  Scanner(std::string_view version, const std::vector<std::string>& wanted,
          const InitramfsLimits& limits)
      : version_(version),
        wanted_(wanted.begin(), wanted.end()),
        limits_(limits),
        left_(limits.output),
        deadline_(processor_seconds() + limits.seconds) {}

  Result<InitramfsContent> scan(ByteSource& source) {
    TRY(archives(source, false));
    out_.complete = !found_all();
    return std::move(out_);
  }

 private:
  bool found_all() const { return out_.modules.size() == wanted_.size() && !wanted_.empty(); }

  Result<void> archives(ByteSource& source, bool inside) {
    std::uint64_t position = 0;  // since the archive began: headers are aligned to it
    bool named = false;
    while (!found_all()) {
      const auto head = TRY(source.peek_at_least(6));
      if (head.empty()) return success();
      if (head[0] == std::byte{0}) {
        position += pass_zeros(source, head);
        continue;
      }
      if (head[0] == std::byte{'0'} && position % 4 == 0) {
        if (!named) TRY(add_part("cpio", inside));
        named = true;
        TRY(entry(source, position));
        continue;
      }
      if (inside) return corrupt("neither a cpio header nor padding inside the compressed archive");
      std::string name;
      auto decoder = make_decoder(head, name);
      if (decoder == nullptr)
        return unsupported("no format that a Linux kernel unpacks (magic " + hex(head) + ")");
      TRY(add_part(name, false));
      TRY(check_time(deadline_));
      named = false;
      position = 0;
      DecodedSource decoded(source, std::move(decoder), left_, deadline_);
      TRY(archives(decoded, true));  // one level: `inside` cannot come here again
    }
    return success();
  }

  static std::string hex(std::span<const std::byte> bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (const std::byte b : bytes.first(std::min<std::size_t>(bytes.size(), 6))) {
      out += kDigits[std::to_integer<unsigned>(b) >> 4];
      out += kDigits[std::to_integer<unsigned>(b) & 15];
    }
    return out;
  }

  Result<void> add_part(const std::string& name, bool inside) {
    if (inside) return success();
    if (out_.parts.size() >= static_cast<std::size_t>(limits_.parts))
      return Error{Errc::too_large, "more than " + std::to_string(limits_.parts) + " archives"};
    out_.parts.push_back(name);
    return success();
  }

  static std::uint64_t pass_zeros(ByteSource& source, std::span<const std::byte> bytes) {
    const auto end = std::ranges::find_if(bytes, [](std::byte b) { return b != std::byte{0}; });
    const auto count = static_cast<std::size_t>(end - bytes.begin());
    source.take(count);
    return count;
  }

  /// The number in field `index` of a header, 8 hexadecimal digits each.
  static std::optional<std::uint32_t> field(std::string_view header, std::size_t index) {
    std::uint32_t out = 0;
    for (const char c : header.substr(6 + index * 8, 8)) {
      const char l = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') out = out * 16 + static_cast<std::uint32_t>(c - '0');
      else if (l >= 'a' && l <= 'f') out = out * 16 + static_cast<std::uint32_t>(l - 'a' + 10);
      else return {};
    }
    return out;
  }

  Result<void> entry(ByteSource& source, std::uint64_t& position) {
    if (++out_.entries > limits_.entries)
      return Error{Errc::too_large, "more than " + std::to_string(limits_.entries) + " files"};
    if (out_.entries % 64 == 0) TRY(check_time(deadline_));
    std::array<std::byte, kHeader> bytes;
    TRY(source.fill(bytes));
    const std::string_view header = as_chars(bytes);
    if (!header.starts_with("070701") && !header.starts_with("070702"))
      return corrupt("a cpio header that is not of the kind newc");
    const auto mode = field(header, 1);
    const auto links = field(header, 4);
    const auto size = field(header, 6);
    const auto name_size = field(header, 11);
    if (!mode || !links || !size || !name_size) return corrupt("a cpio header with a bad number");
    position += kHeader;
    const auto aligned = [](std::uint64_t n) { return (n + 3) & ~std::uint64_t{3}; };
    const std::uint64_t name_end = aligned(position + *name_size);
    const std::uint64_t end = aligned(name_end + *size);
    if (*name_size == 0 || *name_size > kMaxName) {
      TRY(source.skip(end - position));
    } else {
      name_.resize(*name_size);
      TRY(source.fill(std::as_writable_bytes(std::span(name_.data(), name_.size()))));
      position += *name_size;
      note(std::string_view(name_).substr(0, name_.find('\0')), *mode, *links, *size);
      // The padding after the last file may be cut off: only what is there is passed over.
      const std::uint64_t body = name_end + *size - position;
      if (!found_all()) {
        TRY(source.skip(body));
        position += body;
        TRY(pass_padding(source, end - position));
      }
    }
    position = end;
    return success();
  }

  static Result<void> pass_padding(ByteSource& source, std::uint64_t count) {
    while (count > 0) {
      const auto bytes = TRY(source.peek());
      if (bytes.empty()) return success();
      const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(count, bytes.size()));
      source.take(now);
      count -= now;
    }
    return success();
  }

  void note(std::string_view path, std::uint32_t mode, std::uint32_t links, std::uint32_t size) {
    while (path.starts_with("./") || path.starts_with("/")) path.remove_prefix(path[0] == '/' ? 1 : 2);
    if (path == "init" || path == "linuxrc" || path == "sbin/init") out_.has_init = true;
    const std::uint32_t type = mode & 0170000;
    // A file with no bytes is a module only where a later link of it has them.
    const bool module_file = (type == 0100000 && (size > 0 || links > 1)) || type == 0120000;
    if (!module_file) return;
    const std::string name = module_name(path);
    if (name.empty()) return;
    ++out_.all_modules;
    if (!wanted_.contains(name) || !usable(path)) return;
    out_.modules.insert(name);
  }

  /// Below the modules' directory of this kernel, or in a flat directory of an old mkinitrd.
  bool usable(std::string_view path) {
    static constexpr std::string_view kDirectory = "lib/modules/";
    if (path.starts_with("usr/")) path.remove_prefix(4);
    if (!path.starts_with(kDirectory)) return path.starts_with("lib/");
    path.remove_prefix(kDirectory.size());
    const std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return true;
    const std::string_view version = path.substr(0, slash);
    if (version_.empty() || version == version_ || version == "updates" || version == "kernel") return true;
    if (out_.versions.size() < 16) out_.versions.emplace(version);
    return false;
  }

  std::string version_;
  std::set<std::string, std::less<>> wanted_;
  InitramfsLimits limits_;
  std::uint64_t left_;
  double deadline_;
  std::string name_;
  InitramfsContent out_;
};

}  // namespace

Result<InitramfsContent> scan_initramfs(ByteSource& source, std::string_view version,
                                        const std::vector<std::string>& wanted,
                                        const InitramfsLimits& limits) {
  return Scanner(version, wanted, limits).scan(source);
}

Result<std::vector<PeSection>> pe_sections(const GuestFiles& files, std::string_view path) {
  constexpr std::size_t kMaxSections = 96;
  std::array<std::byte, 64> dos;
  if (TRY(files.read(path, 0, dos)) != dos.size() || as_chars(dos).substr(0, 2) != "MZ")
    return corrupt("no PE file: it does not begin with MZ");
  const std::uint64_t start = get<le32>(dos, 0x3c)->value();
  std::array<std::byte, 24> head;
  if (TRY(files.read(path, start, head)) != head.size() ||
      as_chars(head).substr(0, 4) != std::string_view("PE\0\0", 4))
    return corrupt("no PE signature", start);
  const std::size_t count = get<le16>(head, 6)->value();
  if (count > kMaxSections) return corrupt("more than 96 PE sections", start);
  const std::uint64_t table = start + 24 + get<le16>(head, 20)->value();
  std::vector<std::byte> rows(count * 40);
  if (TRY(files.read(path, table, rows)) != rows.size()) return corrupt("PE sections cut off", table);
  std::vector<PeSection> sections;
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = std::span(rows).subspan(i * 40, 40);
    const std::string_view name = as_chars(row.first(8));
    const std::uint64_t used = get<le32>(row, 8)->value();
    const std::uint64_t stored = get<le32>(row, 16)->value();
    sections.push_back({std::string(name.substr(0, name.find('\0'))), get<le32>(row, 20)->value(),
                        used == 0 ? stored : std::min(used, stored)});
  }
  return sections;
}

}  // namespace imgfs::checkers
