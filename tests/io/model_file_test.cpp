#include <gtest/gtest.h>
#include <minnow/layers.h>
#include <minnow/model.h>
#include <minnow/model_file.h>
#include <minnow/safetensors.h>

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "test_files.h"

namespace {

using minnow::load_model;
using minnow::Model;
using minnow::SafeTensors;
using minnow::save_model;
using minnow::Shape;
using minnow::Tensor;
using namespace minnow_test;

Model make_model(minnow::ModelOptions options = {}) {
  return Model(4, {minnow::dense(3), minnow::relu(), minnow::dense(2, {.bias = false})},
               std::move(options));
}

class ModelFile : public testing::Test {
 protected:
  void SetUp() override {
    save_model(make_model({.seed = 7, .input = {}}), path_);
    file_ = minnow::read_safetensors(path_);
  }
  /// The file with its architecture changed at `from`, which has to be there.
  void replace(const std::string& from, const std::string& to) {
    std::string& text = file_.metadata.at("minnow.architecture");
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    text.replace(at, from.size(), to);
  }
  minnow::FormatError expect_error(std::string_view message) {
    minnow::write_safetensors(path_, file_);
    return expect_format_error(path_, message, [&] { load_model(path_); });
  }

  TempDir dir_;
  std::string path_ = dir_ / "model.safetensors";
  SafeTensors file_;
};

TEST_F(ModelFile, RoundTrips) {
  const minnow::ModelOptions options{
      .seed = std::numeric_limits<std::uint64_t>::max(),
      .input = {.offset = {0.1F, -1e-45F, 3.4028235e38F, 0.0F}, .scale = {1.0F / 255.0F}}};
  const Model model = make_model(options);
  save_model(model, path_, {{"loss", "mse"}, {"optimizer", "adam lr=0.001"}});
  const Model again = load_model(path_);
  EXPECT_EQ(again.inputs(), 4);
  EXPECT_EQ(again.outputs(), 2);
  EXPECT_EQ(again.options().seed, options.seed);
  EXPECT_EQ(again.options().input.offset, options.input.offset);
  EXPECT_EQ(again.options().input.scale, options.input.scale);
  EXPECT_EQ(again.summary(), model.summary());
  ASSERT_EQ(again.weight_names(), model.weight_names());
  for (const std::string& name : model.weight_names()) {
    EXPECT_TRUE(same(again.weight(name), model.weight(name))) << name;
  }
  const SafeTensors file = minnow::read_safetensors(path_);
  EXPECT_EQ(file.metadata.at("loss"), "mse");
  EXPECT_EQ(file.metadata.at("optimizer"), "adam lr=0.001");
}

TEST_F(ModelFile, HasPyTorchsNamesAndLayout) {
  EXPECT_EQ(file_.metadata.at("format"), "pt");
  EXPECT_FALSE(file_.metadata.at("minnow.version").empty());
  EXPECT_EQ(file_.metadata.at("minnow.architecture"),
            R"({"format":1,"inputs":4,"seed":7,"layers":[)"
            R"({"type":"dense","config":{"bias":1,"units":3}},)"
            R"({"type":"relu","config":{}},)"
            R"({"type":"dense","config":{"bias":0,"units":2}}],)"
            R"("input":{"offset":[0.0],"scale":[1.0]}})");
  ASSERT_EQ(file_.tensors.size(), 3U);
  EXPECT_EQ(file_.tensors.at("0.weight").shape(), Shape({3, 4}));
  EXPECT_EQ(file_.tensors.at("0.bias").shape(), Shape({3}));
  EXPECT_EQ(file_.tensors.at("2.weight").shape(), Shape({2, 3}));
}

TEST_F(ModelFile, ReadsLayersOfItsOwnByAFactory) {
  std::map<std::string, double> seen;
  const Model model = minnow::read_model(
      path_, [&](std::string_view type, const std::map<std::string, double>& config) {
        seen.insert(config.begin(), config.end());
        if (type == "relu") return minnow::relu();
        return minnow::dense(static_cast<std::int64_t>(config.at("units")),
                             {.bias = config.at("bias") != 0});
      });
  EXPECT_EQ(model.parameter_count(), 12 + 3 + 6);
  EXPECT_EQ(seen, (std::map<std::string, double>{{"bias", 1}, {"units", 3}}));
}

// Every activation of the table, with parameters that no short decimal hits.
TEST_F(ModelFile, KeepsActivationsAndTheirParameters) {
  std::vector<minnow::LayerPtr> layers{minnow::dense(3)};
  std::vector<std::string> types{"dense"};
  for (const minnow::ActivationTraits& traits : minnow::kActivations.entries) {
    for (const float parameter : {traits.parameter, 0.0F, 1.0F / 3.0F, 1e-30F, 128.0F}) {
      if (parameter != traits.parameter && !traits.has_parameter) continue;
      layers.push_back(minnow::activation({traits.kind, parameter}));
      types.emplace_back(traits.name);
    }
  }
  const Model model(4, layers, {.seed = 1});
  save_model(model, path_);
  const Model again = load_model(path_);
  ASSERT_EQ(again.layers().size(), layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    EXPECT_EQ(again.layers()[i]->type(), types[i]);
    EXPECT_EQ(again.layers()[i]->config(), layers[i]->config()) << types[i];
  }
}

/// A layer of a program's own, with what no JSON holds.
class Odd final : public minnow::Layer {
 public:
  Odd(std::string type, double number) : type_(std::move(type)), number_(number) {}
  std::string_view type() const override { return type_; }
  std::int64_t outputs(std::int64_t inputs) const override { return inputs; }
  std::map<std::string, double> config() const override { return {{"number", number_}}; }
  minnow::ValueId forward(minnow::Program&, std::span<const int>, minnow::ValueId x,
                          std::vector<minnow::ValueId>&) const override {
    return x;
  }
  minnow::ValueId backward(minnow::Program&, std::span<const int>, const minnow::Forward&,
                           minnow::ValueId dy, bool) const override {
    return dy;
  }

