// cudnnBackendExecute: the operations of a graph one after another, by plain loops in double.

#include <cuda_bf16.h>

#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "dnn_backend.h"
#include "stream.h"

namespace fakecuda::dnn {
namespace {

constexpr std::int64_t kWorkspace = std::int64_t{64} << 10U;

// The values of a tensor by rows. The first of the three dimensions is 1.
struct Values {
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::vector<double> at;

  // Of an operand that has one row for all rows, or one column for all columns.
  double broadcast(std::size_t row, std::size_t col) const {
    return at[(rows == 1 ? 0 : row) * cols + (cols == 1 ? 0 : col)];
  }
};

bool is_bf16(const Bag& tensor) {
  return tensor.number(CUDNN_ATTR_TENSOR_DATA_TYPE) == CUDNN_DATA_BFLOAT16;
}
bool is_virtual(const Bag& tensor) { return tensor.number(CUDNN_ATTR_TENSOR_IS_VIRTUAL) != 0; }
std::size_t size_of(const Bag& tensor, std::size_t dimension) {
  return static_cast<std::size_t>(tensor.numbers(CUDNN_ATTR_TENSOR_DIMENSIONS)[dimension]);
}
std::size_t offset(const Bag& tensor, std::size_t row, std::size_t col) {
  const auto& strides = tensor.numbers(CUDNN_ATTR_TENSOR_STRIDES);
  return row * static_cast<std::size_t>(strides[1]) + col * static_cast<std::size_t>(strides[2]);
}
std::size_t bytes_of(const Bag& tensor) {
  return (offset(tensor, size_of(tensor, 1) - 1, size_of(tensor, 2) - 1) + 1) *
         (is_bf16(tensor) ? 2 : 4);
}

// A tensor core reads TF32, which keeps 10 bits of the fraction.
double as_tf32(double value) {
  const auto single = static_cast<float>(value);
  if (!std::isfinite(single)) return value;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &single, sizeof bits);
  constexpr std::uint32_t kDropped = 13;
  bits = (bits + (1U << (kDropped - 1))) >> kDropped << kDropped;
  float rounded = 0.0F;
  std::memcpy(&rounded, &bits, sizeof rounded);
  return static_cast<double>(rounded);
}

double rounded(const Bag& tensor, double value) {
  const auto single = static_cast<float>(value);
  return static_cast<double>(is_bf16(tensor) ? __bfloat162float(__float2bfloat16(single)) : single);
}

// One execution of a plan. It keeps the graph alive, and the addresses of its tensors.
class Run {
 public:
  Run(BagPointer plan, const Bag& pack) : plan_(std::move(plan)) {
    const auto& ids = pack.numbers(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
    const auto& data = pack.numbers(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      data_[ids[i]] = reinterpret_cast<void*>(data[i]);
    }
    workspace_ = reinterpret_cast<void*>(pack.number(CUDNN_ATTR_VARIANT_PACK_WORKSPACE));
  }

  cudnnStatus_t check() const;
  void run() const;

 private:
  const Bag& graph() const {
    const BagPointer config = plan_->bag(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    return *config->bag(CUDNN_ATTR_ENGINECFG_ENGINE);
  }
  // Every tensor in memory, with its name for messages.
  std::vector<BagPointer> tensors() const;
  std::int64_t workspace_bytes() const {
    return plan_->number(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
  }
  Values load(const Bag& tensor, const std::map<std::int64_t, Values>& done) const;

  BagPointer plan_;
  std::map<std::int64_t, void*> data_;
  void* workspace_ = nullptr;
};

std::vector<BagPointer> Run::tensors() const {
  std::vector<BagPointer> all;
  for (const BagPointer& operation : graph().bags(CUDNN_ATTR_OPERATIONGRAPH_OPS)) {
    std::vector<BagPointer> its = inputs_of(*operation);
    its.push_back(output_of(*operation));
    for (BagPointer& tensor : its) {
      if (!is_virtual(*tensor)) all.push_back(std::move(tensor));
    }
  }
  return all;
}

cudnnStatus_t Run::check() const {
  for (const BagPointer& tensor : tensors()) {
    const auto found = data_.find(id_of(*tensor));
    if (found == data_.end() || found->second == nullptr) {
      return fail(CUDNN_STATUS_BAD_PARAM, "the variant pack lacks a tensor of the graph");
    }
    if (!state().arena.covers(found->second)) {
      return fail(CUDNN_STATUS_BAD_PARAM, "the tensors are device pointers");
    }
    const auto alignment =
        static_cast<std::uintptr_t>(tensor->number(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT));
    if (reinterpret_cast<std::uintptr_t>(found->second) % alignment != 0) {
      return fail(CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER, "a tensor is not aligned as it says");
    }
  }
  if (workspace_bytes() > 0 && !state().arena.covers(workspace_)) {
    return fail(CUDNN_STATUS_BAD_PARAM, "the plan wants a workspace");
  }
  return CUDNN_STATUS_SUCCESS;
}

Values Run::load(const Bag& tensor, const std::map<std::int64_t, Values>& done) const {
  if (const auto found = done.find(id_of(tensor)); found != done.end()) return found->second;
  Values values{.rows = size_of(tensor, 1), .cols = size_of(tensor, 2), .at = {}};
  const void* const start = data_.at(id_of(tensor));
  for (std::size_t row = 0; row < values.rows; ++row) {
    for (std::size_t col = 0; col < values.cols; ++col) {
      const std::size_t at = offset(tensor, row, col);
      values.at.push_back(static_cast<double>(
          is_bf16(tensor) ? __bfloat162float(static_cast<const __nv_bfloat16*>(start)[at])
                          : static_cast<const float*>(start)[at]));
    }
  }
  return values;
}

void save(const Bag& tensor, const Values& values, void* start) {
  for (std::size_t row = 0; row < values.rows; ++row) {
    for (std::size_t col = 0; col < values.cols; ++col) {
      const auto value = static_cast<float>(values.at[row * values.cols + col]);
      const std::size_t at = offset(tensor, row, col);
      if (is_bf16(tensor)) {
        static_cast<__nv_bfloat16*>(start)[at] = __float2bfloat16(value);
      } else {
        static_cast<float*>(start)[at] = value;
      }
    }
  }
}

void multiply(const Values& a, const Values& b, Values& c) {
  for (std::size_t row = 0; row < c.rows; ++row) {
    for (std::size_t col = 0; col < c.cols; ++col) {
      double sum = 0.0;
      for (std::size_t i = 0; i < a.cols; ++i) {
        sum += as_tf32(a.at[row * a.cols + i]) * as_tf32(b.at[i * b.cols + col]);
      }
      c.at[row * c.cols + col] = sum;
    }
  }
}

// `inputs` in the order of inputs_of(): x and b, or x and dy.
void pointwise(const Bag& operation, const std::vector<Values>& inputs, Values& out) {
  const BagPointer how = operation.bag(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
  const std::int64_t mode = how->number(CUDNN_ATTR_POINTWISE_MODE);
  const bool keeps_nan = how->number(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION) != 0;
  for (std::size_t row = 0; row < out.rows; ++row) {
    for (std::size_t col = 0; col < out.cols; ++col) {
      double& result = out.at[row * out.cols + col];
      const double x = inputs[0].broadcast(row, col);
      const bool passes = x > 0.0 || (keeps_nan && std::isnan(x));
      if (mode == CUDNN_POINTWISE_ADD) {
        result = x + inputs[1].broadcast(row, col);
      } else if (mode == CUDNN_POINTWISE_RELU_FWD) {
        result = passes ? x : 0.0;
      } else {
        result = passes ? inputs[1].broadcast(row, col) : 0.0;
      }
    }
  }
}

// Over rows, columns or both: y has one of them where x has many.
void reduce(const Values& x, Values& y) {
  for (std::size_t row = 0; row < x.rows; ++row) {
    for (std::size_t col = 0; col < x.cols; ++col) {
      y.at[row % y.rows * y.cols + col % y.cols] += x.at[row * x.cols + col];
    }
  }
}

void Run::run() const {
  for (const BagPointer& tensor : tensors()) {
    if (const auto reason = state().arena.refuse(data_.at(id_of(*tensor)), bytes_of(*tensor))) {
      throw DeviceFault{cudaErrorIllegalAddress,
                        "tensor " + std::to_string(id_of(*tensor)) + " " + *reason};
    }
  }
  if (const auto bytes = static_cast<std::size_t>(workspace_bytes()); bytes > 0) {
    if (const auto reason = state().arena.refuse(workspace_, bytes)) {
      throw DeviceFault{cudaErrorIllegalAddress, "workspace " + *reason};
    }
    // Whoever keeps something in the workspace sees it destroyed.
    std::memset(workspace_, 0xFF, bytes);
  }
  std::map<std::int64_t, Values> done;
  for (const BagPointer& operation : graph().bags(CUDNN_ATTR_OPERATIONGRAPH_OPS)) {
    std::vector<Values> inputs;
    for (const BagPointer& input : inputs_of(*operation)) inputs.push_back(load(*input, done));
    const BagPointer output = output_of(*operation);
    Values out{.rows = size_of(*output, 1), .cols = size_of(*output, 2), .at = {}};
    out.at.resize(out.rows * out.cols);
    if (operation->type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR) {
      multiply(inputs[0], inputs[1], out);
    } else if (operation->type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR) {
      pointwise(*operation, inputs, out);
    } else {
      reduce(inputs[0], out);
    }
    for (double& value : out.at) value = rounded(*output, value);
    if (!is_virtual(*output)) save(*output, out, data_.at(id_of(*output)));
    done[id_of(*output)] = std::move(out);
  }
}

bool is_matrix(const Bag& tensor) {
  return tensor.numbers(CUDNN_ATTR_TENSOR_DIMENSIONS).size() == 3 && size_of(tensor, 0) == 1;
}

bool adds_rows(const Bag& reduction) {
  const BagPointer how = reduction.bag(CUDNN_ATTR_OPERATION_REDUCTION_DESC);
  const BagPointer y = reduction.bag(CUDNN_ATTR_OPERATION_REDUCTION_YDESC);
  return how->number(CUDNN_ATTR_REDUCTION_OPERATOR) == CUDNN_REDUCE_TENSOR_ADD &&
         size_of(*y, 1) == 1;
}

}  // namespace

std::vector<std::int64_t> workspaces_of_engines(const Bag& graph) {
  // cuDNN has no fused products in these types before 8.0.
  if (!state().settings.dnn_graph || state().settings.cc < 80) return {};
  std::size_t place = 0;
  for (const BagPointer& operation : graph.bags(CUDNN_ATTR_OPERATIONGRAPH_OPS)) {
    const bool product = operation->type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR;
    const bool reduction = operation->type == CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR;
    if (product != (place++ == 0) || (reduction && !adds_rows(*operation))) return {};
    std::vector<BagPointer> tensors = inputs_of(*operation);
    tensors.push_back(output_of(*operation));
    for (const BagPointer& tensor : tensors) {
      if (!is_matrix(*tensor)) return {};
    }
  }
  return {kWorkspace, 0};
}

cudnnStatus_t execute(cudaStream_t stream, const BagPointer& plan, const BagPointer& pack) {
  CUstream_st* const queue = find_stream(stream);
  if (queue == nullptr) return fail(CUDNN_STATUS_BAD_PARAM, "the stream is not live");
  const Run work(plan, *pack);
  if (const cudnnStatus_t status = work.check(); status != CUDNN_STATUS_SUCCESS) return status;
  auto task = std::make_shared<Task>();
  task->what = task->kernel = "cudnnBackendExecute";
  task->type = cudaGraphNodeTypeKernel;
  task->run = [work] { work.run(); };
  if (submit(queue, std::move(task)) != cudaSuccess) {
    return fail(CUDNN_STATUS_EXECUTION_FAILED_CUDART, "the stream refuses work");
  }
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace fakecuda::dnn
