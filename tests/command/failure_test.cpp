#include <minnow/minnow.h>

#include <dlfcn.h>
#include <sys/stat.h>

#include "expect.h"

namespace minnow::test {
namespace {

// 8 rows of 3 features and a label each.
void write_small(const Place& place) {
  place.write("x.csv", "1,2,3\n4,5,6\n7,8,9\n1,2,3\n4,5,6\n7,8,9\n1,1,1\n2,2,2\n");
  place.write("y.csv", "0\n1\n2\n0\n1\n2\n0\n1\n");
}

struct Usage {
  std::vector<std::string> arguments;
  std::string message;
};

std::ostream& operator<<(std::ostream& stream, const Usage& usage) {
  for (const auto& argument : usage.arguments) stream << argument << " ";
  return stream;
}

class UsageErrors : public ::testing::TestWithParam<Usage> {};

TEST_P(UsageErrors, Exit64AndLeaveNothing) {
  const Place place;
  const auto outcome = run(place, GetParam().arguments);
  EXPECT_EQ(outcome.exit, 64) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, GetParam().message));
  EXPECT_EQ(count_of(outcome.err, "[MN-"), 1U) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(place.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Command, UsageErrors,
    ::testing::Values(
        Usage{{}, "no command."}, Usage{{"fly"}, "fly"}, Usage{{"help", "fly"}, "fly"},
        Usage{{"train", "--dataset=toy", "--wings=2"}, "--wings=2"},
        Usage{{"train"}, "no data: neither --dataset nor --x and --y."},
        Usage{{"train", "--dataset=toy", "--x=x.csv", "--y=y.csv"}, "exclude each other"},
        Usage{{"train", "--x=x.csv"}, "--x and --y go together."},
        Usage{{"train", "--dataset=toy", "--test-x=x.csv", "--test-y=y.csv"}, "need --x and --y"},
        Usage{{"train", "--dataset=mnist"},
              "fashion-mnist, digits, iris, wine, breast_cancer, diabetes, friedman1, toy"},
        Usage{{"train", "--dataset=toy", "--epochs=0"},
              "--epochs=0 is no whole number from 1 to 1000000000."},
        Usage{{"train", "--dataset=toy", "--batch=0"},
              "--batch=0 is no whole number from 1 to 1000000000."},
        Usage{{"train", "--dataset=toy", "--batch=-3"}, "--batch=-3 is no whole number from 1 to"},
        Usage{{"train", "--dataset=toy", "--batch=99999999999999999999"},
              "--batch=99999999999999999999 is no whole number from 1 to 1000000000."},
        Usage{{"train", "--dataset=toy", "--epochs=99999999999999999999"},
              "--epochs=99999999999999999999 is no whole number from 1 to 1000000000."},
        Usage{{"train", "--dataset=toy", "--epochs=many"}, "--epochs=many is no whole number"},
        Usage{{"train", "--dataset=toy", "--epochs=0x10"}, "--epochs=0x10 is no whole number"},
        Usage{{"train", "--dataset=toy", "--epochs=1.5"}, "--epochs=1.5 is no whole number"},
        Usage{{"train", "--dataset=toy", "--seed=-1"},
              "--seed=-1 is no whole number from 0 to 18446744073709551615."},
        Usage{{"train", "--dataset=toy", "--seed=18446744073709551616"},
              "--seed=18446744073709551616 is no whole number from 0 to 18446744073709551615."},
        Usage{{"train", "--dataset=toy", "--patience=-1"},
              "--patience=-1 is no whole number from 0"},
        Usage{{"train", "--dataset=toy", "--memory-limit=-1"},
              "--memory-limit=-1 is no size such as 256M or 2G."},
        Usage{{"train", "--dataset=toy", "--memory-limit=99999999999999999999"}, "is no size"},
        Usage{{"train", "--dataset=toy", "--memory-limit=99999999999G"}, "is no size"},
        Usage{{"train", "--dataset=toy", "--memory-limit=G"}, "is no size"},
        Usage{{"train", "--dataset=toy", "--memory-limit=1.5G"}, "is no size"},
        Usage{{"train", "--dataset=toy", "--snapshot=infs"}, "infs is none of off, steps (500)"},
        Usage{{"predict", "--model=m", "--x=x.csv", "--row=-1"},
              "--row=-1 is no whole number from 0"},
        Usage{{"train", "--dataset=toy", "--lr=0"}, "--lr=0 is no number above 0."},
        Usage{{"train", "--dataset=toy", "--lr=nan"}, "--lr=nan is no number above 0."},
        Usage{{"train", "--dataset=toy", "--lr=1e300"}, "--lr=1e300 is no number above 0."},
        Usage{{"train", "--dataset=toy", "--validation-split=1"},
              "--validation-split=1 is no number from 0 to below 1."},
        Usage{{"train", "--dataset=toy", "--optimizer=sgd", "--momentum=nan"},
              "--momentum=nan is no number from 0 to below 1."},
        Usage{{"train", "--dataset=toy", "--patience=3"}, "--patience watches the validation loss"},
        Usage{{"train", "--dataset=toy", "--precision=fp8"}, "fp8 is none of fp32, tf32, bf16."},
        Usage{{"train", "--dataset=toy", "--device=cpu", "--precision=tf32"},
              "the CPU cannot compute in tf32."},
        Usage{{"train", "--dataset=toy", "--device=cuda:x"}, "\"cuda:x\" is no device."},
        Usage{{"train", "--dataset=toy", "--threads=-1"},
              "--threads=-1 is no whole number from 0 to 1024."},
        Usage{{"train", "--dataset=toy", "--device=tpu"}, "\"tpu\" is no device."},
        Usage{{"train", "--dataset=toy", "--color=red"}, "--color"},
        Usage{{"train", "--dataset=toy", "--layers=relu"}, "no dense layer"},
        Usage{{"train", "--dataset=toy", "--layers=10,,1"}, "\"\" is no layer."},
        Usage{{"train", "--dataset=toy", "--layers=10,relu,2"}, "--layers=10,relu,1"},
        Usage{{"train", "--dataset=toy", "--layers=10,softmax"}, "without softmax"},
        Usage{{"train", "--dataset=toy", "--layers=4000000000000000000,1"}, "63 bits"},
        Usage{{"doctor", "--strict=tpu"}, "\"tpu\" is no device."},
        Usage{{"doctor", "--strict=auto"}, "\"auto\" is no device."},
        Usage{{"doctor", "--fast"}, "--fast"}, Usage{{"devices", "cuda"}, "cuda"},
        Usage{{"explain", "MN-Z99"}, "there is no code MN-Z99."},
        Usage{{"explain", "D01", "L01"}, "L01"},
        Usage{{"explain", "D01", "--markdown"}, "--markdown is the table of all codes."},
        Usage{{"predict", "--x=x.csv"}, "--model"}, Usage{{"summary"}, "no data"}));

TEST(Failures, UnknownDataSetInJson) {
  const Place place;
  const auto outcome = run(place, {"train", "--dataset=mnist", "--json"});
  EXPECT_EQ(outcome.exit, 64);
  const auto run_object = run_of(outcome);
  EXPECT_EQ(run_object["exit"], 64);
  EXPECT_EQ(run_object["error"]["code"], "MN-U01");
  EXPECT_TRUE(contains(run_object["error"]["cause"], "mnist"));
  EXPECT_TRUE(contains(run_object["error"]["remedy"], "iris"));
}

TEST(Failures, WrongFlagInJson) {
  const Place place;
  const auto outcome = run(place, {"train", "--wings", "--json"});
  EXPECT_EQ(outcome.exit, 64);
  EXPECT_EQ(run_of(outcome)["exit"], 64);
}

TEST(Failures, RequiredDevice) {
  if (void* driver = dlopen("libcuda.so.1", RTLD_LAZY); driver != nullptr) {
    dlclose(driver);
    GTEST_SKIP() << "an NVIDIA driver is installed";
  }
  const Place place;
  expect_failure(run(place, {"train", "--dataset=toy", "--device=cuda"}), 69,
                 "GPU not used: no NVIDIA driver is installed. [MN-D01]");
  EXPECT_TRUE(place.empty());
}

TEST(Failures, MissingFile) {
  const Place place;
  place.write("y.csv", "1\n");
  expect_failure(run(place, {"train", "--x=x.csv", "--y=y.csv"}), 74,
                 "x.csv cannot be opened. [MN-P08]");
  EXPECT_FALSE(place.has("runs"));
}

TEST(Failures, CorruptNpyNamesFileAndByte) {
  const Place place;
  write_npy(place / "x.npy", Tensor(Shape{8, 3}));
  const std::string whole = place.read("x.npy");
  place.write("x.npy", whole.substr(0, whole.size() - 10));
  place.write("y.csv", "0\n1\n2\n0\n1\n2\n0\n1\n");
  const auto outcome = run(place, {"train", "--x=x.npy", "--y=y.csv", "--json"});
  expect_failure(outcome, 65, "x.npy is damaged: ");
  EXPECT_TRUE(contains(outcome.err, "(byte "));
  EXPECT_EQ(run_of(outcome)["error"]["code"], "MN-P03");
  EXPECT_FALSE(place.has("runs"));
}

TEST(Failures, BadCellInCsv) {
  const Place place;
  write_small(place);
  place.write("x.csv", "1,2,3\n4,five,6\n");
  const auto outcome = run(place, {"train", "--x=x.csv", "--y=y.csv"});
  EXPECT_EQ(outcome.exit, 65) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "x.csv"));
  EXPECT_TRUE(contains(outcome.err, "five"));
}

