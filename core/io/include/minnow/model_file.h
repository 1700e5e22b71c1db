#pragma once

/// Models as safetensors files: PyTorch's names and layout, so `load_state_dict` takes them; the
/// architecture and the input transform are a JSON string in the metadata.
///
///     minnow::save_model(model, "model.safetensors");
///     minnow::Model model = minnow::load_model("model.safetensors");   // <minnow/layers.h>

#include <minnow/export.h>
#include <minnow/model.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace minnow {

/// Replaces the file atomically. `metadata` is stored beside minnow's own ("loss", "optimizer").
/// @throws InvalidArgument for what read_model() would refuse: a weight that is not finite, a text
/// that is not UTF-8, more than 16 GiB; ResourceExhausted, IoError. The old file is then as it was.
MINNOW_API void save_model(const Model& model, const std::string& path,
                           const std::map<std::string, std::string>& metadata = {});
/// Throws, before a long training, what save_model() would throw now, and leaves all as it was: see
/// check_output().
MINNOW_API void check_save(const Model& model, const std::string& path,
                           const std::map<std::string, std::string>& metadata = {});

/// Makes a layer from its type() and config(); null for a type it does not know.
using LayerFactory =
    std::function<LayerPtr(std::string_view type, const std::map<std::string, double>& config)>;
/// @throws IoError; FormatError for a file that is no minnow model, an unknown layer, a missing or
/// superfluous tensor, a wrong shape, a value that is not finite.
MINNOW_API Model read_model(const std::string& path, const LayerFactory& make_layer);

}  // namespace minnow
