/// Comma-separated values: what is read, what is refused, and that writing is undone by reading.
#include "results/csv.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(const std::string& text) {
  try {
    (void)parse_csv(text, "a.csv", {"name", "price"}, {"note"});
  } catch (const Error& error) {
    return error.line();
  }
  return {};
}

TEST(Csv, ReadsQuotesCommentsAndBothLineEnds) {
  const CsvTable table = parse_csv("# a list\r\nprice,name\r\n1.5,\"a, \"\"b\"\"\nc\"\r\n\n2,d\n",
                                   "a.csv", {"name", "price"});
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.at(0, "name"), "a, \"b\"\nc");
  EXPECT_EQ(table.at(1, "price"), "2");
  EXPECT_EQ(table.where(1, "price"), "a.csv:6: price");
}

TEST(Csv, WritingIsUndoneByReading) {
  const std::vector<std::string> fields = {"a,b", "\"", "line\nbreak", "", "#x", " y "};
  const std::string text = "name,price\n" + csv_line({fields[0], fields[1]}) +
                           csv_line({fields[2], fields[3]}) + csv_line({fields[4], fields[5]});
  const CsvTable table = parse_csv(text, "a.csv", {"name", "price"});
  EXPECT_THAT(table.rows, ElementsAre(ElementsAre("a,b", "\""), ElementsAre("line\nbreak", ""),
                                      ElementsAre("#x", " y ")));
}

TEST(Csv, RefusalsNameTheLine) {
  EXPECT_THAT(refusal("name,price\na,1\n\"b,2\n"), HasSubstr("a.csv:3: a quote is opened"));
  EXPECT_THAT(refusal("name,price\na\"b,1\n"), HasSubstr("a.csv:2: a quote inside"));
  EXPECT_THAT(refusal("name,price\n\"a\"b,1\n"),
              HasSubstr("a.csv:2: text after the closing quote"));
  EXPECT_THAT(refusal("name,price\na,1,2\n"), HasSubstr("a.csv:2: the row has 3 fields"));
  EXPECT_THAT(refusal("name,prise\na,1\n"), HasSubstr("did you mean 'price'?"));
  EXPECT_THAT(refusal("name\na\n"), HasSubstr("the column 'price' is missing"));
  EXPECT_THAT(refusal("name,price,name\na,1,b\n"), HasSubstr("stands twice"));
  EXPECT_THAT(refusal("name,price\n"), HasSubstr("no row"));
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_THAT(refusal("\xEF\xBB\xBFname,price\na,1\n"), HasSubstr("byte order mark"));
  EXPECT_EQ(refusal("name,price\n\u7b97\u529b,1\n"), "");
  EXPECT_THAT(refusal("name,price\na,1\n\xCB\xE3\xC1\xA6,1\n"),  // the same in GB18030
              HasSubstr("a.csv:3: is not UTF-8"));
}

}  // namespace
}  // namespace assay
