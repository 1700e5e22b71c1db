// cuBLASLt: every epilogue against loops written for this test, and what the library refuses.

#include <cublasLt.h>
#include <cuda_bf16.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

#include "fixture.h"

namespace {

// One multiplication with all its descriptors; set the members, then prepare() and run().
struct Matmul {
  Matmul() { EXPECT_EQ(cublasLtCreate(&handle), CUBLAS_STATUS_SUCCESS); }
  ~Matmul() {
    release();
    cublasLtDestroy(handle);
  }
  Matmul(const Matmul&) = delete;
  Matmul& operator=(const Matmul&) = delete;

  void release() {
    cublasLtMatmulPreferenceDestroy(preference);
    for (cublasLtMatrixLayout_t layout : {a, b, d}) cublasLtMatrixLayoutDestroy(layout);
    cublasLtMatmulDescDestroy(operation);
    preference = nullptr;
    a = b = d = nullptr;
    operation = nullptr;
  }

  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, T value) const {
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof(value)),
              CUBLAS_STATUS_SUCCESS);
  }

  void create(cudaDataType in, cudaDataType out) {
    EXPECT_EQ(cublasLtMatmulDescCreate(&operation, compute, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
    set(CUBLASLT_MATMUL_DESC_TRANSA, ta ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, tb ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
    cublasLtMatrixLayoutCreate(&a, in, ta ? k : m, ta ? m : k, lda());
    cublasLtMatrixLayoutCreate(&b, in, tb ? n : k, tb ? k : n, ldb());
    cublasLtMatrixLayoutCreate(&d, out, m, n, ldd());
    cublasLtMatmulPreferenceCreate(&preference);
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                         &workspace_limit, sizeof(workspace_limit));
  }
  cublasStatus_t find(int wanted = 8) {
    results.resize(static_cast<std::size_t>(wanted));
    int found = -1;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle, operation, a, b, d, d, preference, wanted, results.data(), &found);
    results.resize(static_cast<std::size_t>(std::max(found, 0)));
    return status;
  }
  cublasStatus_t run(const void* pa, const void* pb, void* pd, cudaStream_t stream,
                     void* workspace = nullptr) const {
    return cublasLtMatmul(handle, operation, &alpha, pa, a, pb, b, &beta, pd, d, pd, d,
                          &results.front().algo, workspace, workspace_limit, stream);
  }
  static std::uint64_t flags(const cublasLtMatmulHeuristicResult_t& result) {
    std::uint64_t value = 0;
    std::size_t written = 0;
    EXPECT_EQ(
        cublasLtMatmulAlgoCapGetAttribute(&result.algo, CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS,
                                          &value, sizeof(value), &written),
        CUBLAS_STATUS_SUCCESS);
    return value;
  }

  std::int64_t lda() const { return static_cast<std::int64_t>(ta ? k : m) + 2; }
  std::int64_t ldb() const { return static_cast<std::int64_t>(tb ? n : k) + 1; }
  std::int64_t ldd() const { return static_cast<std::int64_t>(m) + 3; }

  std::uint64_t m = 13;
  std::uint64_t n = 7;
  std::uint64_t k = 11;
  bool ta = false;
  bool tb = false;
  float alpha = 1.0F;
  float beta = 0.0F;
  std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  std::uint64_t workspace_limit = 0;
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t a = nullptr;
  cublasLtMatrixLayout_t b = nullptr;
  cublasLtMatrixLayout_t d = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  std::vector<cublasLtMatmulHeuristicResult_t> results;
};

float number(float value, float) { return value; }
__nv_bfloat16 number(float value, __nv_bfloat16) { return __float2bfloat16(value); }
double value(float x) { return static_cast<double>(x); }
double value(__nv_bfloat16 x) { return static_cast<double>(__bfloat162float(x)); }

template <class T>
std::vector<T> random(std::size_t size, unsigned seed) {
  std::mt19937 engine(seed);
  std::vector<T> values(size);
  for (T& x : values) x = number(static_cast<float>(engine() % 64) / 16.0F - 2.0F, T{});
  return values;
}

