#include "cpu/open_cpu.h"

#include <minnow/error.h>

#include "cpu_backend.h"
#include "onednn_loader.h"

namespace minnow::cpu {

std::shared_ptr<Backend> open_cpu(const OpenOptions& options) {
  if (options.precision == Precision::tf32) {
    throw InvalidArgument({.code = "MN-U01",
                           .what = "the CPU cannot compute in tf32.",
                           .evidence = "it computes in fp32 and, with AMX, in bf16",
                           .remedy = "ask for fp32, or for a GPU"});
  }
  const OnednnPlugin* onednn =
      options.precision == Precision::bf16 ? &load_onednn_plugin() : nullptr;
  return std::make_shared<CpuBackend>(options.threads, options.memory_limit, onednn);
}

}  // namespace minnow::cpu
