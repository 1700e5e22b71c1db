#include <minnow/base/allocation_failure.h>
#include <minnow/error.h>
#include <minnow/model_file.h>
#include <minnow/output_file.h>
#include <minnow/safetensors.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "fail.h"
#include "safetensors_header.h"

namespace minnow {
namespace {

using nlohmann::json;

constexpr std::int64_t kFormat = 1;
constexpr std::int64_t kHeaderStart = 8;  // where a safetensors file says all this
constexpr std::string_view kKind = "minnow model";
constexpr const char* kFormatKey = "format";
constexpr const char* kVersionKey = "minnow.version";
constexpr const char* kArchitectureKey = "minnow.architecture";

struct Architecture {
  std::int64_t inputs = 0;
  std::vector<LayerPtr> layers;
  ModelOptions options;
};

/// Floats as doubles: 17 digits bring every float back exactly.
std::string json_list(const std::string& what, const std::vector<float>& values) {
  std::string list;
  for (const float value : values) {
    if (!std::isfinite(value)) {
      fail_argument("MN-N04", cat("the input transform's ", what, " has the value ", value,
                                  ", which no file can hold."));
    }
    list += cat(list.empty() ? "[" : ",", json(static_cast<double>(value)).dump());
  }
  return list + "]";
}

/// A whole number as one: 128 and not 128.0.
std::string number_text(const std::string& key, double number) {
  if (!std::isfinite(number)) {
    fail_argument("MN-N04",
                  cat("a layer's ", key, " has the value ", number, ", which no file can hold."));
  }
  const bool whole = std::trunc(number) == number && std::abs(number) < 0x1p53;
  return whole ? cat(static_cast<std::int64_t>(number)) : json(number).dump();
}

/// Not by a tree of JSON: when memory runs out, the destructor of one allocates, and that aborts.
std::string architecture_of(const Model& model) {
  std::string layers;
  for (const LayerPtr& layer : model.layers()) {
    std::string config;
    for (const auto& [key, number] : layer->config()) {
      config += cat(config.empty() ? "" : ",", json_text(key), ":", number_text(key, number));
    }
    layers += cat(layers.empty() ? "" : ",", R"({"type":)", json_text(layer->type()),
                  R"(,"config":{)", config, "}}");
  }
  const ModelOptions& options = model.options();
  return cat(R"({"format":)", kFormat, R"(,"inputs":)", model.inputs(), R"(,"seed":)", options.seed,
             R"(,"layers":[)", layers, R"(],"input":{"offset":)",
             json_list("offset", options.input.offset), R"(,"scale":)",
             json_list("scale", options.input.scale), "}}");
}

/// read_model() refuses such a model, and it would take the place of a good one.
void require_finite(const std::string& name, const Tensor& weight) {
  const auto values = weight.data<float>();
  const auto bad =
      std::ranges::find_if_not(values, [](float value) { return std::isfinite(value); });
  if (bad == values.end()) return;
  throw InvalidArgument(
      {.code = "MN-N04",
       .what = cat("element ", bad - values.begin(), " of weight ", in_quotes(name), " is ", *bad,
                   ": the model was not saved."),
       .evidence = cat("it has shape ", weight.shape().str()),
       .remedy = "lower the learning rate, or scale the inputs and targets to about 1",
       .effect = "nothing was written: a model that was there is as it was"});
}

/// All that the file will hold; the weights are not copied.
SafeTensors contents_of(const Model& model, const std::map<std::string, std::string>& metadata) {
  SafeTensors file{.tensors = {}, .metadata = metadata};
  for (const char* key : {kFormatKey, kVersionKey, kArchitectureKey}) {
    if (!file.metadata.contains(key)) continue;
    fail_argument("MN-U01", cat("metadata ", in_quotes(key), " is minnow's own."), {},
                  "use another key");
  }
  file.metadata[kFormatKey] = "pt";
  file.metadata[kVersionKey] = MINNOW_VERSION;
  file.metadata[kArchitectureKey] = architecture_of(model);
  for (const std::string& name : model.weight_names()) {
    const Tensor& weight = file.tensors[name] = model.weight_view(name);
    require_finite(name, weight);
  }
  return file;
}

/// Reads the architecture; whatever is not as architecture_of() writes it is a FormatError.
class Reader {
 public:
  Reader(const std::string& path, const LayerFactory& make_layer)
      : path_(path), make_layer_(make_layer) {}

