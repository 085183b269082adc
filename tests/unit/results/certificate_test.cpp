#include "results/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "base/error.h"
#include "results/certificate_content.h"
#include "results/document.h"
#include "results/edition/assessment_json.h"
#include "results/embedded.h"
#include "results/figure_comparison.h"
#include "results/keys.h"
#include "results/result_io.h"
#include "results/utc_time.h"
#include "support/expect_error.h"
#include "support/sample_result.h"
#include "support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const KeyPair& laboratory() {
  static const KeyPair keys = generate_key_pair();
  return keys;
}

ResultDocument measured() {
  return sample_result(sample_options_of(load_basket("tb1-lite")));
}

CertificateRequest request() {
  CertificateRequest request;
  request.laboratory = "Example laboratory, 1 Example Road";
  request.signatory = "A. Example";
  return request;
}

/// A certificate in a folder of its own, ready to be tampered with.
class CertificateTest : public testing::Test {
 protected:
  CertificateTest() { write(certify(result_, digest_, request(), laboratory().private_pem)); }

  void write(const json& envelope) { write_document(path_, envelope); }

  /// Edits the predicate and signs it again: what a forger with a key can do.
  void forge(const std::function<void(json&)>& edit, const std::string& private_pem) {
    const json envelope = parse_json(read_file(path_), "certificate");
    const Opened opened = open_envelope(envelope, kCertificateType, {}, "certificate");
    json predicate = opened.predicate;
    edit(predicate);
    write(seal(predicate, kCertificateType, opened.subjects, private_pem));
  }

  [[nodiscard]] std::vector<VerifyLine> verify(bool with_result = true) const {
    return verify_certificate(path_, laboratory().public_pem, with_result ? &result_ : nullptr,
                              with_result ? digest_ : "");
  }

