// Products through cuDNN's graph interface against plain loops; over the fake libraries also what
// is refused and what fails. The plugin's sources are compiled into this program.

#include <minnow/base/text.h>

#include "dnn_product.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "bfloat16.h"
#include "call.h"
#include "fake.h"

namespace minnow::cuda {
namespace {

using Kind = DnnRequest::Kind;

/// A matrix on the device, its padding full of NaN, and the same values on the host.
class OnDevice {
 public:
  OnDevice(std::int64_t rows, std::int64_t cols, bool bf16)
      : memory_(rows * stride_of(cols) * (bf16 ? 2 : 4)),
        matrix_{memory_.as<void>(), rows, cols, stride_of(cols), bf16} {}

  static OnDevice random(std::int64_t rows, std::int64_t cols, bool bf16, unsigned seed,
                         bool rectified = false) {
    OnDevice made(rows, cols, bf16);
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(rows * cols));
    for (float& value : values) {
      value = normal(generator);
      if (rectified) value = std::max(value, 0.0F);
    }
    made.write(values);
    return made;
  }

  const Matrix& matrix() const { return matrix_; }
  double at(std::int64_t row, std::int64_t col) const {
    return static_cast<double>(values_[static_cast<std::size_t>(row * matrix_.cols + col)]);
  }

  /// With NaN beyond the columns.
  void write(const std::vector<float>& values) {
    std::vector<float> all(elements(), std::numeric_limits<float>::quiet_NaN());
    values_ = values;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (matrix_.bf16) values_[i] = from_bfloat16(to_bfloat16(values[i]));
      all[place(i)] = values_[i];
    }
    std::vector<std::uint16_t> low(all.size());
    std::transform(all.begin(), all.end(), low.begin(), to_bfloat16);
    const void* const from = matrix_.bf16 ? static_cast<const void*>(low.data()) : all.data();
    check(cudaMemcpy(matrix_.data, from, bytes(), cudaMemcpyHostToDevice), "cudaMemcpy");
  }

  /// Expects that nothing was written beyond the columns.
  std::vector<float> read() const {
    std::vector<float> all(elements());
    std::vector<std::uint16_t> low(elements());
    void* const to = matrix_.bf16 ? static_cast<void*>(low.data()) : all.data();
    check(cudaMemcpy(to, matrix_.data, bytes(), cudaMemcpyDeviceToHost), "cudaMemcpy");
    if (matrix_.bf16) std::transform(low.begin(), low.end(), all.begin(), from_bfloat16);
    std::vector<float> values(static_cast<std::size_t>(matrix_.rows * matrix_.cols));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = all[place(i)];
    const auto written =
        std::count_if(all.begin(), all.end(), [](float value) { return !std::isnan(value); });
    EXPECT_LE(static_cast<std::size_t>(written), values.size());
    return values;
  }

 private:
  static std::int64_t stride_of(std::int64_t cols) { return (cols + 7) / 8 * 8; }
  std::size_t elements() const { return static_cast<std::size_t>(matrix_.rows * matrix_.stride); }
  std::size_t bytes() const { return elements() * (matrix_.bf16 ? 2 : 4); }
  std::size_t place(std::size_t i) const {
    const auto cols = static_cast<std::size_t>(matrix_.cols);
    return i / cols * static_cast<std::size_t>(matrix_.stride) + i % cols;
  }

  DeviceMemory memory_;
  Matrix matrix_;
  std::vector<float> values_;
};

struct Shape {
  std::int64_t batch;
  std::int64_t inputs;
  std::int64_t outputs;
};
constexpr Shape kShapes[] = {{33, 129, 7}, {7, 33, 129}, {129, 7, 33}, {1, 129, 1}, {33, 1, 7}};

