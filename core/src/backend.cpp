#include <minnow/backend.h>

namespace minnow {

Arena::~Arena() = default;
DeviceData::~DeviceData() = default;
Executable::~Executable() = default;
Backend::~Backend() = default;

}  // namespace minnow
