// cuDNN's graph interface: the statuses are those that the real library gave, without a GPU, for
// the same calls; what it trusts its caller with is marked.

#include <cudnn.h>

#include <cstdint>

#include "fixture.h"

namespace {

using Descriptor = cudnnBackendDescriptor_t;

class GraphsOfCudnn : public FakeCuda {
 protected:
  void SetUp() override {
    FakeCuda::SetUp();
    ASSERT_EQ(cudnnCreate(&handle_), CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(cudnnSetStream(handle_, stream_), CUDNN_STATUS_SUCCESS);
  }
  void TearDown() override {
    for (Descriptor made : all_) EXPECT_EQ(cudnnBackendDestroyDescriptor(made), 0);
    cudnnDestroy(handle_);
    FakeCuda::TearDown();
  }

  Descriptor make(cudnnBackendDescriptorType_t type) {
    Descriptor made = nullptr;
    EXPECT_EQ(cudnnBackendCreateDescriptor(type, &made), CUDNN_STATUS_SUCCESS);
    all_.push_back(made);
    return made;
  }
  template <class T>
  static cudnnStatus_t set(Descriptor descriptor, cudnnBackendAttributeName_t name,
                           cudnnBackendAttributeType_t type, const std::vector<T>& values) {
    return cudnnBackendSetAttribute(descriptor, name, type,
                                    static_cast<std::int64_t>(values.size()), values.data());
  }
  static cudnnStatus_t refer(Descriptor descriptor, cudnnBackendAttributeName_t name,
                             Descriptor other) {
    return set(descriptor, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::vector{other});
  }

  Descriptor open_tensor(std::int64_t id, const std::vector<std::int64_t>& sizes,
                         const std::vector<std::int64_t>& strides, std::int64_t alignment = 16) {
    const Descriptor made = make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    set(made, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, std::vector{id});
    set(made, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT});
    set(made, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, sizes);
    set(made, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides);
    set(made, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, std::vector{alignment});
    return made;
  }
  Descriptor matrix(std::int64_t id, std::int64_t rows, std::int64_t cols) {
    const Descriptor made = open_tensor(id, {1, rows, cols}, {rows * cols, cols, 1});
    EXPECT_EQ(cudnnBackendFinalize(made), CUDNN_STATUS_SUCCESS);
    return made;
  }
  Descriptor open_product(Descriptor a, Descriptor b, Descriptor c) {
    const Descriptor how = make(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
    EXPECT_EQ(cudnnBackendFinalize(how), CUDNN_STATUS_SUCCESS);
    const Descriptor made = make(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
    refer(made, CUDNN_ATTR_OPERATION_MATMUL_DESC, how);
    refer(made, CUDNN_ATTR_OPERATION_MATMUL_ADESC, a);
    refer(made, CUDNN_ATTR_OPERATION_MATMUL_BDESC, b);
    refer(made, CUDNN_ATTR_OPERATION_MATMUL_CDESC, c);
    return made;
  }
  Descriptor product() {
    const Descriptor made = open_product(matrix(1, 2, 3), matrix(2, 3, 2), matrix(3, 2, 2));
    EXPECT_EQ(cudnnBackendFinalize(made), CUDNN_STATUS_SUCCESS);
    return made;
  }
  Descriptor open_graph(const std::vector<Descriptor>& operations) {
    const Descriptor made = make(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    set(made, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, std::vector{handle_});
    set(made, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, operations);
    return made;
  }
  /// Engine configurations for one product; an empty list when there is no engine.
  std::vector<Descriptor> configs() {
    const Descriptor graph = open_graph({product()});
    EXPECT_EQ(cudnnBackendFinalize(graph), CUDNN_STATUS_SUCCESS);
    const Descriptor query = make(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    refer(query, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    set(query, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, std::vector{CUDNN_HEUR_MODE_A});
    EXPECT_EQ(cudnnBackendFinalize(query), CUDNN_STATUS_SUCCESS);
    std::int64_t count = -1;
    EXPECT_EQ(cudnnBackendGetAttribute(query, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
              CUDNN_STATUS_SUCCESS);
    std::vector<Descriptor> found;
    for (std::int64_t i = 0; i < count; ++i) {
      found.push_back(make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    }
    EXPECT_EQ(cudnnBackendGetAttribute(query, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count, found.data()),
              CUDNN_STATUS_SUCCESS);
    return found;
  }
  Descriptor open_plan(Descriptor config) {
    const Descriptor made = make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    set(made, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, std::vector{handle_});
    refer(made, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    return made;
  }
  Descriptor pack(const std::vector<std::int64_t>& ids, const std::vector<void*>& data) {
    const Descriptor made = make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    set(made, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, ids);
    set(made, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, data);
    return made;
  }

  cudnnHandle_t handle_ = nullptr;
  std::vector<Descriptor> all_;
};

TEST_F(GraphsOfCudnn, AttributesAreChecked) {
  EXPECT_EQ(cudnnBackendDestroyDescriptor(nullptr), CUDNN_STATUS_BAD_PARAM_NULL_POINTER);
  EXPECT_EQ(cudnnBackendFinalize(nullptr), CUDNN_STATUS_BAD_PARAM_NULL_POINTER);
  const Descriptor empty = make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  EXPECT_EQ(cudnnBackendFinalize(empty), CUDNN_STATUS_BAD_PARAM);
  constexpr auto kAlignment = CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT;
  const std::vector<std::int64_t> one{16};
  EXPECT_EQ(set(empty, kAlignment, CUDNN_TYPE_FLOAT, one), CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE);
  EXPECT_EQ(set(empty, kAlignment, CUDNN_TYPE_INT64, std::vector<std::int64_t>{16, 16}),
            CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(set(empty, kAlignment, CUDNN_TYPE_INT64, std::vector<std::int64_t>{}),
            CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendSetAttribute(empty, kAlignment, CUDNN_TYPE_INT64, 1, nullptr),
            CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(set(empty, CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, one),
            CUDNN_STATUS_BAD_PARAM);
  const Descriptor whole = matrix(1, 2, 3);
  EXPECT_EQ(set(whole, kAlignment, CUDNN_TYPE_INT64, one), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(whole), CUDNN_STATUS_BAD_PARAM);
}

TEST_F(GraphsOfCudnn, TensorsAreChecked) {
  EXPECT_EQ(cudnnBackendFinalize(open_tensor(1, {1, 4, 8}, {32, -8, 1})), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(open_tensor(1, {1, 4, 8}, {8, 1})), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(open_tensor(1, {1, 4, 8}, {32, 8, 1}, 3)), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(open_tensor(1, {1, 4, 8}, {32, 8, 1}, 4)), CUDNN_STATUS_SUCCESS);
}

TEST_F(GraphsOfCudnn, OperationsAreChecked) {
  const Descriptor a = matrix(1, 2, 3);
  const Descriptor b = matrix(2, 3, 2);
  EXPECT_EQ(cudnnBackendFinalize(open_product(a, b, a)), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(open_product(a, a, a)), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(make(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR)),
            CUDNN_STATUS_BAD_PARAM);
  // The real library trusts its caller with these two.
  const Descriptor open = open_tensor(3, {1, 2, 2}, {4, 2, 1});
  const Descriptor operation = make(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  EXPECT_EQ(refer(operation, CUDNN_ATTR_OPERATION_MATMUL_CDESC, open),
            CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
  EXPECT_EQ(cudnnBackendFinalize(open_product(a, b, product())),
            CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE);
}

TEST_F(GraphsOfCudnn, GraphsAreChecked) {
  const Descriptor once = product();
  EXPECT_EQ(cudnnBackendFinalize(open_graph({once})), CUDNN_STATUS_SUCCESS);
  EXPECT_EQ(cudnnBackendFinalize(open_graph({once, once})), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(open_graph({})), CUDNN_STATUS_BAD_PARAM);
}

TEST_F(GraphsOfCudnn, AProductIsComputed) {
  const auto found = configs();
  ASSERT_EQ(found.size(), 2U);
  const Descriptor plan = open_plan(found[1]);
  ASSERT_EQ(cudnnBackendFinalize(plan), CUDNN_STATUS_SUCCESS);
  const Array<float> a(std::vector<float>{1, 2, 3, 4, 5, 6});
  const Array<float> b(std::vector<float>{1, 0, 0, 1, 1, 1});
  const Array<float> c(4);
  const Descriptor lacking = pack({1, 2}, {a.get(), b.get()});
  ASSERT_EQ(cudnnBackendFinalize(lacking), CUDNN_STATUS_SUCCESS);
  EXPECT_EQ(cudnnBackendExecute(handle_, plan, lacking), CUDNN_STATUS_BAD_PARAM);
  const Descriptor uneven = pack({1, 2, 3}, {a.get()});
  EXPECT_EQ(cudnnBackendFinalize(uneven), CUDNN_STATUS_BAD_PARAM);
  const Descriptor misaligned = pack({1, 2, 3}, {a.get(), b.get(), c.get() + 1});
  ASSERT_EQ(cudnnBackendFinalize(misaligned), CUDNN_STATUS_SUCCESS);
  EXPECT_EQ(cudnnBackendExecute(handle_, plan, misaligned),
            CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER);
  const Descriptor operands = pack({1, 2, 3}, {a.get(), b.get(), c.get()});
  EXPECT_EQ(cudnnBackendExecute(handle_, plan, operands), CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
  ASSERT_EQ(cudnnBackendFinalize(operands), CUDNN_STATUS_SUCCESS);
  ASSERT_EQ(cudnnBackendExecute(handle_, plan, operands), CUDNN_STATUS_SUCCESS);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(c.read(), (std::vector<float>{4, 5, 10, 11}));
  EXPECT_EQ(controls().launches("cudnnBackendExecute"), 1);
}

TEST_F(GraphsOfCudnn, AWorkspaceIsAskedFor) {
  const Descriptor plan = open_plan(configs()[0]);
  std::int64_t bytes = 0;
  std::int64_t count = 0;
  constexpr auto kBytes = CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE;
  EXPECT_EQ(cudnnBackendGetAttribute(plan, kBytes, CUDNN_TYPE_INT64, 1, &count, &bytes),
            CUDNN_STATUS_NOT_INITIALIZED);
  ASSERT_EQ(cudnnBackendFinalize(plan), CUDNN_STATUS_SUCCESS);
  EXPECT_EQ(cudnnBackendGetAttribute(plan, kBytes, CUDNN_TYPE_INT64, 1, &count, &bytes),
            CUDNN_STATUS_SUCCESS);
  ASSERT_GT(bytes, 0);
  const Array<float> values(8);
  const Descriptor operands = pack({1, 2, 3}, {values.get(), values.get(), values.get()});
  ASSERT_EQ(cudnnBackendFinalize(operands), CUDNN_STATUS_SUCCESS);
  EXPECT_EQ(cudnnBackendExecute(handle_, plan, operands), CUDNN_STATUS_BAD_PARAM);
  char text[100];
  cudnnGetLastErrorString(text, sizeof(text));
  EXPECT_STREQ(text, "the plan wants a workspace");
}

TEST_F(GraphsOfCudnn, EnginesCanBeMissing) {
  controls().config("dnn_graph=0");
  EXPECT_TRUE(configs().empty());
  controls().config("cc=75");
  EXPECT_TRUE(configs().empty());
}

TEST_F(GraphsOfCudnn, PlansAreNotMadeInACapture) {
  const Descriptor plan = open_plan(configs()[1]);
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), cudaSuccess);
  EXPECT_EQ(cudnnBackendFinalize(plan), CUDNN_STATUS_INTERNAL_ERROR);
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  cudaGraphDestroy(graph);
}

}  // namespace
