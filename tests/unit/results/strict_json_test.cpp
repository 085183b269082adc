/// The strict JSON reader: what it takes, and where it says a text is wrong.
#include <gtest/gtest.h>

#include <fstream>

#include "results/document.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace assay {
namespace {

void refuses(const std::string& text, const std::vector<std::string>& parts) {
  SCOPED_TRACE(text.substr(0, 60));
  expect_input_error([&] { (void)parse_json(text, "a.json"); }, parts);
}

TEST(StrictJson, ReadsAllKindsOfValues) {
  const auto value = parse_json(
      R"({"a": [1, -2, 3.5, 1e3, true, false, null, "\u20ac\ud83d\ude00\n"], "b": {"c": {}}})",
      "a");
  EXPECT_EQ(value["a"][1].get<int>(), -2);
  EXPECT_TRUE(value["a"][3].is_number_float());
  EXPECT_EQ(value["a"][7].get<std::string>(), "\xE2\x82\xAC\xF0\x9F\x98\x80\n");
  EXPECT_TRUE(value["b"]["c"].is_object());
  EXPECT_EQ(parse_json(" 7 ", "a").get<int>(), 7);
  EXPECT_EQ(parse_json("18446744073709551615", "a").get<std::uint64_t>(), ~std::uint64_t{0});
}

TEST(StrictJson, NamesThePathOfDuplicateKeys) {
  refuses(R"({"a": 1, "a": 2})", {"a.json: ", "\"a\" stands twice"});
  refuses(R"({"x": [0, {"y": {"k": 1, "k": 1}}]})", {"a.json: /x/1/y: ", "\"k\" stands twice"});
  refuses(R"({"a": 1, "\u0061": 2})", {"\"a\" stands twice"});
}

TEST(StrictJson, NamesLineAndColumnOfSyntaxErrors) {
  refuses("{\"a\": 1,\n \"b\": nul}", {"a.json:2:10: ", "invalid literal"});
  refuses("{\"a\": NaN}", {"a.json:1:7: ", "invalid literal"});
  refuses("[1, Infinity]", {"a.json:1:5: "});
  refuses("[-Infinity]", {"a.json:1:"});
  refuses("[1e999]", {"a.json:1:", "overflow"});
  refuses("[01]", {"a.json:1:3: "});
  refuses("[1,]", {"a.json:1:4: "});
  refuses("[1] []", {"a.json:1:5: "});
  refuses("{'a': 1}", {"a.json:1:2: "});
  refuses("[1] // end", {"a.json:1:5: "});
  refuses("", {"a.json:1:1: ", "end of input"});
  refuses("{\"a\": [1, 2", {"a.json:1:12: ", "end of input"});
  refuses("[\"a\nb\"]", {"a.json:1:4: "});
  refuses("{\"a\" 1}", {"a.json:1:6: ", "expected ':'"});
}

TEST(StrictJson, RefusesWhatTheLibraryLetsPass) {
  refuses("[1, 123456789012345678901234567890]", {"a.json: /1: ", "64 bits", "decimal string"});
  refuses(R"({"n": -9223372036854775809})", {"a.json: /n: ", "64 bits"});
  refuses("\xEF\xBB\xBF{}", {"a.json: ", "byte order mark"});
  refuses(std::string("{}\0{\"a\": 1}", 11), {"a.json:1:3: ", "zero byte"});
  refuses(std::string(101, '[') + std::string(101, ']'), {"nested deeper than 100"});
  EXPECT_NO_THROW((void)parse_json(std::string(100, '[') + std::string(100, ']'), "a"));
}

TEST(StrictJson, RefusesWhatIsNotUtf8) {
  refuses("[\"\xFF\"]", {"a.json:1:3: ", "UTF-8"});
  refuses("[\"\xC0\x80\"]", {"a.json:1:", "UTF-8"});
  refuses("[\"\xED\xA0\x80\"]", {"a.json:1:", "UTF-8"});
  refuses(R"(["\ud800"])", {"a.json:1:", "surrogate"});
}

TEST(StrictJson, ErrorsOfHugeTokensStayShort) {
  const std::string line =
      error_line([] { (void)parse_json("[\"" + std::string(1'000'000, 'x') + "\n", "a.json"); });
  EXPECT_LT(line.size(), 250U) << line.substr(0, 300);
}

TEST(ReadFile, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  expect_input_error([&] { (void)read_file(folder.path() / "none.json"); },
                     {"none.json: ", "No such file"});
  expect_input_error([&] { (void)read_file(folder.path()); }, {"directory"});
  std::ofstream(folder.path() / "a") << "text";
  EXPECT_EQ(read_file(folder.path() / "a"), "text");
}

TEST(Sha256, PublishedVectors) {
  // FIPS 180-4's examples: the empty message and "abc".
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "a") << "abc";
  EXPECT_EQ(sha256_hex_of_file(folder.path() / "a"), sha256_hex("abc"));
}

}  // namespace
}  // namespace assay
