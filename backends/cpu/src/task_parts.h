#pragma once

// What the files that make tasks share.

#include <memory>
#include <utility>
#include <vector>

#include "tasks.h"

namespace minnow::cpu {

template <class Function>
class FunctionTask final : public Task {
 public:
  explicit FunctionTask(Function function) : function_(std::move(function)) {}
  void run(int worker, int workers) noexcept override { function_(worker, workers); }

 private:
  Function function_;
};

template <class Function>
std::unique_ptr<Task> task(Function function) {
  return std::make_unique<FunctionTask<Function>>(std::move(function));
}

inline std::vector<std::unique_ptr<Task>> one(std::unique_ptr<Task> only) {
  std::vector<std::unique_ptr<Task>> tasks;
  tasks.push_back(std::move(only));
  return tasks;
}

std::unique_ptr<Task> make_linear(const TaskContext& context, const Op& op);
std::unique_ptr<Task> make_linear_input_grad(const TaskContext& context, const Op& op);
std::unique_ptr<Task> make_linear_weight_grad(const TaskContext& context, const Op& op);
std::unique_ptr<Task> make_eigen_linear(const TaskContext& context, const Op& op);
std::unique_ptr<Task> make_eigen_linear_input_grad(const TaskContext& context, const Op& op);
std::unique_ptr<Task> make_eigen_linear_weight_grad(const TaskContext& context, const Op& op);
std::unique_ptr<Task> make_bias_grad(const TaskContext& context, const Op& op);
std::vector<std::unique_ptr<Task>> make_bf16_product(const TaskContext& context, const Op& op);
std::vector<std::unique_ptr<Task>> make_loss(const TaskContext& context, const Op& op);

}  // namespace minnow::cpu
