// cuDNN's graph interface: which attributes a descriptor has, and what finalizing it checks.

#include <algorithm>
#include <iterator>
#include <set>

#include "dnn_backend.h"

namespace fakecuda::dnn {
namespace {

constexpr auto kBag = CUDNN_TYPE_BACKEND_DESCRIPTOR;
constexpr auto kNumber = CUDNN_TYPE_INT64;
constexpr auto kType = CUDNN_TYPE_DATA_TYPE;
constexpr auto kTensorBag = CUDNN_BACKEND_TENSOR_DESCRIPTOR;
constexpr auto kMatmul = CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR;
constexpr auto kPointwise = CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR;
constexpr auto kReduction = CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR;
constexpr auto kGraph = CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR;
constexpr auto kPlan = CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR;
constexpr auto kPack = CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR;

// name, type, many, required
constexpr Attribute kAttributes[] = {
    {kTensorBag, CUDNN_ATTR_TENSOR_UNIQUE_ID, kNumber, false, true},
    {kTensorBag, CUDNN_ATTR_TENSOR_DATA_TYPE, kType, false, true},
    {kTensorBag, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, kNumber, false, true},
    {kTensorBag, CUDNN_ATTR_TENSOR_DIMENSIONS, kNumber, true, true},
    {kTensorBag, CUDNN_ATTR_TENSOR_STRIDES, kNumber, true, true},
    {kTensorBag, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, false, false},
    {CUDNN_BACKEND_MATMUL_DESCRIPTOR, CUDNN_ATTR_MATMUL_COMP_TYPE, kType, false, false},
    {kMatmul, CUDNN_ATTR_OPERATION_MATMUL_DESC, kBag, false, true},
    {kMatmul, CUDNN_ATTR_OPERATION_MATMUL_ADESC, kBag, false, true},
    {kMatmul, CUDNN_ATTR_OPERATION_MATMUL_BDESC, kBag, false, true},
    {kMatmul, CUDNN_ATTR_OPERATION_MATMUL_CDESC, kBag, false, true},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE,
     false, false},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MATH_PREC, kType, false, false},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_NAN_PROPAGATION,
     CUDNN_TYPE_NAN_PROPOGATION, false, false},
    {kPointwise, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, kBag, false, true},
    {kPointwise, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, kBag, false, true},
    {kPointwise, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, kBag, false, false},
    {kPointwise, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, kBag, false, false},
    {kPointwise, CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, kBag, false, false},
    {kPointwise, CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, kBag, false, false},
    {CUDNN_BACKEND_REDUCTION_DESCRIPTOR, CUDNN_ATTR_REDUCTION_OPERATOR,
     CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, false, true},
    {CUDNN_BACKEND_REDUCTION_DESCRIPTOR, CUDNN_ATTR_REDUCTION_COMP_TYPE, kType, false, true},
    {kReduction, CUDNN_ATTR_OPERATION_REDUCTION_DESC, kBag, false, true},
    {kReduction, CUDNN_ATTR_OPERATION_REDUCTION_XDESC, kBag, false, true},
    {kReduction, CUDNN_ATTR_OPERATION_REDUCTION_YDESC, kBag, false, true},
    {kGraph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, false, true},
    {kGraph, CUDNN_ATTR_OPERATIONGRAPH_OPS, kBag, true, true},
    {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, kBag, false, true},
    {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, false,
     true},
    {CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, CUDNN_ATTR_ENGINECFG_ENGINE, kBag, false, true},
    {kPlan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, false, true},
    {kPlan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, kBag, false, true},
    {kPack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, kNumber, true, true},
    {kPack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, true, true},
    {kPack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, false, false},
};

// The type of descriptor that an attribute refers to, where the real library trusts the caller.
bool refers_to(const Bag& bag, cudnnBackendAttributeName_t name,
               cudnnBackendDescriptorType_t type) {
  const std::vector<BagPointer>& all = bag.bags(name);
  return std::all_of(all.begin(), all.end(),
                     [&](const BagPointer& other) { return other->type == type; });
}

const std::vector<std::int64_t>& dims(const BagPointer& tensor) {
  return tensor->numbers(CUDNN_ATTR_TENSOR_DIMENSIONS);
}

cudnnStatus_t wrong(const char* why) { return fail(CUDNN_STATUS_BAD_PARAM, why); }
cudnnStatus_t wrong_type() {
  return fail(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "a descriptor is of another type");
}