/// A request with everything that it points at.
struct Problem {
  Problem(Kind kind, const Shape& shape, bool bf16, bool biased, bool relu)
      : a(OnDevice::random(shape.batch, kind == Kind::forward ? shape.inputs : shape.outputs, bf16,
                           1)),
        b(OnDevice::random(kind == Kind::weight_grad ? shape.batch : shape.outputs, shape.inputs,
                           bf16, 2)),
        out(kind == Kind::weight_grad ? shape.outputs : shape.batch,
            kind == Kind::forward ? shape.outputs : shape.inputs,
            bf16 && kind != Kind::weight_grad),
        bias(OnDevice::random(1, out.matrix().cols, false, 3)),
        below(OnDevice::random(out.matrix().rows, out.matrix().cols, bf16, 4, true)),
        sums(1, out.matrix().cols, false),
        workspace(kWorkspace) {
    request.kind = kind;
    request.a = a.matrix();
    request.b = b.matrix();
    request.out = out.matrix();
    request.workspace = workspace.as<void>();
    request.workspace_bytes = workspace.bytes();
    if (kind == Kind::forward) {
      if (biased) request.bias = bias.matrix();
      request.relu = relu;
    } else if (kind == Kind::input_grad) {
      if (relu) request.below = below.matrix();
      if (biased) request.bias_grad = sums.matrix();
    }
    out.write(std::vector<float>(static_cast<std::size_t>(out.matrix().rows * out.matrix().cols),
                                 std::numeric_limits<float>::quiet_NaN()));
  }

  double expected(std::int64_t row, std::int64_t col) const {
    double sum = 0.0;
    switch (request.kind) {
      case Kind::forward:
        for (std::int64_t i = 0; i < a.matrix().cols; ++i) sum += a.at(row, i) * b.at(col, i);
        break;
      case Kind::input_grad:
        for (std::int64_t i = 0; i < a.matrix().cols; ++i) sum += a.at(row, i) * b.at(i, col);
        break;
      case Kind::weight_grad:
        for (std::int64_t i = 0; i < a.matrix().rows; ++i) sum += a.at(i, row) * b.at(i, col);
        break;
    }
    if (request.bias.data != nullptr) sum += bias.at(0, col);
    if (request.relu && sum < 0.0) sum = 0.0;
    if (request.below.data != nullptr && !(below.at(row, col) > 0.0)) sum = 0.0;
    return sum;
  }

  /// The largest relative distance, by norm, of what was computed.
  double error() const {
    const std::int64_t rows = out.matrix().rows;
    const std::int64_t cols = out.matrix().cols;
    std::vector<double> values;
    std::vector<double> columns(static_cast<std::size_t>(cols));
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t col = 0; col < cols; ++col) {
        values.push_back(expected(row, col));
        columns[static_cast<std::size_t>(col)] += values.back();
      }
    }
    const double error = distance(out.read(), values);
    if (request.bias_grad.data == nullptr) return error;
    return std::max(error, distance(sums.read(), columns));
  }

  static constexpr std::int64_t kWorkspace = std::int64_t{4} << 20;
  OnDevice a;
  OnDevice b;
  OnDevice out;
  OnDevice bias;
  OnDevice below;
  OnDevice sums;
  DeviceMemory workspace;
  DnnRequest request;

 private:
  static double distance(const std::vector<float>& found, const std::vector<double>& wanted) {
    double difference = 0.0;
    double norm = 1e-30;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      difference += std::pow(static_cast<double>(found[i]) - wanted[i], 2);
      norm += wanted[i] * wanted[i];
    }
    return std::sqrt(difference / norm);
  }
};

class DnnProducts : public ::testing::TestWithParam<Precision> {
 protected:
  void SetUp() override {
    fake_ = fakecuda::Controls::find();
    if (fake_) fake_->config("guard=0");
    check(cudaStreamCreateWithFlags(stream_.out(), cudaStreamNonBlocking), "cudaStreamCreate");
    int major = 0;
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0),
          "cudaDeviceGetAttribute");
    if (major < 8) GTEST_SKIP() << "cuDNN fuses products from compute capability 8.0 on";
    cudnn_.emplace(stream_.get());
  }
  void TearDown() override {
    cudnn_.reset();
    stream_ = Stream();
    if (!fake_) return;
    EXPECT_EQ(fake_->live_objects(), 0) << fake_->live_report();
  }

  const Cudnn& cudnn() const { return *cudnn_; }
  const std::optional<fakecuda::Controls>& fake() const { return fake_; }
  cudaStream_t stream() const { return stream_.get(); }
  bool bf16() const { return GetParam() == Precision::bf16; }
  double tolerance() const { return bf16() ? 1e-2 : 2e-3; }
  void wait() const { check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize"); }

  void expect_right(Kind kind, bool bias, bool relu, const std::string& described) const {
    for (const Shape& shape : kShapes) {
      const Problem problem(kind, shape, bf16(), bias, relu);
      std::string refusal;
      const auto product = DnnProduct::find(cudnn(), problem.request, GetParam(), refusal);
      ASSERT_TRUE(product) << refusal;
      EXPECT_EQ(product->describe(), described);
      product->run(stream());
      wait();
      EXPECT_LE(problem.error(), tolerance())
          << shape.batch << " " << shape.inputs << " " << shape.outputs;
    }
  }

 private:
  std::optional<fakecuda::Controls> fake_;
  Stream stream_;
  std::optional<Cudnn> cudnn_;
};