class Lt : public FakeCuda {
 protected:
  // One epilogue on In x In -> Out, all transposes, against loops over the definition.
  template <class In, class Out>
  void check(std::uint32_t epilogue, cudaDataType in, cudaDataType out) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      Matmul one;
      one.ta = (transposes & 1) != 0;
      one.tb = (transposes & 2) != 0;
      one.alpha = 0.5F;
      one.beta = epilogue == CUBLASLT_EPILOGUE_DEFAULT ? 2.0F : 0.0F;
      one.epilogue = epilogue;
      SCOPED_TRACE(testing::Message() << "epilogue " << epilogue << " transposes " << transposes);
      check_one<In, Out>(one, in, out);
    }
  }

  template <class In, class Out>
  void check_one(Matmul& one, cudaDataType in, cudaDataType out) {
    const auto [m, n, k] = std::tuple{one.m, one.n, one.k};
    const auto lda = static_cast<std::size_t>(one.lda());
    const auto ldb = static_cast<std::size_t>(one.ldb());
    const auto ldd = static_cast<std::size_t>(one.ldd());
    const std::vector<In> ha = random<In>(lda * (one.ta ? m : k), 1);
    const std::vector<In> hb = random<In>(ldb * (one.tb ? k : n), 2);
    const std::vector<Out> hd = random<Out>(ldd * n, 3);
    const bool bgrad = one.epilogue == 152 || one.epilogue == 256 || one.epilogue == 512;
    const std::size_t bias_size = one.epilogue == 512 ? n : m;
    std::vector<Out> hbias = random<Out>(bias_size, 4);
    constexpr std::size_t kAuxLd = 128;
    std::vector<std::uint8_t> hmask(kAuxLd / 8 * n);
    for (std::size_t i = 0; i < hmask.size(); ++i) hmask[i] = static_cast<std::uint8_t>(37 * i);
    const Array<In> a(ha);
    const Array<In> b(hb);
    const Array<Out> d(hd);
    const Array<Out> bias(hbias);
    const Array<std::uint8_t> mask(hmask);
    one.create(in, out);
    one.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias.get());
    one.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, mask.get());
    one.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, std::int64_t{kAuxLd});
    ASSERT_EQ(one.find(), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(one.run(a.get(), b.get(), d.get(), stream_), CUBLAS_STATUS_SUCCESS);
    one.release();  // the work is deferred, the descriptors are not needed any more
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);

    const std::vector<Out> result = d.read();
    const std::vector<Out> bias_after = bias.read();
    const std::vector<std::uint8_t> mask_after = mask.read();
    const double tolerance = sizeof(Out) == 2 ? 0.01 : 1e-6;
    const auto near = [&](double actual, double expected) {
      EXPECT_NEAR(actual, expected, tolerance * std::max(1.0, std::abs(expected)));
    };
    const auto at_a = [&](std::size_t i, std::size_t p) {
      return value(ha[one.ta ? i * lda + p : p * lda + i]);
    };
    const auto at_b = [&](std::size_t p, std::size_t j) {
      return value(hb[one.tb ? p * ldb + j : j * ldb + p]);
    };
    const bool adds_bias = one.epilogue == 4 || one.epilogue == 6 || one.epilogue == 134;
    const bool relu =
        one.epilogue == 2 || one.epilogue == 6 || one.epilogue == 130 || one.epilogue == 134;
    const bool writes_mask = one.epilogue == 130 || one.epilogue == 134;
    const bool drelu = one.epilogue == 136 || one.epilogue == 152;
    std::vector<double> row_sums(m, 0.0);
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t i = 0; i < m; ++i) {
        double sum = 0.0;
        for (std::size_t p = 0; p < k; ++p) sum += at_a(i, p) * at_b(p, j);
        double expected = static_cast<double>(one.alpha) * sum +
                          static_cast<double>(one.beta) * value(hd[j * ldd + i]);
        if (adds_bias) expected += value(hbias[i]);
        const std::size_t bit = j * kAuxLd + i;
        if (writes_mask) {
          EXPECT_EQ(mask_after[bit / 8] >> (bit % 8) & 1, expected > 0.0 ? 1 : 0);
        }
        if (relu) expected = expected > 0.0 ? expected : 0.0;
        if (drelu && (hmask[bit / 8] >> (bit % 8) & 1) == 0) expected = 0.0;
        row_sums[i] += expected;
        near(value(result[j * ldd + i]), expected);
      }
      for (std::size_t i = m; i < ldd; ++i) {
        EXPECT_EQ(value(result[j * ldd + i]), value(hd[j * ldd + i])) << "between the columns";
      }
    }
    if (!writes_mask) {
      EXPECT_EQ(mask_after, hmask);
    }
    for (std::size_t i = 0; i < bias_size; ++i) {
      double expected = value(hbias[i]);
      if (one.epilogue == 152) expected = row_sums[i];
      if (one.epilogue == 256 || one.epilogue == 512) {
        expected = 0.0;
        for (std::size_t p = 0; p < k; ++p) {
          expected += one.epilogue == 256 ? at_a(i, p) : at_b(p, i);
        }
      }
      if (bgrad) {
        near(value(bias_after[i]), expected);
      } else {
        EXPECT_EQ(value(bias_after[i]), expected);
      }
    }
  }
};

