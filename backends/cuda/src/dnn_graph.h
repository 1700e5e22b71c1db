#pragma once

// A product and what follows it, as a graph of cuDNN's operations.

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "dnn_descriptor.h"
#include "kernels/kernels.h"

namespace minnow::cuda {

/// One product of a layer with I inputs and O outputs, over a batch of B rows. All matrices are
/// row-major, factors of one type.
struct DnnRequest {
  enum class Kind : std::uint8_t {
    forward,     // out Y (B, O) = X (B, I) W^T
    input_grad,  // out dX (B, I) = dY (B, O) W
    weight_grad  // out dW (O, I) = dY^T X
  };
  Kind kind = Kind::forward;
  Matrix a;    // X; the gradients: dY
  Matrix b;    // W (O, I); the weight gradient: X
  Matrix out;  // float32 or bfloat16
  // Each is left out when its data is null.
  Matrix bias;        // forward: O values, float32 or bfloat16
  bool relu = false;  // forward
  Matrix below;       // input gradient: (B, I), the result is zero where this is not positive
  Matrix bias_grad;   // input gradient: I values in float32, the sums of the result's columns
  void* workspace = nullptr;
  std::int64_t workspace_bytes = 0;
};

/// The finalized graph, with all that it is made of.
class DnnGraph {
 public:
  /// Without a handle it is for no device yet. @throws CallFailure.
  DnnGraph(const DnnCalls& calls, cudnnHandle_t handle, const DnnRequest& request);

  cudnnBackendDescriptor_t get() const noexcept { return graph_.get(); }
  /// The tensors that lie in memory, and where.
  const std::vector<std::int64_t>& ids() const noexcept { return ids_; }
  const std::vector<void*>& data() const noexcept { return data_; }

  /// Ways to compute it, the best first by cuDNN's guess. `device` describes a GPU that need not be
  /// there; null: the GPU of the handle. Empty, with the reason in `refusal`, when there is none.
  /// @throws CallFailure.
  std::vector<DnnDescriptor> engine_configs(cudnnBackendHeurMode_t mode, std::string& refusal,
                                            const DnnDescriptor* device = nullptr) const;

 private:
  /// A matrix of a product, as cuDNN sees it; without data it lives in registers only.
  struct Tensor {
    std::int64_t rows;
    std::int64_t cols;
    std::int64_t row_stride;
    std::int64_t col_stride;
    bool bf16;
    void* data;
  };
  static Tensor rows_of(const Matrix& matrix);
  static Tensor columns_of(const Matrix& matrix);  // the transpose
  static Tensor vector_of(const Matrix& matrix, std::int64_t size);
  static Tensor between(const Matrix& result);

  cudnnBackendDescriptor_t tensor(const Tensor& tensor);
  DnnDescriptor& part(cudnnBackendDescriptorType_t type);
  void multiply(const Tensor& a, const Tensor& b, cudnnBackendDescriptor_t c);
  DnnDescriptor& pointwise(cudnnPointwiseMode_t mode);
  void reduce(cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t y);
  void finalize_operation(DnnDescriptor& operation);

  const DnnCalls* calls_;
  std::deque<DnnDescriptor> parts_;  // no part moves when one more is made
  std::vector<cudnnBackendDescriptor_t> operations_;
  std::int64_t tensors_ = 0;
  std::vector<std::int64_t> ids_;
  std::vector<void*> data_;
  DnnDescriptor graph_;
};

}  // namespace minnow::cuda
