#include "pricing/quote/job.h"

#include <cmath>

#include "base/error.h"
#include "results/document.h"
#include "results/edition/compute_unit.h"
#include "results/edition/model_flops.h"
#include "results/json_path.h"
#include "results/near_name.h"

namespace assay {

/// Generated: pricing/data/model-families.json.
std::string_view embedded_model_families(std::string_view file_name);

}  // namespace assay

namespace assay::pricing {

namespace {

using nlohmann::json;

constexpr int kFlopsPerParameter = 6;  // a multiply-add forward, two backward
constexpr double kWidthOverLayers = 128.0;
constexpr double kParametersOfWidthSquared = 12.0;  // attention 4, feed-forward 8

PublishedCount published_count(const json& fields) {
  return {fields.at("of").get<std::string>(), fields.at("count").get<std::string>(),
          fields.at("address").get<std::string>()};
}

ModelFamily family_from(const json& fields, const std::string& where) {
  ModelFamily family;
  family.named = model_from_json(fields.at("document"), where);
  for (const json& each : fields.at("sources")) {
    family.sources.push_back(
        {each.at("figures").get<std::string>(), each.at("address").get<std::string>()});
  }
  fields.at("head_is_embedding").get_to(family.head_is_embedding);
  for (const json& each : fields.at("published_parameters")) {
    family.published.push_back(published_count(each));
  }
  return family;
}

}  // namespace

std::vector<ModelFamily> model_families() {
  const std::string name = "model-families.json";
  const json document = parse_json(embedded_model_families(name), name);
  std::vector<ModelFamily> families;
  for (const json& one : document.at("families")) families.push_back(family_from(one, name));
  return families;
}

NamedModel model_from_json(const json& document, const std::string& where) {
  validate(document, "model", where);
  NamedModel named;
  named.name = document.at("name").get<std::string>();
  const json& source = document.at("source");
  if (!source.is_null()) named.source = source.get<std::string>();
  named.model = model_shape_from(document.at("model"));
  const std::string contradiction = shape_contradiction(named.model);
  if (!contradiction.empty()) {
    throw input_error(contradiction, where + ": /model", "check those fields");
  }
  return named;
}

NamedModel read_model(const std::string& name_or_path) {
  std::vector<std::string> names;
  for (ModelFamily& family : model_families()) {
    if (family.named.name == name_or_path) return std::move(family.named);
    names.push_back(family.named.name);
  }
  if (std::filesystem::is_regular_file(name_or_path)) {
    return model_from_json(parse_json(read_file(name_or_path), name_or_path), name_or_path);
  }
  const std::string near = near_name(name_or_path, names);
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  throw input_error("'" + excerpt(name_or_path) + "' is neither a known model nor a file",
                    "--model", near.empty() ? "known are: " + all : "did you mean '" + near + "'?");
}

Rational parse_count(std::string_view text, const std::string& where) {
  std::string_view digits = text;
  int exponent = 0;
  if (!text.empty()) {
    const std::size_t scale = std::string_view("KMBT").find(text.back());
    if (scale != std::string_view::npos) {
      exponent = 3 * (static_cast<int>(scale) + 1);
      digits.remove_suffix(1);
    }
  }
  const std::optional<Rational> value = decimal_of(digits);
  if (!value) {
    throw input_error("'" + excerpt(text) + "' is no count", where,
                      "write it like 7000000000, 7B or 1.5T");
  }
  Rational count = *value * Rational(power_of_ten(exponent));
  if (count <= 0 || denominator(count) != 1) {
    throw input_error(excerpt(text) + " is no whole number above 0", where,
                      "write it like 7000000000, 7B or 1.5T");
  }
  constexpr int kMostDigits = 18;
  if (count > Rational(power_of_ten(kMostDigits))) {
    throw input_error(excerpt(text) + " is above 10^18", where, "no such job is trained");
  }
  return count;
}

double estimated_width(const Rational& parameters) {
  return std::cbrt(parameters.convert_to<double>() * kWidthOverLayers / kParametersOfWidthSquared);
}

Job job_of_parameters(const Rational& parameters, const Rational& active, const Rational& tokens) {
  if (active > parameters) {
    throw input_error("more parameters are active than there are", "--active-parameters",
                      "of a mixture of experts, those that one token visits");
  }
  Job job;
  job.kind = JobKind::parameters;
  job.experts = active < parameters;
  job.name = job.experts ? "mixture of experts, by its parameters" : "dense, by its parameters";
  job.tokens = tokens;
  job.parameters = parameters;
  job.active_parameters = active;
  job.width = estimated_width(active);
  job.width_estimated = true;
  return job;
}

Job job_of_model(NamedModel model, const Rational& tokens) {
  Job job;
  job.kind = JobKind::model;
  job.name = model.name;
  job.tokens = tokens;
  job.active_parameters = matmul_parameters(model.model);
  job.experts = model.model.experts > 0;
  job.width = static_cast<double>(model.model.width);
  job.model = std::move(model);
  return job;
}

Job job_of_compute_units(const Rational& compute_units) {
  Job job;
  job.kind = JobKind::compute_units;
  job.name = "measured compute units";
  job.compute_units = compute_units;
  return job;
}

Rational model_flops(const Job& job) {
  switch (job.kind) {
    case JobKind::parameters:
      return kFlopsPerParameter * job.active_parameters * job.tokens;
    case JobKind::model:
      return Rational(model_flops_per_token(job.model->model)) * job.tokens;
    case JobKind::compute_units:
      return job.compute_units * Rational(Integer(kFlopsPerComputeUnit));
  }
  return 0;
}

}  // namespace assay::pricing
