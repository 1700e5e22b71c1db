#pragma once

// The specification of every op: a naive interpreter of Program in double precision.

#include <minnow/program.h>

#include <vector>

namespace minnow::testing {

using Numbers = std::vector<double>;

struct ReferenceResult {
  std::vector<Numbers> values;  // by ValueId, dense row-major
  double loss = 0;
  double correct = 0;
};

/// `given`: inputs, parameters and what each gather gives, by ValueId.
ReferenceResult interpret(const Program& program, std::vector<Numbers> given);

/// One update of `p` by the rule; `states` are m and v, or the velocity. t counts from 1.
void reference_update(OpKind kind, const UpdateRule& rule, double rate, std::int64_t t,
                      const Numbers& g, Numbers& p, std::vector<Numbers>& states);

}  // namespace minnow::testing
