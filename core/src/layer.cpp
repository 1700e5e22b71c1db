#include <minnow/layer.h>

namespace minnow {

Layer::~Layer() = default;
Loss::~Loss() = default;
Optimizer::~Optimizer() = default;

std::vector<ParameterSpec> Layer::parameters(std::int64_t) const { return {}; }
std::map<std::string, std::int64_t> Layer::config() const { return {}; }

}  // namespace minnow
