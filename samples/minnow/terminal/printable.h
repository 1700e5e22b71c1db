#pragma once

#include <string>
#include <string_view>

namespace minnow::command {

/// `text` from elsewhere (a driver, a path) as one line that cannot steer a terminal: control
/// characters, bytes that are no UTF-8 and, unless `utf8`, what is not ASCII as "\x1b".
std::string printable(std::string_view text, bool utf8);

}  // namespace minnow::command
