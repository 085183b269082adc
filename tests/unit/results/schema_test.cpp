/// The schema validator: every keyword both ways, what its errors say, and that a schema with a
/// typing error is refused.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <filesystem>

#include "results/date_time.h"
#include "results/document.h"
#include "results/near_name.h"
#include "results/schema_validator.h"
#include "support/expect_error.h"

namespace assay {
namespace {

using nlohmann::json;

json from(const std::string& text) {
  return parse_json(text, "test");
}

bool fits(const std::string& schema, const std::string& document) {
  try {
    Schema(from(schema), "s").check(from(document), "d");
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string complaint(const json& schema, const json& document) {
  return error_line([&] { Schema(schema, "s").check(document, "d.json"); });
}

struct Case {
  const char* schema;
  std::vector<const char*> good;
  std::vector<const char*> bad;
};

TEST(Schema, EveryKeywordBothWays) {
  const std::vector<Case> cases = {
      {R"({})", {"1", "null", "{}"}, {}},
      {R"({"type": "integer"})", {"1", "-1"}, {"1.5", "1.0", "\"1\"", "true", "null"}},
      {R"({"type": "number"})", {"1", "1.5"}, {"\"1\"", "[]"}},
      {R"({"type": ["string", "null"]})", {"\"\"", "null"}, {"1", "{}"}},
      {R"({"type": "boolean"})", {"true"}, {"0"}},
      {R"({"enum": ["a", 1]})", {"\"a\"", "1"}, {"\"b\"", "2", "null"}},
      {R"({"const": {"a": 1}})", {R"({"a": 1})"}, {R"({"a": 2})", "1"}},
      {R"({"minimum": 1, "maximum": 2})", {"1", "2", "1.5", "\"x\""}, {"0.999", "2.001"}},
      {R"({"exclusiveMinimum": 1, "exclusiveMaximum": 2})", {"1.5"}, {"1", "2"}},
      {R"({"minLength": 2, "maxLength": 3})",
       {"\"ab\"", "\"\u00f6\u00f6\"", "\"abc\"", "1"},
       {"\"a\"", "\"\u00f6\"", "\"abcd\""}},
      {R"({"pattern": "^a+$"})", {"\"aa\"", "1"}, {"\"\"", "\"ba\""}},
      {R"({"pattern": "b"})", {"\"abc\""}, {"\"ac\""}},
      {R"({"format": "date"})", {"\"2024-02-29\"", "1"}, {"\"2023-02-29\"", "\"20240229\""}},
      {R"({"format": "date-time"})", {"\"2024-02-29T01:02:03Z\""}, {"\"2024-02-29 01:02:03Z\""}},
      {R"({"minItems": 1, "maxItems": 2})", {"[1]", "[1, 2]", "{}"}, {"[]", "[1, 2, 3]"}},
      {R"({"items": {"type": "integer"}})", {"[]", "[1, 2]"}, {"[1, 2.5]"}},
      {R"({"uniqueItems": true})", {"[1, 2, \"1\"]", "[[1], [2]]"}, {"[1, 2, 1]", "[{}, {}]"}},
      {R"({"properties": {"a": {"type": "null"}}})",
       {"{}", R"({"a": null, "b": 1})"},
       {R"({"a": 1})"}},
      {R"({"properties": {"a": {}}, "required": ["a"]})", {R"({"a": 1})", "[]"}, {"{}"}},
      {R"({"properties": {"a": {}}, "additionalProperties": false})",
       {"{}", R"({"a": 1})"},
       {R"({"b": 1})"}},
      {R"({"properties": {"a": {}}, "additionalProperties": {"type": "null"}})",
       {R"({"a": 1, "b": null})"},
       {R"({"b": 1})"}},
      {R"({"patternProperties": {"^x": {"type": "null"}}, "additionalProperties": false})",
       {R"({"x1": null})"},
       {R"({"x1": 1})", R"({"y": null})"}},
      {R"({"oneOf": [{"type": "null"}, {"type": "integer"}]})", {"null", "1"}, {"\"\""}},
      {R"({"oneOf": [{"minimum": 1}, {"minimum": 2}]})", {"1"}, {"2", "0"}},
      {R"({"anyOf": [{"minimum": 1}, {"maximum": -1}]})", {"1", "-1"}, {"0"}},
      {R"({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"type": "null"}}})",
       {"null"},
       {"1"}},
      {R"({"$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
           "$ref": "#/$defs/tree"})",
       {"[]", "[[], [[]]]"},
       {"[[1]]"}},
  };
  for (const Case& each : cases) {
    for (const char* document : each.good) {
      EXPECT_TRUE(fits(each.schema, document)) << document << " should fit " << each.schema;
    }
    for (const char* document : each.bad) {
      EXPECT_FALSE(fits(each.schema, document)) << document << " should not fit " << each.schema;
    }
  }
}

TEST(Schema, ErrorsNamePathAndWhatIsAllowed) {
  const json schema = from(R"({
    "type": "object", "additionalProperties": false, "required": ["items"],
    "properties": {
      "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
      "mode": {"enum": ["quick", "standard"]}, "a/b~c": {"type": "null"}},
    "$defs": {"item": {"type": "object", "additionalProperties": false, "required": ["flops"],
      "properties": {"flops": {"type": "integer", "minimum": 0}, "bytes": {"type": "integer"}}}}
  })");
  const auto line = [&](const std::string& document) { return complaint(schema, from(document)); };
  EXPECT_EQ(line(R"({"items": [{"flops": 1}, {"flops": "12"}]})"),
            "d.json: /items/1/flops: expected an integer, got \"12\"");
  EXPECT_EQ(line(R"({"items": [{"flops": -1}]})"),
            "d.json: /items/0/flops: must be at least 0, got -1");
  EXPECT_EQ(line(R"({"items": [{"flop": 1}]})"),
            "d.json: /items/0: unknown field \"flop\" (did you mean \"flops\"?)");
  EXPECT_EQ(line(R"({"items": [{"flops": 1, "speed": 1}]})"),
            "d.json: /items/0: unknown field \"speed\" (allowed: bytes flops)");
  EXPECT_EQ(line(R"({"items": [{"bytes": 1}]})"), "d.json: /items/0: missing field \"flops\"");
  EXPECT_EQ(line(R"({"items": [], "mode": "quik"})"),
            "d.json: /mode: expected one of \"quick\", \"standard\", got \"quik\" "
            "(did you mean \"quick\"?)");
  EXPECT_EQ(line(R"({"items": [], "a/b~c": 1})"), "d.json: /a~1b~0c: expected null, got 1");
  EXPECT_EQ(line("[]"), "d.json: expected an object, got an array");
  const std::string hostile = complaint(schema, {{"items", std::string(5000, '\n')}});
  EXPECT_LT(hostile.size(), 400U);
}

TEST(Schema, StatedFiguresAreReportedAgainstTheFormMeant) {
  const json schema = from(R"({"oneOf": [
    {"type": "object", "additionalProperties": false, "required": ["value"],
     "properties": {"value": {"type": "number"}}},
    {"type": "object", "additionalProperties": false, "required": ["value", "reason"],
     "properties": {"value": {"type": "null"}, "reason": {"type": "string", "minLength": 1}}}]})");
  const auto line = [&](const std::string& document) { return complaint(schema, from(document)); };
  EXPECT_EQ(line(R"({"value": "12"})"), "d.json: /value: expected a number or null, got \"12\"");
  EXPECT_EQ(line(R"({"value": null})"), "d.json: missing field \"reason\"");
  EXPECT_EQ(line(R"({"value": null, "reason": ""})"), "d.json: /reason: must not be empty");
  EXPECT_EQ(line(R"({"value": 1, "reason": "x"})"),
            "d.json: unknown field \"reason\" (allowed: value)");
  EXPECT_EQ(line(R"({"reason": "x"})"), "d.json: missing field \"value\"");
  EXPECT_EQ(line("3"), "d.json: expected an object, got 3");
}

