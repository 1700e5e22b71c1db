// cuBLASLt's handles and descriptors: creation, attributes, names.

#include <cstring>

#include "lt.h"

namespace fakecuda::lt {
namespace {

template <class T, class Handle>
cublasStatus_t create(Handle* handle, const char* kind, T value) {
  if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  auto* const object = new T(value);
  *handle = reinterpret_cast<Handle>(object);
  state().objects.add(object, kind);
  return CUBLAS_STATUS_SUCCESS;
}

// The real library takes nullptr silently, for descriptors.
template <class T, class Handle>
cublasStatus_t destroy(Handle handle, const char* kind) {
  if (handle == nullptr) return CUBLAS_STATUS_SUCCESS;
  T* const object = find<T>(handle, kind);
  if (object == nullptr) {
    complain(std::string(kind) + " is destroyed twice or was never created");
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  state().objects.remove(handle, kind);
  delete object;
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t store(T& member, const void* value, std::size_t bytes) {
  if (value == nullptr || bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&member, value, sizeof(T));
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t not_modelled(const char* what, int attribute) {
  complain(std::string(what) + " attribute " + std::to_string(attribute) + " is not modelled");
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t set(Operation& to, cublasLtMatmulDescAttributes_t attribute, const void* value,
                   std::size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE:
      return store(to.compute, value, bytes);
    case CUBLASLT_MATMUL_DESC_SCALE_TYPE:
      return store(to.scale, value, bytes);
    case CUBLASLT_MATMUL_DESC_POINTER_MODE:
      return store(to.pointer_mode, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return store(to.transpose_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return store(to.transpose_b, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSC:
      return store(to.transpose_c, value, bytes);
    case CUBLASLT_MATMUL_DESC_FILL_MODE:
      return store(to.fill, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return store(to.epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return store(to.bias, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE:
      return store(to.bias_stride, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
      return store(to.bias_type, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER:
      return store(to.aux, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD:
      return store(to.aux_ld, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE:
      return store(to.aux_stride, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_DATA_TYPE:
      return store(to.aux_type, value, bytes);
    case CUBLASLT_MATMUL_DESC_SM_COUNT_TARGET:
      return store(to.sm_target, value, bytes);
    case CUBLASLT_MATMUL_DESC_FAST_ACCUM:
      return store(to.fast_accumulation, value, bytes);
    default:
      return not_modelled("cublasLtMatmulDesc", attribute);
  }
}

cublasStatus_t set(Layout& to, cublasLtMatrixLayoutAttribute_t attribute, const void* value,
                   std::size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATRIX_LAYOUT_TYPE:
      return store(to.type, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_ORDER:
      return store(to.order, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_ROWS:
      return store(to.rows, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_COLS:
      return store(to.columns, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_LD:
      return store(to.ld, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
      return store(to.batches, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
      return store(to.batch_stride, value, bytes);
    default:
      return not_modelled("cublasLtMatrixLayout", attribute);
  }
}

cublasStatus_t set(Preference& to, cublasLtMatmulPreferenceAttributes_t attribute,
                   const void* value, std::size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_SEARCH_MODE:
      return store(to.search, value, bytes);
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return store(to.workspace, value, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return store(to.reductions, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      return store(to.alignment_a, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      return store(to.alignment_b, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
      return store(to.alignment_c, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return store(to.alignment_d, value, bytes);
    case CUBLASLT_MATMUL_PREF_MAX_WAVES_COUNT:
      return store(to.waves, value, bytes);
    case CUBLASLT_MATMUL_PREF_IMPL_MASK:
      return store(to.implementations, value, bytes);
    default:
      return not_modelled("cublasLtMatmulPreference", attribute);
  }
}

template <class T, class Handle, class Attribute>
cublasStatus_t set_attribute(const char* api, const char* kind, Handle handle, Attribute attribute,
                             const void* value, std::size_t bytes) {
  const Entry entry(api);
  if (!entry) return static_cast<cublasStatus_t>(entry.code());
  T* const object = find<T>(handle, kind);
  return object == nullptr ? CUBLAS_STATUS_INVALID_VALUE : set(*object, attribute, value, bytes);
}

template <class T, class Handle>
cublasStatus_t create_entry(const char* api, const char* kind, Handle* handle, const T& value) {
  const Entry entry(api);
  if (!entry) return static_cast<cublasStatus_t>(entry.code());
  return create<T>(handle, kind, value);
}

template <class T, class Handle>
cublasStatus_t destroy_entry(const char* api, const char* kind, Handle handle) {
  const Entry entry(api);
  const cublasStatus_t result = destroy<T>(handle, kind);
  return entry ? result : static_cast<cublasStatus_t>(entry.code());
}

struct StatusText {
  cublasStatus_t status;
  const char* name;
  const char* text;
};
constexpr StatusText kStatus[] = {
    {CUBLAS_STATUS_SUCCESS, "CUBLAS_STATUS_SUCCESS", "success"},
    {CUBLAS_STATUS_NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED",
     "the library was not initialized"},
    {CUBLAS_STATUS_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED", "the resource allocation failed"},
    {CUBLAS_STATUS_INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE",
     "an unsupported value or parameter was passed to the function"},
    {CUBLAS_STATUS_ARCH_MISMATCH, "CUBLAS_STATUS_ARCH_MISMATCH",
     "the function requires an architectural feature absent from the device"},
    {CUBLAS_STATUS_MAPPING_ERROR, "CUBLAS_STATUS_MAPPING_ERROR",
     "an access to GPU memory space failed"},
    {CUBLAS_STATUS_EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED",
     "the function failed to launch on the GPU"},
    {CUBLAS_STATUS_INTERNAL_ERROR, "CUBLAS_STATUS_INTERNAL_ERROR", "an internal operation failed"},
    {CUBLAS_STATUS_NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED",
     "the requested functionality is not supported"},
    {CUBLAS_STATUS_LICENSE_ERROR, "CUBLAS_STATUS_LICENSE_ERROR", "the license check failed"},
};

}  // namespace
}  // namespace fakecuda::lt

namespace lt = fakecuda::lt;

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  return lt::create_entry("cublasLtCreate", "cublasLt handle", handle, cublasLtContext{});
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  return lt::destroy_entry<cublasLtContext>("cublasLtDestroy", "cublasLt handle", handle);
}

std::size_t cublasLtGetVersion() { return fakecuda::state().settings.lt; }
std::size_t cublasLtGetCudartVersion() { return CUDART_VERSION; }

const char* cublasLtGetStatusName(cublasStatus_t status) {
  for (const auto& row : lt::kStatus) {
    if (row.status == status) return row.name;
  }
  return "unrecognized status";
}

const char* cublasLtGetStatusString(cublasStatus_t status) {
  for (const auto& row : lt::kStatus) {
    if (row.status == status) return row.text;
  }
  return "unrecognized status";
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* descriptor,
                                        cublasComputeType_t compute, cudaDataType_t scale) {
  lt::Operation operation;
  operation.compute = compute;
  operation.scale = scale;
  return lt::create_entry("cublasLtMatmulDescCreate", "cublasLtMatmulDesc", descriptor, operation);
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t descriptor) {
  return lt::destroy_entry<lt::Operation>("cublasLtMatmulDescDestroy", "cublasLtMatmulDesc",
                                          descriptor);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t descriptor,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes) {
  return lt::set_attribute<lt::Operation>("cublasLtMatmulDescSetAttribute", "cublasLtMatmulDesc",
                                          descriptor, attribute, value, bytes);
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type,
                                          std::uint64_t rows, std::uint64_t columns,
                                          std::int64_t ld) {
  lt::Layout value;
  value.type = type;
  value.rows = rows;
  value.columns = columns;
  value.ld = ld;
  return lt::create_entry("cublasLtMatrixLayoutCreate", "cublasLtMatrixLayout", layout, value);
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return lt::destroy_entry<lt::Layout>("cublasLtMatrixLayoutDestroy", "cublasLtMatrixLayout",
                                       layout);
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute,
                                                const void* value, std::size_t bytes) {
  return lt::set_attribute<lt::Layout>("cublasLtMatrixLayoutSetAttribute", "cublasLtMatrixLayout",
                                       layout, attribute, value, bytes);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  return lt::create_entry("cublasLtMatmulPreferenceCreate", "cublasLtMatmulPreference", preference,
                          lt::Preference{});
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return lt::destroy_entry<lt::Preference>("cublasLtMatmulPreferenceDestroy",
                                           "cublasLtMatmulPreference", preference);
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, std::size_t bytes) {
  return lt::set_attribute<lt::Preference>("cublasLtMatmulPreferenceSetAttribute",
                                           "cublasLtMatmulPreference", preference, attribute, value,
                                           bytes);
}

}  // extern "C"
