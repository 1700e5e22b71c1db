#include <minnow/error.h>

#include <utility>

namespace minnow {
namespace {

std::string format(const Failure& failure) {
  std::string text = failure.what + " [" + failure.code.c_str() + "]";
  if (!failure.evidence.empty()) text += "\n  evidence: " + failure.evidence;
  if (!failure.remedy.empty()) text += "\n  remedy:   " + failure.remedy;
  if (!failure.effect.empty()) text += "\n  effect:   " + failure.effect;
  return text;
}

}  // namespace

Error::Error(Failure failure) : std::runtime_error(format(failure)), failure_(std::move(failure)) {}

DeviceError::DeviceError(Failure failure, std::string call, std::string status, bool lost)
    : Error(std::move(failure)), call_(std::move(call)), status_(std::move(status)), lost_(lost) {}

ResourceExhausted::ResourceExhausted(Failure failure, std::int64_t needed_bytes,
                                     std::int64_t free_bytes)
    : ResourceExhausted(std::move(failure), needed_bytes, free_bytes, {}) {}
ResourceExhausted::ResourceExhausted(Failure failure, std::int64_t needed_bytes,
                                     std::int64_t free_bytes, Alternatives alternatives)
    : Error(std::move(failure)),
      needed_bytes_(needed_bytes),
      free_bytes_(free_bytes),
      alternatives_(alternatives) {}

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
DeviceError::~DeviceError() = default;
ResourceExhausted::~ResourceExhausted() = default;
NumericError::~NumericError() = default;
FormatError::~FormatError() = default;
IoError::~IoError() = default;

}  // namespace minnow
