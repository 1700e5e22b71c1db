// A variable that is not in the table of environment.h.

#include <minnow/base/environment.h>

#ifdef MINNOW_WRONG
std::string read() { return minnow::setting("MINNOW_DEVICES"); }
#else
std::string read() { return minnow::setting("MINNOW_DEVICE"); }
#endif
