#include <minnow/layer.h>

namespace minnow {

Layer::~Layer() = default;
Loss::~Loss() = default;
Optimizer::~Optimizer() = default;

std::vector<ParameterSpec> Layer::parameters(std::int64_t) const { return {}; }
std::map<std::string, double> Layer::config() const { return {}; }

std::int64_t Loss::classes(std::int64_t outputs) const { return classification() ? outputs : 0; }

}  // namespace minnow
