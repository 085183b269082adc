#include "pricing/programme/programme_run.h"

#include "base/error.h"
#include "pricing/programme/evaluate.h"
#include "pricing/programme/explain.h"
#include "pricing/programme/library.h"
#include "pricing/programme/ruling_text.h"
#include "results/document.h"
#include "results/markdown_table.h"

namespace assay::pricing::programme {

namespace {

using nlohmann::json;

std::string shares_text(const Programme& programme) {
  std::string text;
  for (const Tier& tier : programme.tiers) {
    const std::string share =
        tier.share.value ? (tier.at_most ? "at most " : "") + percent_text(*tier.share.value)
                         : std::string("unknown");
    if (text.find(share) == std::string::npos) text += (text.empty() ? "" : " / ") + share;
  }
  return text;
}

std::string caps_text(const Programme& programme) {
  std::string text;
  for (const Cap& cap : programme.caps) {
    if (!text.empty()) text += " / ";
    text += !cap.amount.value        ? "unknown"
            : !cap.amount.value->cny ? "none"
                                     : grouped_cny_text(*cap.amount.value->cny);
    if (cap.per.value) text += " a " + name_of(*cap.per.value);
  }
  return text.empty() ? "none" : text;
}

std::string budget_text(const Programme& programme) {
  if (!programme.budget.value) return programme.budget.stated ? "unknown" : "none";
  return grouped_cny_text(programme.budget.value->amount) +
         (programme.budget.value->per_year ? " a year" : "");
}

std::string span_text(const Programme& programme) {
  if (programme.span.value) {
    const Span& span = *programme.span.value;
    return day_text(span.from) + ".." + (span.to ? day_text(*span.to) : "");
  }
  const Source& source = programme.sources.front();
  return source.date ? "on " + day_text(*source.date) : "unknown";
}

std::string compact(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

/// Rules of the document, however deep, as rows: field, value, source, note.
void rule_rows(const json& node, const std::string& pointer, MarkdownTable& table) {
  if (node.is_array()) {
    for (std::size_t i = 0; i < node.size(); ++i) {
      rule_rows(node[i], pointer + "/" + std::to_string(i), table);
    }
    return;
  }
  if (!node.is_object()) return;
  if (node.contains("value")) {
    const json& value = node.at("value");
    std::string shown = value.is_null() ? "unknown" : compact(value);
    if (node.contains("complete") && node.at("complete").is_null()) shown += ", and more unknown";
    if (node.contains("one_of")) shown += ", one of " + node.at("one_of").dump();
    std::string note = node.value("note", "");
    if (node.contains("needs")) {
      note += (note.empty() ? "needs: " : "; needs: ") + node.at("needs").get<std::string>();
    }
    table.add({pointer, shown, node.value("source", ""), note});
    return;
  }
  for (const auto& [key, member] : node.items()) rule_rows(member, pointer + "/" + key, table);
}

std::string tiers_text(const Programme& programme) {
  std::string text;
  for (const Tier& tier : programme.tiers) {
    text += "tier       " + tier.name + ": " + (tier.at_most ? "at most " : "") +
            (tier.share.value ? percent_text(*tier.share.value) : "unknown");
    for (const std::string& statement : tier.when) text += ", if " + statement;
    text += "\n";
  }
  return text;
}

std::string page_of(const Programme& programme) {
  std::string text = title_of(programme) + ": " + programme.name + "\n";
  if (!programme.place.empty()) text += "place      " + programme.place + "\n";
  for (const Source& source : programme.sources) {
    text += "source     " + source.key + " (" +
            (source.date_text.empty() ? "no date" : source.date_text) + "): " + source.title +
            (source.seen_at.empty() ? "" : "; " + source.seen_at) + "\n";
  }
  const json& document = *programme.document;
  if (document.contains("follows")) {
    text += "follows    " + document.at("follows").get<std::string>() + "\n";
  }
  text += tiers_text(programme);
  for (const auto& [name, meaning] : programme.statements) {
    text += "statement  " + name + ": " + meaning + "\n";
  }
  MarkdownTable table({"field", "value", "source", "note"});
  rule_rows(document, "", table);
  text += "\n" + table.text();
  for (const json& note : document.value("notes", json::array())) {
    text += "note       " + note.get<std::string>() + "\n";
  }
  return text + "digest     " + programme.digest + "\n";
}

json open_json(const Programme& programme) {
  json open = json::array();
  for (const OpenPoint& point : open_points(programme)) {
    open.push_back({{"field", point.field}, {"needs", point.needs}});
  }
  return open;
}

}  // namespace

ProgrammeOutcome list_programmes(const Files& own) {
  ProgrammeOutcome outcome;
  MarkdownTable table(
      {"programme", "version", "pays", "cap CNY", "budget CNY", "in force", "open"});
  outcome.document = json::array();
  for (const Programme& programme : programmes_with(own)) {
    table.add({programme.id, programme.version, shares_text(programme), caps_text(programme),
               budget_text(programme), span_text(programme),
               std::to_string(open_points(programme).size())});
    outcome.document.push_back({{"id", programme.id},
                                {"version", programme.version},
                                {"name", programme.name},
                                {"digest", programme.digest},
                                {"pays", shares_text(programme)},
                                {"cap_cny", caps_text(programme)},
                                {"budget_cny", budget_text(programme)},
                                {"in_force", span_text(programme)},
                                {"open", open_json(programme)}});
  }
  outcome.text = table.text();
  return outcome;
}

ProgrammeOutcome show_programme(const std::string& id, const std::string& version,
                                const Files& own) {
  const Library library = programmes_with(own);
  ProgrammeOutcome outcome;
  outcome.document = json::array();
  std::string versions;
  for (const Programme* each : versions_of(library, id, "")) {
    versions += (versions.empty() ? "" : ", ") + each->version;
    if (!version.empty() && each->version != version) continue;
    outcome.text += (outcome.text.empty() ? "" : "\n") + page_of(*each);
    outcome.document.push_back(*each->document);
  }
  if (outcome.document.empty()) {
    throw input_error("programme " + id + " has no version '" + version + "'", "",
                      "one of: " + versions);
  }
  return outcome;
}

ProgrammeOutcome check_programme(const std::filesystem::path& file) {
  const Programme programme = read_programme(file);
  ProgrammeOutcome outcome;
  const std::vector<OpenPoint> open = open_points(programme);
  outcome.text = title_of(programme) + ": the file is usable; " + std::to_string(open.size()) +
                 " open points\n";
  for (const OpenPoint& point : open) {
    outcome.text += "open       " + point.field + ": " + point.needs + "\n";
  }
  outcome.text += "digest     " + programme.digest + "\n";
  outcome.document = {{"id", programme.id},
                      {"version", programme.version},
                      {"digest", programme.digest},
                      {"open", open_json(programme)}};
  return outcome;
}

ProgrammeOutcome apply_claim(const std::filesystem::path& path, const Files& own,
                             const std::filesystem::path& output) {
  const Claim claim = read_claim(path);
  const Library library = programmes_with(own);
  const Programme& programme = programme_of(library, claim);
  const Ruling ruling = evaluate(programme, claim);
  if (ruling.kind == RulingKind::stopped) {
    throw input_error("stopped: " + findings_line(ruling, programme), path.string(),
                      "fill the claim, or add the programme's decision under /decisions");
  }
  ProgrammeOutcome outcome;
  if (ruling.kind == RulingKind::refused) {
    outcome.failure = path.string() + ": refused: " + findings_line(ruling, programme);
  }
  outcome.text = ruling_text(ruling, programme, claim);
  outcome.document = to_json(ruling, programme, claim);
  if (!output.empty()) write_document(output, outcome.document);
  return outcome;
}

}  // namespace assay::pricing::programme
