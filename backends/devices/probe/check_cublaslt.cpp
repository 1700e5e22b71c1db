#include <minnow/base/text.h>

#include "opened_library.h"
#include "steps.h"

namespace minnow::machine {
namespace {

std::string version_text(std::size_t version) {
  return cat(version / 10000, ".", version % 10000 / 100, ".", version % 100);
}

}  // namespace

void check_cublaslt(const Plugin& plugin, const std::vector<std::string>& run_path,
                    bool driver_works, const Reporter& report) {
  report.topic("cublasLt");
  const std::string built = plugin.built_against("cublasLt");
  const std::string major = built.substr(0, built.find('.'));
  const OpenedLibrary library(cat("libcublasLt.so.", major), run_path, report);
  LibraryFact fact{.name = "cublasLt",
                   .built_against = built,
                   .found = {},
                   .path = library.path(),
                   .problem = library.problem()};
  std::optional<Failure> failure = library.damage();
  if (!library && !failure) {
    failure = Failure{.code = "MN-L02",
                      .what = "GPU not used: cuBLASLt cannot be loaded.",
                      .evidence = library.problem(),
                      .remedy =
                          "install cuBLAS of this CUDA version, or put its folder into "
                          "LD_LIBRARY_PATH",
                      .effect = "nothing was opened"};
  }
  if (!failure) {
    report.step("calling cublasLtGetVersion", library.path());
    if (const auto version = library.function<std::size_t()>("cublasLtGetVersion")) {
      fact.found = version_text(version());
    }
    const auto create = library.function<int(void**)>("cublasLtCreate");
    const auto destroy = library.function<int(void*)>("cublasLtDestroy");
    if (driver_works && create != nullptr && destroy != nullptr) {
      report.step("calling cublasLtCreate", library.path());
      void* handle = nullptr;
      if (const int status = create(&handle); status != 0) {
        const auto name = library.function<const char*(int)>("cublasLtGetStatusName");
        failure = Failure{
            .code = "MN-I01",
            .what = "GPU not used: cuBLASLt does not start.",
            .evidence = cat("cublasLtCreate -> ", status, " ", name == nullptr ? "" : name(status)),
            .remedy = "most often the GPU's memory is taken: nvidia-smi shows by whom",
            .effect = "nothing was opened"};
        fact.problem = failure->evidence;
      } else {
        destroy(handle);
      }
    }
  }
  report.library(fact);
  report.finding({.topic = "cublasLt",
                  .verdict = failure ? Verdict::problem : Verdict::good,
                  .text = failure ? failure->what : cat(fact.found, " ", fact.path),
                  .failure = failure});
}

}  // namespace minnow::machine