TEST(Failures, RowsThatDoNotMatch) {
  const Place place;
  write_small(place);
  place.write("y.csv", "0.5\n1.5\n");
  const auto outcome = run(place, {"train", "--x=x.csv", "--y=y.csv"});
  EXPECT_EQ(outcome.exit, 65) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "8"));
  EXPECT_TRUE(contains(outcome.err, "2"));
  EXPECT_TRUE(contains(outcome.err, "[MN-N02]"));
  EXPECT_FALSE(place.has("runs"));
}

TEST(Failures, TestSetThatDoesNotMatchIsFoundBeforeTraining) {
  const Place place;
  write_small(place);
  place.write("wide.csv", "1,2,3,4\n");
  place.write("one.csv", "0\n");
  const auto outcome = run(place, {"train", "--x=x.csv", "--y=y.csv", "--layers=4,relu,3,softmax",
                                   "--test-x=wide.csv", "--test-y=one.csv"});
  EXPECT_EQ(outcome.exit, 65) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "epoch 1/"), 0U) << outcome.err;
  EXPECT_FALSE(place.has("runs"));
}

TEST(Failures, NanInCsvNamesRowAndColumn) {
  const Place place;
  write_small(place);
  place.write("x.csv", "1,2,3\n4,5,6\n7,8,9\n1,2,3\n4,5,nan\n7,8,9\n1,1,1\n2,2,2\n");
  const auto outcome = run(place, {"train", "--x=x.csv", "--y=y.csv", "--out=m.safetensors"});
  EXPECT_EQ(outcome.exit, 65) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "row 4"));
  EXPECT_TRUE(contains(outcome.err, "column 2"));
  EXPECT_TRUE(contains(outcome.err, "[MN-N04]"));
  EXPECT_FALSE(place.has("m.safetensors"));
  EXPECT_FALSE(place.has("runs"));
}

