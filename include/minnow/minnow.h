#pragma once

/// Everything: open a device, build a model, train it, save it.

#include <minnow/csv.h>
#include <minnow/device_report.h>
#include <minnow/error.h>
#include <minnow/error_codes.h>
#include <minnow/idx.h>
#include <minnow/layers.h>
#include <minnow/losses.h>
#include <minnow/model.h>
#include <minnow/model_file.h>
#include <minnow/npy.h>
#include <minnow/open.h>
#include <minnow/optimizers.h>
#include <minnow/output_file.h>
#include <minnow/safetensors.h>
#include <minnow/standardize.h>
#include <minnow/tensor.h>
#include <minnow/trainer.h>
