#pragma once

/// The controls of the fake CUDA libraries, for tests: which faults to inject, what was called,
/// what is still alive. The functions live in the fake libcudart.so; a test finds them with
/// `fakecuda::Controls`, so that it needs no CUDA library at link time and also runs on real ones.
///
///     auto fake = fakecuda::Controls::find();          // nullopt over the real libraries
///     fake->config("mem=64M;cudaMalloc@3=2");          // the third cudaMalloc finds no memory
///     ...                                              // use the plugin
///     EXPECT_EQ(fake->live_objects(), 0) << fake->live_report();
///
/// The configuration, also read from the environment variable FAKE_CUDA (FAKE_CUDA=1 for all
/// defaults; without it and without config() every call answers 35, no driver):
///
///     devices=1 mem=256M drv=13000 rt=13000 dnn=91900 lt=130100 cc=90 sms=4 pools=1
///     mode=deferred|eager    when queued work runs: at a wait, or at once
///     guard=0|1              device memory is unreadable to the host (1)
///     order=0|1              threads and blocks first to last, or last to first
///     lt_refuse=152+512      epilogues for which cuBLASLt has no algorithm
///     lt_wrong=152+512       epilogues after which the product is wrong by a tenth
///     lt_tf32=1              a query for strict fp32 answers a TF32 algorithm first
///     lt_bias_any=1          a bias of another type than D is accepted
///     lt_relu_nan=0|1        the ReLU epilogues keep NaN (1), or answer 0 for it
///     dnn_graph=0|1          cuDNN's engines support graphs (1), or none does
///     api[@N|@N+]=code[!]    an entry point fails: always, the Nth time, from the Nth time on
///     call@N=code call@N+=code             the same for the Nth injectable call, whatever it is
///     kernel:part@N=code[!]  a kernel whose name contains `part` fails when it runs
///
/// `code` is the number of the entry point's library or `auto`, a code that it really gives. `!`
/// makes the fault sticky: the device is lost and all later calls fail. Items are separated by ','
/// or ';'. Calls are counted since the latest configuration.
///
/// Known simplifications:
/// - Copies of pageable memory are refused in a capture; outside they read at the call, and to
///   pageable memory they wait.
/// - The legacy stream and the blocking streams run as one, in order. Per-thread streams,
/// priorities,
///   pools, managed memory, several devices' memories and symbols (cudaMemcpyToSymbol) are missing.
/// - Only one stream per capture: forks, joins, child graphs and instantiation flags are refused.
/// - A query lets one task run and answers "not ready" until nothing is left.
/// - A second record of an event that is still pending makes a waiter wait for both.
/// - Freed memory reads as zero without AddressSanitizer; a kernel that writes far outside its
///   allocation is seen by AddressSanitizer only, close outside also by its red zone.
/// - Kernels: blocks run one after another, so waiting for another block hangs. Launch bounds,
///   registers and static shared memory are not checked; lost updates between threads not seen.
/// - `__device__` and `__constant__` variables are those of the fake, shared by all plugins.
/// - cuBLASLt: real fp32 and bfloat16, columns, one batch, host scalars. Two algorithms, the first
///   wants a workspace; heuristics know no shapes. A query during any capture fails.
/// - cuDNN: softmax of float; graphs of one product, bias, ReLU or its gradient, column sums. Two
///   engines, the first wants a workspace; factors are rounded to TF32. It refuses descriptors of
///   the wrong type and unfinalized ones, which the real library trusts.
/// - Errors come at the earliest moment that CUDA allows, at the wait, never by chance.

#include <dlfcn.h>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

extern "C" {
/// Replaces the settings and faults, clears a sticky error and all counters. 0, or -1 with a line
/// on stderr when the text is not understood.
int fakecuda_config(const char* text);
/// Calls of an entry point; nullptr: of all injectable ones.
long fakecuda_calls(const char* api);
/// The entry point of the nth injectable call, from 1; nullptr when there were fewer.
const char* fakecuda_call_name(long n);
/// Kernels run, in graphs too, whose mangled or demangled name contains `part`; nullptr: all.
/// Library calls are the kernels "cublasLtMatmul", "cudnnSoftmaxForward", "cudnnBackendExecute".
long fakecuda_launches(const char* part);
long fakecuda_graph_launches(void);
/// Allocations, streams, events, graphs, handles and descriptors that nobody has released.
long fakecuda_live_objects(void);
/// "device memory 2, stream 1"
void fakecuda_live_report(char* text, std::size_t size);
std::size_t fakecuda_bytes_in_use(void);
/// The most at once since the latest configuration.
std::size_t fakecuda_peak_bytes(void);
}

namespace fakecuda {

class Controls {
 public:
  /// Loads the runtime the way a plugin does. nullopt when it is the real one, or missing.
  static std::optional<Controls> find() {
    void* const library = dlopen("libcudart.so." MINNOW_CUDA_SOVERSION, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr || dlsym(library, "fakecuda_config") == nullptr) return std::nullopt;
    return Controls(library);
  }

  /// @throws std::invalid_argument when the text is not understood.
  void config(const std::string& text) const {
    if (call<decltype(fakecuda_config)>("fakecuda_config")(text.c_str()) != 0) {
      throw std::invalid_argument("fake CUDA does not understand '" + text + "'");
    }
  }
  long calls(const char* api = nullptr) const {
    return call<decltype(fakecuda_calls)>("fakecuda_calls")(api);
  }
  std::string call_name(long n) const {
    const char* const name = call<decltype(fakecuda_call_name)>("fakecuda_call_name")(n);
    return name == nullptr ? "" : name;
  }
  long launches(const char* part = nullptr) const {
    return call<decltype(fakecuda_launches)>("fakecuda_launches")(part);
  }
  long graph_launches() const {
    return call<decltype(fakecuda_graph_launches)>("fakecuda_graph_launches")();
  }
  long live_objects() const {
    return call<decltype(fakecuda_live_objects)>("fakecuda_live_objects")();
  }
  std::string live_report() const {
    std::string text(1000, '\0');
    call<decltype(fakecuda_live_report)>("fakecuda_live_report")(text.data(), text.size());
    return text.c_str();
  }
  std::size_t bytes_in_use() const {
    return call<decltype(fakecuda_bytes_in_use)>("fakecuda_bytes_in_use")();
  }
  std::size_t peak_bytes() const {
    return call<decltype(fakecuda_peak_bytes)>("fakecuda_peak_bytes")();
  }

 private:
  explicit Controls(void* library) : library_(library) {}
  template <class Function>
  Function* call(const char* name) const {
    return reinterpret_cast<Function*>(dlsym(library_, name));
  }
  void* library_;
};

}  // namespace fakecuda