 private:
  std::string type_;
  double number_;
};

TEST_F(ModelFile, RefusesLayersThatNoFileHolds) {
  const auto refused = [&](const Model& model) {
    const auto error =
        expect_throw<minnow::InvalidArgument>([&] { save_model(model, dir_ / "other"); });
    EXPECT_EQ(dir_.entries(), 1U);
    return error.cause();
  };
  EXPECT_EQ(refused(Model(4, {std::make_shared<Odd>("odd", NAN)})),
            "a layer's number has the value nan, which no file can hold.");
  EXPECT_EQ(refused(Model(4, {minnow::relu(), std::make_shared<Odd>("\xFFodd", 1)})),
            "\"\\xffodd\" is not UTF-8 and cannot be stored.");
}

TEST_F(ModelFile, RefusesMetadataOfItsOwnNames) {
  for (const char* key : {"format", "minnow.version", "minnow.architecture"}) {
    const auto error = expect_throw<minnow::InvalidArgument>([&] {
      save_model(make_model(), dir_ / "other", {{key, "x"}});
    });
    EXPECT_EQ(error.code(), minnow::Code("MN-U01"));
    EXPECT_NE(error.cause().find(key), std::string::npos);
  }
  EXPECT_EQ(dir_.entries(), 1U);
}

TEST_F(ModelFile, RefusesATransformThatIsNotFinite) {
  const Model model = make_model({.seed = 0, .input = {.offset = {NAN}, .scale = {1.0F}}});
  const auto error =
      expect_throw<minnow::InvalidArgument>([&] { save_model(model, dir_ / "other"); });
  EXPECT_EQ(error.code(), minnow::Code("MN-N04"));
}

/// Its text and its parameters are the test's.
class AnyLayer final : public minnow::Layer {
 public:
  AnyLayer(std::string type, std::string key, std::vector<std::string> parameters,
           double number = -1)
      : type_(std::move(type)),
        key_(std::move(key)),
        number_(number),
        parameters_(std::move(parameters)) {}
  std::string_view type() const override { return type_; }
  std::int64_t outputs(std::int64_t inputs) const override { return inputs; }
  std::map<std::string, double> config() const override { return {{key_, number_}}; }
  std::vector<minnow::ParameterSpec> parameters(std::int64_t) const override {
    std::vector<minnow::ParameterSpec> specs;
    for (const std::string& name : parameters_) {
      specs.push_back({.name = name, .rank = 1, .cols = 2, .given = {}});
    }
    return specs;
  }
  minnow::ValueId forward(minnow::Program&, std::span<const int>, minnow::ValueId x,
                          std::vector<minnow::ValueId>&) const override {
    return x;
  }
  minnow::ValueId backward(minnow::Program&, std::span<const int>, const minnow::Forward&,
                           minnow::ValueId dy, bool) const override {
    return dy;
  }

