// A driver that answers what the environment says, for the real CUDA runtime:
//   FAKE_CUDA_DRIVER="code=100,version=13000,count=1,hang=0,crash=0"
// `code` is the answer of cuInit, passed through by the runtime as it is; a version below 13000
// makes the runtime answer 35. With code 0 the real runtime goes on to ask for tables that only a
// real driver has, and stops at 500. Do not go further that way: the other fakes replace the
// runtime.

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

extern "C" {

using CUresult = int;  // cuda.h redirects these names to others, so it is not included

CUresult cuInit(unsigned flags);
CUresult cuDriverGetVersion(int* version);
CUresult cuDeviceGetCount(int* count);
CUresult cuGetProcAddress_v2(const char* symbol, void** function, int version, unsigned long flags,
                             int* status);
CUresult cuGetExportTable(const void** table, const void* id);
}

namespace {

constexpr CUresult kInvalidValue = 1;
constexpr CUresult kNotFound = 500;
constexpr CUresult kNotSupported = 801;

int setting(const char* name, int otherwise) {
  const char* const environment = std::getenv("FAKE_CUDA_DRIVER");
  const std::string text = std::string(",") + (environment == nullptr ? "" : environment);
  const std::string key = std::string(",") + name + "=";
  const std::size_t at = text.find(key);
  return at == std::string::npos ? otherwise : std::atoi(text.c_str() + at + key.size());
}

// Stands for every entry point that the fake has not.
CUresult stub() { return kNotSupported; }

struct Export {
  const char* name;
  void* function;
};

}  // namespace

extern "C" {

CUresult cuInit(unsigned) {
  if (setting("crash", 0) != 0) std::abort();
  while (setting("hang", 0) != 0) pause();
  return setting("code", 0);
}

CUresult cuDriverGetVersion(int* version) {
  if (version == nullptr) return kInvalidValue;
  *version = setting("version", 13000);
  return 0;
}

CUresult cuDeviceGetCount(int* count) {
  if (count == nullptr) return kInvalidValue;
  *count = setting("count", 1);
  return 0;
}

CUresult cuGetProcAddress_v2(const char* symbol, void** function, int, unsigned long, int* status) {
  if (symbol == nullptr || function == nullptr) return kInvalidValue;
  const Export exports[] = {
      {"cuInit", reinterpret_cast<void*>(&cuInit)},
      {"cuDriverGetVersion", reinterpret_cast<void*>(&cuDriverGetVersion)},
      {"cuDeviceGetCount", reinterpret_cast<void*>(&cuDeviceGetCount)},
      {"cuGetProcAddress", reinterpret_cast<void*>(&cuGetProcAddress_v2)},
      {"cuGetProcAddress_v2", reinterpret_cast<void*>(&cuGetProcAddress_v2)},
      {"cuGetExportTable", reinterpret_cast<void*>(&cuGetExportTable)},
  };
  *function = reinterpret_cast<void*>(&stub);
  for (const Export& row : exports) {
    if (std::strcmp(row.name, symbol) == 0) *function = row.function;
  }
  if (status != nullptr) *status = 0;
  return 0;
}

CUresult cuGetExportTable(const void** table, const void*) {
  if (table == nullptr) return kInvalidValue;
  *table = nullptr;
  return kNotFound;
}

}  // extern "C"