  Architecture read(const std::string& text) const;
  /// That the file has the layers' tensors and nothing else. Nothing of the model is allocated yet,
  /// so a file of a few bytes cannot ask for gigabytes.
  void check_tensors(const Architecture& architecture, const SafeTensors& file) const;

  [[noreturn]] void fail(std::string_view why, std::string evidence = {},
                         std::string remedy = {}) const {
    fail_foreign(path_, kHeaderStart, kKind, why, std::move(evidence), std::move(remedy));
  }

 private:
  const json& member(const json& object, const char* key) const {
    if (!object.is_object() || !object.contains(key)) {
      fail(cat("its architecture lacks ", in_quotes(key)));
    }
    return object[key];
  }
  std::int64_t integer(const json& object, const char* key) const;
  std::vector<float> floats(const json& object, const char* key, std::int64_t inputs) const;
  LayerPtr layer(std::size_t index, const json& description) const;

  const std::string& path_;
  const LayerFactory& make_layer_;
};

std::int64_t to_integer(const Reader& reader, const json& value, std::string_view name) {
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX);
  if (!fits) reader.fail(cat(in_quotes(name), " in its architecture is no 64-bit integer"));
  return value.get<std::int64_t>();
}

std::int64_t Reader::integer(const json& object, const char* key) const {
  return to_integer(*this, member(object, key), key);
}

std::vector<float> Reader::floats(const json& object, const char* key, std::int64_t inputs) const {
  const json& list = member(object, key);
  const auto size = static_cast<std::int64_t>(list.size());
  if (!list.is_array() || (size != 1 && size != inputs)) {
    fail(cat("the input transform's ", key, " has ", size, " values"),
         cat("1 or ", inputs, " are expected, one per input"));
  }
  std::vector<float> values;
  for (const json& value : list) {
    values.push_back(value.is_number() ? static_cast<float>(value.get<double>()) : NAN);
    if (!std::isfinite(values.back())) fail(cat("the input transform's ", key, " is not finite"));
  }
  return values;
}

LayerPtr Reader::layer(std::size_t index, const json& description) const {
  const json& type = member(description, "type");
  const json& config = member(description, "config");
  if (!type.is_string() || !config.is_object()) {
    fail(cat("layer ", index, " of its architecture has no type or no config"));
  }
  std::map<std::string, double> numbers;
  for (const auto& [key, value] : config.items()) {
    if (!value.is_number()) fail(cat(in_quotes(key), " in its architecture is no number"));
    numbers[key] = value.get<double>();
  }
  LayerPtr made = make_layer_(type.get_ref<const std::string&>(), numbers);
  if (made == nullptr) {
    fail(cat("layer ", index, " is of the unknown type ",
             in_quotes(type.get_ref<const std::string&>())),
         {}, "read it with the version of minnow, and the layers, that wrote it");
  }
  return made;
}

Architecture Reader::read(const std::string& text) const {
  const auto shallow = [this](int depth, json::parse_event_t, json&) {
    if (depth > 8) fail("its architecture is nested too deeply");
    return true;
  };
  // The parser would take a NUL for the end.
  if (text.find('\0') != std::string::npos) fail("its architecture is no JSON");
  json root;
  try {
    root = json::parse(text, shallow);
  } catch (const json::exception& error) {
    fail("its architecture is no JSON", in_quotes(error.what(), 200));
  }
  const std::int64_t format = integer(root, "format");
  if (format != kFormat) {
    fail(cat("its architecture has format ", format), cat("this version reads format ", kFormat),
         "read it with the version of minnow that wrote it");
  }
  Architecture result;
  result.inputs = integer(root, "inputs");
  const json& seed = member(root, "seed");
  if (!seed.is_number_unsigned()) fail("its seed is no unsigned 64-bit integer");
  result.options.seed = seed.get<std::uint64_t>();
  const json& input = member(root, "input");
  result.options.input.offset = floats(input, "offset", result.inputs);
  result.options.input.scale = floats(input, "scale", result.inputs);
  const json& layers = member(root, "layers");
  if (!layers.is_array()) fail("its layers are no list");
  for (const json& description : layers) {
    result.layers.push_back(layer(result.layers.size(), description));
  }
  return result;
}

void Reader::check_tensors(const Architecture& architecture, const SafeTensors& file) const {
  std::set<std::string> expected;
  std::int64_t features = architecture.inputs;
  for (std::size_t index = 0; index < architecture.layers.size(); ++index) {
    const Layer& layer = *architecture.layers[index];
    for (const ParameterSpec& spec : layer.parameters(features)) {
      const std::string name = cat(index, ".", spec.name);
      const auto found = file.tensors.find(name);
      if (found == file.tensors.end()) {
        fail(cat("tensor ", in_quotes(name), " is missing"),
             cat("layer ", index, " is ", layer.type()));
      }
      const Tensor& tensor = found->second;
      const std::vector<std::int64_t> extents =
          spec.rank == 1 ? std::vector{spec.cols} : std::vector{spec.rows, spec.cols};
      if (tensor.shape().extents() != extents || tensor.dtype() != DType::f32) {
        std::string wanted;
        for (const std::int64_t extent : extents) {
          wanted += cat(wanted.empty() ? "" : ", ", extent);
        }
        fail(cat("tensor ", in_quotes(name), " has shape ", tensor.shape().str(), " of ",
                 name_of(tensor.dtype()), ", its layer needs (", wanted, ") of f32"));
      }
      expected.insert(name);
    }
    features = layer.outputs(features);
  }
  for (const auto& [name, tensor] : file.tensors) {
    if (!expected.contains(name)) fail(cat("tensor ", in_quotes(name), " belongs to no layer"));
  }
}

}  // namespace