TEST_F(Lt, ComputesEveryEpilogue) {
  for (const std::uint32_t epilogue : {1U, 2U, 4U, 6U, 130U, 134U, 136U, 152U, 256U, 512U}) {
    check<float, float>(epilogue, CUDA_R_32F, CUDA_R_32F);
    check<__nv_bfloat16, float>(epilogue, CUDA_R_16BF, CUDA_R_32F);
    check<__nv_bfloat16, __nv_bfloat16>(epilogue, CUDA_R_16BF, CUDA_R_16BF);
  }
}

TEST_F(Lt, TellsHowItComputes) {
  const auto first_flags = [](cublasComputeType_t compute, cudaDataType type) {
    Matmul one;
    one.m = one.n = one.k = 13;
    one.ta = one.tb = true;
    one.compute = compute;
    one.create(type, type);
    EXPECT_EQ(one.find(), CUBLAS_STATUS_SUCCESS);
    return Matmul::flags(one.results.front());
  };
  constexpr std::uint64_t kFma = CUBLASLT_NUMERICAL_IMPL_FLAGS_FMA;
  constexpr std::uint64_t kHmma = CUBLASLT_NUMERICAL_IMPL_FLAGS_HMMA;
  EXPECT_TRUE(first_flags(CUBLAS_COMPUTE_32F, CUDA_R_32F) & kFma);
  EXPECT_TRUE(first_flags(CUBLAS_COMPUTE_32F, CUDA_R_16BF) & kHmma);
  EXPECT_TRUE(first_flags(CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F) & kFma) << "unaligned";
  controls().config("lt_tf32=1");
  EXPECT_TRUE(first_flags(CUBLAS_COMPUTE_32F, CUDA_R_32F) & kHmma);

  Matmul one;
  one.m = one.n = one.k = 14;  // ld 16 for A
  one.compute = CUBLAS_COMPUTE_32F_FAST_TF32;
  one.create(CUDA_R_32F, CUDA_R_32F);
  EXPECT_EQ(one.find(1), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(one.results.size(), 1U);
}

TEST_F(Lt, RefusesEpiloguesByConfiguration) {
  controls().config("lt_refuse=4+152");
  const Array<float> bias(std::size_t{16});
  Matmul one;
  one.epilogue = CUBLASLT_EPILOGUE_BIAS;
  one.create(CUDA_R_32F, CUDA_R_32F);
  one.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias.get());
  EXPECT_EQ(one.find(), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(one.results.size(), 0U);
  one.set(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{CUBLASLT_EPILOGUE_RELU_BIAS});
  EXPECT_EQ(one.find(), CUBLAS_STATUS_SUCCESS);
}

TEST_F(Lt, RefusesWhatDoesNotFit) {
  const Array<float> memory(std::vector<float>(400, 1.0F));
  Matmul one;
  one.epilogue = CUBLASLT_EPILOGUE_RELU_AUX;
  one.create(CUDA_R_32F, CUDA_R_32F);
  EXPECT_EQ(one.find(), CUBLAS_STATUS_INVALID_VALUE) << "no aux pointer";
  one.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, memory.get());
  one.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, std::int64_t{64});
  EXPECT_EQ(one.find(), CUBLAS_STATUS_INVALID_VALUE) << "aux ld";
  one.set(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{CUBLASLT_EPILOGUE_GELU});
  EXPECT_EQ(one.find(), CUBLAS_STATUS_NOT_SUPPORTED);
  one.set(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{CUBLASLT_EPILOGUE_BIAS});
  EXPECT_EQ(one.find(), CUBLAS_STATUS_INVALID_VALUE) << "no bias pointer";
  one.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, memory.get());
  one.set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, std::int32_t{CUDA_R_16BF});
  EXPECT_EQ(one.find(), CUBLAS_STATUS_NOT_SUPPORTED) << "bias of another type than D";
  const std::int64_t wrong_size = 1;
  EXPECT_EQ(cublasLtMatmulDescSetAttribute(one.operation, CUBLASLT_MATMUL_DESC_EPILOGUE,
                                           &wrong_size, sizeof(wrong_size)),
            CUBLAS_STATUS_INVALID_VALUE);
  one.set(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{CUBLASLT_EPILOGUE_DEFAULT});
  one.set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  EXPECT_EQ(one.find(), CUBLAS_STATUS_INVALID_VALUE) << "the shapes";
}

