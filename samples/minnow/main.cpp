/// minnow: train small networks of dense layers from the command line, and run them.
///
///     minnow train --dataset=toy
///     minnow train --x=features.csv --y=labels.csv --layers=64,relu,3,softmax --out=m.safetensors
///     minnow predict --model=m.safetensors --x=more.csv
///     minnow bench --compare=cpu,cuda
///     minnow doctor

#include <minnow/error.h>

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>

#include "arguments/arguments.h"
#include "bench/bench.h"
#include "devices/devices.h"
#include "devices/doctor.h"
#include "explain/explain.h"
#include "predict/predict.h"
#include "terminal/print_failure.h"
#include "train/json_lines.h"
#include "train/summary.h"
#include "train/train.h"

namespace minnow::command {
namespace {

// Before the arguments are parsed, or when they cannot be.
bool asks_for_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  return false;
}

Exit dispatch(const Arguments& arguments, Terminal& terminal) {
  terminal = open_terminal(arguments.common.color);
  terminal.json = arguments.common.json;
  terminal.quiet = arguments.common.quiet;
  terminal.verbose = arguments.common.verbose;
  switch (arguments.command) {
    case Command::text:
      terminal.out.write(arguments.text);
      return Exit::ok;
    case Command::train:
      return run_train(arguments, terminal);
    case Command::predict:
      return run_predict(arguments, terminal);
    case Command::summary:
      return run_summary(arguments, terminal);
    case Command::bench:
      return run_bench(arguments, terminal);
    case Command::devices:
      return run_devices(arguments, terminal);
    case Command::doctor:
      return run_doctor(arguments, terminal);
    case Command::explain:
      return run_explain(arguments, terminal);
  }
  return Exit::internal;
}

// A result that could not be written is a failure even when all else went well.
Exit check_output(Exit exit, Command command, Terminal& terminal) {
  const int error = terminal.out.error();
  if (error == 0 || exit != Exit::ok) return exit;
  print_failure(
      {.code = "MN-P01",
       .what = "results could not be written to standard output.",
       .evidence = std::strerror(error),
       .effect = command == Command::train ? "a model that was to be saved is saved" : ""},
      terminal);
  return Exit::io;
}

Exit run(int argc, char** argv) {
  Terminal terminal = open_terminal(ColorChoice::automatic);
  terminal.json = asks_for_json(argc, argv);
  try {
    const Arguments arguments = parse_arguments(argc, argv);
    return check_output(dispatch(arguments, terminal), arguments.command, terminal);
  } catch (...) {
    const Problem problem = current_problem();
    print_failure(problem.failure, terminal);
    if (terminal.json) terminal.out.write(run_json({}, problem.exit, &problem));
    return problem.exit;
  }
}

// There was no memory for the message of what failed, or for the destructor of a tree of JSON.
[[noreturn]] void end() {
  try {
    if (const auto exception = std::current_exception()) std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    Stream(2).write(
        "minnow: not enough host memory. [MN-M08]\n"
        "  remedy:   a smaller --batch, fewer units in --layers, or less data\n"
        "  effect:   no file is half written\n");
    ::_exit(static_cast<int>(Exit::exhausted));
  } catch (...) {  // as without this function
  }
  std::abort();
}

}  // namespace
}  // namespace minnow::command

int main(int argc, char** argv) {
  minnow::command::secure_standard_streams();
  std::set_terminate(minnow::command::end);
  return static_cast<int>(minnow::command::run(argc, argv));
}
