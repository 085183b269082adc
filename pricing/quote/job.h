#pragma once
/// What is to be quoted: a training job, and the model FLOPs it takes.
///
///   parameters and tokens   6 · A · D: A parameters that multiply a token (of a mixture of
///                           experts, those active; Kaplan et al., arXiv 2001.08361, section 2.1,
///                           without attention's own products)
///   a model's configuration model_flops_per_token · D (results/edition/model_flops.h): exactly the
///                           count that the compute unit is frozen with
///   compute units           3.6e18 FLOPs each, of the basket's mix
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pricing/rational.h"
#include "results/edition/basket.h"

namespace assay::pricing {

/// A model as people name it: assay.model, or one of the families built in.
struct NamedModel {
  std::string name;
  std::string source;  ///< empty: the user's own
  BasketModel model;
};

/// Where figures of a configuration were found.
struct FigureSource {
  std::string figures;  ///< which ones
  std::string address;
};

/// A count of parameters as its publisher prints it.
struct PublishedCount {
  std::string of;     ///< "all"; "active", that a token visits; "layers", without any embedding
  std::string count;  ///< "8.03B", for parse_count
  std::string address;
};

struct ModelFamily {
  NamedModel named;
  std::vector<FigureSource> sources;
  bool head_is_embedding = false;         ///< one matrix for both
  std::vector<PublishedCount> published;  ///< what the configuration must give, within rounding
};

/// Llama, Mixtral and others (pricing/data/model-families.json).
[[nodiscard]] std::vector<ModelFamily> model_families();

/// A family's name, or the path of an assay.model document. Errors: input_error naming the nearest
/// family, or the field.
[[nodiscard]] NamedModel read_model(const std::string& name_or_path);
[[nodiscard]] NamedModel model_from_json(const nlohmann::json& document, const std::string& where);

/// "7000000000", "7B", "1.5T": K, M, B and T are 10^3, 10^6, 10^9 and 10^12. Errors: input_error
/// naming `where`; a count is a whole number above 0.
[[nodiscard]] Rational parse_count(std::string_view text, const std::string& where);

enum class JobKind { parameters, model, compute_units };

struct Job {
  JobKind kind = JobKind::parameters;
  std::string name;
  Rational tokens;                  ///< 0 for compute units
  Rational parameters;              ///< all of them
  Rational active_parameters;       ///< that multiply a token
  std::optional<NamedModel> model;  ///< of JobKind::model
  Rational compute_units;           ///< of JobKind::compute_units
  bool experts = false;
  double width = 0.0;  ///< of the residual stream; 0 for compute units
  bool width_estimated = false;
};

/// `active` of a dense model is `parameters`. Errors: input_error where more are active than there
/// are.
[[nodiscard]] Job job_of_parameters(const Rational& parameters, const Rational& active,
                                    const Rational& tokens);
[[nodiscard]] Job job_of_model(NamedModel model, const Rational& tokens);
[[nodiscard]] Job job_of_compute_units(const Rational& compute_units);

[[nodiscard]] Rational model_flops(const Job& job);

/// The width of a dense transformer with `parameters` in its layers: N = 12·L·d² with L = d/128, as
/// Llama 3 8B has it, so d = (N·128/12)^(1/3).
[[nodiscard]] double estimated_width(const Rational& parameters);

}  // namespace assay::pricing
