// A checked longjmp takes a jump to another stack for an error.
#undef _FORTIFY_SOURCE

#include "fiber.h"

#include <sys/mman.h>

#include <new>

namespace fakecuda {
namespace {

// Sanitizers make frames several times as large.
constexpr std::size_t kStackBytes = kSanitized ? std::size_t{128} << 10U : std::size_t{64} << 10U;
constexpr std::size_t kGuardBytes = std::size_t{64} << 10U;

}  // namespace

Fiber::Fiber(void (*main)()) : main_(main) {
  void* const range = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) throw std::bad_alloc();
  mprotect(range, kGuardBytes, PROT_NONE);
  stack_ = static_cast<char*>(range) + kGuardBytes;
#if defined(__SANITIZE_THREAD__)
  self_thread_ = __tsan_create_fiber(0);
#endif
  reset();
}

Fiber::~Fiber() {
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(self_thread_);
#endif
  unpoison(stack_, kStackBytes);
  munmap(stack_ - kGuardBytes, kGuardBytes + kStackBytes);
}

void Fiber::reset() {
  unpoison(stack_, kStackBytes);
  getcontext(&self_);
  self_.uc_stack.ss_sp = stack_;
  self_.uc_stack.ss_size = kStackBytes;
  self_.uc_link = nullptr;
  makecontext(&self_, main_, 0);
  // AddressSanitizer would map the shadow of a stack whose size it knows anew at every switch.
  self_.uc_stack.ss_size = 0;
  started_ = false;
#if defined(__SANITIZE_ADDRESS__)
  self_fake_stack_ = nullptr;
#endif
}

// Sanitizers understand swapcontext, but not a longjmp to another stack.
void Fiber::switch_in() {
  if (kSanitized) {
    swapcontext(&scheduler_, &self_);
  } else if (_setjmp(scheduler_jump_) == 0) {
    if (started_) _longjmp(self_jump_, 1);
    started_ = true;
    setcontext(&self_);
  }
}

void Fiber::switch_out() {
  if (kSanitized) {
    swapcontext(&self_, &scheduler_);
  } else if (_setjmp(self_jump_) == 0) {
    _longjmp(scheduler_jump_, 1);
  }
}

void Fiber::enter() {
#if defined(__SANITIZE_THREAD__)
  scheduler_thread_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(self_thread_, 0);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&scheduler_fake_stack_, stack_, kStackBytes);
#endif
  switch_in();
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(scheduler_fake_stack_, nullptr, nullptr);
#endif
}

void Fiber::arrive() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(self_fake_stack_, &scheduler_stack_, &scheduler_bytes_);
#endif
}

void Fiber::yield() {
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(scheduler_thread_, 0);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&self_fake_stack_, scheduler_stack_, scheduler_bytes_);
#endif
  switch_out();
  arrive();
}

}  // namespace fakecuda
