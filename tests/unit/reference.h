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

/// One update of `p`, a parameter of this rank, written out for each rule and not through its own
/// arithmetic; `states` are what the rule keeps, in its order. `step` counts from 1.
void reference_update(const UpdateRule& rule, double rate, std::int64_t step, int rank,
                      const Numbers& g, Numbers& p, std::vector<Numbers>& states);

}  // namespace minnow::testing
