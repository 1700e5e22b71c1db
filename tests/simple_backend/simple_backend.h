#pragma once

/// The smallest backend that trains, and the example of how to add one: it implements eight of the
/// boundary's functions (two here, six in simple_backend.cpp) and takes the rest as backend.h has
/// it. It computes on the host, with the plain loops of the reference interpreter, in double.
///
///     Device device(std::make_shared<SimpleBackend>());
///     Trainer trainer(model, mse(), adam(), device);
///
/// Next to this one a backend gives its own `plan`, `memory` and `unsupported`, so that memory is
/// known before the first step and what cannot run is named; a device with a memory of its own
/// gives `create_arena`, `upload` and `upload_bytes`. For open() to know it by name it gets a row
/// in the table of backends/src/open.cpp, or a library of its own behind plugin.h.

#include <minnow/backend.h>

#include <memory>

namespace minnow::testing {

class SimpleBackend final : public Backend {
 public:
  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<Executable> compile(const Program& program, Arena& arena) override;

 private:
  DeviceInfo info_{.name = "simple", .description = "plain loops, 1 thread"};
};

}  // namespace minnow::testing
