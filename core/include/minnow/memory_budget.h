#pragma once

/// What one opened device holds, by class, and how much it may hold. A backend reserves before it
/// allocates; the reservation lives as long as the memory. So what is held is known at any time,
/// and a limit refuses before anything is taken.
///
///     MemoryBudget budget("cuda:0", 256 << 20);
///     auto reserved = budget.reserve({.activations = bytes}, "the training step");
///
/// May be used from several threads. Outlives its reservations (shared).

#include <minnow/export.h>
#include <minnow/memory_plan.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace minnow {

struct MemoryState;

class MINNOW_API MemoryBudget {
 public:
  /// `limit` in bytes; 0: none.
  explicit MemoryBudget(std::string device, std::int64_t limit = 0);
  ~MemoryBudget();
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Gives its bytes back at its end.
  class MINNOW_API Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    ~Reservation();

   private:
    friend class MemoryBudget;
    struct Book;
    Reservation(std::shared_ptr<Book> book, const MemoryPlan& bytes);
    std::shared_ptr<Book> book_;
    MemoryPlan bytes_;
  };

  /// @throws ResourceExhausted (MN-M03) when it would go beyond the limit: "what" needs so much,
  /// of the limit so much is free.
  Reservation reserve(const MemoryPlan& bytes, std::string_view what);

  std::int64_t limit() const noexcept;
  MemoryPlan held() const;  // taken now, by class
  MemoryPlan peak() const;  // held() at the moment when its total was largest
  /// What a backend saw of its device, with `held` and `peak`, and with no more `free` than the
  /// limit leaves.
  void complete(MemoryState& state) const;

 private:
  std::shared_ptr<Reservation::Book> book_;
};

}  // namespace minnow
