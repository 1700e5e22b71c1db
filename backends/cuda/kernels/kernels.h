#pragma once

// What the host knows of the kernels: the data that lives on the device, and one launch function
// for each kernel. A launch function returns what the runtime says of the launch.

#include <minnow/activation.h>
#include <minnow/loss_function.h>
#include <minnow/update_rule.h>

#include <cuda_runtime_api.h>

#include <cstdint>

namespace minnow::cuda {

/// A value in device memory, row-major. `stride` elements from row to row, a multiple of 8: rows of
/// float32 and of bfloat16 both start at 16 bytes.
struct Matrix {
  void* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;
  bool bf16 = false;
};

struct StepOutcome {
  float loss;
  std::int32_t correct;
};

/// Of an executable: what the running steps read and where they are. Device memory.
struct RunState {
  // Set by the host before a run.
  const void* x;
  const void* target;
  std::uint64_t rows;
  std::uint64_t position;  // of the next batch; moves on by itself
  std::uint64_t seed;
  std::uint64_t epoch;
  std::uint32_t shuffle;
  std::uint32_t padding;
  // From here on the host sets everything to zero before the first step after a wait.
  std::uint32_t done;              // steps, and so the index of the next outcome
  std::uint32_t failed;            // a step was not finite: nothing after it counts
  std::uint32_t largest_gradient;  // of the running step: the bits of its absolute value
  std::uint32_t finished_blocks;   // of a kernel whose last block does something more
};

constexpr int kStepBytes = 32;  // of a rule's constants of one step, at most

/// Of an arena. Device memory.
struct UpdateState {
  std::uint64_t steps;
  Magnitudes largest;  // or more, of what is in the arena
  float learning_rate;
  // Of the running update:
  std::uint32_t apply;
  alignas(8) unsigned char constants[2][kStepBytes];  // of weights, and of what is behind them
};

/// Flat arenas of `count` floats, of which the first `weights` are subject to weight decay if
/// anything is; both are multiples of 4.
struct Update {
  UpdateState* state;
  float* p;
  const float* g;
  float* states[2];  // null: the rule keeps no such number
  void* low;         // the bfloat16 copy of p, or null
  std::int64_t weights;
  std::int64_t count;
};

/// What a step leaves behind.
struct StepEnd {
  RunState* state;
  StepOutcome* outcomes;
  const float* loss;     // or null
  const float* correct;  // or null
  std::int64_t batch;
};

/// An activation as kernels take it: one of the table.
struct Function {
  ActivationKind kind = ActivationKind::identity;
  float parameter = 0.0F;
};

struct Gather {
  Matrix x;
  std::int64_t row;     // of the batch: where x begins
  Matrix target;        // data null: none
  bool labels;          // the target is one int32 per row
  bool from_u8;         // else from float32
  const float* offset;  // one number, or one per feature
  const float* scale;
  bool per_feature;
};
cudaError_t launch_gather(const RunState* state, const Gather& gather, cudaStream_t stream);

/// y = f(x + bias); y may be x, and bias may be null.
cudaError_t launch_activate(const Matrix& x, const float* bias, Function f, const Matrix& y,
                            cudaStream_t stream);
/// dx = dy times the slope of f at `saved`; dx may be dy.
cudaError_t launch_activate_grad(const Matrix& dy, const Matrix& saved, Function f,
                                 const Matrix& dx, cudaStream_t stream);
cudaError_t launch_add(const Matrix& a, const Matrix& b, const Matrix& y, cudaStream_t stream);
cudaError_t launch_softmax(const Matrix& x, const Matrix& y, cudaStream_t stream);
cudaError_t launch_softmax_grad(const Matrix& dy, const Matrix& y, const Matrix& dx,
                                cudaStream_t stream);
/// sums[col] = or, with `accumulate`, += the column's sum, in the same order for every launch.
cudaError_t launch_column_sums(const Matrix& x, bool accumulate, float* sums, cudaStream_t stream);

struct Loss {
  LossKind kind;
  float parameter;
  float row_scale;       // of the loss that the formulas give for a row
  float gradient_scale;  // of the gradients
  bool first;            // term of the loss; the others are added to it
  bool last;             // term, of the batch's last rows: makes the mean
  Matrix x;
  Matrix target;  // one int32 per row with `labels`, else float32 rows
  bool labels;
  Matrix gradient;     // data null: none
  std::int64_t row;    // of the batch: where x begins
  std::int64_t batch;  // rows that the loss is the mean of
  float* row_loss;     // (batch)
  std::int32_t* row_correct;
  float* loss;     // the mean
  float* correct;  // null: not counted
  std::uint32_t* finished_blocks;
};
cudaError_t launch_loss(const Loss& loss, cudaStream_t stream);

/// The last layer, its loss and the gradient of its input, in one kernel; outputs <= kHeadOutputs.
constexpr int kHeadOutputs = 16;
constexpr std::int64_t kHeadInputs = 512;
/// For few rows the gradients of weight and bias too: one block makes them.
constexpr std::int64_t kHeadGradientRows = 64;
constexpr std::int64_t kHeadGradientNumbers = 8192;  // rows x inputs
struct Head {
  Matrix x;
  const float* weight;  // (outputs, inputs), rows of `weight_stride`
  std::int64_t weight_stride;
  const float* bias;  // or null
  Loss loss;          // its x is not read: (rows, outputs)
  Matrix dx;          // data null: none
  Function below;     // dx is multiplied by its slope
  Matrix saved;       // at these numbers; data null: by nothing
  float* dw;          // as the weight lies; null: not made
  float* db;          // null: not made
};
cudaError_t launch_head(const Head& head, cudaStream_t stream);

/// Ends a step: notes the outcome, moves the position on. With an update, decides first whether it
/// is applied: when all gradients are finite, and so will be all that it makes of the arena.
cudaError_t launch_finish_step(const StepEnd& end, cudaStream_t stream);
cudaError_t launch_begin_update(const StepEnd& end, const UpdateRule& rule, const Update& update,
                                cudaStream_t stream);
cudaError_t launch_update(const UpdateRule& rule, const Update& update, cudaStream_t stream);

/// Loads every kernel, so that none is loaded in the middle of a run.
/// cudaErrorNoKernelImageForDevice: this build has no code for the device.
cudaError_t load_kernels();

}  // namespace minnow::cuda
