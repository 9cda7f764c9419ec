#include <cstdint>

#include "drivers/formats.h"
#include "drivers/vmdk_descriptor.h"
#include "tests/drivers/vmdk_images.h"

namespace {

/// Whatever name is asked for: a small extent, which one by the name's length.
class Everything final : public imgfs::SiblingOpener {
 public:
  imgfs::Result<imgfs::Device> open(std::string_view name) const override {
    using namespace imgfs;
    static const Device files[] = {test::device(test::pattern(20480)),
                                   test::device(test::vmdk_image(test::pattern(20480))),
                                   test::device(test::vmdk_sesparse(test::pattern(20480)))};
    return files[name.size() % 3];
  }
  imgfs::Result<imgfs::Device> open_extent(std::string_view name) const override {
    return open(name);
  }
  std::unique_ptr<imgfs::SiblingOpener> beside(std::string_view) const override {
    return std::make_unique<Everything>();
  }
};

}  // namespace

/// Any text as a descriptor.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs;
  const auto bytes = std::as_bytes(std::span(data, size));
  static_cast<void>(vmdk::is_descriptor(as_chars(bytes)));
  static_cast<void>(vmdk::parse_descriptor(as_chars(bytes)));
  const Everything siblings;
  test::look(vmdk_format().open({test::device({bytes.begin(), bytes.end()}), siblings}));
  return 0;
}