TEST_P(DnnProducts, Forward) {
  expect_right(Kind::forward, false, false, "cuDNN graph");
  expect_right(Kind::forward, true, false, "cuDNN graph, bias fused");
  expect_right(Kind::forward, false, true, "cuDNN graph, ReLU fused");
  expect_right(Kind::forward, true, true, "cuDNN graph, bias and ReLU fused");
}

TEST_P(DnnProducts, InputGradient) {
  expect_right(Kind::input_grad, false, false, "cuDNN graph");
  expect_right(Kind::input_grad, false, true, "cuDNN graph, ReLU gradient fused");
  expect_right(Kind::input_grad, true, false, "cuDNN graph, bias gradient fused");
  expect_right(Kind::input_grad, true, true, "cuDNN graph, bias and ReLU gradient fused");
}

TEST_P(DnnProducts, WeightGradient) {
  expect_right(Kind::weight_grad, false, false, "cuDNN graph");
}

TEST_P(DnnProducts, ReluKeepsWhatIsNotANumber) {
  Problem problem(Kind::forward, {2, 8, 8}, bf16(), true, true);
  problem.a.write([] {
    std::vector<float> values(16, 1.0F);
    values[3] = std::numeric_limits<float>::quiet_NaN();
    return values;
  }());
  std::string refusal;
  const auto product = DnnProduct::find(cudnn(), problem.request, GetParam(), refusal);
  ASSERT_TRUE(product) << refusal;
  product->run(stream());
  wait();
  const std::vector<float> y = problem.out.read();
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i < 8) << i;
}

