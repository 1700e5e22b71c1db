#include <minnow/error.h>

#include <utility>

namespace minnow {
namespace {

std::string format(const Failure& failure) {
  std::string text = failure.what + " [" + failure.code + "]";
  if (!failure.evidence.empty()) text += "\n  evidence: " + failure.evidence;
  if (!failure.remedy.empty()) text += "\n  remedy:   " + failure.remedy;
  if (!failure.effect.empty()) text += "\n  effect:   " + failure.effect;
  return text;
}

}  // namespace

Error::Error(Failure failure) : std::runtime_error(format(failure)), failure_(std::move(failure)) {}

ResourceExhausted::ResourceExhausted(Failure failure, std::int64_t needed_bytes)
    : Error(std::move(failure)), needed_bytes_(needed_bytes) {}

NumericError::NumericError(Failure failure, std::int64_t step, std::string tensor)
    : Error(std::move(failure)), step_(step), tensor_(std::move(tensor)) {}

FormatError::FormatError(Failure failure, std::string file, std::int64_t offset)
    : Error(std::move(failure)), file_(std::move(file)), offset_(offset) {}

IoError::IoError(Failure failure, std::string file, Action action, int error_number)
    : Error(std::move(failure)),
      file_(std::move(file)),
      action_(action),
      error_number_(error_number) {}

// Out of line: the types' vtables and typeinfo live in the library, so a catch works across it.
Error::~Error() = default;
ShapeError::~ShapeError() = default;
InvalidArgument::~InvalidArgument() = default;
DeviceUnavailable::~DeviceUnavailable() = default;
ResourceExhausted::~ResourceExhausted() = default;
NumericError::~NumericError() = default;
FormatError::~FormatError() = default;
IoError::~IoError() = default;

}  // namespace minnow
