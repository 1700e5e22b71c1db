// Eigen's matrix product, once per instruction set. This object is full of weak template symbols;
// the build makes all of them local but the one function below (see CMakeLists.txt).

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>

#include "kernel_table.h"

#define MINNOW_JOIN_(a, b) a##b
#define MINNOW_JOIN(a, b) MINNOW_JOIN_(a, b)

namespace minnow::cpu {
namespace {

/// Eigen's blocking, but with memory of ours: a step allocates nothing.
class Blocking : public Eigen::internal::level3_blocking<float, float> {
 public:
  Blocking(Eigen::Index rows, Eigen::Index cols, Eigen::Index depth, float* workspace) {
    m_mc = std::min<Eigen::Index>(rows, kEigenBlockRows);
    m_nc = std::min<Eigen::Index>(cols, kEigenBlockCols);
    m_kc = std::min<Eigen::Index>(depth, kEigenBlockDepth);
    m_blockA = workspace;
    m_blockB = workspace + kEigenBlockDepth * kEigenBlockRows;
  }
};

template <int kStorageOfB, int kStorageOfA>
void product(const EigenGemm& g) {
  // A row-major C is a column-major transpose: C^T = B^T A^T.
  Blocking blocking(g.cols, g.rows, g.depth, g.workspace);
  Eigen::internal::general_matrix_matrix_product<Eigen::Index, float, kStorageOfB, false, float,
                                                 kStorageOfA, false, Eigen::ColMajor,
                                                 1>::run(g.cols, g.rows, g.depth, g.b, g.b_stride,
                                                         g.a, g.a_stride, g.c, 1, g.c_stride, 1.0F,
                                                         blocking, nullptr);
}

}  // namespace

extern "C" __attribute__((visibility("hidden"))) void MINNOW_JOIN(minnow_cpu_eigen_gemm_,
                                                                  MINNOW_ISA)(const EigenGemm& g) {
  constexpr int kColumns = Eigen::ColMajor;
  constexpr int kRows = Eigen::RowMajor;
  if (!g.accumulate) {
    for (std::int64_t row = 0; row < g.rows; ++row) {
      __builtin_memset(g.c + row * g.c_stride, 0, static_cast<std::size_t>(g.cols) * sizeof(float));
    }
  }
  if (g.b_transposed) {
    g.a_transposed ? product<kRows, kRows>(g) : product<kRows, kColumns>(g);
  } else {
    g.a_transposed ? product<kColumns, kRows>(g) : product<kColumns, kColumns>(g);
  }
}

}  // namespace minnow::cpu
