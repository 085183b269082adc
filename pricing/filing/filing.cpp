#include "pricing/filing/filing.h"

#include <algorithm>
#include <system_error>

#include "base/error.h"
#include "results/atomic_file.h"
#include "results/csv.h"
#include "results/markdown_table.h"
#include "results/test_key.h"

namespace assay::pricing {

namespace {

/// What a stranger must know of the figures, beside each of them: a schedule may travel alone.
std::string standing_of(const RateCard& card) {
  std::string text;
  const auto add = [&text](bool holds, const char* word) {
    if (holds) text += (text.empty() ? "" : ", ") + std::string(word);
  };
  add(card.certificate.test_key, "TEST KEY");
  add(card.certificate.declared, "ASSUMED");
  add(!card.certificate.declared && card.certificate.grade != "certified", "INDICATIVE");
  add(card.sheet.example, "EXAMPLE");
  return text;
}

std::vector<std::string> fields_of(const FilingRow& row) {
  std::vector<std::string> fields = {row.line, row.description};
  fields.insert(fields.end(), row.amounts.begin(), row.amounts.end());
  fields.insert(fields.end(), {row.sum_of, row.share, row.figure, row.source});
  return fields;
}

std::vector<std::string> head_of(const FilingSchedule& schedule) {
  std::vector<std::string> head = {"line", "description"};
  head.insert(head.end(), schedule.amount_columns.begin(), schedule.amount_columns.end());
  head.insert(head.end(), {"sum_of", "share", "figure", "source"});
  return head;
}

std::string warnings(const RateCard& card) {
  std::string text;
  if (card.certificate.test_key) {
    text += std::string("> **TEST KEY.** In this filing ") + kTestKeyWarning + ".\n\n";
  }
  if (card.certificate.declared) {
    text += "> **ASSUMED.** Nobody measured K: the cost sheet declares it.\n\n";
  } else if (card.certificate.grade != "certified") {
    text += "> **INDICATIVE.** The certificate is not of grade certified.\n\n";
  }
  if (card.sheet.example) {
    text += "> **EXAMPLE.** The cost sheet is an example: no site's accounts stand behind it.\n\n";
  }
  return text;
}

}  // namespace

std::string schedule_file_name(const FilingSchedule& schedule) {
  std::string name = "schedule-" + schedule.letter + "-" + schedule.title + ".csv";
  std::replace(name.begin(), name.end(), ' ', '-');
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name;
}

std::string schedule_csv(const RateCard& card, const FilingSchedule& schedule) {
  const std::string standing = standing_of(card);
  const auto line = [](std::vector<std::string> fields, const std::string& last) {
    fields.push_back(last);
    return csv_line(fields);
  };
  std::string text = line(head_of(schedule), "standing");
  for (const FilingRow& row : schedule.rows) text += line(fields_of(row), standing);
  return text;
}

std::string filing_markdown(const RateCard& card, const std::vector<FilingSchedule>& schedules) {
  std::string text = "# Filing: " + card.sheet.name + "\n\n" + warnings(card);
  text += "Site " + card.sheet.site_name + ", " + card.sheet.site_location + ", operated by " +
          card.sheet.site_operator + ". Test year " + card.sheet.test_year_start + " to " +
          card.sheet.test_year_end + ". Cost sheet `" + card.sheet.digest + "`. ";
  text += card.certificate.declared
              ? std::string("K is declared.")
              : "Certificate " + card.certificate.id + ", `" + card.certificate.digest + "`.";
  text +=
      " Every total names its lines; `figure` is the place in the cost sheet that a line is from. "
      "Each schedule stands beside this page as CSV.\n";
  for (const FilingSchedule& schedule : schedules) {
    text += "\n## Schedule " + schedule.letter + ": " + schedule.title + "\n\n";
    if (!schedule.note.empty()) text += schedule.note + "\n\n";
    if (schedule.rows.empty()) continue;
    std::vector<std::string> head = head_of(schedule);
    head.pop_back();  // the sources stand in the CSV and in the rate card
    MarkdownTable table(head);
    for (const FilingRow& row : schedule.rows) {
      std::vector<std::string> fields = fields_of(row);
      fields.pop_back();
      table.add(fields);
    }
    text += table.text();
  }
  return text;
}

void write_filing(const std::filesystem::path& folder, const RateCard& card) {
  const std::vector<FilingSchedule> schedules = filing_schedules(card);
  const std::string page = filing_markdown(card, schedules);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder)) {
    throw input_error("the folder can't be made: " + error.message(), folder.string(),
                      "name a folder that is there or can be made");
  }
  for (const FilingSchedule& schedule : schedules) {
    write_file_atomically(folder / schedule_file_name(schedule), schedule_csv(card, schedule));
  }
  write_file_atomically(folder / "filing.md", page);
}

}  // namespace assay::pricing
