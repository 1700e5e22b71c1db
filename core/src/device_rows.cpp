#include "device_rows.h"

#include <utility>

namespace minnow {

DeviceRows::DeviceRows(Backend& backend, HostRows data) : prepared(std::move(data)) {
  const std::int64_t rows = prepared.rows();
  x = backend.upload(prepared.x.raw(), prepared.x.dtype(), rows, prepared.x.shape().row_elements());
  if (prepared.kind == TargetKind::none) return;
  target = backend.upload(prepared.target.raw(), prepared.target.dtype(), rows,
                          prepared.target.shape().row_elements());
}

bool DeviceRows::replace(const HostRows& data) {
  const auto same = [](const Tensor& a, const Tensor& b) {
    return a.dtype() == b.dtype() && a.shape() == b.shape();
  };
  if (!same(data.x, prepared.x) || !same(data.target, prepared.target)) return false;
  x->assign(data.x.raw());
  if (target) target->assign(data.target.raw());
  prepared = data;
  return true;
}

Feed DeviceRows::feed(std::int64_t position) const {
  return {.x = x.get(), .target = target.get(), .rows = prepared.rows(), .position = position};
}

}  // namespace minnow