TEST(Failures, LabelOutOfRangeNamesTheRow) {
  const Place place;
  write_small(place);
  const auto outcome = run(place, {"train", "--x=x.csv", "--y=y.csv", "--layers=4,relu,2,softmax"});
  expect_failure(outcome, 65, "label 2 at row 2 ");
  EXPECT_TRUE(contains(outcome.err, "[MN-N01]"));
  EXPECT_FALSE(place.has("runs"));
}

TEST(Failures, LabelThatIsNoWholeNumber) {
  const Place place;
  write_small(place);
  place.write("y.csv", "0\n1\n0\n0.5\n1\n0\n0\n1\n");
  expect_failure(run(place, {"train", "--x=x.csv", "--y=y.csv", "--layers=4,relu,2,softmax"}), 65,
                 "label 0.5 at row 3 of --y is not a whole number. [MN-N01]");
}

TEST(Failures, LabelsNeedSoftmax) {
  const Place place;
  write_small(place);
  Tensor y(Shape{8}, DType::i32);
  write_npy(place / "y.npy", y);
  expect_failure(run(place, {"train", "--x=x.csv", "--y=y.npy", "--layers=4,relu,1"}), 64,
                 "does not end in softmax, and --y holds labels. [MN-U01]");
}

TEST(Failures, EmptyData) {
  const Place place;
  write_npy(place / "x.npy", Tensor(Shape{0, 3}));
  write_npy(place / "y.npy", Tensor(Shape{0, 1}));
  const auto outcome = run(place, {"train", "--x=x.npy", "--y=y.npy"});
  EXPECT_EQ(outcome.exit, 65) << outcome.err;
  EXPECT_FALSE(place.has("runs"));
}

TEST(Failures, PlaceThatCannotBeWrittenIsFoundBeforeTraining) {
  const Place place;
  auto outcome = run(place, {"train", "--dataset=toy", "--out=no/such/m.safetensors"});
  expect_failure(outcome, 73, "no/such/m.safetensors cannot be written. [MN-P05]");
  EXPECT_TRUE(contains(outcome.err, "remedy:   mkdir -p no/such"));
  EXPECT_EQ(count_of(outcome.err, "epoch 1/"), 0U);
  outcome = run(place, {"train", "--dataset=toy", "--out=."});
  expect_failure(outcome, 73, ". cannot be written.");
  EXPECT_TRUE(contains(outcome.err, "Is a directory"));
  expect_failure(run(place, {"train", "--dataset=toy", "--out=/dev/null"}), 73,
                 "/dev/null cannot be written.");
  EXPECT_TRUE(place.empty());
  place.write("runs", "a file");
  expect_failure(run(place, {"train", "--dataset=toy"}), 73, "runs/toy-0001 cannot be written.");
}

TEST(Failures, ErrorsAreColouredOnlyWhenAsked) {
  const Place place;
  EXPECT_EQ(count_of(run(place, {"train", "--dataset=mnist"}).err, "\x1b"), 0U);
  EXPECT_TRUE(
      contains(run(place, {"train", "--dataset=mnist", "--color=always"}).err, "\x1b[31mminnow:"));
}

}  // namespace
}  // namespace minnow::test
