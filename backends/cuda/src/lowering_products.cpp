// The products of a step: how they are asked of cuBLASLt, and what is done with an epilogue that it
// refuses.

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "lowering_class.h"
#include "product_trial.h"
#include "read_matrix.h"
#include "step_graph.h"

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

/// What is refused here may be done another way. @throws CallFailure for everything else: memory, a
/// device that is lost, a library that is missing.
template <class Work>
bool accepted(std::string& refusal, const Work& work) {
  try {
    work();
    return true;
  } catch (const CallFailure& failure) {
    if (failure.kind != CallFailure::Kind::refused) throw;
    refusal = cat(failure.call, " -> ", failure.status);
    return false;
  }
}

}  // namespace

std::vector<Way> Lowering::ways_of(int index, const Product& base,
                                   const std::vector<cublasLtEpilogue_t>& epilogues,
                                   const std::function<void(Way&, cublasLtEpilogue_t)>& rest) {
  constexpr std::size_t kTimedChoices = 3;
  Context& device = context_.device;
  const auto tuned = tuned_.find(work_key(index));
  const bool times = fused_ && device.tune() && tuned == tuned_.end();
  const std::size_t most = times && !program_.sliced() ? kTimedChoices : 1;
  auto next = epilogues.begin();
  if (tuned != tuned_.end()) next = std::find(next, epilogues.end(), tuned->second);
  if (next == epilogues.end()) next = epilogues.begin();
  std::vector<Way> ways;
  std::string refusal;
  for (; next != epilogues.end() && (times || ways.empty()); ++next) {
    const cublasLtEpilogue_t epilogue = *next;
    Product wanted = base;
    wanted.epilogue = epilogue;
    if (!has_bias(epilogue)) wanted.bias = nullptr;
    if (!has_aux(epilogue)) wanted.aux = nullptr;
    std::vector<Gemm> found;
    accepted(refusal,
             [&] { found = Gemm::find(device.lt(), wanted, device.precision(), refusal); });
    const std::size_t before = ways.size();
    for (const Gemm& gemm : found) {
      if (ways.size() == before + most) break;
      Way way{.how = gemm.describe(), .launches = {}, .epilogue = epilogue};
      way.launches.push_back({index, [gemm](cudaStream_t stream) { gemm.run(stream); }});
      rest(way, epilogue);
      // The first call loads the kernel, which may not happen while a graph is captured.
      if (accepted(refusal, [&] { way.run(device.stream()); })) {
        ways.push_back(std::move(way));
      } else {
        explain(index, cat(way.how, " refused: ", refusal));
      }
    }
    if (found.empty()) {
      explain(index,
              cat(epilogue == CUBLASLT_EPILOGUE_DEFAULT ? "" : "epilogue refused: ", refusal));
    }
  }
  if (!ways.empty()) return ways;
  throw CallFailure{.kind = CallFailure::Kind::refused,
                    .call = cat("a product for ", program_.describe(op(index))),
                    .status = refusal};
}

#ifdef MINNOW_CUDNN
bool Lowering::add_cudnn(std::vector<Way>& ways, int index, DnnRequest request, int absorbs) {
  constexpr std::int64_t kLeastWork = std::int64_t{1} << 22;  // multiplications
  Context& device = context_.device;
  const std::int64_t inner =
      request.kind == DnnRequest::Kind::weight_grad ? request.a.rows : request.a.cols;
  const std::int64_t work = request.out.rows * request.out.cols * inner;
  // In strict fp32 cuDNN would round the factors.
  if (!fused_ || !device.tune() || device.precision() == Precision::fp32 || work < kLeastWork) {
    return false;
  }
  if (program_.sliced()) {
    explain(index, "cuDNN not asked: it would compile the products of each slice");
    return false;
  }
  const Activation& function = op(index).activation;
  if (function.kind != ActivationKind::identity && function.kind != ActivationKind::relu) {
    explain(index, cat("cuDNN not asked: no graph of minnow's has ", text_of(function)));
    return false;
  }
  const Cudnn* cudnn = device.cudnn();
  std::string refusal = device.cudnn_refusal();
  bool runs_too = false;
  if (cudnn != nullptr) {
    request.workspace = device.lt().workspace();
    request.workspace_bytes = device.lt().workspace_bytes();
    accepted(refusal, [&] {
      auto found = DnnProduct::find(*cudnn, request, device.precision(), refusal);
      if (!found) return;
      Way way{.how = found->describe(), .launches = {}, .absorbs = absorbs};
      way.launches.push_back({index, [shared = std::make_shared<DnnProduct>(std::move(*found))](
                                         cudaStream_t stream) { shared->run(stream); }});
      way.run(device.stream());
      ways.push_back(std::move(way));
      runs_too = true;
    });
  }
  if (!runs_too) explain(index, cat("cuDNN refused: ", refusal));
  return runs_too;
}
#endif

