// image-format and image-size.
#include <algorithm>

#include "checkers/checker.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

std::string suffix_of(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  std::string out(dot == std::string_view::npos ? "" : name.substr(dot + 1));
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// The format that a file's suffix promises; empty where it promises none.
std::string_view promised_format(std::string_view suffix) {
  if (suffix == "raw" || suffix == "dd") return "raw";
  if (suffix == "qcow2" || suffix == "qcow") return "qcow2";
  if (suffix == "vpc" || suffix == "vhd") return "vhd";
  for (const std::string_view format : {"vmdk", "vhdx", "vdi"})
    if (suffix == format) return format;
  return {};
}

/// VMDKs whose bytes lie in several files.
bool in_several_files(std::string_view variant) {
  for (const std::string_view kind : {"monolithicFlat", "twoGbMaxExtent", "vmfs", "custom", "fullDevice", "partitionedDevice"})
    if (variant.find(kind) != std::string_view::npos) return true;
  return false;
}

bool usual_vmdk(std::string_view variant) {
  return variant.find("monolithicSparse") != std::string_view::npos ||
         variant.find("streamOptimized") != std::string_view::npos;
}

std::string convert_command(const FormatRule& rule, const std::string& path) {
  const bool qcow2 = rule.formats.empty() || contains(rule.formats, "qcow2");
  std::string format = qcow2 ? "qcow2" : rule.formats.front();
  std::string options;
  if (format == "vhd") {
    format = "vpc";
    const auto wanted = rule.variants.find("vhd");
    if (wanted != rule.variants.end() && wanted->second == Names{"fixed"})
      options = " -o subformat=fixed,force_size=on";
  }
  if (format == "vmdk") options = " -o subformat=streamOptimized";
  const std::string name = path.empty() ? "IMAGE" : printable(path);
  return "qemu-img convert -O " + format + options + " '" + name + "' converted." + format;
}

}  // namespace

Finding check_image_format(const CheckContext& context) {
  const ImageInfo& image = context.tree.image();
  const FormatRule& rule = context.rules.format;
  const std::string what = image.format + (image.variant.empty() ? "" : " (" + image.variant + ")");
  std::vector<Evidence> evidence = {{"offset 0", "format " + what}};
  const std::string fix = convert_command(rule, context.image_path);
  if (!contains(rule.formats, image.format))
    return make_finding(rule.severity, "the format " + image.format + " is not accepted; only " +
                                           join(rule.formats),
                        evidence, fix);
  if (!image.backing_files.empty()) {
    evidence.push_back({"offset 0", "backing file " + image.backing_files.front()});
    return make_finding(Status::fail, "the image is not complete in itself: it needs another file",
                        evidence, fix);
  }
  if (image.format == "vmdk" && in_several_files(image.variant))
    return make_finding(Status::fail, "the image consists of several files (" + image.variant + ")",
                        evidence, fix);
  if (const auto allowed = rule.variants.find(image.format); allowed != rule.variants.end()) {
    const bool fits = std::ranges::any_of(allowed->second, [&](const std::string& variant) {
      return image.variant.find(variant) != std::string::npos;
    });
    if (!fits)
      return make_finding(rule.severity, "a " + image.format + " must be " + join(allowed->second) +
                                             ", not " + (image.variant.empty() ? "plain" : image.variant),
                          evidence, fix);
  }
  for (const Remark& remark : image.remarks)
    if (remark.kind != Remark::Kind::note) evidence.push_back({"offset 0", remark.text});
  if (evidence.size() > 1)
    return make_finding(Status::warn, "the image is " + what + ", but not sound", evidence,
                        "qemu-img check -r all, or " + fix);
  if (image.format == "vmdk" && !image.variant.empty() && !usual_vmdk(image.variant))
    return make_finding(Status::warn, "the image is a VMDK of an unusual kind: " + image.variant,
                        evidence, fix);
  const std::string_view promised = promised_format(suffix_of(context.image_path));
  if (!promised.empty() && promised != image.format) {
    evidence.push_back({"offset 0", "the name promises " + std::string(promised)});
    return make_finding(Status::warn, "the file's name and its format do not agree", evidence,
                        "rename the file to end in ." + image.format);
  }
  return make_finding(Status::pass, "the image is " + what + " and complete in itself", evidence);
}

