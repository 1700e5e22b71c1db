#include <minnow/backend.h>

#include <minnow/base/text.h>
#include <minnow/error.h>

namespace minnow {

std::string_view name_of(Precision precision) noexcept {
  switch (precision) {
    case Precision::fp32:
      return "fp32";
    case Precision::tf32:
      return "tf32";
    case Precision::bf16:
      return "bf16";
  }
  return "";
}

void throw_not_finite(const std::string& tensor, std::int64_t step, float last_loss,
                      float learning_rate) {
  throw NumericError(
      {.code = "MN-N05",
       .what = cat("training became not finite at step ", step, ": the first such value is in the ",
                   tensor, "."),
       .evidence = cat(step == 1 ? "" : cat("loss of the step before ", last_loss, ", "),
                       "learning rate ", learning_rate),
       .remedy = "lower the learning rate, or scale the inputs and targets to about 1",
       .effect = step == 1
                     ? "no weight was changed"
                     : cat("weights are those after step ", step - 1, ", the last good ones")},
      step, tensor);
}

Arena::~Arena() = default;
DeviceData::~DeviceData() = default;
Executable::~Executable() = default;
Backend::~Backend() = default;

}  // namespace minnow
