// The real cuBLASLt needs no GPU for descriptors: what it takes and what it says, the fake does
// too.

#include <cublasLt.h>
#include <dlfcn.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "fixture.h"

namespace {

class RealLt : public FakeCuda {
 protected:
  void SetUp() override {
    FakeCuda::SetUp();
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "AddressSanitizer does not bear RTLD_DEEPBIND";
#endif
    const std::string file = MINNOW_VENDOR_DIR "/libcublasLt.so." MINNOW_CUDA_SOVERSION;
    // Its own functions before those of the fake, which this program is linked with.
    real_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (real_ == nullptr) GTEST_SKIP() << dlerror();
    ASSERT_NE(of_real(&cublasLtGetVersion, "cublasLtGetVersion"), &cublasLtGetVersion);
  }

  /// Each attribute with values of several sizes, which both take or both refuse.
  template <class Handle, class Attribute, class... Arguments>
  void compare(const std::string& name, cublasStatus_t (*create)(Handle*, Arguments...),
               cublasStatus_t (*set)(Handle, Attribute, const void*, std::size_t),
               cublasStatus_t (*destroy)(Handle), const std::vector<Attribute>& attributes,
               Arguments... arguments) {
    const auto real_create = of_real(create, name + "Create");
    const auto real_set = of_real(set, name + "SetAttribute");
    const auto real_destroy = of_real(destroy, name + "Destroy");
    ASSERT_TRUE(real_create != nullptr && real_set != nullptr && real_destroy != nullptr) << name;
    const std::array<std::uint8_t, 16> zeros{};
    for (const Attribute attribute : attributes) {
      int taken = 0;
      for (std::size_t size = 1; size <= zeros.size(); ++size) {
        Handle real{}, fake{};
        ASSERT_EQ(real_create(&real, arguments...), CUBLAS_STATUS_SUCCESS) << name;
        ASSERT_EQ(create(&fake, arguments...), CUBLAS_STATUS_SUCCESS) << name;
        const auto wanted = real_set(real, attribute, zeros.data(), size);
        EXPECT_EQ(set(fake, attribute, zeros.data(), size), wanted)
            << name << " attribute " << attribute << " of " << size << " bytes";
        taken += wanted == CUBLAS_STATUS_SUCCESS ? 1 : 0;
        real_destroy(real);
        destroy(fake);
      }
      EXPECT_EQ(taken, 1) << name << " attribute " << attribute;
    }
  }

  /// The real library's function of the fake's type.
  template <class F>
  F* of_real(F* /*fake*/, const std::string& name) const {
    return reinterpret_cast<F*>(dlsym(real_, name.c_str()));
  }

  void* real_ = nullptr;
};

TEST_F(RealLt, TakesAttributesOfTheSameSizes) {
  compare("cublasLtMatmulDesc", &cublasLtMatmulDescCreate, &cublasLtMatmulDescSetAttribute,
          &cublasLtMatmulDescDestroy,
          std::vector{CUBLASLT_MATMUL_DESC_TRANSA, CUBLASLT_MATMUL_DESC_TRANSB,
                      CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_MATMUL_DESC_BIAS_POINTER,
                      CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER,
                      CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE},
          CUBLAS_COMPUTE_32F, CUDA_R_32F);
  compare(
      "cublasLtMatmulPreference", &cublasLtMatmulPreferenceCreate,
      &cublasLtMatmulPreferenceSetAttribute, &cublasLtMatmulPreferenceDestroy,
      std::vector{
          CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES});
}

TEST_F(RealLt, NamesItsAnswersAlike) {
  const auto name = of_real(&cublasLtGetStatusName, "cublasLtGetStatusName");
  const auto text = of_real(&cublasLtGetStatusString, "cublasLtGetStatusString");
  for (int status = 0; status <= 16; ++status) {
    const auto code = static_cast<cublasStatus_t>(status);
    EXPECT_STREQ(cublasLtGetStatusName(code), name(code));
    EXPECT_STREQ(cublasLtGetStatusString(code), text(code));
  }
}

}  // namespace
