/// RFC 8785 on its own examples, and the readable form.
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "results/document.h"
#include "support/expect_error.h"

namespace assay {
namespace {

using nlohmann::json;

struct Sample {
  std::uint64_t bits;
  const char* text;
};

// RFC 8785, appendix B.
constexpr Sample kAppendixB[] = {
    {0x0000000000000000, "0"},
    {0x8000000000000000, "0"},
    {0x0000000000000001, "5e-324"},
    {0x8000000000000001, "-5e-324"},
    {0x7fefffffffffffff, "1.7976931348623157e+308"},
    {0xffefffffffffffff, "-1.7976931348623157e+308"},
    {0x4340000000000000, "9007199254740992"},
    {0xc340000000000000, "-9007199254740992"},
    {0x4430000000000000, "295147905179352830000"},
    {0x44b52d02c7e14af5, "9.999999999999997e+22"},
    {0x44b52d02c7e14af6, "1e+23"},
    {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
    {0x444b1ae4d6e2ef4e, "999999999999999700000"},
    {0x444b1ae4d6e2ef4f, "999999999999999900000"},
    {0x444b1ae4d6e2ef50, "1e+21"},
    {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
    {0x3eb0c6f7a0b5ed8d, "0.000001"},
    {0x41b3de4355555553, "333333333.3333332"},
    {0x41b3de4355555554, "333333333.33333325"},
    {0x41b3de4355555555, "333333333.3333333"},
    {0x41b3de4355555556, "333333333.3333334"},
    {0x41b3de4355555557, "333333333.33333343"},
    {0xbecbf647612f3696, "-0.0000033333333333333333"},
    {0x43143ff3c1cb0959, "1424953923781206.2"},
};

TEST(CanonicalJson, NumbersOfAppendixB) {
  for (const Sample& sample : kAppendixB) {
    const auto value = std::bit_cast<double>(sample.bits);
    EXPECT_EQ(canonical_number(value), sample.text);
    EXPECT_EQ(canonical_json(json(value)), sample.text);
  }
  for (const std::uint64_t bits : {0x7fffffffffffffffU, 0x7ff0000000000000U, 0xfff0000000000000U}) {
    const auto value = std::bit_cast<double>(bits);
    expect_input_error([&] { (void)canonical_number(value); }, {"finite"});
    expect_input_error([&] { (void)canonical_json(json{{"a", {value}}}); }, {"/a/0", "finite"});
  }
}

TEST(CanonicalJson, NumbersReadBackAsTheyWere) {
  std::mt19937_64 random(20260301);
  int tried = 0;
  while (tried < 20000) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value) || value == 0.0) continue;
    ++tried;
    const std::string text = canonical_number(value);
    double back = 0.0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_TRUE(end.ec == std::errc{} && end.ptr == text.data() + text.size()) << text;
    ASSERT_EQ(back, value) << text;
  }
}

TEST(CanonicalJson, ExampleOfSection322) {
  const json document = parse_json(R"({
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  })",
                                   "example");
  EXPECT_EQ(canonical_json(document),
            "{\"literals\":[null,true,false],"
            "\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(CanonicalJson, SortsKeysAndLeavesArrays) {
  // Section 3.2.3's example has other keys too; those in ASCII sort as there.
  EXPECT_EQ(canonical_json(json{{"\r", "Carriage Return"}, {"1", "One"}, {"</script>", "Browser"}}),
            R"({"\r":"Carriage Return","1":"One","</script>":"Browser"})");
  EXPECT_EQ(canonical_json(parse_json(R"({"b":[3,1,2],"a":{"z":{},"Z":[]},"":0})", "a")),
            R"({"":0,"a":{"Z":[],"z":{}},"b":[3,1,2]})");
}

TEST(CanonicalJson, EscapesWhatMustBe) {
  EXPECT_EQ(canonical_json(json("\b\t\n\f\r\"\\/\x01\x1f\x7f")),
            "\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0001\\u001f\x7f\"");
}

TEST(CanonicalJson, RefusesWhatHasNoCanonicalForm) {
  expect_input_error([] { (void)canonical_json(json{{"\xC3\xB6", 1}}); }, {"ASCII"});
  expect_input_error([] { (void)canonical_json(json{{"a", {"ok", "\xFF"}}}); }, {"/a/1", "UTF-8"});
  EXPECT_EQ(canonical_json(json(std::int64_t{1} << 53)), "9007199254740992");
  EXPECT_EQ(canonical_json(json(-(std::int64_t{1} << 53))), "-9007199254740992");
  for (const json& beyond :
       {json((std::int64_t{1} << 53) + 1), json(-(std::int64_t{1} << 53) - 1),
        json(std::numeric_limits<std::int64_t>::min()), json(~std::uint64_t{0})}) {
    expect_input_error([&] { (void)canonical_json(json{{"n", beyond}}); }, {"/n", "2^53"});
  }
}

TEST(CanonicalJson, DigestIsOfTheContentAlone) {
  EXPECT_EQ(digest(parse_json(R"({"b": 1.0, "a": "x"})", "a")),
            digest(parse_json("{\"a\":\"\\u0078\",\n\"b\":1}", "b")));
  EXPECT_NE(digest(json{{"a", 1}}), digest(json{{"a", "1"}}));
  EXPECT_EQ(digest(json::object()), sha256_hex("{}"));
}

TEST(ReadableJson, KeepsKindsAndReadsBack) {
  const json document = {{"real", 3.0},
                         {"large", 3.6e18},
                         {"whole", 3},
                         {"list", {1, 2}},
                         {"empty", json::array()},
                         {"nested", {{{"a", {0.5, nullptr}}}, {{"b", "\"\n"}}}}};
  const std::string text = readable_json(document);
  const json back = parse_json(text, "a");
  EXPECT_EQ(back, document);
  EXPECT_TRUE(back["real"].is_number_float());
  EXPECT_TRUE(back["large"].is_number_float());
  EXPECT_TRUE(back["whole"].is_number_integer());
  EXPECT_NE(text.find("\n  \"list\": [1, 2],\n"), std::string::npos) << text;
  EXPECT_EQ(canonical_json(back), canonical_json(document));
  expect_input_error([] { (void)readable_json(json{{"a", std::nan("")}}); }, {"/a", "finite"});
}

}  // namespace
}  // namespace assay
