#include "machine/visible.h"

#include <minnow/base/text.h>

#include <algorithm>
#include <charconv>

namespace minnow::machine {
namespace {

// A number, or the beginning of a UUID: "GPU-4f2a". MIG instances are not listed by the module.
bool names_a_gpu(std::string_view entry, const std::vector<ModuleGpu>& gpus, std::size_t count) {
  if (entry.starts_with("MIG-")) return true;
  if (entry.starts_with("GPU-")) {
    const bool known = std::any_of(gpus.begin(), gpus.end(),
                                   [](const ModuleGpu& gpu) { return !gpu.uuid.empty(); });
    return !known || std::any_of(gpus.begin(), gpus.end(),
                                 [&](const ModuleGpu& gpu) { return gpu.uuid.starts_with(entry); });
  }
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(entry.data(), entry.data() + entry.size(), index);
  return error == std::errc{} && end == entry.data() + entry.size() &&
         (count == 0 || index < count);
}

}  // namespace

VisibleDevices visible_devices(const std::string& value, const std::vector<ModuleGpu>& gpus,
                               std::size_t count) {
  VisibleDevices visible;
  for (const std::string_view field : fields(value, ',')) {
    const std::string_view entry = trimmed(field);
    if (!names_a_gpu(entry, gpus, count)) {
      visible.invalid = visible.shown + 1;
      visible.entry = entry;
      break;
    }
    ++visible.shown;
  }
  return visible;
}

Failure hidden_devices(const std::string& value, const VisibleDevices& visible,
                       const Evidence& evidence) {
  std::string text = cat("CUDA_VISIBLE_DEVICES=\"", value, "\"");
  if (value.find(',') != std::string::npos) {
    text += cat("; entry ", visible.invalid, " (\"", visible.entry, "\") is the first invalid one");
  }
  const std::size_t count = evidence.gpu_count();
  if (count == 1) text += "; the system has 1 GPU (index 0)";
  if (count > 1) text += cat("; the system has ", count, " GPUs (indices 0 to ", count - 1, ")");
  return {.code = "MN-D03a",
          .what = "GPU not used: CUDA_VISIBLE_DEVICES hides every GPU.",
          .evidence = std::move(text),
          .remedy = "unset CUDA_VISIBLE_DEVICES, or set it to 0",
          .effect = "nothing was opened"};
}

}  // namespace minnow::machine
