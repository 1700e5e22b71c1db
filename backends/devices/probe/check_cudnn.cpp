#include <minnow/base/environment.h>
#include <minnow/base/files.h>
#include <minnow/base/text.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "machine/evidence.h"
#include "machine/vendor_text.h"
#include "opened_library.h"
#include "steps.h"

namespace minnow::machine {
namespace {

constexpr int kMismatch = 1002;
constexpr int kUnavailable = 3009;
constexpr const char* kOwnKernels = "minnow's own kernels are used";

std::string version_text(std::size_t version) {
  return cat(version / 10000, ".", version % 10000 / 100, ".", version % 100);
}

struct Part {
  OpenedLibrary library;
  std::string version;
};

// Each sub-library has an int 0x00MMmmpp of its own; evidence, because nobody documents it.
std::string version_of(const OpenedLibrary& library, const char* symbol) {
  if (const auto* number = static_cast<const unsigned*>(library.data(symbol))) {
    return cat(*number >> 16 & 0xFFU, ".", *number >> 8 & 0xFFU, ".", *number & 0xFFU);
  }
  const std::size_t at = library.path().find(".so.");
  return at == std::string::npos ? "" : first_version(library.path().substr(at));
}

Failure note(Code code, std::string what, std::string evidence, std::string remedy) {
  return {.code = code,
          .what = std::move(what),
          .evidence = std::move(evidence),
          .remedy = std::move(remedy),
          .effect = kOwnKernels};
}

Failure not_found(const OpenedLibrary& library) {
  return {.code = "MN-L03",
          .what = "cuDNN not found; using minnow's own ReLU/softmax kernels on the GPU.",
          .evidence = library.problem(),
          .effect =
              "same results; speed difference for this network: none expected (no "
              "convolutions)"};
}

Failure part_missing(const OpenedLibrary& library) {
  return note("MN-L04", cat("cuDNN is not whole: ", library.name(), " is missing; it is not used."),
              library.problem(), "reinstall cuDNN: all of its libraries come together");
}

Failure mixed(const std::array<Part, 3>& parts, const std::string& answer) {
  std::string text;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    text += cat(i == 1 ? "" : ", ", parts[i].library.name(), " = ",
                parts[i].version.empty() ? "?" : parts[i].version, " (",
                folder_of(parts[i].library.path()), ")");
  }
  std::string remedy = "make both come from one place";
  const std::string paths = setting("LD_LIBRARY_PATH");
  if (!paths.empty()) {
    remedy += cat("; LD_LIBRARY_PATH currently puts ", paths.substr(0, paths.find(':')), " first");
  }
  return note("MN-L06", "cuDNN libraries of two versions are mixed; cuDNN is not used.",
              cat(text, "; ", answer), remedy);
}

// "9.19.0" as 919: the same major, and a minor that is not older, will do.
std::size_t major_minor(const std::string& version) {
  const std::size_t dot = version.find('.');
  if (dot == std::string::npos) return 0;
  return 100 * static_cast<std::size_t>(std::atoi(version.c_str())) +
         static_cast<std::size_t>(std::atoi(version.c_str() + dot + 1));
}

std::optional<Failure> check_versions(const std::string& needed, std::array<Part, 3>& parts,
                                      const Reporter& report) {
  Part& shim = parts[0];
  report.step("calling cudnnGetVersion", shim.library.path());
  if (const auto version = shim.library.function<std::size_t()>("cudnnGetVersion")) {
    shim.version = version_text(version());
  }
  for (const char* name : {"cudnnGraphVersionCheck", "cudnnOpsVersionCheck"}) {
    report.step(cat("calling ", name), shim.library.path());
    const auto check = shim.library.function<int()>(name);
    const int status = check == nullptr ? 0 : check();
    const std::string answer = cat(name, " -> ", status);
    if (status == kMismatch)
      return mixed(parts, answer + " CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH");
    if (status == kUnavailable) {
      return note("MN-L04", "cuDNN is not whole: a sub-library is missing; it is not used.",
                  answer + " CUDNN_STATUS_SUBLIBRARY_UNAVAILABLE",
                  "reinstall cuDNN: all of its libraries come together");
    }
  }
  const std::size_t least = major_minor(needed);
  const std::size_t found = major_minor(shim.version);
  if (found / 100 == least / 100 && found >= least) return std::nullopt;
  const std::string wanted = cat(least / 100, ".", least % 100);
  return note("MN-L07", "cuDNN is older than this build needs; cuDNN is not used.",
              cat(shim.library.name(), " = ", shim.version, " (", folder_of(shim.library.path()),
                  "); this build needs ", wanted, " or newer"),
              cat("install cuDNN ", wanted, " or newer"));
}

std::optional<Failure> check_handle(const OpenedLibrary& library, const Reporter& report) {
  const auto create = library.function<int(void**)>("cudnnCreate");
  const auto destroy = library.function<int(void*)>("cudnnDestroy");
  if (create == nullptr || destroy == nullptr) return std::nullopt;
  report.step("calling cudnnCreate", library.path());
  void* handle = nullptr;
  const int status = create(&handle);
  if (status == 0) {
    destroy(handle);
    return std::nullopt;
  }
  const auto name = library.function<const char*(int)>("cudnnGetErrorString");
  return note("MN-I02", "cuDNN does not start; it is not used.",
              cat("cudnnCreate -> ", status, " ", name == nullptr ? "" : name(status)),
              "most often the GPU's memory is taken: nvidia-smi shows by whom");
}

}  // namespace

void check_cudnn(const Plugin& plugin, const std::vector<std::string>& run_path, bool driver_works,
                 const Reporter& report) {
  report.topic("cudnn");
  const std::string built = plugin.built_against("cudnn");
  const std::string major = built.substr(0, built.find('.'));
  const auto load = [&](const char* part, const char* symbol) {
    OpenedLibrary library(cat("lib", part, ".so.", major), run_path, report);
    std::string version = version_of(library, symbol);
    return Part{std::move(library), std::move(version)};
  };
  std::array<Part, 3> parts{load("cudnn", "cudnn_version"),
                            load("cudnn_graph", "cudnn_graph_version"),
                            load("cudnn_ops", "cudnn_ops_infer_version")};
  std::optional<Failure> failure;
  for (const Part& part : parts) {
    if (failure) break;
    failure = part.library.damage();
    if (failure) failure->effect = kOwnKernels;
    if (!failure && !part.library) {
      failure = &part == &parts[0] ? not_found(part.library) : part_missing(part.library);
    }
  }
  // Any call aborts the process when a part is missing.
  if (!failure) failure = check_versions(built, parts, report);
  if (!failure && driver_works) failure = check_handle(parts[0].library, report);
  constexpr const char* kNames[] = {"cudnn", "cudnn_graph", "cudnn_ops"};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    report.library({.name = kNames[i],
                    .built_against = built,
                    .found = parts[i].version,
                    .path = parts[i].library.path(),
                    .problem = parts[i].library.problem()});
  }
  report.finding(
      {.topic = "cudnn",
       .verdict = failure ? Verdict::note : Verdict::good,
       .text = failure ? failure->what : cat(parts[0].version, " ", parts[0].library.path()),
       .failure = failure});
}

}  // namespace minnow::machine
