#pragma once

// The working part of lower(): goes through the ops in their order and collects launches.

#include <minnow/base/text.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#ifdef MINNOW_CUDNN
#include "dnn_product.h"
#endif
#include "gemm.h"
#include "lowering.h"

namespace minnow::cuda {

/// One way to compute an op, perhaps with others.
struct Way {
  std::string how;
  std::vector<Launch> launches;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  int absorbs = -1;          // an op that is done along
  ValueId masks = kNoValue;  // a value whose ReLU mask is written

  void run(cudaStream_t stream) const {
    for (const Launch& launch : launches) launch.run(stream);
  }
};

class Lowering {
 public:
  Lowering(const LoweringContext& context, Style style)
      : context_(context), program_(context.program), fused_(style == Style::fused) {
    result_.how.resize(program_.ops().size());
    done_.resize(program_.ops().size());
  }

  Lowered run() {
    if (fused_) head_ = find_head(program_);
    head_is_left_out_ = head_ && program_.sliced();
    if (head_is_left_out_) head_.reset();
    for (int i = 0; i < static_cast<int>(program_.ops().size()); ++i) {
      if (!done_[static_cast<std::size_t>(i)]) lower(i);
    }
    if (!program_.updates()) finish_step();
    return std::move(result_);
  }

 private:
  const Op& op(int index) const { return program_.ops()[static_cast<std::size_t>(index)]; }
  Matrix matrix(ValueId id) const { return context_.matrix(id); }
  static Function function_of(const Op& op) {
    return {op.activation.kind, op.activation.parameter};
  }

  void add(int index, std::function<void(cudaStream_t)> run) {
    result_.launches.push_back({index, std::move(run)});
  }
  /// A kernel of ours: `launch(stream)` returns what the runtime says.
  template <class F>
  void kernel(int index, const char* name, F launch) {
    result_.launches.push_back(own(index, name, launch));
  }
  void explain(int index, std::string how) {
    std::string& text = result_.how[static_cast<std::size_t>(index)];
    text += cat(text.empty() ? "" : "; ", how);
  }
  template <class F>
  static Launch own(int index, const char* name, F launch) {
    return {index, [name, launch](cudaStream_t stream) { check(launch(stream), name); }};
  }
  void absorb(int index, int into) {
    done_[static_cast<std::size_t>(index)] = true;
    explain(index, cat("done by ", program_.describe_work(op(into))));
  }

  void lower(int index);
  void gather(int index);
  void linear(int index);
  void input_grad(int index);
  void weight_grad(int index);
  void softmax(int index);
  void loss(int index);
  void head();
  void update(int index);
  void finish_step();

  Loss loss_of(const Op& loss) const;
  float* result(ValueId id) const;  // null when it is none
  StepEnd step_end() const;
  /// The bias_grad of this output gradient that nobody has done yet; -1 when there is none.
  int open_bias_grad(ValueId dy) const;
  /// The ways that cuBLASLt offers and that ran: with each epilogue that it accepts, in their
  /// order, of which the last is none; `rest` adds what an epilogue leaves to do. Only the first
  /// one unless tuning; what an earlier slice found is not timed again.
  std::vector<Way> ways_of(int index, const Product& base,
                           const std::vector<cublasLtEpilogue_t>& epilogues,
                           const std::function<void(Way&, cublasLtEpilogue_t)>& rest);
#ifdef MINNOW_CUDNN
  /// One more way when tuning, through cuDNN's graphs: what it makes besides the product is the
  /// request's. Not for small products, where the plan takes longer than it can win. False when it
  /// is not there.
  bool add_cudnn(std::vector<Way>& ways, int index, DnnRequest request, int absorbs);
#endif
  /// Takes the first way, or the fastest one.
  void take(int index, std::vector<Way> ways);
  /// Of those whose results are those of the plain product.
  const Way& fastest(int index, const std::vector<Way>& ways);
  /// Of the results of a way that just ran, as a share of their length.
  double error_of(int index, const Way& way, const std::vector<float>& plain) const;
  /// The same for ops of slices that are alike.
  std::string work_key(int index) const {
    return cat(program_.describe_work(op(index)), " ", program_.value(op(index).inputs[0]).rows);
  }

  const LoweringContext& context_;
  const Program& program_;
  bool fused_;
  std::optional<HeadOps> head_;
  bool head_is_left_out_ = false;
  Lowered result_;
  std::vector<bool> done_;
  std::vector<ValueId> masked_;                      // values whose mask is written
  std::map<std::string, cublasLtEpilogue_t> tuned_;  // by work_key(): what was the fastest
};

}  // namespace minnow::cuda
