#include "train/recipes.h"

#include <algorithm>
#include <vector>

namespace minnow::command {
namespace {

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> kRecipes = {
      {.dataset = "toy", .layers = "10,relu,1", .epochs = 2},
      {.dataset = "fashion-mnist", .layers = "128,relu,10,softmax", .reference = "87-89%"},
      {.dataset = "digits",
       .layers = "64,relu,10,softmax",
       .epochs = 30,
       .reference = "97.4+-0.3%"},
      {.dataset = "iris",
       .layers = "16,relu,3,softmax",
       .epochs = 100,
       .learning_rate = 0.01,
       .reference = "94.7+-5.8%"},
      {.dataset = "wine",
       .layers = "16,relu,3,softmax",
       .epochs = 50,
       .learning_rate = 0.003,
       .reference = "98.9+-2.2%"},
      {.dataset = "breast_cancer",
       .layers = "16,relu,2,softmax",
       .epochs = 30,
       .reference = "97.5+-1.0%"},
      {.dataset = "diabetes",
       .layers = "32,relu,1",
       .epochs = 50,
       .learning_rate = 0.01,
       .reference = "rmse 57.5+-2.7"},
      {.dataset = "friedman1",
       .layers = "64,relu,1",
       .epochs = 100,
       .learning_rate = 0.003,
       .reference = "rmse 1.46, the noise alone is 1"},
  };
  return kRecipes;
}

}  // namespace

Recipe recipe_of(const std::string& dataset) {
  const auto& all = recipes();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Recipe& recipe) { return recipe.dataset == dataset; });
  return found == all.end() ? Recipe{} : *found;
}

}  // namespace minnow::command