void Lowering::take(int index, std::vector<Way> ways) {
  const Way& way = ways.size() == 1 ? ways.front() : fastest(index, ways);
  if (context_.device.tune() && program_.sliced()) {
    tuned_.insert_or_assign(work_key(index), way.epilogue);
  }
  explain(index, way.how);
  for (const Launch& launch : way.launches) result_.launches.push_back(launch);
  if (way.absorbs >= 0) absorb(way.absorbs, index);
  if (way.masks != kNoValue) masked_.push_back(way.masks);
}

double Lowering::error_of(int index, const Way& way, const std::vector<float>& plain) const {
  const cudaStream_t stream = context_.device.stream();
  const double error = distance(read_matrix(matrix(op(index).outputs[0]), stream), plain);
  if (way.absorbs < 0) return error;
  const Matrix summed = matrix(op(way.absorbs).inputs[0]);
  const Matrix sums = matrix(op(way.absorbs).outputs[0]);
  return error +
         distance(read_matrix(sums, stream), column_sums(read_matrix(summed, stream), summed.cols));
}

const Way& Lowering::fastest(int index, const std::vector<Way>& ways) {
  const cudaStream_t stream = context_.device.stream();
  const auto is_plain = [](const Way& way) { return way.epilogue == CUBLASLT_EPILOGUE_DEFAULT; };
  const auto found = std::find_if(ways.begin(), ways.end(), is_plain);
  const Way* plain = found == ways.end() ? ways.data() : &*found;
  plain->run(stream);
  const auto expected = read_matrix(matrix(op(index).outputs[0]), stream);
  const Way* best = plain;
  double least = std::numeric_limits<double>::infinity();
  std::string timed;
  for (const Way& way : ways) {
    way.run(stream);
    const double error = &way == plain ? 0.0 : error_of(index, way, expected);
    timed += cat(timed.empty() ? "timed: " : " | ", way.how);
    if (!(error <= largest_error(context_.device.precision()))) {
      timed += cat(" wrong by ", error);
      continue;
    }
    const double seconds = seconds_of(way.launches, stream);
    timed += std::isfinite(seconds) ? cat(" ", seconds * 1e6, " us") : " cannot be captured";
    if (seconds < least) best = &way;
    least = std::min(least, seconds);
  }
  explain(index, std::move(timed));
  // What comes after reads values and mask: both from one way, as near zero two may differ.
  best->run(stream);
  return *best;
}

// Y^T (O, B) = W (O, I) X^T (I, B): everything row-major, so column-major with swapped operands.
void Lowering::linear(int index) {
  const Op& it = op(index);
  const Matrix x = matrix(it.inputs[0]);
  const Matrix w = matrix(it.inputs[1]);
  const Matrix y = matrix(it.outputs[0]);
  const bool has_bias_input = it.inputs.size() > 2;
  const bool activates = it.activation.kind != ActivationKind::identity;
  const bool relu = it.activation.kind == ActivationKind::relu;
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
  if (has_bias_input) {
    bias = matrix(it.inputs[2]);
    // The epilogue reads a bias of D's type.
    const int slot = program_.value(it.inputs[2]).slot;
    base.bias = context_.arena.matrix(Arena::Part::parameters, slot, y.bf16).data;
  }
  const std::int64_t mask = context_.storage.masks[static_cast<std::size_t>(it.outputs[0])];
  // The head looks at the values themselves.
  const bool head_masks =
      head_ && head_->input_grad >= 0 && op(head_->linear).inputs[0] == it.outputs[0];
  if (fused_ && relu && mask >= 0 && !head_masks) {
    base.aux = context_.at<void>(mask);
    base.aux_ld = mask_ld(y.cols);
    epilogues.push_back(has_bias_input ? CUBLASLT_EPILOGUE_RELU_AUX_BIAS
                                       : CUBLASLT_EPILOGUE_RELU_AUX);
  }
  if (fused_ && relu) {
    epilogues.push_back(has_bias_input ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU);
  } else if (fused_ && has_bias_input && !activates) {
    epilogues.push_back(CUBLASLT_EPILOGUE_BIAS);
  }
  epilogues.push_back(CUBLASLT_EPILOGUE_DEFAULT);
  const auto finish = [&](Way& way, cublasLtEpilogue_t epilogue) {
    if (has_aux(epilogue)) way.masks = it.outputs[0];
    if (epilogue != CUBLASLT_EPILOGUE_DEFAULT) return;
    if (!has_bias_input && !activates) return;
    const std::string f = text_of(it.activation);
    way.how += cat(", own kernel for ", activates && has_bias_input ? "bias and " : "",
                   activates ? f : "the bias", activates && !relu ? ", as no epilogue has it" : "");
    way.launches.push_back(
        own(index, "activate", [y, bias, function = function_of(it)](auto stream) {
          return launch_activate(y, static_cast<const float*>(bias.data), function, y, stream);
        }));
  };
  std::vector<Way> ways = ways_of(index, base, epilogues, finish);
#ifdef MINNOW_CUDNN
  DnnRequest request;
  request.kind = DnnRequest::Kind::forward;
  request.a = x;
  request.b = w;
  request.out = y;
  request.bias = bias;
  request.relu = relu;
  add_cudnn(ways, index, request, -1);
#endif
  take(index, std::move(ways));
}

