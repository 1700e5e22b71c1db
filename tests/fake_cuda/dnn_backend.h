#pragma once

// The graph interface of the fake cuDNN: descriptors are bags of attributes.

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "dnn.h"

namespace fakecuda::dnn {

inline constexpr const char* kBackend = "cuDNN backend descriptor";

struct Bag;
using BagPointer = std::shared_ptr<const Bag>;

struct Bag {
  // Numbers, enumerations, truth values and addresses are all kept as 64 bits.
  struct Value {
    std::vector<std::int64_t> numbers;
    std::vector<BagPointer> bags;
  };

  cudnnBackendDescriptorType_t type = CUDNN_BACKEND_TENSOR_DESCRIPTOR;
  bool finalized = false;
  std::map<cudnnBackendAttributeName_t, Value> values;

  bool has(cudnnBackendAttributeName_t name) const { return values.count(name) > 0; }
  std::int64_t number(cudnnBackendAttributeName_t name, std::int64_t missing = 0) const;
  const std::vector<std::int64_t>& numbers(cudnnBackendAttributeName_t name) const;
  // Empty when it is not set.
  BagPointer bag(cudnnBackendAttributeName_t name) const;
  const std::vector<BagPointer>& bags(cudnnBackendAttributeName_t name) const;
};

// What the program holds: one reference to a bag. Others may hold it as an attribute.
struct Backend {
  std::shared_ptr<Bag> bag;
};

// nullptr when it is not live.
Backend* find_backend(cudnnBackendDescriptor_t descriptor);

// One attribute that a type of descriptor has.
struct Attribute {
  cudnnBackendDescriptorType_t descriptor;
  cudnnBackendAttributeName_t name;
  cudnnBackendAttributeType_t type;
  bool many;
  bool required;
};
// nullptr when the descriptor has no such attribute.
const Attribute* find_attribute(cudnnBackendDescriptorType_t descriptor,
                                cudnnBackendAttributeName_t name);
bool is_modelled(cudnnBackendDescriptorType_t descriptor);
// The required attribute that is missing, or nullptr.
const Attribute* missing_attribute(const Bag& bag);

// The checks of cudnnBackendFinalize for one type of descriptor; the message says what is wrong.
cudnnStatus_t check_bag(const Bag& bag);

// The tensors that an operation reads, and the one that it writes.
std::vector<BagPointer> inputs_of(const Bag& operation);
BagPointer output_of(const Bag& operation);
std::int64_t id_of(const Bag& tensor);

// Engines for a graph: the first wants a workspace, the second none. None when it is of another
// kind than one product and what follows it, or the device has none.
std::vector<std::int64_t> workspaces_of_engines(const Bag& graph);

// Checks the addresses of a pack, then queues the graph's computation.
cudnnStatus_t execute(cudaStream_t stream, const BagPointer& plan, const BagPointer& pack);

}  // namespace fakecuda::dnn
