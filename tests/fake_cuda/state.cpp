#include "state.h"

#include <cxxabi.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>

#include "stream.h"

namespace fakecuda {
namespace {

struct LastError {
  cudaError_t code = cudaSuccess;
  long epoch = 0;
};
thread_local LastError last;

constexpr bool injectable(ApiKind kind) { return kind == ApiKind::kCall || kind == ApiKind::kHost; }

}  // namespace

bool Objects::has(const void* object, const char* kind) const {
  const auto found = kinds_.find(object);
  return found != kinds_.end() && found->second == kind;
}

bool Objects::remove(const void* object, const char* kind) {
  if (!has(object, kind)) return false;
  kinds_.erase(object);
  return true;
}

std::string Objects::report() const {
  std::map<std::string, int> counts;
  for (const auto& [object, kind] : kinds_) ++counts[kind];
  std::string text;
  for (const auto& [kind, count] : counts) {
    text += (text.empty() ? "" : ", ") + kind + " " + std::to_string(count);
  }
  return text;
}

void State::configure(Config config) {
  enabled = true;
  settings = std::move(config.settings);
  faults = std::move(config.faults);
  sticky = pending = cudaSuccess;
  ++epoch;
  injectable_calls.clear();
  calls.clear();
  launches.clear();
  graph_launches = 0;
  arena.reset_peak();
}

State& state() {
  static State* const instance = [] {
    auto* const created = new State;
    if (const char* const text = std::getenv("FAKE_CUDA")) {
      try {
        created->configure(parse_config(text));
      } catch (const std::exception& error) {
        complain(std::string("FAKE_CUDA ") + error.what());
        std::abort();  // a fault that never fires would pass every test
      }
    }
    return created;
  }();
  return *instance;
}

Entry::Entry(const char* api) : lock_(state().mutex) {
  const Api* const row = find_api(api);
  if (row == nullptr) {
    complain(std::string(api) + " is missing in the table of entry points");
    std::abort();
  }
  code_ = decide(*row);
}

int Entry::decide(const Api& api) {
  State& now = state();
  const long nth = ++now.calls[api.name];
  if (now.enabled && injectable(api.kind)) now.injectable_calls.push_back(api.name);
  const auto nth_call = static_cast<long>(now.injectable_calls.size());

  if (api.kind == ApiKind::kCall || api.kind == ApiKind::kRelease) {
    const cudaError_t missing = missing_device();
    const cudaError_t broken = missing != cudaSuccess ? missing : now.sticky;
    if (broken != cudaSuccess) {
      if (api.library == Library::kRuntime) return broken;
      if (api.broken != 0) return api.broken;
    }
  }
  for (const Fault& fault : now.faults) {
    const bool any = fault.target == Fault::Target::kAnyCall;
    if (any ? !injectable(api.kind)
            : fault.target != Fault::Target::kApi || fault.name != api.name) {
      continue;
    }
    const long count = any ? nth_call : nth;
    if (fault.from ? count < fault.at : count != fault.at) continue;
    const int code = fault.code == Fault::kAutomatic ? api.automatic : fault.code;
    if (api.library == Library::kDnn) now.dnn_message = std::string(api.name) + ": injected fault";
    if (fault.sticky) {
      break_device(api.library == Library::kRuntime ? static_cast<cudaError_t>(code)
                                                    : cudaErrorLaunchFailure,
                   std::string("injected into ") + api.name);
    }
    return code;
  }
  return 0;
}

cudaError_t Entry::refuse() const { return answer(static_cast<cudaError_t>(code_)); }

cudaError_t answer(cudaError_t code) {
  if (code != cudaSuccess) last = {.code = code, .epoch = state().epoch};
  return code;
}

cudaError_t last_error() {
  if (state().sticky != cudaSuccess) return state().sticky;
  return last.epoch == state().epoch ? last.code : cudaSuccess;
}

void clear_last_error() { last = {}; }

cudaError_t break_device(cudaError_t code, const std::string& why) {
  State& now = state();
  if (now.sticky == cudaSuccess) {
    complain("device lost with error " + std::to_string(code) + ": " + why);
    now.sticky = code;
    now.pending = cudaSuccess;
    drop_all_work();
  }
  return now.sticky;
}

cudaError_t missing_device() {
  const State& now = state();
  if (!now.enabled || now.settings.driver < now.settings.runtime / 1000 * 1000) {
    return cudaErrorInsufficientDriver;
  }
  return now.settings.devices > 0 ? cudaSuccess : cudaErrorNoDevice;
}

void complain(const std::string& text) { std::fprintf(stderr, "fake CUDA: %s\n", text.c_str()); }

std::string demangle(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? text.get() : symbol;
}

}  // namespace fakecuda
