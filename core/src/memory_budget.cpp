#include <minnow/memory_budget.h>

#include <minnow/backend.h>
#include <minnow/base/text.h>
#include <minnow/error.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

namespace minnow {

struct MemoryBudget::Reservation::Book {
  std::string device;
  std::int64_t limit = 0;
  std::mutex mutex;
  MemoryPlan held;
  MemoryPlan peak;
};

namespace {

MemoryPlan negative(const MemoryPlan& plan) {
  return {.parameters = -plan.parameters,
          .gradients = -plan.gradients,
          .optimizer = -plan.optimizer,
          .activations = -plan.activations,
          .data = -plan.data,
          .workspace = -plan.workspace};
}

}  // namespace

MemoryBudget::Reservation::Reservation(std::shared_ptr<Book> book, const MemoryPlan& bytes)
    : book_(std::move(book)), bytes_(bytes) {}

MemoryBudget::Reservation::Reservation(Reservation&& other) noexcept
    : book_(std::move(other.book_)), bytes_(other.bytes_) {}

MemoryBudget::Reservation& MemoryBudget::Reservation::operator=(Reservation&& other) noexcept {
  std::swap(book_, other.book_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MemoryBudget::Reservation::~Reservation() {
  if (book_ == nullptr) return;
  const std::lock_guard lock(book_->mutex);
  book_->held += negative(bytes_);
}

MemoryBudget::MemoryBudget(std::string device, std::int64_t limit)
    : book_(std::make_shared<Reservation::Book>()) {
  book_->device = std::move(device);
  book_->limit = limit;
}

MemoryBudget::~MemoryBudget() = default;

MemoryBudget::Reservation MemoryBudget::reserve(const MemoryPlan& bytes, std::string_view what) {
  const std::lock_guard lock(book_->mutex);
  const std::int64_t free = book_->limit - book_->held.total();
  if (book_->limit > 0 && bytes.total() > free) {
    throw ResourceExhausted(
        {.code = "MN-M03",
         .what = cat("the memory limit of ", book_->device, " is too small for ", what, "."),
         .evidence = cat("needs ", format_bytes(bytes.total()), "; limit ",
                         format_bytes(book_->limit), ", of it ", format_bytes(free), " free"),
         .remedy = "raise the limit, or give a smaller batch or model",
         .effect = "nothing was allocated"},
        bytes.total(), free);
  }
  book_->held += bytes;
  if (book_->held.total() > book_->peak.total()) book_->peak = book_->held;
  return Reservation(book_, bytes);
}

std::int64_t MemoryBudget::limit() const noexcept { return book_->limit; }

MemoryPlan MemoryBudget::held() const {
  const std::lock_guard lock(book_->mutex);
  return book_->held;
}

MemoryPlan MemoryBudget::peak() const {
  const std::lock_guard lock(book_->mutex);
  return book_->peak;
}

void MemoryBudget::complete(MemoryState& state) const {
  const std::lock_guard lock(book_->mutex);
  state.held = book_->held;
  state.peak = book_->peak;
  if (book_->limit <= 0) return;
  const std::int64_t held = book_->held.total();
  const std::int64_t left = std::max<std::int64_t>(book_->limit - held, 0);
  if (state.free >= 0 && state.free <= left) return;
  state.free = left;
  state.limited = true;
  try {
    state.evidence =
        cat("memory limit ", format_bytes(book_->limit), ", of it ", format_bytes(held), " used");
  } catch (const std::bad_alloc&) {
    state.evidence.clear();  // the numbers are what counts
  }
}

}  // namespace minnow
