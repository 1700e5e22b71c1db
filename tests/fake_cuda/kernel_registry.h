#pragma once

// Kernel bodies that g++ compiled: how the runtime finds and runs them.

#include <vector_types.h>

#include <cstddef>
#include <functional>
#include <string>
#include <tuple>
#include <utility>

namespace fakecuda {

// Runs the body once, as the current thread.
using BoundKernel = std::function<void()>;

struct KernelBody {
  const void* address = nullptr;
  // Copies the arguments, which a launch passes by address.
  BoundKernel (*bind)(void** arguments) = nullptr;
};

void register_kernel(KernelBody body);
// The body with this mangled name, or nullptr.
const KernelBody* find_kernel(const std::string& mangled);

// Runs every thread of every block. Throws DeviceFault on a barrier that not all threads reach.
void run_grid(const BoundKernel& kernel, dim3 grid, dim3 block, std::size_t dynamic_shared);

template <auto F>
struct KernelRegistration;

template <class... Arguments, void (*F)(Arguments...)>
struct KernelRegistration<F> {
  KernelRegistration() {
    register_kernel({reinterpret_cast<const void*>(F), [](void** arguments) {
                       return bind(arguments, std::index_sequence_for<Arguments...>{});
                     }});
  }

 private:
  template <std::size_t... I>
  static BoundKernel bind([[maybe_unused]] void** arguments, std::index_sequence<I...>) {
    return [values = std::tuple<Arguments...>(*static_cast<Arguments*>(arguments[I])...)] {
      std::apply(F, values);
    };
  }
};

}  // namespace fakecuda

#define MINNOW_FAKE_JOIN_(a, b) a##b
#define MINNOW_FAKE_JOIN(a, b) MINNOW_FAKE_JOIN_(a, b)

// One line for each kernel, or each instantiation of a template, at namespace scope:
//   MINNOW_FAKE_KERNEL(gather<float, __nv_bfloat16>);
#define MINNOW_FAKE_KERNEL(...)                                                                   \
  static const ::fakecuda::KernelRegistration<&__VA_ARGS__> MINNOW_FAKE_JOIN(minnow_fake_kernel_, \
                                                                             __COUNTER__)
