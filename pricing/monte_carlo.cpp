#include "pricing/monte_carlo.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <thread>

#include "base/error.h"
#include "base/philox.h"
#include "pricing/evaluate.h"
#include "pricing/money.h"
#include "results/edition/statistics.h"

namespace assay::pricing {

namespace {

constexpr double kNoRate = std::numeric_limits<double>::infinity();
constexpr double kLowEnd = 0.025;
constexpr double kHighEnd = 0.975;
constexpr double kMicro = 1e6;
constexpr double kFewestDegreesWithVariance = 2.0;

/// Φ⁻¹, by M. J. Wichura, "Algorithm AS 241", Applied Statistics 37 (1988), PPND16: relative error
/// about 1e-16, and fast where it is called thirty million times.
double fast_normal_quantile(double p) {
  const auto ratio = [](double r, const std::array<double, 8>& above,
                        const std::array<double, 8>& below) {
    double numerator_sum = above[7];
    double denominator_sum = below[7];
    for (std::size_t i = 7; i-- > 0;) {
      numerator_sum = numerator_sum * r + above[i];
      denominator_sum = denominator_sum * r + below[i];
    }
    return numerator_sum / denominator_sum;
  };
  static constexpr std::array<double, 8> kA = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                               1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                               4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                               3.3430575583588128105e+4, 2.5090809287301226727e+3};
  static constexpr std::array<double, 8> kB = {1.0,
                                               4.2313330701600911252e+1,
                                               6.8718700749205790830e+2,
                                               5.3941960214247511077e+3,
                                               2.1213794301586595867e+4,
                                               3.9307895800092710610e+4,
                                               2.8729085735721942674e+4,
                                               5.2264952788528545610e+3};
  static constexpr std::array<double, 8> kC = {
      1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
      3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
      2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr std::array<double, 8> kD = {1.0,
                                               2.05319162663775882187e0,
                                               1.67638483018380384940e0,
                                               6.89767334985100004550e-1,
                                               1.48103976427480074590e-1,
                                               1.51986665636164571966e-2,
                                               5.47593808499534494600e-4,
                                               1.05075007164441684324e-9};
  static constexpr std::array<double, 8> kE = {
      6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
      2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
      2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr std::array<double, 8> kF = {1.0,
                                               5.99832206555887937690e-1,
                                               1.36929880922735805310e-1,
                                               1.48753612908506148525e-2,
                                               7.86869131145613259100e-4,
                                               1.84631831751005468180e-5,
                                               1.42151175831644588870e-7,
                                               2.04426310338993978564e-15};
  constexpr double kCentral = 0.425;
  constexpr double kFarTail = 5.0;
  const double q = p - 0.5;
  if (std::abs(q) <= kCentral) return q * ratio(0.180625 - q * q, kA, kB);
  const double r = std::sqrt(-std::log(q < 0.0 ? p : 1.0 - p));
  const double z = r <= kFarTail ? ratio(r - 1.6, kC, kD) : ratio(r - kFarTail, kE, kF);
  return q < 0.0 ? -z : z;
}

/// ζ -> t_ν⁻¹(Φ(ζ)), tabulated once and read by cubic interpolation; the identity without ν.
class ThroughputLaw {
 public:
  explicit ThroughputLaw(std::optional<double> degrees) : degrees_(degrees) {
    if (!degrees_) return;
    for (std::size_t i = 0; i < kPoints; ++i) table_.push_back(exactly(position(i)));
  }

  [[nodiscard]] double operator()(double z) const {
    if (!degrees_) return z;
    const double at = (z - kFirst) / kStep;
    if (at < 1.0 || at > static_cast<double>(kPoints) - 3.0) return exactly(z);
    const auto i = static_cast<std::size_t>(at);
    const double f = at - static_cast<double>(i);
    // Lagrange through the four points around z.
    return -f * (f - 1.0) * (f - 2.0) / 6.0 * table_[i - 1] +
           (f + 1.0) * (f - 1.0) * (f - 2.0) / 2.0 * table_[i] -
           (f + 1.0) * f * (f - 2.0) / 2.0 * table_[i + 1] +
           (f + 1.0) * f * (f - 1.0) / 6.0 * table_[i + 2];
  }

 private:
  static constexpr double kFirst = -7.0;
  static constexpr double kStep = 1.0 / 128.0;
  static constexpr std::size_t kPoints = 1793;  // to +7

  [[nodiscard]] static double position(std::size_t i) {
    return kFirst + kStep * static_cast<double>(i);
  }
  /// From the nearer tail, so that small probabilities keep their digits.
  [[nodiscard]] double exactly(double z) const {
    const double t = student_t_quantile(normal_cdf(-std::abs(z)), *degrees_);
    return z < 0.0 ? t : -t;
  }

  std::optional<double> degrees_;
  std::vector<double> table_;
};

enum class Law { normal, rectangular, triangular };

struct DrawnFigure {
  std::size_t index = 0;
  bool loaded_power = false;  ///< which may have been measured: then that is what moves
  double u = 0.0;
  double correlation = 0.0;
  Law law = Law::normal;
};

/// Deviation of a figure in its own unit at a standard normal z.
double deviation(const DrawnFigure& figure, double z) {
  if (figure.law == Law::normal) return figure.u * z;
  const double p = normal_cdf(z);
  if (figure.law == Law::rectangular) return figure.u * std::sqrt(3.0) * (2.0 * p - 1.0);
  const double half_width = figure.u * std::sqrt(6.0);
  return p < 0.5 ? half_width * (std::sqrt(2.0 * p) - 1.0)
                 : half_width * (1.0 - std::sqrt(2.0 * (1.0 - p)));
}

/// Everything a draw needs, made once.
class Draws {
 public:
  Draws(const CostSheet& sheet, const DeviceFigures& device, const ThroughputDoubt& doubt,
        std::uint64_t seed)
      : sheet_(sheet),
        seed_(seed),
        k_(device.k_cu_per_h.convert_to<double>()),
        u_k_(parse_decimal(*doubt.u_c_cu_per_h.value, "u_c(K)").convert_to<double>()),
        loaded_w_(device.loaded_power_w.convert_to<double>()),
        law_(doubt.nu_eff.has_value()
                 ? std::optional(parse_decimal(*doubt.nu_eff.value, "nu_eff").convert_to<double>())
                 : std::nullopt) {
    double squares = 0.0;
    for (const UncertainInput& input : sheet.uncertain_inputs) {
      DrawnFigure figure;
      figure.index = find_figure(sheet, input.pointer)->index;
      figure.loaded_power = input.pointer == sheet.energy.loaded_power.pointer;
      figure.u = input.standard_uncertainty.convert_to<double>();
      figure.correlation = input.correlation_with_k.convert_to<double>();
      if (input.distribution == "rectangular") figure.law = Law::rectangular;
      if (input.distribution == "triangular") figure.law = Law::triangular;
      squares += figure.correlation * figure.correlation;
      figures_.push_back(figure);
    }
    rest_ = std::sqrt(std::max(0.0, 1.0 - squares));
    if (sheet.allocation) {
      share_ = sheet.allocation->shares.at(sheet.allocation->position).convert_to<double>();
    }
  }

  /// Rates of draws first to last.
  void operator()(std::int64_t first, std::int64_t last, double* rates) const {
    DoubleFigures figures(sheet_);
    const DoubleFigures filed = figures;
    const DoubleReader read = figures.reader();
    for (std::int64_t i = first; i < last; ++i) {
      rates[i] = one(static_cast<std::uint64_t>(i), figures, filed, read);
    }
  }

 private:
  [[nodiscard]] double one(std::uint64_t draw, DoubleFigures& figures, const DoubleFigures& filed,
                           const DoubleReader& read) const {
    constexpr std::uint64_t kWords = 4;
    Philox4 words = philox(seed_, draw, 0);
    double zeta = rest_ * fast_normal_quantile(philox_uniform(words.word[0]));
    double loaded_w = loaded_w_;
    for (std::size_t j = 0; j < figures_.size(); ++j) {
      const std::uint64_t word = j + 1;
      if (word % kWords == 0) words = philox(seed_, draw, word / kWords);
      const DrawnFigure& figure = figures_[j];
      const double z = fast_normal_quantile(philox_uniform(words.word[word % kWords]));
      zeta += figure.correlation * z;
      const double moved = deviation(figure, z);
      if (figure.loaded_power) {
        loaded_w += moved;
      } else {
        figures.at(figure.index) = filed.at(figure.index) + moved;
      }
    }
    const double k = k_ + u_k_ * law_(zeta);
    if (k <= 0.0) return kNoRate;
    const double share = share_;
    return evaluate(sheet_, k, loaded_w, read,
                    [share](LineKind, const std::string&, double cny, const std::string&,
                            Owner owner) { return owner == Owner::shared ? share * cny : cny; })
        .rate();
  }

  const CostSheet& sheet_;
  std::uint64_t seed_;
  double k_;
  double u_k_;
  double loaded_w_;
  ThroughputLaw law_;
  std::vector<DrawnFigure> figures_;
  double rest_ = 1.0;
  double share_ = 1.0;
};

Stated<std::string> cny_per_cu(double value) {
  return Stated<std::string>::known(rounded_text(
      parse_decimal(shortest_decimal(value, "drawn rate"), "drawn rate"), kRateDecimals));
}

/// Mean and standard uncertainty (JCGM 101, 7.6), where they exist.
void set_moments(MonteCarlo& result, const std::vector<double>& rates,
                 const ThroughputDoubt& doubt) {
  const bool heavy = doubt.nu_eff.has_value() &&
                     parse_decimal(*doubt.nu_eff.value, "nu_eff") <= kFewestDegreesWithVariance;
  if (heavy || result.without_rate > 0) {
    result.mean = result.standard_uncertainty = Stated<std::string>::missing(
        heavy ? "K has at most two degrees of freedom: its distribution has no variance"
              : "some draws have no rate");
    return;
  }
  const auto count = static_cast<double>(rates.size());
  double sum = 0.0;
  for (const double rate : rates) sum += rate;
  const double mean = sum / count;
  double squares = 0.0;
  for (const double rate : rates) squares += (rate - mean) * (rate - mean);
  result.mean = cny_per_cu(mean);
  result.standard_uncertainty = cny_per_cu(std::sqrt(squares / (count - 1.0)));
}

std::int64_t ordered_micro(std::vector<double>& rates, std::int64_t rank) {
  const auto place = rates.begin() + (rank - 1);
  std::nth_element(rates.begin(), place, rates.end());
  if (*place == kNoRate) {
    throw input_error("the rate has no upper end: too many draws of K are not above zero", "K",
                      "measure longer, in more processes, or on a quieter machine");
  }
  return std::llround(*place * kMicro);
}

/// Ranks of the ends of the probabilistically symmetric interval (JCGM 101, 7.7).
std::int64_t rank_of(double probability, std::int64_t draws) {
  return std::llround(probability * static_cast<double>(draws));
}

/// Twice the standard error of the mean of an end over blocks of the draws.
double end_error(const std::vector<double>& rates, double probability) {
  constexpr std::int64_t kBlocks = 10;
  const std::int64_t size = static_cast<std::int64_t>(rates.size()) / kBlocks;
  std::vector<double> ends;
  for (std::int64_t block = 0; block < kBlocks; ++block) {
    std::vector<double> part(rates.begin() + block * size, rates.begin() + (block + 1) * size);
    ends.push_back(static_cast<double>(ordered_micro(part, rank_of(probability, size))));
  }
  double sum = 0.0;
  for (const double end : ends) sum += end;
  const double mean = sum / kBlocks;
  double squares = 0.0;
  for (const double end : ends) squares += (end - mean) * (end - mean);
  return 2.0 * std::sqrt(squares / (kBlocks * (kBlocks - 1)));
}

void judge(MonteCarlo& result, const RateInterval& interval) {
  const Rational tolerance = agreement_tolerance_micro(interval.u_c_micro);
  result.tolerance =
      rounded_text(tolerance / Rational(power_of_ten(kRateDecimals)), kRateDecimals + 1);
  result.low_difference_micro = std::abs(interval.lower_micro - result.lower_micro);
  result.high_difference_micro = std::abs(interval.upper_micro - result.upper_micro);
  result.agrees =
      result.low_difference_micro <= tolerance && result.high_difference_micro <= tolerance;
  if (result.agrees) {
    result.verdict = "both methods agree (JCGM 101, section 8)";
    return;
  }
  const double allowed = tolerance.convert_to<double>();
  const auto difference =
      static_cast<double>(std::max(result.low_difference_micro, result.high_difference_micro));
  if (result.end_error_micro > allowed && difference <= allowed + 2.0 * result.end_error_micro) {
    result.verdict =
        "too few draws to tell: an end moves by more than the tolerance from block to "
        "block of the draws; draw more";
    return;
  }
  const std::int64_t low = interval.lower_micro - result.lower_micro;
  const std::int64_t high = interval.upper_micro - result.upper_micro;
  // Both ends shifted the same way: the rate is curved in its inputs. Ends drawn in or out: the
  // law of the rate is not the t-distribution that the first order assumes.
  const bool shifted = (low < 0) == (high < 0);
  result.verdict =
      std::string("the first order does not hold to two digits: ") +
      (shifted ? "the rate is a curved function of its inputs (it goes as 1/K), so its "
                 "distribution leans to one side"
               : "the distribution of the rate is not the t-distribution that the "
                 "first order assumes") +
      "; use the interval of the draws";
}

}  // namespace

Rational agreement_tolerance_micro(std::int64_t u_micro) {
  if (u_micro < 10) return {1, 2};
  // Two digits c with u = c·10^l; rounding 99.5 up gives 10 and the next l.
  Rational scale = 1;
  while (round_half_even(u_micro / scale) >= 100) scale *= 10;
  return scale / 2;
}

std::vector<double> draw_rates(const CostSheet& sheet, const DeviceFigures& device,
                               const ThroughputDoubt& doubt, const MonteCarloRequest& request) {
  const Draws draws(sheet, device, doubt, request.seed);
  std::vector<double> rates(static_cast<std::size_t>(request.draws));
  const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const std::int64_t parts = request.threads > 0 ? request.threads : cores;
  std::vector<std::thread> threads;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t first = request.draws * part / parts;
    const std::int64_t last = request.draws * (part + 1) / parts;
    threads.emplace_back([&draws, &rates, first, last] { draws(first, last, rates.data()); });
  }
  for (std::thread& thread : threads) thread.join();
  return rates;
}

MonteCarlo monte_carlo(const CostSheet& sheet, const DeviceFigures& device,
                       const ThroughputDoubt& doubt, const RateInterval& interval,
                       const MonteCarloRequest& request) {
  if (request.draws < kFewestDraws) {
    throw input_error(std::to_string(request.draws) + " draws are too few for a 95 % interval",
                      "--draws", "draw at least " + std::to_string(kFewestDraws));
  }
  if (request.draws > kMostDraws) {
    throw input_error(std::to_string(request.draws) + " draws, of 8 bytes each, are too many",
                      "--draws", "draw at most " + std::to_string(kMostDraws) + ", in 0.8 GB");
  }
  MonteCarlo result;
  result.seed = request.seed;
  result.draws = request.draws;
  if (!interval.reason.empty()) {
    result.reason = interval.reason;
    return result;
  }
  std::vector<double> rates = draw_rates(sheet, device, doubt, request);
  result.without_rate = std::count(rates.begin(), rates.end(), kNoRate);
  set_moments(result, rates, doubt);
  result.end_error_micro = std::max(end_error(rates, kLowEnd), end_error(rates, kHighEnd));
  result.lower_micro = ordered_micro(rates, rank_of(kLowEnd, request.draws));
  result.upper_micro = ordered_micro(rates, rank_of(kHighEnd, request.draws));
  judge(result, interval);
  return result;
}

}  // namespace assay::pricing