const Result<Qcow2Size>& qcow2_size(const CheckContext& context) {
  auto& fact = context.facts.size;
  if (!fact) fact = context.surroundings.size_bound(context.tree.disk());
  // The limit decides whether the bound is good enough.
  const auto& limit = context.rules.size.qcow2_max;
  if (fact->has_value() && !fact->value().exact && limit && fact->value().bytes > limit->low) {
    auto exact = context.surroundings.size_exact(context.tree.disk(), [&](std::uint64_t done) {
      if (context.progress) context.progress(done);
    });
    if (exact) fact = std::move(exact);
  }
  return *fact;
}

namespace {

/// Compares with a limit whose unit may be read in two ways.
Status against(std::uint64_t bytes, const SizeLimit& limit, Status severity) {
  if (bytes <= limit.low) return Status::pass;
  return bytes <= limit.high ? Status::warn : severity;
}

}  // namespace

Finding check_image_size(const CheckContext& context) {
  const SizeRule& rule = context.rules.size;
  const std::uint64_t virtual_size = context.tree.disk().size();
  std::vector<Evidence> evidence = {{"/.raw/disk", "virtual size " + size_text(virtual_size)}};
  const std::string gap = "between the two readings of the limit, decimal and binary";
  const std::string shrink =
      "shrink the last partition and file system, then qemu-img resize --shrink; or migrate offline";
  Status status = Status::pass;
  std::string summary = "the sizes are within the limits";
  std::optional<std::string> fix;
  const auto worse = [&](Status found, std::string text, std::string how) {
    const bool fails = found == Status::fail && status != Status::fail;
    if (found == Status::pass || (!fails && status != Status::pass)) return;
    status = found;
    summary = std::move(text);
    fix = std::move(how);
  };
  if (rule.virtual_max) {
    const Status found = against(virtual_size, *rule.virtual_max, rule.severity);
    worse(found, "the virtual size of " + size_text(virtual_size) +
                     (found == Status::fail ? " is above the limit of " : " lies at the limit of ") +
                     rule.virtual_max->text + (found == Status::warn ? ", " + gap : ""),
          shrink);
  }
  if (rule.virtual_min && virtual_size < rule.virtual_min->low)
    worse(rule.severity, "the virtual size is below " + rule.virtual_min->text,
          "qemu-img resize IMAGE " + std::to_string(rule.virtual_min->high));
  if (virtual_size % rule.multiple != 0) {
    const std::uint64_t rounded = (virtual_size / rule.multiple + 1) * rule.multiple;
    worse(rule.severity, "the virtual size is not a multiple of " + size_text(rule.multiple),
          "qemu-img resize IMAGE " + std::to_string(rounded));
  }
  if (rule.qcow2_max) {
    const auto& size = qcow2_size(context);
    if (!size) {
      if (status != Status::fail) return could_not("the map of allocated clusters", size.error(), "/.raw/disk");
    } else {
      evidence.push_back({"/.raw/disk", std::string(size.value().exact ? "" : "at most ") +
                                            size_text(size.value().bytes) + " once converted to QCOW2"});
      const Status found = against(size.value().bytes, *rule.qcow2_max, rule.severity);
      if (found != Status::pass && !size.value().exact && status != Status::fail)
        return make_finding(Status::unknown,
                            "the size once converted to QCOW2 is not known: only its bound, above " +
                                rule.qcow2_max->text,
                            evidence);
      worse(found, "converted to QCOW2 the image takes " + size_text(size.value().bytes) +
                       (found == Status::fail ? ", above the limit of " : ", at the limit of ") +
                       rule.qcow2_max->text + (found == Status::warn ? ", " + gap : ""),
            "delete what is not needed and run fstrim -a (or zerofree) in the guest, then convert again");
    }
  }
  if (!rule.virtual_max && !rule.qcow2_max && !rule.virtual_min && rule.multiple == 1)
    return make_finding(Status::not_applicable, "the policy has no limit of size", evidence);
  return make_finding(status, summary, evidence, fix);
}

}  // namespace imgfs::checkers
