// A code that no table explains, where an error is made.

#include <minnow/error.h>

#ifdef MINNOW_WRONG
minnow::Failure failure() { return {.code = "MN-D2", .what = "it failed."}; }
#else
minnow::Failure failure() { return {.code = "MN-D02", .what = "it failed."}; }
#endif