TEST_P(DnnProducts, AreCaptured) {
  Problem problem(Kind::input_grad, {33, 129, 7}, bf16(), true, true);
  std::string refusal;
  const auto product = DnnProduct::find(cudnn(), problem.request, GetParam(), refusal);
  ASSERT_TRUE(product) << refusal;
  product->run(stream());
  Graph graph;
  GraphExec exec;
  check(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
  product->run(stream());
  check(cudaStreamEndCapture(stream(), graph.out()), "cudaStreamEndCapture");
  check(cudaGraphInstantiate(exec.out(), graph.get(), 0), "cudaGraphInstantiate");
  for (const unsigned seed : {7U, 8U}) {
    const OnDevice other = OnDevice::random(33, 7, bf16(), seed);
    problem.a.write([&] {
      std::vector<float> values;
      for (std::int64_t i = 0; i < 33 * 7; ++i) {
        values.push_back(static_cast<float>(other.at(i / 7, i % 7)));
      }
      return values;
    }());
    check(cudaGraphLaunch(exec.get(), stream()), "cudaGraphLaunch");
    wait();
    EXPECT_LE(problem.error(), tolerance());
  }
  if (!fake()) return;
  EXPECT_EQ(fake()->launches("cudnnBackendExecute"), 3);
}

TEST_P(DnnProducts, UseNoMoreWorkspaceThanThereIs) {
  Problem problem(Kind::forward, {33, 129, 7}, bf16(), true, true);
  std::string refusal;
  const auto any = DnnProduct::find(cudnn(), problem.request, GetParam(), refusal);
  ASSERT_TRUE(any) << refusal;
  EXPECT_LE(any->workspace_bytes(), problem.request.workspace_bytes);
  problem.request.workspace_bytes = 0;
  const auto none = DnnProduct::find(cudnn(), problem.request, GetParam(), refusal);
  if (fake()) {
    EXPECT_GT(any->workspace_bytes(), 0);
    ASSERT_TRUE(none) << refusal;
  }
  if (none) {
    EXPECT_EQ(none->workspace_bytes(), 0);
    none->run(stream());
    wait();
    EXPECT_LE(problem.error(), tolerance());
  }
}

TEST_P(DnnProducts, AreRefusedWithAReason) {
  const Problem problem(Kind::forward, {33, 129, 7}, bf16(), true, true);
  const auto refusal_of = [&](Precision precision) {
    std::string refusal;
    EXPECT_FALSE(DnnProduct::find(cudnn(), problem.request, precision, refusal));
    return refusal;
  };
  EXPECT_EQ(refusal_of(Precision::fp32), "cuDNN computes products of float32 on tensor cores");
  if (!fake()) return;
  for (const char* config : {"guard=0;dnn_graph=0", "guard=0;cc=75"}) {
    fake()->config(config);
    EXPECT_EQ(refusal_of(GetParam()), "cuDNN knows no engine for it") << config;
  }
  // The last two to be finalized are the plans of both engines.
  fake()->config("guard=0");
  std::string unused;
  EXPECT_TRUE(DnnProduct::find(cudnn(), problem.request, GetParam(), unused));
  const std::string last = std::to_string(fake()->calls("cudnnBackendFinalize"));
  fake()->config("guard=0;cudnnBackendFinalize@" + last + "+=3000");
  EXPECT_EQ(refusal_of(GetParam()),
            "3000 CUDNN_STATUS_NOT_SUPPORTED (cudnnBackendFinalize: injected fault)");
  fake()->config("guard=0;cudnnBackendFinalize@" + last + "=4001");
  EXPECT_TRUE(DnnProduct::find(cudnn(), problem.request, GetParam(), unused)) << unused;
}

TEST_P(DnnProducts, LeaveNothingBehindWhenACallFails) {
  if (!fake()) GTEST_SKIP() << "real CUDA libraries: these faults cannot be asked for";
  const Problem problem(Kind::input_grad, {7, 33, 7}, bf16(), true, true);
  const auto find_and_run = [&] {
    std::string refusal;
    const auto product = DnnProduct::find(cudnn(), problem.request, GetParam(), refusal);
    EXPECT_EQ(product.has_value(), refusal.empty());
    if (!product) return false;
    product->run(stream());
    wait();
    return true;
  };
  fake()->config("guard=0");
  const long alive = fake()->live_objects();
  ASSERT_TRUE(find_and_run());
  const long calls = fake()->calls();
  ASSERT_GT(calls, 50);
  for (const char* code : {"=auto", "+=auto", "=3000", "+=3000"}) {
    int errors = 0;
    for (long n = 1; n <= calls; ++n) {
      fake()->config(cat("guard=0;call@", n, code));
      try {
        const double error = find_and_run() ? problem.error() : 0.0;
        EXPECT_LE(error, tolerance()) << n << code;
      } catch (const CallFailure& failure) {
        ++errors;
        EXPECT_FALSE(failure.call.empty());
      }
      fake()->config("guard=0");
      EXPECT_EQ(cudaStreamSynchronize(stream()), cudaSuccess);
      ASSERT_EQ(fake()->live_objects(), alive) << n << code << ": " << fake()->live_report();
    }
    EXPECT_GT(errors, 0) << code;
  }
}

TEST_P(DnnProducts, AFaultOfTheKernelLosesTheDevice) {
  if (!fake()) GTEST_SKIP() << "real CUDA libraries: these faults cannot be asked for";
  const Problem problem(Kind::weight_grad, {7, 33, 7}, bf16(), false, false);
  std::string refusal;
  const auto product = DnnProduct::find(cudnn(), problem.request, GetParam(), refusal);
  ASSERT_TRUE(product) << refusal;
  fake()->config("guard=0;kernel:cudnnBackendExecute@1=700!");
  product->run(stream());
  EXPECT_EQ(cudaStreamSynchronize(stream()), cudaErrorIllegalAddress);
  try {
    product->run(stream());
    FAIL();
  } catch (const CallFailure& failure) {
    EXPECT_EQ(failure.kind, CallFailure::Kind::lost);
    EXPECT_NE(failure.status.find("700 cudaErrorIllegalAddress"), std::string::npos);
  }
  fake()->config("guard=0");
}

INSTANTIATE_TEST_SUITE_P(Each, DnnProducts, ::testing::Values(Precision::tf32, Precision::bf16),
                         [](const auto& instance) { return std::string(name_of(instance.param)); });

}  // namespace
}  // namespace minnow::cuda
