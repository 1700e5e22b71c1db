// Stands in for libminnow_onednn.so: plain products, and failures that FAKE_ONEDNN_FAILS names
// ("run", "create memory"). With FAKE_ONEDNN_ABI it is of another interface.

#include <cstdlib>
#include <cstring>
#include <string>

#include "onednn_plugin.h"

#ifndef FAKE_ONEDNN_ABI
#define FAKE_ONEDNN_ABI minnow::kOnednnAbi
#endif

namespace minnow {

struct OnednnProduct {
  Bf16Shape shape;
};

namespace {

OnednnAnswer answer_of(const char* call) {
  const char* fails = std::getenv("FAKE_ONEDNN_FAILS");
  const std::string wanted = fails == nullptr ? "" : fails;
  const std::string name = call + std::strlen("fake_");
  if (wanted == name) return {call, "fake_unimplemented", false};
  if (wanted == name + " memory") return {call, "fake_out_of_memory", true};
  return {};
}

float widened(std::uint16_t bits) {
  const std::uint32_t wide = std::uint32_t{bits} << 16;
  float value = 0;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

const char* version() { return "0.0.1"; }

OnednnAnswer workspace_bytes(Bf16Shape, std::int64_t* bytes) {
  *bytes = 100;
  return answer_of("fake_workspace_bytes");
}

OnednnAnswer create(Bf16Shape shape, int, OnednnProduct** product) {
  const OnednnAnswer answer = answer_of("fake_create");
  if (answer.call == nullptr) *product = new OnednnProduct{shape};
  return answer;
}

const char* implementation(const OnednnProduct*) { return "fake"; }

OnednnAnswer run(OnednnProduct* product, int, const std::uint16_t* a, const std::uint16_t* b,
                 float* c, void* workspace) {
  std::memset(workspace, 0xFF, 100);
  const auto [rows, depth] = product->shape;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t col = 0; col < kBf16Cols; ++col) {
      float sum = 0;
      for (std::int64_t k = 0; k < depth; ++k) {
        sum += widened(a[row * depth + k]) * widened(b[(k / 2 * kBf16Cols + col) * 2 + k % 2]);
      }
      c[row * kBf16Cols + col] = sum;
    }
  }
  return answer_of("fake_run");
}

void destroy(OnednnProduct* product) { delete product; }

}  // namespace

extern "C" __attribute__((visibility("default"))) const OnednnPlugin* minnow_onednn() {
  static constexpr OnednnPlugin kPlugin{.abi = FAKE_ONEDNN_ABI,
                                        .version = version,
                                        .workspace_bytes = workspace_bytes,
                                        .create = create,
                                        .implementation = implementation,
                                        .run = run,
                                        .destroy = destroy};
  return &kPlugin;
}

}  // namespace minnow
