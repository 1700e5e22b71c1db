// A program that opens devices, and says on its last line of each kind what came of it:
//
//     system_case [ignore-children] [reap-children] [close-files] open:NAME report fork:NAME ...
//
// The words are done in their order. Ends with 1 when opening a device changed what is the
// application's: its open files, or its handler of SIGCHLD.

#include <dirent.h>
#include <fcntl.h>
#include <minnow/minnow.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

std::FILE* out = stdout;

void show(const minnow::Failure& failure) {
  std::fprintf(out, "code %s\nwhat %s\nevidence %s\nremedy %s\neffect %s\n", failure.code.c_str(),
               failure.what.c_str(), failure.evidence.c_str(), failure.remedy.c_str(),
               failure.effect.c_str());
}

void open_device(const std::string& name) {
  try {
    const minnow::Device device = minnow::open(name);
    std::fprintf(out, "device %s\n", device.info().name.c_str());
    if (!device.skipped()) return;
    std::fprintf(out, "notable %d\n", device.skipped()->notable ? 1 : 0);
    show(device.skipped()->failure);
  } catch (const minnow::Error& error) {
    std::fprintf(out, "thrown\n");
    show(error.failure());
  }
}

void report() {
  constexpr const char* kVerdicts[] = {"good", "note", "problem", "skipped"};
  const minnow::DeviceReport found = minnow::report_devices();
  for (const auto& finding : found.findings) {
    std::fprintf(out, "finding %s %s: %s\n", finding.topic.c_str(),
                 kVerdicts[static_cast<int>(finding.verdict)], finding.text.c_str());
    if (finding.failure) show(*finding.failure);
  }
  for (const auto& library : found.libraries) {
    std::fprintf(out, "library %s %s %s\n", library.name.c_str(), library.found.c_str(),
                 library.problem.c_str());
  }
  for (const auto& device : found.devices) {
    std::fprintf(out, "has %s %s %s %s\n", device.name.c_str(), device.usable ? "usable" : "not",
                 device.pci.c_str(), device.reason.c_str());
  }
  std::fprintf(out, "auto %s\n", found.auto_device.c_str());
  std::fprintf(out, "driver %s cuda %s module %s\n", found.driver.c_str(),
               found.driver_cuda.c_str(), found.kernel_module.c_str());
  std::fprintf(out, "probe %s\n", found.probe_milliseconds > 0 ? "ran" : "not started");
}

int open_files() {
  int count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (folder != nullptr && readdir(folder) != nullptr) ++count;
  if (folder != nullptr) closedir(folder);
  return count;
}

void reap(int) {
  const int before = errno;
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  errno = before;
}

void close_files() {
  // What is said goes on to where it went, by another number.
  out = fdopen(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 100), "w");
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(file);
}

void in_a_child(const std::string& name) {
  std::fflush(out);
  const pid_t child = fork();
  if (child == 0) {
    std::fprintf(out, "pids %d %d\n", getppid(), getpid());
    open_device(name);
    std::fflush(out);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

int run(std::string_view word) {
  if (word == "ignore-children") std::signal(SIGCHLD, SIG_IGN);
  if (word == "reap-children") std::signal(SIGCHLD, reap);
  if (word == "close-files") close_files();
  struct sigaction before {};
  sigaction(SIGCHLD, nullptr, &before);
  const int files = open_files();
  if (word == "report") report();
  if (word.starts_with("open:")) open_device(std::string(word.substr(5)));
  if (word.starts_with("fork:")) in_a_child(std::string(word.substr(5)));
  struct sigaction after {};
  sigaction(SIGCHLD, nullptr, &after);
  const bool kept = before.sa_handler == after.sa_handler && files == open_files();
  if (!kept) std::fprintf(out, "changed: %d files, then %d\n", files, open_files());
  return kept ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  int changed = 0;
  for (int i = 1; i < count; ++i) changed |= run(words[i]);
  std::fflush(out);
  return changed;
}
