// minnow-probe: tries the NVIDIA driver and the CUDA libraries in a process of its own, because
// some of them crash or hang when something is wrong, and says on standard output what it found and
// what it is about to do. libminnow starts it; by hand:
//
//     minnow-probe /usr/lib/libminnow_cuda.so [--everything]
//
// Without --everything it ends at the first thing that rules out every GPU.

#include <minnow/base/text.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

#include "machine/device_steps.h"
#include "machine/elf_file.h"
#include "machine/evidence.h"
#include "machine/probe_report.h"
#include "steps.h"

namespace {

namespace machine = minnow::machine;

// Vendor libraries may print: what goes to standard output from now on goes to standard error.
int take_standard_output() {
  // Programs that the driver starts must not keep it open.
  const int answers = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  return answers;
}

// A crash here is an answer, not a case for the system's crash handler; and nobody may be left
// behind when the program that asked is gone.
void be_expendable() {
  const rlimit none{};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#ifdef SYS_close_range
  syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0U);  // of the program that asked
#endif
}

void check_machine(const std::string& plugin, bool everything, const machine::Reporter& report) {
  const machine::Evidence evidence = machine::look_at_machine();
  const bool driver = machine::check_driver(evidence, report);
  if ((!driver && !everything) || plugin.empty()) return;
  const machine::PluginCheck checked = machine::check_plugin(plugin, report, driver);
  if (checked.plugin == nullptr || (!checked.usable && !everything)) return;
  const auto run_path = machine::read_elf(plugin).run_path;
  machine::check_cublaslt(*checked.plugin, run_path, checked.usable, report);
  if (!checked.plugin->built_against("cudnn").empty()) {
    machine::check_cudnn(*checked.plugin, run_path, checked.usable, report);
  }
}

}  // namespace

int main(int count, char** arguments) {
  std::string plugin;
  bool everything = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--everything") {
      everything = true;
    } else {
      plugin = argument;
    }
  }
  be_expendable();
  const int answers = take_standard_output();
  const machine::Reporter report([answers](std::string_view key, std::string_view value) {
    const std::string line = minnow::cat(key, " ", machine::escaped(value), "\n");
    std::string_view rest = line;
    while (!rest.empty()) {
      const ssize_t written = write(answers, rest.data(), rest.size());
      if (written <= 0) _exit(EXIT_FAILURE);  // nobody listens any more
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  });
  report.say(machine::kProbeHello, machine::kProbeProtocol);
  check_machine(plugin, everything, report);
  report.say("end", "");
  // Without the destructors of the vendors' libraries: they have nothing more to say.
  _exit(EXIT_SUCCESS);
}
