#include "core/text.h"
#include "drivers/gate.h"

namespace imgfs {
namespace {

Result<Image> open_file(const std::string& path, const OpenOptions& options) {
  const auto file = TRY(FileDevice::open(path));
  const auto gate = TRY(Gate::for_image(path, file->descriptor(), options.backing));
  return open_image({file, *gate}, options.format);
}

}  // namespace

Result<Image> open_image_file(const std::string& path, const OpenOptions& options) {
  auto image = open_file(path, options);
  if (!image) return in_context(image.error(), path);
  return image;
}

}  // namespace imgfs