TEST_F(Lt, ChecksItsOperands) {
  Matmul one;
  one.create(CUDA_R_32F, CUDA_R_32F);
  ASSERT_EQ(one.find(), CUBLAS_STATUS_SUCCESS);
  const Array<float> a(std::vector<float>(15 * 11, 1.0F));
  const Array<float> b(std::vector<float>(12 * 7, 1.0F));
  const Array<float> d(std::vector<float>(16 * 7, 1.0F));
  EXPECT_EQ(one.run(nullptr, b.get(), d.get(), stream_), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(one.run(a.get(), d.get(), d.get(), stream_), CUBLAS_STATUS_INVALID_VALUE) << "overlap";
  EXPECT_EQ(one.run(a.get(), b.get(), d.get(), stream_), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(one.run(d.get(), b.get(), a.get() + 64, stream_), CUBLAS_STATUS_EXECUTION_FAILED);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
  EXPECT_EQ(one.run(a.get(), b.get(), d.get(), stream_), CUBLAS_STATUS_EXECUTION_FAILED);
}

TEST_F(Lt, DestroysItsWorkspace) {
  Matmul one;
  one.workspace_limit = 1 << 20;
  one.create(CUDA_R_32F, CUDA_R_32F);
  ASSERT_EQ(one.find(), CUBLAS_STATUS_SUCCESS);
  ASSERT_GT(one.results.front().workspaceSize, 0U);
  const Array<float> a(std::vector<float>(15 * 11, 1.0F));
  const Array<float> b(std::vector<float>(12 * 7, 1.0F));
  const Array<float> d(std::vector<float>(16 * 7, 1.0F));
  const Array<float> workspace(std::vector<float>((1 << 20) / 4, 1.0F));
  EXPECT_EQ(one.run(a.get(), b.get(), d.get(), stream_), CUBLAS_STATUS_INVALID_VALUE) << "none";
  EXPECT_EQ(one.run(a.get(), b.get(), d.get(), stream_, workspace.get()), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(d.read()[0], 11.0F);
  EXPECT_TRUE(std::isnan(workspace.read()[0]));
}

TEST_F(Lt, IsCapturedButNotItsHeuristic) {
  Matmul one;
  one.create(CUDA_R_32F, CUDA_R_32F);
  ASSERT_EQ(one.find(), CUBLAS_STATUS_SUCCESS);
  const Array<float> a(std::vector<float>(15 * 11, 1.0F));
  const Array<float> b(std::vector<float>(12 * 7, 1.0F));
  const Array<float> d(std::vector<float>(16 * 7, 1.0F));
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), cudaSuccess);
  EXPECT_EQ(one.run(a.get(), b.get(), d.get(), stream_), CUBLAS_STATUS_SUCCESS);
  auto results = one.results;
  EXPECT_EQ(one.find(), CUBLAS_STATUS_INTERNAL_ERROR);
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  cudaGraphExec_t exec = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(cudaGraphLaunch(exec, stream_), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(controls().launches("cublasLtMatmul"), 3);
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

TEST_F(Lt, FailsOnDemand) {
  controls().config("cublasLtMatmulDescCreate=auto");
  cublasLtMatmulDesc_t operation = nullptr;
  EXPECT_EQ(cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F),
            CUBLAS_STATUS_ALLOC_FAILED);
  controls().config("cublasLtCreate=1");
  cublasLtHandle_t handle = nullptr;
  EXPECT_EQ(cublasLtCreate(&handle), CUBLAS_STATUS_NOT_INITIALIZED);
  controls().config("devices=0");
  EXPECT_EQ(cublasLtCreate(&handle), CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_STREQ(cublasLtGetStatusName(CUBLAS_STATUS_ALLOC_FAILED), "CUBLAS_STATUS_ALLOC_FAILED");
  controls().config("");
}

}  // namespace