void save_model(const Model& model, const std::string& path,
                const std::map<std::string, std::string>& metadata) try {
  write_safetensors(path, contents_of(model, metadata));
} catch (const std::bad_alloc&) {
  throw_allocation_failed("saving a model");
}

void check_save(const Model& model, const std::string& path,
                const std::map<std::string, std::string>& metadata) try {
  check_output(path, lay_out_safetensors(contents_of(model, metadata)).bytes);
} catch (const std::bad_alloc&) {
  throw_allocation_failed("trying the place of a model");
}

Model read_model(const std::string& path, const LayerFactory& make_layer) {
  const SafeTensors file = read_safetensors(path);
  const Reader reader(path, make_layer);
  const auto architecture = file.metadata.find(kArchitectureKey);
  if (architecture == file.metadata.end()) {
    reader.fail("it does not say its architecture",
                cat("a safetensors file of ", file.tensors.size(), " tensors without \"",
                    kArchitectureKey, "\" in its metadata"),
                "make the Model in your program and give it the tensors of read_safetensors()");
  }
  try {
    Architecture parts = reader.read(architecture->second);
    reader.check_tensors(parts, file);
    Model model(parts.inputs, std::move(parts.layers), std::move(parts.options));
    for (const auto& [name, tensor] : file.tensors) model.set_weight(name, tensor);
    return model;
  } catch (const FormatError&) {
    throw;
  } catch (const ResourceExhausted&) {
    throw;
  } catch (const Error& error) {  // a value that a layer or the model refuses
    std::string cause = error.cause();
    if (cause.ends_with('.')) cause.pop_back();
    reader.fail(cause, error.evidence());
  }
}

}  // namespace minnow
