// bf16 that cannot be had says why: no AMX, no part, no oneDNN, another version, a failing product.

#include <fstream>

#include "bf16.h"

namespace minnow::testing {
namespace {

/// An environment variable for as long as it lives.
class Setting {
 public:
  Setting(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Setting() { unsetenv(name_); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const char* name_;
};

bool processor_has(const std::string& flag) {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("flags")) return line.find(flag) != std::string::npos;
  }
  return false;
}

std::string refusal() {
  return message_of<DeviceUnavailable>([] { open_bf16(); });
}

TEST(Bf16Refusal, NoAmx) {
  unsetenv("MINNOW_CPU_BF16");
  for (const char* name : {"cpu", "auto"}) {
    const Setting device("MINNOW_DEVICE", "cpu");
    try {
      open(name, {.precision = Precision::bf16});
      GTEST_SKIP() << "this processor has AMX";
    } catch (const DeviceUnavailable& error) {
      if (error.code() == "MN-L12") GTEST_SKIP() << "this processor has AMX";
      EXPECT_EQ(error.code(), Code("MN-D21"));
      EXPECT_EQ(error.cause(),
                "the CPU cannot compute in bf16: that needs AMX, and it cannot be used here.");
      EXPECT_TRUE(error.evidence().starts_with("the processor lacks AMX-") ||
                  error.evidence().find("XCR0 bits 17 and 18") != std::string::npos ||
                  error.evidence().starts_with("arch_prctl(ARCH_REQ_XCOMP_PERM, 18) answered "))
          << error.evidence();
      std::string remedy = "ask for fp32, or for a GPU";
      if (processor_has(" avx512_bf16")) {
        remedy += "; MINNOW_CPU_BF16=any takes AVX512-BF16 instead, which gains less";
      }
      EXPECT_EQ(error.remedy(), remedy);
      EXPECT_EQ(error.effect(), "nothing was opened");
    }
  }
}

TEST(Bf16Refusal, AnotherSettingThanAny) {
  const Setting setting("MINNOW_CPU_BF16", "yes");
  EXPECT_EQ(message_of<InvalidArgument>([] { open_bf16(); }),
            "\"yes\" is no setting of MINNOW_CPU_BF16. [MN-U01]\n"
            "  remedy:   set it to any, or unset it\n"
            "  effect:   nothing was opened");
}

TEST(Bf16Refusal, AnotherVersion) {
  const Setting any("MINNOW_CPU_BF16", "any");
  const Setting folder("MINNOW_PLUGIN_DIR", MINNOW_ONEDNN_FAKES "/other");
  EXPECT_EQ(refusal(),
            "the CPU cannot compute in bf16: libminnow_onednn.so is of another version of minnow. "
            "[MN-L13]\n"
            "  evidence: " MINNOW_ONEDNN_FAKES
            "/other/libminnow_onednn.so has interface 99, this library needs 1\n"
            "  remedy:   install libminnow and libminnow_onednn of one build\n"
            "  effect:   nothing was opened");
}

TEST(Bf16Refusal, NoOnednn) {
  const Setting any("MINNOW_CPU_BF16", "any");
  const Setting folder("MINNOW_PLUGIN_DIR", MINNOW_ONEDNN_FAKES "/without");
  EXPECT_EQ(refusal(),
            "the CPU cannot compute in bf16: libminnow_onednn.so cannot be loaded. [MN-L12]\n"
            "  evidence: dlopen(libminnow_absent_dnnl.so): cannot open shared object file\n"
            "  remedy:   apt-get install libdnnl-dev\n"
            "  effect:   nothing was opened");
}

TEST(Bf16Refusal, AProcessorThatOnednnRefuses) {
  const Setting any("MINNOW_CPU_BF16", "any");
  const Setting folder("MINNOW_PLUGIN_DIR", MINNOW_ONEDNN_FAKES "/failing");
  const Setting fails("FAKE_ONEDNN_FAILS", "workspace_bytes");
  EXPECT_EQ(refusal(),
            "the CPU cannot compute in bf16: oneDNN has no product for it here. [MN-D21]\n"
            "  evidence: oneDNN 0.0.1: fake_workspace_bytes answered fake_unimplemented\n"
            "  remedy:   ask for fp32, or for a GPU\n"
            "  effect:   nothing was opened");
}

TEST(Bf16Refusal, ACallThatFailsAtWorkChangesNoWeight) {
  const Setting any("MINNOW_CPU_BF16", "any");
  const Setting folder("MINNOW_PLUGIN_DIR", MINNOW_ONEDNN_FAKES "/failing");
  const Tensor x = random_tensor({128, 40}, 1), y = random_tensor({128, 40}, 2);
  for (const int threads : {1, 2}) {
    for (const std::string call : {"create", "run"}) {
      Model model(40, {dense(400), relu(), dense(40)}, {.seed = 1});
      const auto before = all_weights(model);
      Trainer trainer(model, mse(), adam(), open_bf16(threads));
      {
        const Setting fails("FAKE_ONEDNN_FAILS", call.c_str());
        try {
          trainer.fit(x, y);
          FAIL() << "nothing was thrown";
        } catch (const DeviceError& error) {
          EXPECT_EQ(error.code(), Code("MN-K06"));
          EXPECT_EQ(error.call(), "fake_" + call);
          EXPECT_EQ(error.status(), "fake_unimplemented");
          EXPECT_FALSE(error.lost());
          const char* wanted = call == "create"
                                   ? "oneDNN failed at a bf16 product of 32 rows, 32 columns and "
                                     "depth 64."
                                   : "oneDNN failed at a bf16 product of this step.";
          EXPECT_EQ(error.cause(), wanted);
        }
        EXPECT_THROW(trainer.predict(x), DeviceError);
        const Setting memory("FAKE_ONEDNN_FAILS", (call + " memory").c_str());
        EXPECT_THROW(trainer.predict(x), ResourceExhausted);
      }
      EXPECT_EQ(all_weights(model), before);
      // Once the cause is gone the same trainer goes on.
      EXPECT_EQ(trainer.fit(x, y).epochs.size(), 1U);
      EXPECT_NE(all_weights(model), before);
    }
  }
}

}  // namespace
}  // namespace minnow::testing
