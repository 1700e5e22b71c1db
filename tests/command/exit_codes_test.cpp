#include "terminal/exit_codes.h"

#include <gtest/gtest.h>

namespace minnow::test {
namespace {

using command::Exit;

// What the command does when this is thrown.
template <class E, class... Rest>
Exit exit_after(Code code, Rest... rest) {
  try {
    throw E(Failure{.code = code, .what = "it failed."}, rest...);
  } catch (...) {
    return command::current_problem().exit;
  }
}

Exit exit_after_throwing(const ErrorCode& known) {
  using Action = IoError::Action;
  const auto [code, type] = std::pair(known.code, known.type);
  if (type == "DeviceError") return exit_after<DeviceError>(code, "call", "status", false);
  if (type == "DeviceUnavailable") return exit_after<DeviceUnavailable>(code);
  if (type == "FormatError") return exit_after<FormatError>(code, "file", 0);
  if (type == "InvalidArgument") return exit_after<InvalidArgument>(code);
  if (type == "NumericError") return exit_after<NumericError>(code, 1, "loss");
  if (type == "ResourceExhausted") return exit_after<ResourceExhausted>(code, 1);
  if (type == "ShapeError") return exit_after<ShapeError>(code);
  if (type == "IoError") {
    const auto action = code == "MN-P05" ? Action::open_output : Action::read;
    return exit_after<IoError>(code, "file", action, 5);
  }
  if (type == "std::exception") {
    try {
      throw std::runtime_error("it failed");
    } catch (...) {
      return command::current_problem().exit;
    }
  }
  ADD_FAILURE() << code << " is of type " << type << ", which no test throws";
  return Exit::ok;
}

TEST(ExitCodes, OfACodeIsThatOfItsException) {
  ASSERT_GT(error_codes().size(), 30U);
  for (const auto& known : error_codes()) {
    if (known.type.empty()) continue;
    EXPECT_EQ(command::exit_of(known), exit_after_throwing(known)) << known.code;
  }
}

TEST(ExitCodes, OnlyAMistakeOfOursIsInternal) {
  for (const auto& known : error_codes()) {
    EXPECT_EQ(command::exit_of(known) == Exit::internal, known.code == "MN-X01") << known.code;
  }
}

TEST(ExitCodes, OfANoteIsThatOfTheWorkThatGoesOn) {
  for (const auto& known : error_codes()) {
    if (!known.type.empty()) continue;
    const Exit expected = known.code == "MN-K05" ? Exit::problem : Exit::ok;
    EXPECT_EQ(command::exit_of(known), expected) << known.code;
  }
}

TEST(ExitCodes, OfWhatWasTypedIsUsage) {
  EXPECT_EQ(exit_after<command::UsageError>("MN-U01"), Exit::usage);
}

}  // namespace
}  // namespace minnow::test
