#include "bf16.h"
#include "gather.h"
#include "gemm.h"
#include "kernel_table.h"
#include "loss.h"
#include "rowwise.h"
#include "update.h"

#define MINNOW_JOIN_(a, b) a##b
#define MINNOW_JOIN(a, b) MINNOW_JOIN_(a, b)
#define MINNOW_TEXT_(a) #a
#define MINNOW_TEXT(a) MINNOW_TEXT_(a)

namespace minnow::cpu {
namespace {

constexpr KernelTable kTable{
    .isa = "x86-64-" MINNOW_TEXT(MINNOW_ISA),
    .tile_rows = kTileRows,
    .gemm = gemm,
    .eigen_gemm = MINNOW_JOIN(minnow_cpu_eigen_gemm_, MINNOW_ISA),
    .transpose_panels = transpose_panels,
    .permute = permute,
    .gather_f32 = gather<float>,
    .gather_u8 = gather<std::uint8_t>,
    .add_bias = add_bias,
    .activations = activation_kernels(Activations{}),
    .column_sums = column_sums,
    .softmax = softmax,
    .softmax_grad = softmax_grad,
    .losses = loss_kernels(ElementLosses{}),
    .largest_magnitude = largest_magnitude,
    .updates = update_kernels(UpdateRules{}),
    .bf16_row = bf16_row,
    .bf16_panel = bf16_panel,
    .bf16_transposed = bf16_transposed,
};

}  // namespace

extern "C" const KernelTable* MINNOW_JOIN(minnow_cpu_kernels_, MINNOW_ISA)() { return &kTable; }

}  // namespace minnow::cpu
