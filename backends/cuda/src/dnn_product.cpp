#include "dnn_product.h"

#include <minnow/base/text.h>

#include <utility>

namespace minnow::cuda {

DnnProduct::DnnProduct(const Cudnn& cudnn, const DnnRequest& request)
    : cudnn_(&cudnn),
      request_(request),
      graph_(cudnn.calls(), cudnn.handle(), request),
      pack_(cudnn.calls(), CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR) {
  pack_.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, graph_.ids());
  pack_.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, graph_.data());
  pack_.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, request.workspace);
  pack_.finalize();
}

bool DnnProduct::make_plan(const DnnDescriptor& config, std::string& refusal) {
  const DnnCalls& calls = cudnn_->calls();
  DnnDescriptor plan(calls, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, cudnn_->handle());
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
  if (!plan.finalize_if_supported(refusal)) return false;
  std::int64_t count = 0;
  calls.check(calls.get(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1,
                        &count, &workspace_bytes_),
              "cudnnBackendGetAttribute");
  if (workspace_bytes_ > request_.workspace_bytes) {
    refusal = cat("cuDNN's plan wants ", workspace_bytes_, " bytes of workspace, there are ",
                  request_.workspace_bytes);
    return false;
  }
  plan_ = std::move(plan);
  return true;
}

bool DnnProduct::choose(std::string& refusal) {
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (DnnDescriptor& config : graph_.engine_configs(mode, refusal)) {
      if (!make_plan(config, refusal)) continue;
      config_ = std::move(config);
      refusal.clear();
      return true;
    }
  }
  return false;
}

std::optional<DnnProduct> DnnProduct::find(const Cudnn& cudnn, const DnnRequest& request,
                                           Precision precision, std::string& refusal) {
  if (precision == Precision::fp32) {
    refusal = "cuDNN computes products of float32 on tensor cores";
    return std::nullopt;
  }
  DnnProduct product(cudnn, request);
  if (!product.choose(refusal)) return std::nullopt;
  return product;
}

void DnnProduct::run(cudaStream_t stream) const {
  const DnnCalls& calls = cudnn_->calls();
  cudnn_->use(stream);
  calls.check(calls.execute(cudnn_->handle(), plan_->get(), pack_.get()), "cudnnBackendExecute");
}

std::string DnnProduct::describe() const {
  const bool bias = request_.bias.data != nullptr || request_.bias_grad.data != nullptr;
  const bool relu = request_.relu || request_.below.data != nullptr;
  const bool gradient = request_.kind == DnnRequest::Kind::input_grad;
  if (!bias && !relu) return "cuDNN graph";
  return cat("cuDNN graph, ", bias ? "bias" : "", bias && relu ? " and " : "", relu ? "ReLU" : "",
             gradient ? " gradient" : "", " fused");
}

}  // namespace minnow::cuda