// dX^T (I, B) = W^T (I, O) dY^T (O, B)
void Lowering::input_grad(int index) {
  const Op& it = op(index);
  const Matrix dy = matrix(it.inputs[0]);
  const Matrix w = matrix(it.inputs[1]);
  const Matrix dx = matrix(it.outputs[0]);
  const bool activates = it.activation.kind != ActivationKind::identity;
  const bool relu = it.activation.kind == ActivationKind::relu;
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
  if (fused_ && relu && std::count(masked_.begin(), masked_.end(), it.inputs[2]) > 0) {
    base.aux = context_.at<void>(context_.storage.masks[static_cast<std::size_t>(it.inputs[2])]);
    base.aux_ld = mask_ld(dx.cols);
    // It would write the bias gradient in D's type, and sums are float32 here.
    // And it would overwrite what the slices before summed up.
    if (bias_grad >= 0 && !dx.bf16 && !op(bias_grad).accumulate) {
      base.bias = matrix(op(bias_grad).outputs[0]).data;
      epilogues.push_back(CUBLASLT_EPILOGUE_DRELU_BGRAD);
    }
    epilogues.push_back(CUBLASLT_EPILOGUE_DRELU);
  }
  epilogues.push_back(CUBLASLT_EPILOGUE_DEFAULT);
  const auto finish = [&](Way& way, cublasLtEpilogue_t epilogue) {
    if (epilogue == CUBLASLT_EPILOGUE_DRELU_BGRAD) way.absorbs = bias_grad;
    if (epilogue != CUBLASLT_EPILOGUE_DEFAULT || !activates) return;
    way.how += cat(", own kernel for the ", text_of(it.activation), " gradient",
                   relu ? "" : ", as no epilogue has it");
    way.launches.push_back(
        own(index, "activate_grad",
            [dx, saved = matrix(it.inputs[2]), f = function_of(it)](auto stream) {
              return launch_activate_grad(dx, saved, f, dx, stream);
            }));
  };
  std::vector<Way> ways = ways_of(index, base, epilogues, finish);
#ifdef MINNOW_CUDNN
  DnnRequest request;
  request.kind = DnnRequest::Kind::input_grad;
  request.a = dy;
  request.b = w;
  request.out = dx;
  const bool sums = relu && bias_grad >= 0;
  if (relu) request.below = matrix(it.inputs[2]);
  if (sums) request.bias_grad = matrix(op(bias_grad).outputs[0]);
  add_cudnn(ways, index, request, sums ? bias_grad : -1);
#endif
  take(index, std::move(ways));
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
               .d_bf16 = false,
               .accumulate = it.accumulate};
  std::vector<cublasLtEpilogue_t> epilogues;
  const int bias_grad = fused_ ? open_bias_grad(it.inputs[0]) : -1;
  // The epilogue would overwrite what the slices before summed up.
  if (bias_grad >= 0 && !it.accumulate) {
    base.bias = matrix(op(bias_grad).outputs[0]).data;
    epilogues.push_back(CUBLASLT_EPILOGUE_BGRADB);
  }
  epilogues.push_back(CUBLASLT_EPILOGUE_DEFAULT);
  const auto sum_columns = [&](Way& way) {
    way.absorbs = bias_grad;
    if (bias_grad < 0) return;
    way.how += it.accumulate ? ", own kernel for the bias gradient, as no epilogue adds to it"
                             : ", own kernel for the bias gradient";
    way.launches.push_back(
        own(index, "column_sums",
            [dy, add = it.accumulate, db = matrix(op(bias_grad).outputs[0])](auto stream) {
              return launch_column_sums(dy, add, static_cast<float*>(db.data), stream);
            }));
  };
  const auto finish = [&](Way& way, cublasLtEpilogue_t epilogue) {
    if (epilogue == CUBLASLT_EPILOGUE_DEFAULT) return sum_columns(way);
    way.absorbs = bias_grad;
  };
  std::vector<Way> ways = ways_of(index, base, epilogues, finish);
#ifdef MINNOW_CUDNN
  DnnRequest request;
  request.kind = DnnRequest::Kind::weight_grad;
  request.a = dy;
  request.b = x;
  request.out = dw;
  if (add_cudnn(ways, index, request, -1)) sum_columns(ways.back());
#endif
  take(index, std::move(ways));
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
