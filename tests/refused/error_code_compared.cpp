// A code that no table explains, where an error is told from others.

#include <minnow/error.h>

#ifdef MINNOW_WRONG
bool too_old(const minnow::Error& error) { return error.code() == "MN-DO2"; }
#else
bool too_old(const minnow::Error& error) { return error.code() == "MN-D02"; }
#endif
