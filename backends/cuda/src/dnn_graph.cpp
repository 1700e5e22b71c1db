#include "dnn_graph.h"

#include <algorithm>

namespace minnow::cuda {
namespace {

cudnnDataType_t type_of(bool bf16) { return bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT; }

/// What a pointer is aligned to, in bytes, up to the 16 of a vector load.
std::int64_t alignment_of(const void* pointer) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  return static_cast<std::int64_t>(std::min<std::uintptr_t>(address & (~address + 1), 16));
}

}  // namespace

DnnGraph::Tensor DnnGraph::rows_of(const Matrix& matrix) {
  return {.rows = matrix.rows,
          .cols = matrix.cols,
          .row_stride = matrix.stride,
          .col_stride = 1,
          .bf16 = matrix.bf16,
          .data = matrix.data};
}

DnnGraph::Tensor DnnGraph::columns_of(const Matrix& matrix) {
  return {.rows = matrix.cols,
          .cols = matrix.rows,
          .row_stride = 1,
          .col_stride = matrix.stride,
          .bf16 = matrix.bf16,
          .data = matrix.data};
}

DnnGraph::Tensor DnnGraph::vector_of(const Matrix& matrix, std::int64_t size) {
  return {.rows = 1,
          .cols = size,
          .row_stride = size,
          .col_stride = 1,
          .bf16 = matrix.bf16,
          .data = matrix.data};
}

DnnGraph::Tensor DnnGraph::between(const Matrix& result) {
  Tensor tensor = rows_of(result);
  tensor.bf16 = false;
  tensor.data = nullptr;
  return tensor;
}

DnnDescriptor& DnnGraph::part(cudnnBackendDescriptorType_t type) {
  return parts_.emplace_back(*calls_, type);
}

cudnnBackendDescriptor_t DnnGraph::tensor(const Tensor& tensor) {
  DnnDescriptor& made = part(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const std::int64_t id = ++tensors_;
  const std::int64_t last_row = (tensor.rows - 1) * tensor.row_stride;
  const std::int64_t last_col = (tensor.cols - 1) * tensor.col_stride;
  // The dimension before the rows counts products, and there is one.
  const std::vector<std::int64_t> sizes{1, tensor.rows, tensor.cols};
  const std::vector<std::int64_t> strides{last_row + last_col + 1, tensor.row_stride,
                                          tensor.col_stride};
  made.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id);
  made.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type_of(tensor.bf16));
  made.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, sizes);
  made.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides);
  made.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, tensor.data == nullptr);
  const std::int64_t alignment = tensor.data == nullptr ? 16 : alignment_of(tensor.data);
  made.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, alignment);
  made.finalize();
  if (tensor.data != nullptr) {
    ids_.push_back(id);
    data_.push_back(tensor.data);
  }
  return made.get();
}

void DnnGraph::finalize_operation(DnnDescriptor& operation) {
  operation.finalize();
  operations_.push_back(operation.get());
}

void DnnGraph::multiply(const Tensor& a, const Tensor& b, cudnnBackendDescriptor_t c) {
  DnnDescriptor& how = part(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  how.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  how.finalize();
  DnnDescriptor& made = part(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  made.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, how);
  made.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, tensor(a));
  made.set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, tensor(b));
  made.set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, c);
  finalize_operation(made);
}

DnnDescriptor& DnnGraph::pointwise(cudnnPointwiseMode_t mode) {
  DnnDescriptor& how = part(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  how.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode);
  how.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  if (mode == CUDNN_POINTWISE_RELU_FWD) {
    // A value that is not a number has to be seen by whoever looks at the loss.
    how.set(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_TYPE_NAN_PROPOGATION, CUDNN_PROPAGATE_NAN);
  }
  how.finalize();
  DnnDescriptor& made = part(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  made.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how);
  return made;
}

void DnnGraph::reduce(cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t y) {
  DnnDescriptor& how = part(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  how.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE,
          CUDNN_REDUCE_TENSOR_ADD);
  how.set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  how.finalize();
  DnnDescriptor& made = part(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
  made.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, how);
  made.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, x);
  made.set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, y);
  finalize_operation(made);
}

DnnGraph::DnnGraph(const DnnCalls& calls, cudnnHandle_t handle, const DnnRequest& request)
    : calls_(&calls), graph_(calls, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) {
  const DnnRequest& r = request;
  const bool gradient = r.kind != DnnRequest::Kind::forward;
  const bool biased = r.bias.data != nullptr;
  const bool masked = r.below.data != nullptr;
  const bool plain = !biased && !r.relu && !masked;
  const Tensor a = r.kind == DnnRequest::Kind::weight_grad ? columns_of(r.a) : rows_of(r.a);
  const Tensor b = gradient ? rows_of(r.b) : columns_of(r.b);
  const cudnnBackendDescriptor_t out = tensor(rows_of(r.out));
  cudnnBackendDescriptor_t value = plain ? out : tensor(between(r.out));
  multiply(a, b, value);
  constexpr auto kDescriptor = CUDNN_TYPE_BACKEND_DESCRIPTOR;
  if (biased) {
    DnnDescriptor& add = pointwise(CUDNN_POINTWISE_ADD);
    const auto sum = r.relu ? tensor(between(r.out)) : out;
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, kDescriptor, value);
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, kDescriptor,
            tensor(vector_of(r.bias, r.out.cols)));
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, kDescriptor, sum);
    finalize_operation(add);
    value = sum;
  }
  if (r.relu) {
    DnnDescriptor& relu = pointwise(CUDNN_POINTWISE_RELU_FWD);
    relu.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, kDescriptor, value);
    relu.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, kDescriptor, out);
    finalize_operation(relu);
  }
  if (masked) {
    // It wants ReLU's input, which is positive where ReLU's result is.
    DnnDescriptor& mask = pointwise(CUDNN_POINTWISE_RELU_BWD);
    mask.set(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, kDescriptor, value);
    mask.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, kDescriptor, tensor(rows_of(r.below)));
    mask.set(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, kDescriptor, out);
    finalize_operation(mask);
  }
  if (r.bias_grad.data != nullptr) reduce(out, tensor(vector_of(r.bias_grad, r.out.cols)));
  if (handle != nullptr) {
    graph_.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
  }
  graph_.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, kDescriptor, operations_);
  graph_.finalize();
}

std::vector<DnnDescriptor> DnnGraph::engine_configs(cudnnBackendHeurMode_t mode,
                                                    std::string& refusal,
                                                    const DnnDescriptor* device) const {
  constexpr std::int64_t kMax = 8;
  DnnDescriptor query(*calls_, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  query.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph_);
  query.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
#if CUDNN_VERSION >= 90800
  if (device != nullptr) query.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *device);
#else
  static_cast<void>(device);
#endif
  std::vector<DnnDescriptor> configs;
  if (!query.finalize_if_supported(refusal)) return configs;
  std::vector<cudnnBackendDescriptor_t> found;
  for (std::int64_t i = 0; i < kMax; ++i) {
    configs.emplace_back(*calls_, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    found.push_back(configs.back().get());
  }
  std::int64_t count = 0;
  calls_->check(calls_->get(query.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                            CUDNN_TYPE_BACKEND_DESCRIPTOR, kMax, &count, found.data()),
                "cudnnBackendGetAttribute");
  while (static_cast<std::int64_t>(configs.size()) > count) configs.pop_back();
  if (configs.empty()) refusal = "cuDNN knows no engine for it";
  return configs;
}

}  // namespace minnow::cuda