  static std::vector<std::string> failed(const std::vector<VerifyLine>& lines) {
    std::vector<std::string> names;
    for (const VerifyLine& line : lines) {
      if (!line.passed) names.push_back(line.name + ": " + line.detail);
    }
    return names;
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "certificate.json";
  ResultDocument result_ = measured();
  std::string digest_ = digest(to_json(result_));
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(CertificateTest, IssuedAndVerified) {
  EXPECT_THAT(failed(verify()), IsEmpty());
  EXPECT_THAT(failed(verify(false)), IsEmpty());
  const Certificate certificate = read_certificate(path_, laboratory().public_pem);
  EXPECT_EQ(certificate.verified_key_id, laboratory().key_id);
  EXPECT_EQ(certificate.result_digest, digest_);
  EXPECT_EQ(certificate.basket.name, "tb1-lite");
  EXPECT_EQ(certificate.device.name, result_.device.name);
  EXPECT_EQ(certificate.assessment.grade, "indicative");
  EXPECT_EQ(to_json(certificate.assessment), to_json(assess(result_)));
  EXPECT_EQ(certificate.valid_until_utc, utc_plus_days(certificate.issued_utc, 365));
  EXPECT_THAT(certificate.certificate_id, MatchesRegex("urn:uuid:[-0-9a-f]{36}"));
}

TEST_F(CertificateTest, WithoutSamplesFiguresMustAgreeWithEachOther) {
  const json original = read_certificate(path_, "").predicate;
  for (const char* figure :
       {"k_cu_per_h/value", "k_cert_cu_per_h/value", "u_c_cu_per_h/value", "nu_eff/value",
        "coverage_factor/value", "expanded_cu_per_h/value", "process_cu_per_h/1",
        "items/2/process_pflops/0", "items/3/pflops", "kernels/0/pflops", "budget/1/u_cu_per_h"}) {
    forge(
        [&](json& edited) {
          edited = original;
          json& number = edited.at(json::json_pointer(std::string("/assessment/") + figure));
          number = 2.0 * number.get<double>();
        },
        laboratory().private_pem);
    EXPECT_THAT(failed(verify(false)), ElementsAre(HasSubstr("arithmetic"))) << figure;
  }
}

TEST_F(CertificateTest, EachCertificateHasItsIdentity) {
  std::set<std::string> names;
  for (int i = 0; i < 20; ++i) {
    names.insert(declared_content({}).at("certificate_id").get<std::string>());
  }
  EXPECT_EQ(names.size(), 20U);
}

TEST_F(CertificateTest, NeverClaimsAnAccreditation) {
  const json predicate = read_certificate(path_, "").predicate;
  EXPECT_TRUE(predicate.at("accreditation").at("value").is_null());
  forge(
      [](json& edited) {
        edited["accreditation"] = {{"value", "accredited"}};
      },
      laboratory().private_pem);
  EXPECT_THAT(failed(verify()), ElementsAre(HasSubstr("accreditation")));
}

TEST_F(CertificateTest, OtherKey) {
  forge([](json&) {}, generate_key_pair().private_pem);
  EXPECT_THAT(failed(verify()), ElementsAre(HasSubstr("signature")));
  EXPECT_THROW((void)read_certificate(path_, laboratory().public_pem), Error);
}

/// Changes the number at a place by one part in a million.
void nudge(json& predicate, const std::string& pointer) {
  json& figure = predicate.at(json::json_pointer(pointer));
  ASSERT_TRUE(figure.is_number()) << pointer;
  if (figure.is_number_integer()) {
    figure = figure.get<std::int64_t>() + 1;
  } else {
    const double value = figure.get<double>();
    figure = value == 0.0 ? 1e-6 : value * (1.0 + 1e-6);
  }
}

/// All numbers below a place.
void collect_numbers(const json& node, const std::string& pointer,
                     std::vector<std::string>& pointers) {
  if (node.is_number()) pointers.push_back(pointer);
  if (node.is_structured()) {
    for (const auto& [name, child] : node.items()) {
      collect_numbers(child, pointer + "/" + name, pointers);
    }
  }
}

TEST_F(CertificateTest, AnyFigureEditedFailsByItsName) {
  const json predicate = read_certificate(path_, "").predicate;
  const json derived = derived_content(result_, digest_);
  std::vector<std::string> pointers;
  collect_numbers(predicate, "", pointers);
  int figures = 0;
  for (const std::string& pointer : pointers) {
    if (pointer == "/schema/version") continue;
    json edited = predicate;
    nudge(edited, pointer);
    const std::string section = pointer.substr(1, pointer.find('/', 1) - 1);
    const Comparison comparison = compare_figures(edited.at(section), derived.at(section), section);
    EXPECT_FALSE(comparison.agrees) << pointer;
    const std::string last = pointer.substr(pointer.find_last_of('/') + 1);
    const bool named = comparison.difference.find(last) != std::string::npos;
    EXPECT_TRUE(named) << pointer << " " << comparison.difference;
    ++figures;
  }
  EXPECT_GT(figures, 150);
}

TEST_F(CertificateTest, ForgedWithTheLaboratorysOwnKey) {
  const json original = read_certificate(path_, "").predicate;
  forge([](json& edited) { nudge(edited, "/assessment/k_cert_cu_per_h/value"); },
        laboratory().private_pem);
  EXPECT_THAT(failed(verify()), ElementsAre(HasSubstr("assessment.k_cert_cu_per_h")));
  EXPECT_THAT(failed(verify(false)), ElementsAre(HasSubstr("arithmetic: K_cert")));
  // What no other figure follows from, nobody can know without the result.
  forge(
      [&](json& edited) {
        edited = original;
        nudge(edited, "/assessment/items/1/median_s");
      },
      laboratory().private_pem);
  EXPECT_THAT(failed(verify(false)), IsEmpty());
  EXPECT_THAT(failed(verify()), ElementsAre(HasSubstr("llama-1b-lite")));
}

TEST_F(CertificateTest, ForgedItemAndConditions) {
  forge(
      [](json& edited) {
        nudge(edited, "/assessment/items/2/process_pflops/1");
        edited["conditions"]["smt"] = {{"value", "on"}};
      },
      laboratory().private_pem);
  EXPECT_THAT(
      failed(verify()),
      testing::UnorderedElementsAre(
          HasSubstr(
              "assessment.items[transformer/llama-8b-slice-lite_step/batch1_sequence256/fp32]"),
          HasSubstr("conditions.smt")));
}

TEST_F(CertificateTest, GradeCannotBeRaised) {
  forge(
      [](json& edited) {
        edited["assessment"]["grade"] = "certified";
        edited["assessment"]["shortfalls"] = json::array();
      },
      laboratory().private_pem);
  EXPECT_THAT(failed(verify()), testing::UnorderedElementsAre(HasSubstr("assessment.grade"),
                                                              HasSubstr("assessment.shortfalls")));
}

TEST_F(CertificateTest, MissingIsFailing) {
  // A figure turned into a null with a reason, a null given a value, and a field left out.
  forge(
      [](json& edited) {
        edited["assessment"]["expanded_cu_per_h"] = {{"value", nullptr}, {"reason", "lost"}};
        edited["assessment"]["eta"] = {{"value", 1.0}};
      },
      laboratory().private_pem);
  EXPECT_THAT(failed(verify()),
              testing::UnorderedElementsAre(HasSubstr("assessment.expanded_cu_per_h"),
                                            HasSubstr("assessment.eta")));
  forge([](json& edited) { edited["assessment"].erase("eta"); }, laboratory().private_pem);
  EXPECT_THAT(failed(verify()), ElementsAre(HasSubstr("eta")));
  EXPECT_THROW((void)read_certificate(path_, ""), Error);
}

TEST_F(CertificateTest, Expired) {
  CertificateRequest old = request();
  old.issued_utc = "2025-01-31T12:00:00Z";
  old.validity_days = 30;
  write(certify(result_, digest_, old, laboratory().private_pem));
  EXPECT_THAT(failed(verify()), ElementsAre(HasSubstr("expired: 2025-01-31T12:00:00Z to "
                                                      "2025-03-02T12:00:00Z")));
  old.issued_utc = utc_plus_days(utc_now(), 1);
  write(certify(result_, digest_, old, laboratory().private_pem));
  EXPECT_THAT(failed(verify()), ElementsAre(HasSubstr("not yet valid")));
}

TEST_F(CertificateTest, OtherBasket) {
  forge(
      [](json& edited) {
        edited["method"]["basket"]["digest"] = std::string(64, 'f');
        edited["digests"]["basket"] = std::string(64, 'f');
      },
      laboratory().private_pem);
  EXPECT_THAT(failed(verify(false)), ElementsAre(HasSubstr("basket: tb1-lite 1 has digest fff")));
}

TEST_F(CertificateTest, OtherEdition) {
  forge([](json& edited) { edited["assessment"]["edition"] = "2031.2"; }, laboratory().private_pem);
  EXPECT_THAT(failed(verify(false)), ElementsAre(HasSubstr("edition: 2031.2")));
}

TEST_F(CertificateTest, ResultAltered) {
  result_.processes[1].items[0].sample_end_ns.back() += 1'000'000;
  digest_ = digest(to_json(result_));
  const auto names = failed(verify());
  EXPECT_THAT(names, Contains(HasSubstr("result digest")));
  EXPECT_THAT(names, Contains(HasSubstr("assessment.k_cu_per_h")));
}

TEST_F(CertificateTest, ResultThatCannotBeAssessed) {
  result_.complete = false;
  result_.incomplete_reason = "interrupted";
  EXPECT_THAT(failed(verify()), ElementsAre(HasSubstr("assessment: can't be derived")));
}

TEST_F(CertificateTest, SubjectIsTheResult) {
  const json envelope = parse_json(read_file(path_), "certificate");
  const Opened opened = open_envelope(envelope, kCertificateType, {}, "certificate");
  write(seal(opened.predicate, kCertificateType, {{"other", std::string(64, '1')}},
             laboratory().private_pem));
  EXPECT_THAT(failed(verify()), ElementsAre(HasSubstr("subject")));
}

TEST_F(CertificateTest, RefusesWhatMayNotBeCertified) {
  result_.complete = false;
  result_.incomplete_reason = "interrupted";
  EXPECT_THROW((void)certify(result_, digest_, request(), laboratory().private_pem), Error);
  SampleOptions kernels_only;
  kernels_only.items = {sample_kernel()};
  EXPECT_THROW(
      (void)certify(sample_result(kernels_only), digest_, request(), laboratory().private_pem),
      Error);
}

TEST_F(CertificateTest, MissingItemStillHasACertificateWithoutARate) {
  for (ProcessRecord& process : result_.processes) {
    process.order.erase(process.order.begin());
    process.items.erase(process.items.begin());
  }
  digest_ = digest(to_json(result_));
  write(certify(result_, digest_, request(), laboratory().private_pem));
  EXPECT_THAT(failed(verify()), IsEmpty());
  const Certificate certificate = read_certificate(path_, "");
  EXPECT_THAT(certificate.assessment.k_cu_per_h.reason, HasSubstr("gpt2-lite"));
  EXPECT_THAT(certificate_markdown(certificate), HasSubstr("**No rate**: gpt2-lite"));
}

TEST_F(CertificateTest, PageSaysWhatAReaderNeeds) {
  const Certificate certificate = read_certificate(path_, laboratory().public_pem);
  const std::string page = certificate_markdown(certificate);
  EXPECT_EQ(page.find("# Certificate of compute: INDICATIVE"), 0U);
  for (const char* text :
       {"INDICATIVE, NOT CERTIFIED", "suite quick, not certify", "**K = ", "K_cert", "gpt2-lite",
        "between processes", "Example laboratory", "relate only to the items tested", "CPU",
        "assay verify certificate.json", "claims none"}) {
    EXPECT_THAT(page, HasSubstr(text));
  }
  EXPECT_THAT(page, HasSubstr(digest_));
  EXPECT_THAT(page, HasSubstr(laboratory().key_id));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
}

/// A certificate repeats sections of the result in the same form: one definition, kept twice.
TEST(CertificateSchema, SharedDefinitionsAreTheResults) {
  const json certificate = json::parse(embedded_schema("certificate.schema.json"));
  const json result = json::parse(embedded_schema("result.schema.json"));
  int shared = 0;
  for (const auto& [name, definition] : certificate.at("$defs").items()) {
    if (!result.at("$defs").contains(name)) continue;
    EXPECT_EQ(definition, result.at("$defs").at(name)) << name;
    ++shared;
  }
  EXPECT_GE(shared, 14);
  EXPECT_EQ(certificate.at("properties").at("environment"),
            result.at("properties").at("environment"));
}

TEST(FigureComparison, NumbersWithinTheToleranceOnly) {
  EXPECT_TRUE(compare_figures({{"a", 1.0}}, {{"a", 1.0 + 1e-10}}, "x").agrees);
  EXPECT_FALSE(compare_figures({{"a", 1.0}}, {{"a", 1.0 + 1e-8}}, "x").agrees);
  EXPECT_FALSE(compare_figures({{"a", 0.0}}, {{"a", 1e-30}}, "x").agrees);
  EXPECT_TRUE(compare_figures({{"a", 2}}, {{"a", 2.0}}, "x").agrees);
  EXPECT_FALSE(compare_figures({{"a", 1000000000000}}, {{"a", 1000000000001}}, "x").agrees);
  EXPECT_FALSE(compare_figures({{"a", "1"}}, {{"a", 1}}, "x").agrees);
  EXPECT_THAT(compare_figures({{"a", 1}}, {{"a", 1}, {"b", 2}}, "x").difference,
              HasSubstr("x.b is missing"));
  EXPECT_THAT(compare_figures({{"a", 1}, {"b", 2}}, {{"a", 1}}, "x").difference,
              HasSubstr("x.b says 2"));
  EXPECT_THAT(compare_figures(json::array({1, 2}), json::array({1}), "x").difference,
              HasSubstr("2 entries"));
}

TEST(UtcTime, DaysAcrossMonthsAndLeapYears) {
  EXPECT_EQ(utc_plus_days("2024-02-28T23:59:59Z", 1), "2024-02-29T23:59:59Z");
  EXPECT_EQ(utc_plus_days("2023-12-31T00:00:00Z", 366), "2024-12-31T00:00:00Z");
  EXPECT_THROW((void)utc_plus_days("2024-02-30T00:00:00Z", 1), Error);
  EXPECT_THROW((void)utc_plus_days("2024-02-28T00:00:00+08:00", 1), Error);
  EXPECT_THROW((void)utc_plus_days("yesterday", 1), Error);
  EXPECT_EQ(utc_now().size(), 20U);
}

}  // namespace
}  // namespace assay