TEST(Schema, JudgesTheKindOfDocumentFirst) {
  const std::string line = error_line([] {
    validate(from(R"({"schema": {"name": "assay.basket", "version": 1}, "x": 1})"), "result", "r");
  });
  EXPECT_EQ(line, "r: /schema/name: expected \"assay.result\", got \"assay.basket\"");
  expect_input_error([] { validate(json::object(), "resutl", "r"); }, {"resutl"});
}

TEST(Schema, AllOfThisRepositoryAreUsable) {
  int schemas = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(ASSAY_SOURCE_DIR "/results/schema")) {
    const std::string name = entry.path().filename().string();
    EXPECT_NO_THROW((void)document_schema(name.substr(0, name.find('.')))) << name;
    ++schemas;
  }
  EXPECT_GE(schemas, 3);
}

TEST(Schema, NumbersThatAreNotFiniteNeverFit) {
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    expect_input_error(
        [&] {
          Schema(json::object(), "s").check(json{{"a", value}}, "d");
        },
        {"finite"});
    expect_input_error([&] { Schema({{"type", "number"}}, "s").check(value, "d"); }, {"finite"});
  }
}

TEST(Schema, LongTextsDoNotExhaustTheMatcher) {
  const Schema schema(from(R"({"pattern": "^(a|b)*$"})"), "s");
  EXPECT_NO_THROW(schema.check(std::string(512, 'a'), "d"));
  EXPECT_THROW(schema.check(std::string(1 << 20, 'a'), "d"), Error);
}

