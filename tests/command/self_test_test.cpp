#include "devices/self_test.h"

#include <minnow/minnow.h>

#include <cmath>
#include <cstdlib>
#include <string_view>

#include "expect.h"
#include "reports.h"

namespace minnow::test {
namespace {

using command::compare_weights;

// Why "cuda" cannot be opened; empty when it can. MINNOW_REQUIRE=cuda: it has to.
std::string no_gpu() {
  try {
    minnow::open("cuda");
    return {};
  } catch (const Error& error) {
    const char* required = std::getenv("MINNOW_REQUIRE");
    if (required != nullptr && std::string_view(required) == "cuda") ADD_FAILURE() << error.what();
    return error.what();
  }
}

DeviceReport with_gpu() {
  DeviceReport report = report_of_cpu();
  report.devices.push_back(h100_fact());
  return report;
}

std::vector<Tensor> weights(float second) {
  Tensor tensor({2});
  tensor.mutable_data<float>()[0] = 1.0F;
  tensor.mutable_data<float>()[1] = second;
  return {Tensor({1}), tensor};
}

TEST(SelfTest, TheCpuAgainstItself) {
  const auto findings = command::self_test(plain_machine());
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].topic, "self-test");
  EXPECT_EQ(findings[0].verdict, Verdict::good) << findings[0].text;
  EXPECT_TRUE(contains(findings[0].text, "784-128-10, 20 steps on cpu, fused against plain: "));
  EXPECT_TRUE(contains(findings[0].text, "\nno other device to compare with"));
}

TEST(SelfTest, AGpuThatDoesNotOpenIsAProblem) {
  if (no_gpu().empty()) GTEST_SKIP() << "it opens";
  const auto findings = command::self_test(with_gpu());
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].verdict, Verdict::problem);
  ASSERT_TRUE(findings[0].failure);
  EXPECT_TRUE(findings[0].failure->code.text().starts_with("MN-")) << findings[0].failure->code;
  EXPECT_TRUE(contains(findings[0].text, "784-128-10 on cuda:0 against cpu: GPU not used: "));
}

TEST(SelfTest, AGpuAgainstTheCpu) {
  if (const auto reason = no_gpu(); !reason.empty()) GTEST_SKIP() << reason;
  const auto findings = command::self_test(with_gpu());
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].verdict, Verdict::good) << findings[0].text;
  EXPECT_TRUE(contains(findings[0].text, "784-128-10, 20 steps on cuda:0 against cpu: max|Δw| "));
}

TEST(SelfTest, ADeviceThatIsNotUsableIsNotTried) {
  DeviceReport report = report_of_cpu();
  report.devices.push_back(gtx1080_fact());
  const auto findings = command::self_test(report);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].text.find("cuda"), std::string::npos) << findings[0].text;
}

TEST(SelfTest, WeightsThatDifferAreAProblem) {
  const auto near = compare_weights(weights(2.0F), weights(2.00001F), "on a against b");
  EXPECT_EQ(near.verdict, Verdict::good) << near.text;
  EXPECT_EQ(near.text, "784-128-10, 20 steps on a against b: max|Δw| 1.0e-05 (limit 2.0e-05)");
  for (const float other : {2.0001F, -2.0F, NAN, INFINITY}) {
    const auto far = compare_weights(weights(2.0F), weights(other), "on a against b");
    EXPECT_EQ(far.verdict, Verdict::problem) << other;
    EXPECT_EQ(far.text, "784-128-10, 20 steps on a against b: the weights differ");
    ASSERT_TRUE(far.failure);
    EXPECT_EQ(far.failure->code, Code("MN-K05"));
    EXPECT_TRUE(contains(far.failure->evidence, " (limit 2.0e-05)"));
  }
}

}  // namespace
}  // namespace minnow::test
