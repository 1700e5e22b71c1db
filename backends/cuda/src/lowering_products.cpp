// The products of a step: how they are asked of cuBLASLt, and what is done with an epilogue that it
// refuses.

#include <algorithm>
#include <memory>
#include <utility>

#include "lowering_class.h"

namespace minnow::cuda {
namespace {

bool has_aux(cublasLtEpilogue_t epilogue) {
  return epilogue == CUBLASLT_EPILOGUE_RELU_AUX || epilogue == CUBLASLT_EPILOGUE_RELU_AUX_BIAS ||
         epilogue == CUBLASLT_EPILOGUE_DRELU || epilogue == CUBLASLT_EPILOGUE_DRELU_BGRAD;
}

bool has_bias(cublasLtEpilogue_t epilogue) {
  return epilogue == CUBLASLT_EPILOGUE_BIAS || epilogue == CUBLASLT_EPILOGUE_RELU_BIAS ||
         epilogue == CUBLASLT_EPILOGUE_RELU_AUX_BIAS || epilogue == CUBLASLT_EPILOGUE_DRELU_BGRAD ||
         epilogue == CUBLASLT_EPILOGUE_BGRADB;
}

}  // namespace

Gemm Lowering::product(int index, Product base, const std::vector<cublasLtEpilogue_t>& epilogues) {
  std::string refusal;
  for (const cublasLtEpilogue_t epilogue : epilogues) {
    Product wanted = base;
    wanted.epilogue = epilogue;
    if (!has_bias(epilogue)) wanted.bias = nullptr;
    if (!has_aux(epilogue)) wanted.aux = nullptr;
    auto gemm = Gemm::find(context_.device.lt(), wanted, context_.device.precision(), refusal);
    if (gemm) return std::move(*gemm);
    explain(index, cat(epilogue == CUBLASLT_EPILOGUE_DEFAULT ? "" : "epilogue refused: ", refusal));
  }
  throw CallFailure{.kind = CallFailure::Kind::refused,
                    .call = cat("a product for ", program_.describe(op(index))),
                    .status = refusal};
}

void Lowering::add_product(int index, Gemm gemm) {
  explain(index, gemm.describe());
  // The first call of a product loads its kernel, which may not happen while a graph is captured.
  gemm.run(context_.device.stream());
  add(index, [shared = std::make_shared<Gemm>(std::move(gemm))](cudaStream_t stream) {
    shared->run(stream);
  });
}

// Y^T (O, B) = W (O, I) X^T (I, B): everything row-major, so column-major with swapped operands.
void Lowering::linear(int index) {
  const Op& it = op(index);
  const Matrix x = matrix(it.inputs[0]);
  const Matrix w = matrix(it.inputs[1]);
  const Matrix y = matrix(it.outputs[0]);
  const bool has_bias = it.inputs.size() > 2;
  Product base{.transpose_a = true,
               .m = y.cols,
               .n = y.rows,
               .k = x.cols,
               .a = w.data,
               .lda = w.stride,
               .b = x.data,
               .ldb = x.stride,
               .d = y.data,
               .ldd = y.stride,
               .factors_bf16 = x.bf16,
               .d_bf16 = y.bf16};
  Matrix bias;
  std::vector<cublasLtEpilogue_t> epilogues;
  if (has_bias) {
    bias = matrix(it.inputs[2]);
    // The epilogue reads a bias of D's type.
    const int slot = program_.value(it.inputs[2]).slot;
    base.bias = context_.arena.matrix(Arena::Part::parameters, slot, y.bf16).data;
  }
  const std::int64_t mask = context_.storage.masks[static_cast<std::size_t>(it.outputs[0])];
  // The head looks at the values themselves.
  const bool head_masks =
      head_ && head_->input_grad >= 0 && op(head_->linear).inputs[0] == it.outputs[0];
  if (fused_ && it.relu && mask >= 0 && !head_masks) {
    base.aux = context_.at<void>(mask);
    base.aux_ld = mask_ld(y.cols);
    epilogues.push_back(has_bias ? CUBLASLT_EPILOGUE_RELU_AUX_BIAS : CUBLASLT_EPILOGUE_RELU_AUX);
  }
  if (fused_ && it.relu) {
    epilogues.push_back(has_bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU);
  } else if (fused_ && has_bias) {
    epilogues.push_back(CUBLASLT_EPILOGUE_BIAS);
  }
  epilogues.push_back(CUBLASLT_EPILOGUE_DEFAULT);
  Gemm gemm = product(index, base, epilogues);
  const cublasLtEpilogue_t taken = gemm.product().epilogue;
  if (gemm.product().aux != nullptr) masked_.push_back(it.outputs[0]);
  add_product(index, std::move(gemm));
  if (taken != CUBLASLT_EPILOGUE_DEFAULT) return;
  if (has_bias) {
    kernel(index, "add_bias", [y, bias, relu = it.relu](auto stream) {
      return launch_add_bias(y, static_cast<const float*>(bias.data), relu, y, stream);
    });
    explain(index, it.relu ? "own kernel for bias and ReLU" : "own kernel for the bias");
  } else if (it.relu) {
    kernel(index, "relu", [y](auto stream) { return launch_relu(y, y, stream); });
    explain(index, "own kernel for ReLU");
  }
}

// dX^T (I, B) = W^T (I, O) dY^T (O, B)
void Lowering::input_grad(int index) {
  const Op& it = op(index);
  const Matrix dy = matrix(it.inputs[0]);
  const Matrix w = matrix(it.inputs[1]);
  const Matrix dx = matrix(it.outputs[0]);
  const bool has_mask = it.inputs.size() > 2;
  Product base{.m = dx.cols,
               .n = dx.rows,
               .k = dy.cols,
               .a = w.data,
               .lda = w.stride,
               .b = dy.data,
               .ldb = dy.stride,
               .d = dx.data,
               .ldd = dx.stride,
               .factors_bf16 = dy.bf16,
               .d_bf16 = dx.bf16};
  std::vector<cublasLtEpilogue_t> epilogues;
  const int bias_grad = open_bias_grad(it.outputs[0]);
  if (fused_ && has_mask && std::count(masked_.begin(), masked_.end(), it.inputs[2]) > 0) {
    base.aux = context_.at<void>(context_.storage.masks[static_cast<std::size_t>(it.inputs[2])]);
    base.aux_ld = mask_ld(dx.cols);
    // It would write the bias gradient in D's type, and sums are float32 here.
    if (bias_grad >= 0 && !dx.bf16) {
      base.bias = matrix(op(bias_grad).outputs[0]).data;
      epilogues.push_back(CUBLASLT_EPILOGUE_DRELU_BGRAD);
    }
    epilogues.push_back(CUBLASLT_EPILOGUE_DRELU);
  }
  epilogues.push_back(CUBLASLT_EPILOGUE_DEFAULT);
  Gemm gemm = product(index, base, epilogues);
  const cublasLtEpilogue_t taken = gemm.product().epilogue;
  add_product(index, std::move(gemm));
  if (taken == CUBLASLT_EPILOGUE_DRELU_BGRAD) absorb(bias_grad, index);
  if (taken != CUBLASLT_EPILOGUE_DEFAULT || !has_mask) return;
  kernel(index, "relu_grad", [dx, y = matrix(it.inputs[2])](auto stream) {
    return launch_relu_grad(dx, y, dx, stream);
  });
  explain(index, "own kernel for the ReLU gradient");
}

// dW^T (I, O) = X^T (I, B) dY (B, O)
void Lowering::weight_grad(int index) {
  const Op& it = op(index);
  const Matrix dy = matrix(it.inputs[0]);
  const Matrix x = matrix(it.inputs[1]);
  const Matrix dw = matrix(it.outputs[0]);
  Product base{.transpose_b = true,
               .m = dw.cols,
               .n = dw.rows,
               .k = dy.rows,
               .a = x.data,
               .lda = x.stride,
               .b = dy.data,
               .ldb = dy.stride,
               .d = dw.data,
               .ldd = dw.stride,
               .factors_bf16 = dy.bf16,
               .d_bf16 = false};
  std::vector<cublasLtEpilogue_t> epilogues;
  const int bias_grad = fused_ ? open_bias_grad(it.inputs[0]) : -1;
  if (bias_grad >= 0) {
    base.bias = matrix(op(bias_grad).outputs[0]).data;
    epilogues.push_back(CUBLASLT_EPILOGUE_BGRADB);
  }
  epilogues.push_back(CUBLASLT_EPILOGUE_DEFAULT);
  Gemm gemm = product(index, base, epilogues);
  const bool taken = gemm.product().epilogue == CUBLASLT_EPILOGUE_BGRADB;
  add_product(index, std::move(gemm));
  if (taken) absorb(bias_grad, index);
}

int Lowering::open_bias_grad(ValueId dy) const {
  for (int i = 0; i < static_cast<int>(program_.ops().size()); ++i) {
    if (op(i).kind == OpKind::bias_grad && op(i).inputs[0] == dy &&
        !done_[static_cast<std::size_t>(i)]) {
      return i;
    }
  }
  return -1;
}

}  // namespace minnow::cuda
