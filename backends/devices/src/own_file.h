#pragma once

#include <string>

namespace minnow {

/// The file that holds this library's code: libminnow.so, or a program that libminnow.a was linked
/// into; links followed.
std::string own_file();

}  // namespace minnow