 private:
  std::string type_;
  std::string key_;
  double number_;
  std::vector<std::string> parameters_;
};

Model model_of(std::string type, std::string key, std::vector<std::string> parameters) {
  return Model(
      2, {std::make_shared<AnyLayer>(std::move(type), std::move(key), std::move(parameters))});
}

TEST_F(ModelFile, NeverSavesWeightsThatItWouldNotRead) {
  const std::string old = slurp(path_);
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    Tensor bias = counting({3});
    bias.mutable_data<float>()[1] = bad;
    const Model model(4, {minnow::dense(5), minnow::dense(3, {.bias_values = bias})});
    for (const auto& save : {save_model, minnow::check_save}) {
      const auto error = expect_throw<minnow::InvalidArgument>([&] { save(model, path_, {}); });
      EXPECT_EQ(error.code(), minnow::Code("MN-N04"));
      const std::string value = bad > 0 ? "inf" : bad < 0 ? "-inf" : "nan";
      EXPECT_EQ(error.cause(),
                "element 1 of weight \"1.bias\" is " + value + ": the model was not saved.");
      EXPECT_EQ(error.evidence(), "it has shape (3,)");
      EXPECT_EQ(error.remedy(),
                "lower the learning rate, or scale the inputs and targets to about 1");
      EXPECT_EQ(error.effect(), "nothing was written: a model that was there is as it was");
    }
    EXPECT_EQ(slurp(path_), old);
    EXPECT_EQ(dir_.entries(), 1U);
  }
}

TEST_F(ModelFile, NeverSavesTextsThatItCouldNotRead) {
  const std::string old = slurp(path_);
  const std::string wrong = "a\xff";
  const std::map<std::string, std::string> none;
  const struct {
    Model model;
    std::map<std::string, std::string> metadata;
  } cases[] = {{model_of(wrong, "k", {"w"}), none},
               {model_of("any", wrong, {"w"}), none},
               {model_of("any", "k", {wrong}), none},
               {make_model(), {{wrong, "value"}}},
               {make_model(), {{"key", wrong}}}};
  for (const auto& each : cases) {
    for (const auto& save : {save_model, minnow::check_save}) {
      const auto error =
          expect_throw<minnow::InvalidArgument>([&] { save(each.model, path_, each.metadata); });
      EXPECT_EQ(error.code(), minnow::Code("MN-U01"));
      EXPECT_NE(error.cause().find("a\\xff\" is not UTF-8 and cannot be stored."),
                std::string::npos)
          << error.cause();
    }
    EXPECT_EQ(slurp(path_), old);
  }
}

TEST_F(ModelFile, NeverSavesALayersNumberThatIsNotFinite) {
  const Model model(2, {std::make_shared<AnyLayer>("any", "slope", std::vector<std::string>{},
                                                   std::numeric_limits<double>::infinity())});
  const std::string old = slurp(path_);
  const auto error = expect_throw<minnow::InvalidArgument>([&] { save_model(model, path_); });
  EXPECT_EQ(error.code(), minnow::Code("MN-N04"));
  EXPECT_EQ(error.cause(), "a layer's slope has the value inf, which no file can hold.");
  EXPECT_EQ(slurp(path_), old);
}

TEST_F(ModelFile, SavesEveryTextThatItCanRead) {
  const std::string odd("\"\\\n\0\x7f\xc3\xa4/", 8);
  const double number = 0.1F;  // in no fewer digits than it has
  const auto layer = std::make_shared<AnyLayer>(odd, odd, std::vector<std::string>{odd}, number);
  const Model model(2, {layer});
  save_model(model, path_, {{odd, odd}});
  const auto factory = [&](std::string_view type,
                           const std::map<std::string, double>& config) -> minnow::LayerPtr {
    EXPECT_EQ(type, odd);
    EXPECT_EQ(config, (std::map<std::string, double>{{odd, number}}));
    return layer;
  };
  const Model again = minnow::read_model(path_, factory);
  EXPECT_EQ(again.weight_names(), model.weight_names());
  EXPECT_EQ(minnow::read_safetensors(path_).metadata.at(odd), odd);
}

