#pragma once

// Stacks that device threads run on, and the switch between them and the scheduler.

#include <setjmp.h>
#include <ucontext.h>

#include <cstddef>

#include "sanitizers.h"

namespace fakecuda {

class Fiber {
 public:
  // `main` runs when the fiber is entered first; it must not return.
  explicit Fiber(void (*main)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // From the scheduler: runs the fiber until it yields.
  void enter();
  // From the fiber: back to the scheduler.
  void yield();
  // The first thing that `main` does.
  void arrive();
  // Forgets what the stack holds, so that the next enter() starts anew.
  void reset();

 private:
  void switch_in();
  void switch_out();

  void (*main_)();
  char* stack_ = nullptr;
  ucontext_t self_{};
  ucontext_t scheduler_{};
  // swapcontext makes two system calls; after the first entry a jump does the same without.
  bool started_ = false;
  jmp_buf self_jump_{};
  jmp_buf scheduler_jump_{};
#if defined(__SANITIZE_ADDRESS__)
  void* self_fake_stack_ = nullptr;
  void* scheduler_fake_stack_ = nullptr;
  const void* scheduler_stack_ = nullptr;
  std::size_t scheduler_bytes_ = 0;
#endif
#if defined(__SANITIZE_THREAD__)
  void* self_thread_ = nullptr;
  void* scheduler_thread_ = nullptr;
#endif
};

}  // namespace fakecuda
