// cuDNN's graph interface: descriptors, their attributes, and the entry points.

#include "dnn_backend.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "stream.h"

namespace fakecuda::dnn {
namespace {

// Of one value; 0: not modelled.
std::size_t size_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_BOOLEAN:
      return sizeof(bool);
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
      return sizeof(std::int64_t);
    case CUDNN_TYPE_DATA_TYPE:
    case CUDNN_TYPE_HEUR_MODE:
    case CUDNN_TYPE_NAN_PROPOGATION:
    case CUDNN_TYPE_POINTWISE_MODE:
    case CUDNN_TYPE_REDUCTION_OPERATOR_TYPE:
      return sizeof(int);
    default:
      return 0;
  }
}

// x86: the first bytes of a number are its low ones.
Bag::Value unpack(cudnnBackendAttributeType_t type, std::int64_t count, const void* values) {
  Bag::Value value;
  const std::size_t size = size_of(type);
  const auto* at = static_cast<const char*>(values);
  for (std::int64_t i = 0; i < count; ++i, at += size) {
    std::int64_t number = 0;
    std::memcpy(&number, at, size);
    value.numbers.push_back(number);
  }
  return value;
}

cudnnStatus_t set(Bag& bag, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                  std::int64_t count, const void* values) {
  const Attribute* const attribute = find_attribute(bag.type, name);
  if (bag.finalized) return fail(CUDNN_STATUS_BAD_PARAM, "the descriptor is finalized");
  if (attribute == nullptr) {
    return fail(CUDNN_STATUS_BAD_PARAM, "this type of descriptor has no such attribute");
  }
  if (type != attribute->type) {
    return fail(CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE, "the attribute is of another type");
  }
  if (values == nullptr || count < 1 || (count > 1 && !attribute->many)) {
    return fail(CUDNN_STATUS_BAD_PARAM, "1 != elemCount");
  }
  Bag::Value value = unpack(type, count, values);
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    for (const std::int64_t number : value.numbers) {
      const Backend* const other = find_backend(reinterpret_cast<void*>(number));
      if (other == nullptr) return fail(CUDNN_STATUS_BAD_PARAM, "a descriptor is not live");
      if (!other->bag->finalized) {
        return fail(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "a descriptor is not finalized");
      }
      value.bags.push_back(other->bag);
    }
  }
  if (type == CUDNN_TYPE_HANDLE) {
    const auto* const handle = reinterpret_cast<const void*>(value.numbers[0]);
    if (!state().objects.has(handle, kHandle)) {
      return fail(CUDNN_STATUS_BAD_PARAM, "the handle is not live");
    }
  }
  bag.values[name] = std::move(value);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t finalize(Bag& bag) {
  if (bag.finalized) return fail(CUDNN_STATUS_BAD_PARAM, "the descriptor is finalized");
  if (missing_attribute(bag) != nullptr) {
    return fail(CUDNN_STATUS_BAD_PARAM, "a required attribute is not set");
  }
  const cudnnStatus_t status = check_bag(bag);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (bag.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
    // The kernel is loaded.
    if (any_capture()) return fail(CUDNN_STATUS_INTERNAL_ERROR, "a stream is being captured");
    const BagPointer config = bag.bag(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    bag.values[CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE].numbers = {
        config->number(CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE)};
  }
  bag.finalized = true;
  return CUDNN_STATUS_SUCCESS;
}

// Fills the caller's descriptors with the configurations of the engines.
cudnnStatus_t get_engines(const Bag& query, std::int64_t wanted, std::int64_t* count,
                          void* values) {
  const BagPointer graph = query.bag(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
  std::vector<std::int64_t> engines;
  // Fallbacks are other engines, of which the fake has none.
  if (query.number(CUDNN_ATTR_ENGINEHEUR_MODE) != CUDNN_HEUR_MODE_FALLBACK) {
    engines = workspaces_of_engines(*graph);
  }
  *count = static_cast<std::int64_t>(engines.size());
  if (values == nullptr) return CUDNN_STATUS_SUCCESS;
  *count = std::min(*count, wanted);
  for (std::int64_t i = 0; i < *count; ++i) {
    Backend* const config = find_backend(static_cast<cudnnBackendDescriptor_t*>(values)[i]);
    if (config == nullptr || config->bag->finalized ||
        config->bag->type != CUDNN_BACKEND_ENGINECFG_DESCRIPTOR) {
      return fail(CUDNN_STATUS_BAD_PARAM, "the results want engine configurations to fill");
    }
    Bag& bag = *config->bag;
    bag.values[CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE].numbers = {
        engines[static_cast<std::size_t>(i)]};
    bag.values[CUDNN_ATTR_ENGINECFG_ENGINE] = {.numbers = {i}, .bags = {graph}};
    bag.finalized = true;
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t get(const Bag& bag, cudnnBackendAttributeName_t name,
                  cudnnBackendAttributeType_t type, std::int64_t wanted, std::int64_t* count,
                  void* values) {
  std::int64_t unused = 0;
  if (count == nullptr) count = &unused;
  if (!bag.finalized) return fail(CUDNN_STATUS_NOT_INITIALIZED, "it is not finalized");
  if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS && bag.type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR &&
      type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    return get_engines(bag, wanted, count, values);
  }
  if (name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE && type == CUDNN_TYPE_INT64 && wanted == 1 &&
      values != nullptr && bag.has(name)) {
    const std::int64_t bytes = bag.number(name);
    std::memcpy(values, &bytes, sizeof bytes);
    *count = 1;
    return CUDNN_STATUS_SUCCESS;
  }
  return fail(CUDNN_STATUS_NOT_SUPPORTED, "the fake does not answer this attribute");
}

}  // namespace

Backend* find_backend(cudnnBackendDescriptor_t descriptor) {
  return state().objects.has(descriptor, kBackend) ? static_cast<Backend*>(descriptor) : nullptr;
}

std::int64_t Bag::number(cudnnBackendAttributeName_t name, std::int64_t missing) const {
  const auto found = values.find(name);
  return found == values.end() ? missing : found->second.numbers.front();
}

const std::vector<std::int64_t>& Bag::numbers(cudnnBackendAttributeName_t name) const {
  static const std::vector<std::int64_t> none;
  const auto found = values.find(name);
  return found == values.end() ? none : found->second.numbers;
}

const std::vector<BagPointer>& Bag::bags(cudnnBackendAttributeName_t name) const {
  static const std::vector<BagPointer> none;
  const auto found = values.find(name);
  return found == values.end() ? none : found->second.bags;
}

BagPointer Bag::bag(cudnnBackendAttributeName_t name) const {
  const std::vector<BagPointer>& all = bags(name);
  return all.empty() ? nullptr : all.front();
}

}  // namespace fakecuda::dnn

namespace dnn = fakecuda::dnn;
using fakecuda::Entry;
using fakecuda::state;

extern "C" {

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t* descriptor) {
  const Entry entry("cudnnBackendCreateDescriptor");
  if (!entry) return dnn::refusal(entry);
  if (!dnn::is_modelled(type)) {
    return dnn::fail(CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED,
                     "this type of descriptor is not modelled");
  }
  auto bag = std::make_shared<dnn::Bag>();
  bag->type = type;
  *descriptor = new dnn::Backend{std::move(bag)};
  state().objects.add(*descriptor, dnn::kBackend);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  const Entry entry("cudnnBackendDestroyDescriptor");
  const bool live = state().objects.remove(descriptor, dnn::kBackend);
  if (live) delete static_cast<dnn::Backend*>(descriptor);
  if (!entry) return dnn::refusal(entry);
  if (live) return CUDNN_STATUS_SUCCESS;
  return dnn::fail(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the descriptor is not live");
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void* values) {
  const Entry entry("cudnnBackendSetAttribute");
  if (!entry) return dnn::refusal(entry);
  const dnn::Backend* const backend = dnn::find_backend(descriptor);
  if (backend == nullptr) {
    return dnn::fail(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the descriptor is not live");
  }
  return dnn::set(*backend->bag, name, type, count, values);
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t wanted,
                                       int64_t* count, void* values) {
  const Entry entry("cudnnBackendGetAttribute");
  if (!entry) return dnn::refusal(entry);
  const dnn::Backend* const backend = dnn::find_backend(descriptor);
  if (backend == nullptr) {
    return dnn::fail(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the descriptor is not live");
  }
  return dnn::get(*backend->bag, name, type, wanted, count, values);
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  const Entry entry("cudnnBackendFinalize");
  if (!entry) return dnn::refusal(entry);
  const dnn::Backend* const backend = dnn::find_backend(descriptor);
  if (backend == nullptr) {
    return dnn::fail(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the descriptor is not live");
  }
  return dnn::finalize(*backend->bag);
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack) {
  const Entry entry("cudnnBackendExecute");
  if (!entry) return dnn::refusal(entry);
  const dnn::Backend* const its_plan = dnn::find_backend(plan);
  const dnn::Backend* const its_pack = dnn::find_backend(pack);
  if (!state().objects.has(handle, dnn::kHandle) || its_plan == nullptr || its_pack == nullptr) {
    return dnn::fail(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "a handle or descriptor is not live");
  }
  if (its_plan->bag->type != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR ||
      its_pack->bag->type != CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR) {
    return dnn::fail(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "it wants a plan and a variant pack");
  }
  if (!its_plan->bag->finalized || !its_pack->bag->finalized) {
    return dnn::fail(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "a descriptor is not finalized");
  }
  return dnn::execute(handle->stream, its_plan->bag, its_pack->bag);
}

}  // extern "C"
