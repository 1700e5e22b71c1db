#pragma once

// What every part of the fake shares: settings, faults, counters, live objects. One recursive mutex
// guards all of it; an Entry, the first line of every entry point, holds that mutex.

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "arena.h"

namespace fakecuda {

enum class Library { kRuntime, kLt, kDnn };

enum class ApiKind {
  kPlain,    // versions, names, last errors: never refused
  kHost,     // works without a device (descriptors), can be made to fail
  kCall,     // needs driver and device
  kRelease,  // frees: answers an error, yet always releases
};

// One row of the table of entry points.
struct Api {
  const char* name;
  Library library;
  ApiKind kind;
  int automatic;  // the code that a fault written as `auto` gives
  int broken;     // the answer without a driver and after a sticky error; 0: CUDA's own code
};

// nullptr when the fake has no such entry point.
const Api* find_api(const std::string& name);

struct Settings {
  int devices = 1;
  std::size_t memory = std::size_t{256} << 20U;
  int driver = CUDART_VERSION;
  int runtime = CUDART_VERSION;
  std::size_t dnn = 91900;
  std::size_t lt = 130100;
  int cc = 90;
  int sms = 4;
  int pools = 1;
  bool eager = false;    // mode=eager: tasks run when they are queued
  bool guard = true;     // device memory is unreadable to the host
  bool reverse = false;  // order=1: threads and blocks run from the last to the first
  std::set<unsigned> lt_refuse;
  std::set<unsigned> lt_wrong;
  bool lt_tf32 = false;
  bool lt_bias_any = false;
  bool lt_relu_nan = true;
  bool dnn_graph = true;
};

struct Fault {
  enum class Target { kApi, kAnyCall, kKernel };
  static constexpr int kAutomatic = -1;
  Target target = Target::kApi;
  std::string name;
  long at = 1;
  bool from = true;  // at and every later one
  int code = 0;
  bool sticky = false;
  long seen = 0;  // kernels only: executions that matched
};

struct Config {
  Settings settings;
  std::vector<Fault> faults;
};

// Throws std::invalid_argument with the offending part.
Config parse_config(const std::string& text);

// What the program owns now, by handle. A handle that is not here is refused.
class Objects {
 public:
  void add(const void* object, const char* kind) { kinds_[object] = kind; }
  bool has(const void* object, const char* kind) const;
  bool remove(const void* object, const char* kind);
  std::size_t size() const { return kinds_.size(); }
  std::string report() const;

 private:
  std::unordered_map<const void*, std::string> kinds_;
};

struct State {
  std::recursive_mutex mutex;
  bool enabled = false;  // FAKE_CUDA is set or fakecuda_config() was called
  Settings settings;
  std::vector<Fault> faults;
  cudaError_t sticky = cudaSuccess;
  cudaError_t pending = cudaSuccess;  // a fault on the device that the next synchronise answers
  long epoch = 0;                     // configurations so far; older last errors do not count
  std::vector<const char*> injectable_calls;
  std::map<std::string, long> calls;
  std::map<std::string, long> launches;  // executions by mangled kernel name
  long graph_launches = 0;
  std::uint64_t ticks = 0;  // the device's clock: tasks executed, read as microseconds
  Objects objects;
  Arena arena;
  std::string dnn_message;

  void configure(Config config);
};

// Never destroyed: kernels unregister from atexit handlers and dlclose.
State& state();

// The first line of an entry point. It counts the call, injects a fault and answers for a missing
// driver, no device or a sticky error.
class Entry {
 public:
  explicit Entry(const char* api);
  // 0: go on. Otherwise the status, in the terms of the entry point's library.
  int code() const { return code_; }
  explicit operator bool() const { return code_ == 0; }
  // For the runtime's entry points: the code, which also becomes the thread's last error.
  cudaError_t refuse() const;

 private:
  int decide(const Api& api);
  std::lock_guard<std::recursive_mutex> lock_;
  int code_ = 0;
};

// Sets the thread's last error when there is one, and passes it through.
cudaError_t answer(cudaError_t code);
cudaError_t last_error();
void clear_last_error();

// The device is lost: queued work is dropped and every later call answers `code`.
cudaError_t break_device(cudaError_t code, const std::string& why);
cudaError_t missing_device();  // 35, 100 or 0, from the settings

// One line on stderr: the reason that a bare code cannot carry.
void complain(const std::string& text);

std::string demangle(const std::string& symbol);

}  // namespace fakecuda
