#pragma once

/// Typed errors. Every error that minnow throws is a `minnow::Error` with a stable code and four
/// parts: what failed (with the numbers), the evidence, the remedy, the effect. An empty part is
/// left out of `what()`.
///
///     try { trainer.fit(x, y); }
///     catch (const minnow::NumericError& e) { log(e.what()); lower_learning_rate(); }
///     catch (const minnow::Error& e)        { log(e.what()); }

#include <minnow/error_codes.h>
#include <minnow/export.h>
#include <minnow/memory_plan.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace minnow {

/// The parts of an error message. `what` ends with a full stop; the code is appended to it. The
/// others may be left out.
struct Failure {
  Code code;                  // "MN-N01"
  std::string what;           // "label 10 at row 437 of y_train is outside 0..9."
  std::string evidence = {};  // "output layer has 10 units"
  std::string remedy = {};
  std::string effect = {};
};

class MINNOW_API Error : public std::runtime_error {
 public:
  explicit Error(Failure failure);
  ~Error() override;

  const Failure& failure() const noexcept { return failure_; }
  const Code& code() const noexcept { return failure_.code; }
  const std::string& cause() const noexcept { return failure_.what; }
  const std::string& evidence() const noexcept { return failure_.evidence; }
  const std::string& remedy() const noexcept { return failure_.remedy; }
  const std::string& effect() const noexcept { return failure_.effect; }

 private:
  Failure failure_;
};

/// Two shapes that do not fit together, or a shape whose size overflows.
class MINNOW_API ShapeError : public Error {
 public:
  using Error::Error;
  ~ShapeError() override;
};

/// A value that an option or the data may not have.
class MINNOW_API InvalidArgument : public Error {
 public:
  using Error::Error;
  ~InvalidArgument() override;
};

/// A device that was asked for by name cannot be used.
class MINNOW_API DeviceUnavailable : public Error {
 public:
  using Error::Error;
  ~DeviceUnavailable() override;
};

/// A device failed at work that it had accepted.
class MINNOW_API DeviceError : public Error {
 public:
  /// `call` is the vendor's function, `status` the name of what it answered. A lost device cannot
  /// be used again by this process.
  DeviceError(Failure failure, std::string call, std::string status, bool lost);
  ~DeviceError() override;
  const std::string& call() const noexcept { return call_; }
  const std::string& status() const noexcept { return status_; }
  bool lost() const noexcept { return lost_; }

 private:
  std::string call_;
  std::string status_;
  bool lost_;
};

/// Memory that cannot be had.
class MINNOW_API ResourceExhausted : public Error {
 public:
  /// What would fit, where that was asked: 0 where nothing does.
  struct Alternatives {
    MemoryPlan needed = {};
    std::int64_t largest_batch = 0;
    std::int64_t microbatch = 0;  // rows of the slices that would keep the batch
  };
  /// `needed_bytes` is 0 and `free_bytes`, what the device had at that moment, -1 when not known.
  ResourceExhausted(Failure failure, std::int64_t needed_bytes, std::int64_t free_bytes = -1);
  ResourceExhausted(Failure failure, std::int64_t needed_bytes, std::int64_t free_bytes,
                    Alternatives alternatives);
  ~ResourceExhausted() override;
  std::int64_t needed_bytes() const noexcept { return needed_bytes_; }
  std::int64_t free_bytes() const noexcept { return free_bytes_; }
  const Alternatives& alternatives() const noexcept { return alternatives_; }

 private:
  std::int64_t needed_bytes_;
  std::int64_t free_bytes_;
  Alternatives alternatives_;
};

/// The loss or a gradient stopped being finite. The weights are those from before `step()`.
class MINNOW_API NumericError : public Error {
 public:
  NumericError(Failure failure, std::int64_t step, std::string tensor);
  ~NumericError() override;
  std::int64_t step() const noexcept { return step_; }
  const std::string& tensor() const noexcept { return tensor_; }

 private:
  std::int64_t step_;
  std::string tensor_;
};

/// A file whose content is not what its format demands.
class MINNOW_API FormatError : public Error {
 public:
  /// `offset` is the byte (of the uncompressed content) at which the reader gave up.
  FormatError(Failure failure, std::string file, std::int64_t offset);
  ~FormatError() override;
  const std::string& file() const noexcept { return file_; }
  std::int64_t offset() const noexcept { return offset_; }

 private:
  std::string file_;
  std::int64_t offset_;
};

/// The operating system refused to open, read or write a file.
class MINNOW_API IoError : public Error {
 public:
  enum class Action { open_input, open_output, read, write };
  IoError(Failure failure, std::string file, Action action, int error_number);
  ~IoError() override;
  const std::string& file() const noexcept { return file_; }
  Action action() const noexcept { return action_; }
  int error_number() const noexcept { return error_number_; }

 private:
  std::string file_;
  Action action_;
  int error_number_;
};

}  // namespace minnow
