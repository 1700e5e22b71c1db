// --layers: every activation of the library, and what is said of a word that is none.

#include <minnow/minnow.h>

#include <cmath>

#include "expect.h"
#include "terminal/nearest.h"

namespace minnow::test {
namespace {

void write_wave(const Place& place) {
  std::vector<std::vector<double>> x;
  std::vector<std::vector<double>> y;
  for (int i = 0; i < 64; ++i) {
    x.push_back({std::sin(0.7 * i), std::cos(1.3 * i)});
    y.push_back({std::sin(0.7 * i) * std::cos(1.3 * i)});
  }
  place.write("x.csv", csv(x));
  place.write("y.csv", csv(y));
}

TEST(Layers, EveryActivationTrainsAndIsLoadedAgain) {
  const Place place;
  write_wave(place);
  const Tensor x = read_csv(place / "x.csv");
  for (const auto& traits : kActivations.entries) {
    if (traits.kind == ActivationKind::identity) continue;
    std::string word(traits.name);
    if (traits.has_parameter) word += "(0.2)";
    SCOPED_TRACE(word);
    const auto outcome = run(place, {"train", "--x=x.csv", "--y=y.csv", "--epochs=5", "--lr=0.01",
                                     "--layers=8," + word + ",1", "--out=m.safetensors"});
    ASSERT_EQ(outcome.exit, 0) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, std::string(traits.name) + "_1 "));
    Model model = load_model(place / "m.safetensors");
    Model other(2, {dense(8), activation(*parse_activation(word)), dense(1)});
    for (const auto& name : model.weight_names()) other.set_weight(name, model.weight(name));
    Trainer trainer(other, mse(), sgd(), open("cpu"));
    const Tensor expected = trainer.predict(x);
    const auto lines = lines_of(run(place, {"predict", "--model=m.safetensors", "--x=x.csv"}).out);
    ASSERT_EQ(lines.size(), 64U);
    for (std::size_t row = 0; row < lines.size(); ++row) {
      EXPECT_EQ(std::stof(lines[row]), expected.data<float>()[row]);
    }
  }
}

TEST(Layers, AParameterChangesTheModelAndIsKept) {
  const Place place;
  write_wave(place);
  std::string outputs[2];
  for (const int i : {0, 1}) {
    const auto outcome =
        run(place, {"train", "--x=x.csv", "--y=y.csv", "--epochs=3", "--out=m.safetensors",
                    i == 0 ? "--layers=8,leaky_relu(0.2),1" : "--layers=8,leaky_relu,1"});
    ASSERT_EQ(outcome.exit, 0) << outcome.err;
    outputs[i] = run(place, {"predict", "--model=m.safetensors", "--x=x.csv"}).out;
    const auto metadata = read_safetensors(place / "m.safetensors").metadata;
    EXPECT_TRUE(contains(metadata.at("minnow.architecture"),
                         i == 0 ? "{\"parameter\":0.2" : "{\"parameter\":0.0"));
  }
  EXPECT_NE(outputs[0], outputs[1]);
}

TEST(Layers, AWordThatIsNone) {
  struct Case {
    std::string layers, message, remedy;
  };
  const std::string kNames =
      "There are numbers of units (1 or more), relu, leaky_relu, elu, sigmoid, tanh, softplus, "
      "silu, gelu, softmax, with commas between: --layers=128,relu,10,softmax";
  const Case cases[] = {
      {"10,gleu,1", "--layers=10,gleu,1: \"gleu\" is no layer.", "did you mean gelu? " + kNames},
      {"10,ReLU,1", "\"ReLU\" is no layer.", "did you mean relu? " + kNames},
      {"10,leakyrelu(0.1),1", "\"leakyrelu(0.1)\" is no layer.", "did you mean leaky_relu? "},
      {"10,sofmax", "\"sofmax\" is no layer.", "did you mean softmax? "},
      {"10,maxout,1", "\"maxout\" is no layer.", "remedy:   " + kNames},
      {"10,0,1", "\"0\" is no layer.", "remedy:   " + kNames},
      {"10,leaky_relu(-1),1", "--layers=10,leaky_relu(-1),1: the parameter of leaky_relu is ",
       "leaky_relu(0.01)"},
      {"10,leaky_relu(x),1", "the parameter of leaky_relu is ", "leaky_relu(0.01)"},
      {"10,elu(1,1", "the parameter of elu is ", "elu(1)"},
      {"10,elu(inf),1", "the parameter of elu is ", "elu(1)"},
      {"10,tanh(2),1", "--layers=10,tanh(2),1: the parameter of tanh is ",
       "give none: it has no parameter"},
  };
  const Place place;
  for (const auto& [layers, message, remedy] : cases) {
    SCOPED_TRACE(layers);
    const auto outcome = run(place, {"train", "--dataset=toy", "--layers=" + layers});
    expect_failure(outcome, 64, message);
    EXPECT_TRUE(contains(outcome.err, remedy));
    EXPECT_TRUE(place.empty());
  }
}

TEST(Layers, TheNearestNameIsWithinTwoChanges) {
  const std::vector<std::string> names = {"relu", "elu", "tanh", "leaky_relu"};
  EXPECT_EQ(command::did_you_mean("tahn", names), "did you mean tanh? ");   // swapped
  EXPECT_EQ(command::did_you_mean("rel", names), "did you mean relu? ");    // left out
  EXPECT_EQ(command::did_you_mean("tannh", names), "did you mean tanh? ");  // added
  EXPECT_EQ(command::did_you_mean("Leaky-Relu", names), "did you mean leaky_relu? ");
  EXPECT_EQ(command::did_you_mean("ralu", names), "did you mean relu? ");  // not elu
  EXPECT_EQ(command::did_you_mean("linear", names), "");
  EXPECT_EQ(command::did_you_mean("xy", names), "");
  EXPECT_EQ(command::did_you_mean("", names), "");
  EXPECT_EQ(command::did_you_mean(std::string(1 << 20, 'r'), names), "");
}

}  // namespace
}  // namespace minnow::test
