#pragma once

// What the fragments in the documents speak of without making it.

#include <minnow/minnow.h>

#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

inline void log(const std::string& text) { std::fprintf(stderr, "  %s\n", text.c_str()); }

struct Given {
  minnow::Tensor x{{100, 10}};
  minnow::Tensor y{{100, 1}};
  std::vector<float> features = std::vector<float>(10, 0.5F);
  minnow::Device device = minnow::open("cpu");
  minnow::Model model{10, {minnow::dense(4), minnow::relu(), minnow::dense(1)}, {.seed = 1}};
  minnow::Trainer trainer{model, minnow::mse(), minnow::adam(), device};

  Given() {
    int i = 0;
    for (float& value : x.mutable_data<float>()) value = static_cast<float>(i++ % 7) / 7.0F;
    for (float& value : y.mutable_data<float>()) value = static_cast<float>(i++ % 5) / 5.0F;
  }
};