// The second would be lost in a file, and come back as its starting value.
TEST(ModelNames, TwoWeightsOfALayerCannotShareOne) {
  const auto error = expect_throw<minnow::InvalidArgument>([] {
    model_of("any", "k", {"w", "w"});
  });
  EXPECT_EQ(error.code(), minnow::Code("MN-U01"));
  EXPECT_EQ(error.cause(), "any_1 has two weights named \"0.w\".");
  EXPECT_EQ(error.remedy(), "give each of a layer's parameters a name of its own");
}

TEST(ModelWeights, AViewIsTheWeightWithoutACopy) {
  Model model = make_model();
  const Tensor view = model.weight_view("0.weight");
  EXPECT_TRUE(same(view, model.weight("0.weight")));
  model.set_weight("0.weight", counting({3, 4}));
  EXPECT_TRUE(same(view, counting({3, 4})));
  Tensor copy = view;
  EXPECT_THROW(copy.mutable_data<float>(), minnow::InvalidArgument);
  EXPECT_THROW(model.weight_view("5.weight"), minnow::InvalidArgument);
}

TEST_F(ModelFile, TriesThePlaceOfASaveToNoEffect) {
  const std::string old = slurp(path_);
  EXPECT_NO_THROW(minnow::check_save(make_model(), path_));
  EXPECT_NO_THROW(minnow::check_save(make_model(), dir_ / "new"));
  EXPECT_EQ(slurp(path_), old);
  EXPECT_EQ(dir_.entries(), 1U);
  const auto error =
      expect_throw<minnow::IoError>([&] { minnow::check_save(make_model(), dir_ / "missing/m"); });
  EXPECT_EQ(error.action(), minnow::IoError::Action::open_output);
  EXPECT_EQ(std::string(error.what()), dir_ / "missing/m" +
                                           " cannot be written. [MN-P05]\n"
                                           "  evidence: open: No such file or directory (errno 2)\n"
                                           "  remedy:   mkdir -p " +
                                           dir_ / "missing" +
                                           "\n"
                                           "  effect:   nothing was written");
}

TEST_F(ModelFile, RefusesOtherSafetensors) {
  file_.metadata.erase("minnow.architecture");
  const auto error = expect_error("is no minnow model: it does not say its architecture");
  EXPECT_NE(error.evidence().find("a safetensors file of 3 tensors"), std::string::npos);
}

TEST_F(ModelFile, RefusesAnUnknownLayer) {
  replace("relu", "conv");
  EXPECT_NE(expect_error("layer 1 is of the unknown type \"conv\"").remedy(), "");
}

TEST_F(ModelFile, RefusesMissingAndSuperfluousTensors) {
  auto taken = file_.tensors.extract("0.bias");
  EXPECT_EQ(expect_error("tensor \"0.bias\" is missing").evidence(), "layer 0 is dense");
  file_.tensors.insert(std::move(taken));
  file_.tensors["1.bias"] = counting({3});
  expect_error("tensor \"1.bias\" belongs to no layer");
}

TEST_F(ModelFile, RefusesWrongShapesAndTypes) {
  const Tensor weight = file_.tensors.at("0.weight");
  file_.tensors["0.weight"] = weight.reshape({4, 3});
  expect_error("tensor \"0.weight\" has shape (4, 3) of f32, its layer needs (3, 4) of f32");
  file_.tensors["0.weight"] = counting({3, 4}, minnow::DType::i32);
  expect_error("tensor \"0.weight\" has shape (3, 4) of i32");
  file_.tensors["0.weight"] = weight;
  file_.tensors["0.bias"] = counting({3, 1});
  expect_error("tensor \"0.bias\" has shape (3, 1)");
}

TEST_F(ModelFile, RefusesWeightsThatAreNotFinite) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    Tensor weight = counting({2, 3});
    weight.mutable_data<float>()[4] = bad;
    file_.tensors["2.weight"] = weight;
    expect_error("element 4 of weight \"2.weight\" is ");
  }
}

