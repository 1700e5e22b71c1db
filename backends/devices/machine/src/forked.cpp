#include "machine/forked.h"

#include <minnow/base/text.h>

#include <unistd.h>

namespace minnow::machine {

Failure forked_failure(pid_t started) {
  return {.code = "MN-P13",
          .what = cat("minnow was forked after CUDA was initialised (parent pid ", started,
                      ", now ", getpid(), "); CUDA cannot work here."),
          .remedy = "start the worker with exec/spawn or create the device after fork",
          .effect = "nothing was opened"};
}

}  // namespace minnow::machine
