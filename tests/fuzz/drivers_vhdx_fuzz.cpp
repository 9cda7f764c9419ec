#include <cstdint>

#include "drivers/formats.h"
#include "tests/drivers/vhdx_images.h"

namespace {

using namespace imgfs;

/// The parts of a VHDX that are read: the empty space between them would eat nearly every patch.
constexpr std::size_t kParts[] = {0,
                                  65536,
                                  131072,
                                  196608,
                                  262144,
                                  test::kVhdxLog,
                                  test::kVhdxLog + 4096,
                                  test::kVhdxLog + 8192,
                                  test::kVhdxMetadata,
                                  test::kVhdxMetadata + 65536,
                                  test::kVhdxTable,
                                  test::kVhdxTable + 8 * 4096};
constexpr std::size_t kPart = 512 + 16;  ///< bytes that patches reach of each

/// Offsets in a small file, spread over the parts.
std::size_t place(std::size_t at) { return kParts[at / 512 % std::size(kParts)] + at % 512; }

/// Somebody else's bytes as a device.
class View final : public BlockDevice {
 public:
  explicit View(const test::Bytes& bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }

 private:
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return success();
  }
  const test::Bytes& bytes_;
};

/// An image of some MiB that is patched in place and mended: a copy for each input would take most of the time.
class Scratch {
 public:
  explicit Scratch(test::Bytes base) : base_(std::move(base)), bytes_(base_) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  test::Bytes& bytes() { return bytes_; }
  Device device() const { return std::make_shared<View>(bytes_); }
  void mend() {
    for (const std::size_t part : kParts) mend(part, kPart);
    mend(test::kVhdxLog, 2 * 65536);  // checksums of log entries
  }

 private:
  void mend(std::size_t at, std::size_t size) {
    std::copy_n(base_.begin() + static_cast<std::ptrdiff_t>(at), size, bytes_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  const test::Bytes base_;
  test::Bytes bytes_;
};

test::Bytes with_log(const test::Bytes& disk) {
  test::Bytes image = test::vhdx_image(disk);
  const test::Bytes sector(image.begin() + test::kVhdxTable, image.begin() + test::kVhdxTable + 4096);
  test::put_log_entry(image, 0, 7, 0, test::kVhdxTable, sector);
  test::put_log_entry(image, 8192, 8, 0, test::kVhdxTable, sector);
  test::fix_vhdx(image);
  return image;
}

}  // namespace

/// The first byte chooses a small valid VHDX (dynamic, with a log, differencing); patches follow.
/// The checksums are put right, but for the upper bit of that byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::set<std::size_t> own = {0, 1, 5, 9, 40};
  static const test::Bytes disk = test::pattern(100 * 512);
  static Scratch images[] = {Scratch(test::vhdx_image(disk)), Scratch(with_log(disk)),
                             Scratch(test::vhdx_image(disk, {512, &own, 2, 1}))};
  static const test::Siblings siblings({{"parent.vhdx", test::vhdx_image(disk)}});
  if (size == 0) return 0;
  Scratch& image = images[data[0] % 3];
  auto records = std::as_bytes(std::span(data, size)).subspan(1);
  while (records.size() > 5) {
    const std::size_t at = place(get<le32>(records)->value());
    const std::size_t length = std::min<std::size_t>(
        std::to_integer<std::size_t>(records[4]) % 16 + 1, records.size() - 5);
    std::copy_n(records.begin() + 5, length, image.bytes().begin() + static_cast<std::ptrdiff_t>(at));
    records = records.subspan(5 + length);
  }
  if (data[0] < 0x80) test::fix_vhdx(image.bytes());
  test::look(vhdx_format().open({image.device(), siblings}));
  image.mend();
  return 0;
}