TEST(Schema, UnusableSchemasAreRefused) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"({"typ": "string"})", "unknown keyword \"typ\""},
      {R"({"properties": {"a": {"minimun": 1}}})", "s: /properties/a: unknown keyword \"minimun\""},
      {R"({"items": {"$defs": {}}})", "unknown keyword \"$defs\""},
      {R"({"not": {}})", "unknown keyword"},
      {R"({"type": "int"})", "unknown type"},
      {R"({"type": []})", "at least one type"},
      {R"({"properties": {"a": {}}, "required": ["b"]})", "\"b\" is required but not a property"},
      {R"({"pattern": "("})", "not a regular expression"},
      {R"({"format": "uuid"})", "unknown format"},
      {R"({"minLength": -1})", "a count"},
      {R"({"minimum": "1"})", "a number"},
      {R"({"enum": []})", "an array of values"},
      {R"({"oneOf": []})", "an array of schemas"},
      {R"({"items": true})", "a schema is an object"},
      {R"({"$ref": "#/$defs/none"})", "no definition"},
      {R"({"$ref": "other.json"})", "no definition"},
      {R"({"$schema": "http://json-schema.org/draft-07/schema#"})", "2020-12"},
      {R"({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}})",
       "circle"},
  };
  for (const auto& [schema, part] : cases) {
    SCOPED_TRACE(schema);
    expect_input_error([&] { (void)Schema(from(schema), "s"); }, {part});
  }
}

TEST(Schema, LargeArraysAreJudgedQuickly) {
  json array = json::array();
  for (int i = 0; i < 2'000'000; ++i) array.push_back(i);
  const Schema schema(from(R"({"items": {"type": "integer", "minimum": 0}})"), "s");
  const auto start = std::chrono::steady_clock::now();
  schema.check(array, "d");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  array.back() = -1;
  expect_input_error([&] { schema.check(array, "d"); }, {"d: /1999999: "});
}

TEST(NearName, AtMostTwoEditsAndLessThanHalf) {
  const std::vector<std::string> names = {"flops", "bytes", "tokens", "ab"};
  EXPECT_EQ(near_name("flop", names), "flops");
  EXPECT_EQ(near_name("folps", names), "flops");
  EXPECT_EQ(near_name("byte", names), "bytes");
  EXPECT_EQ(near_name("tkens_", names), "tokens");
  EXPECT_EQ(near_name("speed", names), "");
  EXPECT_EQ(near_name("x", names), "");
}

TEST(DateTime, Rfc3339) {
  for (const char* good :
       {"2026-01-31T13:45:00Z", "2026-01-31T13:45:00.123456Z", "2026-01-31T13:45:00+08:00",
        "2016-12-31T23:59:60Z", "2017-01-01T07:59:60+08:00", "2000-02-29T00:00:00Z"}) {
    EXPECT_TRUE(is_date_time(good)) << good;
  }
  for (const char* bad :
       {"", "2026-01-31", "2026-01-31T13:45Z", "2026-01-31T13:45:00", "2026-01-31t13:45:00Z",
        "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-31T24:00:00Z",
        "2026-01-31T13:60:00Z", "2026-01-31T13:45:60Z", "2026-01-31T13:45:00.Z",
        "2026-01-31T13:45:00+8:00", "2026-01-31T13:45:00ZZ", "1900-02-29T00:00:00Z",
        "+026-01-31T13:45:00Z", "2016-12-31T23:59:60+08:00"}) {
    EXPECT_FALSE(is_date_time(bad)) << bad;
  }
  EXPECT_TRUE(is_date("2024-02-29"));
  EXPECT_FALSE(is_date("2023-02-29"));
  EXPECT_FALSE(is_date("2024-2-29"));
  EXPECT_FALSE(is_date("2024-02-29Z"));
}

}  // namespace
}  // namespace assay