TEST_F(ModelFile, RefusesOtherArchitectures) {
  const std::string valid = file_.metadata.at("minnow.architecture");
  const struct {
    std::string from, to, message;
  } cases[] = {
      {valid, "", "its architecture is no JSON"},
      {valid, "{", "its architecture is no JSON"},
      {valid, valid + std::string(1, '\0') + "x", "its architecture is no JSON"},
      {valid, "[]", "lacks \"format\""},
      {valid, "{}", "lacks \"format\""},
      {valid, std::string(100000, '['), "nested too deeply"},
      {"\"format\":1", "\"format\":2", "its architecture has format 2"},
      {"\"format\":1", "\"format\":\"1\"", "\"format\" in its architecture is no 64-bit integer"},
      {"\"inputs\":4", "\"inputs\":4.0", "\"inputs\" in its architecture is no 64-bit integer"},
      {"\"inputs\":4", "\"inputs\":0", "has shape (3, 4) of f32, its layer needs (3, 0)"},
      {"\"inputs\":4", "\"inputs\":-4", "needs (3, -4)"},
      {"\"inputs\":4", "\"inputs\":9223372036854775807", "needs (3, 9223372036854775807)"},
      {"\"inputs\":4", "\"inputs\":9223372036854775808", "no 64-bit integer"},
      {"\"inputs\"", "\"input s\"", "lacks \"inputs\""},
      {"\"seed\":7", "\"seed\":-7", "no unsigned 64-bit integer"},
      {"\"seed\":7", "\"seed\":null", "no unsigned 64-bit integer"},
      {"\"offset\":[0.0]", "\"offset\":0.0", "the input transform's offset"},
      {"\"offset\":[0.0]", "\"offset\":[]", "offset has 0 values"},
      {"\"offset\":[0.0]", "\"offset\":[0,0]", "offset has 2 values"},
      {"\"offset\":[0.0]", "\"offset\":[1e60]", "offset is not finite"},
      {"\"offset\":[0.0]", "\"offset\":[1e999]", "is no JSON"},
      {"\"scale\":[1.0]", "\"scale\":[\"1\"]", "scale is not finite"},
      {"\"scale\":[1.0]", "\"scale\":{\"a\":1}", "the input transform's scale"},
      {"\"input\":", "\"output\":", "lacks \"input\""},
      {"\"layers\":", "\"layer\":", "lacks \"layers\""},
      {"\"type\":\"relu\"", "\"type\":1", "layer 1 of its architecture has no type or no config"},
      {"\"config\":{}", "\"config\":[]", "layer 1 of its architecture has no type or no config"},
      {"\"units\":3", "\"units\":3.5", "a dense layer of 3.5 units cannot be made"},
      {"\"units\":3", "\"units\":1e300", "a dense layer of 1e+300 units cannot be made"},
      {"\"units\":3", "\"units\":\"3\"", "\"units\" in its architecture is no number"},
      {"\"config\":{}", "\"config\":{\"parameter\":1}", "the parameter of relu is 1"},
      {"\"type\":\"relu\"", "\"type\":\"relu(1)\"", "the parameter of relu is (1)"},
      {"\"type\":\"relu\",\"config\":{}", "\"type\":\"elu\",\"config\":{\"parameter\":-1}",
       "the parameter of elu is -1"},
      {"\"type\":\"relu\"", "\"type\":\"custom\"", "layer 1 is of the unknown type"},
      {"\"units\":3", "\"units\":0", ""},
      {"\"units\":3", "\"units\":-3", ""},
      {"\"units\":3", "\"units\":1000000000000", "needs (1000000000000, 4)"},
      {"\"units\":3", "\"unit\":3", ""},
  };
  for (const auto& bad : cases) {
    SCOPED_TRACE(bad.to.substr(0, 80));
    file_.metadata["minnow.architecture"] = valid;
    replace(bad.from, bad.to);
    expect_error(bad.message);
  }
  file_.metadata["minnow.architecture"] =
      R"({"format":1,"inputs":4,"seed":7,"layers":[],"input":{"offset":[0],"scale":[1]}})";
  expect_error("tensor \"0.bias\" belongs to no layer");
  file_.tensors.clear();
  expect_error("is no minnow model");
}

TEST_F(ModelFile, EveryTruncationAndEveryFlipIsHandled) {
  const auto read_it = [](const std::string& path) { load_model(path); };
  expect_every_truncation_fails(path_, read_it);
  EXPECT_GT(expect_every_flip_is_handled(path_, read_it), 1000);
}

TEST_F(ModelFile, AFailedSaveLeavesTheOldModel) {
  const auto error = expect_throw<minnow::IoError>(
      [&] { save_model(make_model(), dir_ / "missing/model.safetensors"); });
  EXPECT_EQ(error.code(), minnow::Code("MN-P05"));
  EXPECT_EQ(error.action(), minnow::IoError::Action::open_output);
  EXPECT_NO_THROW(load_model(path_));
}

}  // namespace
