#pragma once

// Products with what follows them in one kernel, through cuDNN's graph interface. A candidate
// beside cuBLASLt: the ReLU gradient is taken from the activation itself, without a mask of bits,
// and the bias gradient is summed in float32.

#include <minnow/backend.h>

#include <cstdint>
#include <optional>
#include <string>

#include "cudnn_library.h"
#include "dnn_graph.h"
#include "kernels/kernels.h"

namespace minnow::cuda {

/// A product as cuDNN will compute it: the plan is made, operands and workspace are bound.
class DnnProduct {
 public:
  /// Makes the first plan that cuDNN supports and that the request's workspace is enough for. Takes
  /// about a second, since the kernel is compiled; not while a graph is captured. Empty, with the
  /// reason in `refusal`, when there is none, and always in strict fp32: cuDNN computes float32 on
  /// tensor cores. @throws CallFailure.
  static std::optional<DnnProduct> find(const Cudnn& cudnn, const DnnRequest& request,
                                        Precision precision, std::string& refusal);

  /// Allocates nothing, so a graph can capture it. @throws CallFailure.
  void run(cudaStream_t stream) const;
  /// Of the request's workspace, what the plan uses.
  std::int64_t workspace_bytes() const noexcept { return workspace_bytes_; }
  /// "cuDNN graph, bias and ReLU fused"
  std::string describe() const;
  const DnnRequest& request() const noexcept { return request_; }

 private:
  DnnProduct(const Cudnn& cudnn, const DnnRequest& request);
  bool choose(std::string& refusal);
  bool make_plan(const DnnDescriptor& config, std::string& refusal);

  const Cudnn* cudnn_;
  DnnRequest request_;
  DnnGraph graph_;
  std::optional<DnnDescriptor> config_;
  std::optional<DnnDescriptor> plan_;
  DnnDescriptor pack_;  // where operands and workspace are
  std::int64_t workspace_bytes_ = 0;
};

}  // namespace minnow::cuda