cudnnStatus_t check_tensor(const Bag& bag) {
  const auto& sizes = bag.numbers(CUDNN_ATTR_TENSOR_DIMENSIONS);
  const auto& strides = bag.numbers(CUDNN_ATTR_TENSOR_STRIDES);
  const auto type = bag.number(CUDNN_ATTR_TENSOR_DATA_TYPE);
  const std::int64_t element = type == CUDNN_DATA_BFLOAT16 ? 2 : 4;
  const std::int64_t alignment = bag.number(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
  if (type != CUDNN_DATA_BFLOAT16 && type != CUDNN_DATA_FLOAT) {
    return fail(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "only float and bfloat16 are modelled");
  }
  if (sizes.size() != strides.size()) return wrong("_nbDims != _nbStrides");
  if (sizes.size() > CUDNN_DIM_MAX) return wrong("_nbDims > CUDNN_DIM_MAX");
  const auto is_bad = [](std::int64_t value) { return value <= 0; };
  if (std::any_of(sizes.begin(), sizes.end(), is_bad)) return wrong("a size is not positive");
  if (std::any_of(strides.begin(), strides.end(), is_bad)) return wrong("_strA[d] < 0");
  if (alignment <= 0 || alignment % element != 0) {
    return wrong("(_ptrAlignment <= 0) || _ptrAlignment % sizeofCudnnType(_dataType) != 0");
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_matmul(const Bag& bag) {
  if (!refers_to(bag, CUDNN_ATTR_OPERATION_MATMUL_DESC, CUDNN_BACKEND_MATMUL_DESCRIPTOR)) {
    return wrong_type();
  }
  const auto& a = dims(bag.bag(CUDNN_ATTR_OPERATION_MATMUL_ADESC));
  const auto& b = dims(bag.bag(CUDNN_ATTR_OPERATION_MATMUL_BDESC));
  const auto& c = dims(bag.bag(CUDNN_ATTR_OPERATION_MATMUL_CDESC));
  const std::size_t n = a.size();
  if (n < 2 || b.size() != n || c.size() != n) return wrong("the ranks differ");
  if (a[n - 1] != b[n - 2] || a[n - 2] != c[n - 2] || b[n - 1] != c[n - 1]) {
    return wrong("A, B and C do not fit together");
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_pointwise(const Bag& bag) {
  if (!refers_to(bag, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR,
                 CUDNN_BACKEND_POINTWISE_DESCRIPTOR)) {
    return wrong_type();
  }
  const BagPointer how = bag.bag(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
  const std::int64_t mode = how->number(CUDNN_ATTR_POINTWISE_MODE);
  const bool backward = mode == CUDNN_POINTWISE_RELU_BWD;
  if (mode != CUDNN_POINTWISE_ADD && mode != CUDNN_POINTWISE_RELU_FWD && !backward) {
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "this pointwise mode is not modelled");
  }
  if (output_of(bag) == nullptr || bag.has(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC) != backward ||
      bag.has(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC) != backward ||
      bag.has(CUDNN_ATTR_OPERATION_POINTWISE_BDESC) != (mode == CUDNN_POINTWISE_ADD)) {
    return wrong("xDesc.getNbDims() != bDesc.getNbDims()");
  }
  const auto& out = dims(output_of(bag));
  for (const BagPointer& input : inputs_of(bag)) {
    const auto& sizes = dims(input);
    if (sizes.size() != out.size()) return wrong("the ranks differ");
    for (std::size_t i = 0; i < out.size(); ++i) {
      // The real library leaves this to the engines.
      if (sizes[i] != 1 && sizes[i] != out[i]) return wrong("an operand cannot be broadcast");
    }
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_reduction(const Bag& bag) {
  if (!refers_to(bag, CUDNN_ATTR_OPERATION_REDUCTION_DESC, CUDNN_BACKEND_REDUCTION_DESCRIPTOR)) {
    return wrong_type();
  }
  const auto& x = dims(bag.bag(CUDNN_ATTR_OPERATION_REDUCTION_XDESC));
  const auto& y = dims(bag.bag(CUDNN_ATTR_OPERATION_REDUCTION_YDESC));
  if (x.size() != y.size()) return wrong("the ranks differ");
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] % y[i] != 0) return wrong("xDim[idx] % yDim[idx] != 0");
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_graph(const Bag& bag) {
  std::set<std::int64_t> written;
  for (const BagPointer& operation : bag.bags(CUDNN_ATTR_OPERATIONGRAPH_OPS)) {
    if (operation->type != kMatmul && operation->type != kPointwise &&
        operation->type != kReduction) {
      return wrong_type();
    }
    // A simplification: operations come in the order of their data.
    for (const BagPointer& input : inputs_of(*operation)) {
      if (input->number(CUDNN_ATTR_TENSOR_IS_VIRTUAL) != 0 && written.count(id_of(*input)) == 0) {
        return wrong("a virtual tensor is read that no operation before has written");
      }
    }
    if (!written.insert(id_of(*output_of(*operation))).second) {
      return wrong("node->linkEdges(peerNode.get())");
    }
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_pack(const Bag& bag) {
  if (bag.numbers(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS).size() !=
      bag.numbers(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS).size()) {
    return wrong("ptrs_count != uids_count");
  }
  return CUDNN_STATUS_SUCCESS;
}

bool refers_to_tensors(const Bag& operation) {
  std::vector<BagPointer> all = inputs_of(operation);
  all.push_back(output_of(operation));
  return std::all_of(all.begin(), all.end(), [](const BagPointer& tensor) {
    return tensor == nullptr || tensor->type == kTensorBag;
  });
}

}  // namespace

const Attribute* find_attribute(cudnnBackendDescriptorType_t descriptor,
                                cudnnBackendAttributeName_t name) {
  const auto* const found = std::find_if(
      std::begin(kAttributes), std::end(kAttributes),
      [&](const Attribute& it) { return it.descriptor == descriptor && it.name == name; });
  return found == std::end(kAttributes) ? nullptr : found;
}

bool is_modelled(cudnnBackendDescriptorType_t descriptor) {
  return std::any_of(std::begin(kAttributes), std::end(kAttributes),
                     [&](const Attribute& it) { return it.descriptor == descriptor; });
}

const Attribute* missing_attribute(const Bag& bag) {
  const auto* const found =
      std::find_if(std::begin(kAttributes), std::end(kAttributes), [&](const Attribute& it) {
        return it.descriptor == bag.type && it.required && !bag.has(it.name);
      });
  return found == std::end(kAttributes) ? nullptr : found;
}

cudnnStatus_t check_bag(const Bag& bag) {
  switch (bag.type) {
    case kTensorBag:
      return check_tensor(bag);
    case kMatmul:
      return refers_to_tensors(bag) ? check_matmul(bag) : wrong_type();
    case kPointwise:
      return refers_to_tensors(bag) ? check_pointwise(bag) : wrong_type();
    case kReduction:
      return refers_to_tensors(bag) ? check_reduction(bag) : wrong_type();
    case kGraph:
      return check_graph(bag);
    case kPack:
      return check_pack(bag);
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
      return refers_to(bag, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, kGraph) ? CUDNN_STATUS_SUCCESS
                                                                           : wrong_type();
    case kPlan:
      return refers_to(bag, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                       CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)
                 ? CUDNN_STATUS_SUCCESS
                 : wrong_type();
    default:
      return CUDNN_STATUS_SUCCESS;
  }
}

std::vector<BagPointer> inputs_of(const Bag& operation) {
  std::vector<BagPointer> inputs;
  for (const auto name :
       {CUDNN_ATTR_OPERATION_MATMUL_ADESC, CUDNN_ATTR_OPERATION_MATMUL_BDESC,
        CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
        CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, CUDNN_ATTR_OPERATION_REDUCTION_XDESC}) {
    if (operation.has(name)) inputs.push_back(operation.bag(name));
  }
  return inputs;
}

BagPointer output_of(const Bag& operation) {
  for (const auto name :
       {CUDNN_ATTR_OPERATION_MATMUL_CDESC, CUDNN_ATTR_OPERATION_POINTWISE_YDESC,
        CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, CUDNN_ATTR_OPERATION_REDUCTION_YDESC}) {
    if (operation.has(name)) return operation.bag(name);
  }
  return nullptr;
}

std::int64_t id_of(const Bag& tensor) { return tensor.number(CUDNN_ATTR_TENSOR_UNIQUE_ID); }

}  // namespace fakecuda::dnn
