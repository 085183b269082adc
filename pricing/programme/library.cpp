#include "pricing/programme/library.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <tuple>

#include "base/error.h"
#include "pricing/programme/evaluate.h"
#include "results/document.h"
#include "results/json_path.h"
#include "results/near_name.h"

namespace assay {

/// Generated: pricing/data/programmes/*.json, and programmes.txt, their names.
std::string_view embedded_programmes(std::string_view file_name);

}  // namespace assay

namespace assay::pricing::programme {

namespace {

bool before(const Programme& a, const Programme& b) {
  return std::tie(a.id, a.version) < std::tie(b.id, b.version);
}

bool same_version(const Programme& a, const Programme& b) {
  return a.id == b.id && a.version == b.version;
}

std::string versions_text(const std::vector<const Programme*>& versions) {
  std::string text;
  for (const Programme* each : versions) text += (text.empty() ? "" : ", ") + each->version;
  return text;
}

/// Of two versions in force, the one that the newer one's transition names.
const Programme* by_transition(const Programme& one, const Programme& other, const Claim& claim) {
  for (const auto& [newer, older] : {std::pair{&one, &other}, std::pair{&other, &one}}) {
    if (!newer->transition || newer->transition->older_version != older->version) continue;
    const Transition& transition = *newer->transition;
    return transition.from <= day_of(claim, transition.date) ? newer : older;
  }
  return nullptr;
}

}  // namespace

Library built_in_programmes() {
  Library library;
  std::istringstream names{std::string(embedded_programmes("programmes.txt"))};
  for (std::string name; std::getline(names, name);) {
    library.push_back(programme_from_json(parse_json(embedded_programmes(name), name), name));
  }
  std::sort(library.begin(), library.end(), before);
  return library;
}

Library programmes_with(const std::vector<std::filesystem::path>& files) {
  Library own;
  for (const auto& path : files) {
    Programme programme = read_programme(path);
    for (const Programme& other : own) {
      if (same_version(other, programme)) {
        throw input_error("is " + title_of(programme) + ", as is " + other.where, path.string(),
                          "give one of them another version");
      }
    }
    own.push_back(std::move(programme));
  }
  Library library = built_in_programmes();
  std::erase_if(library, [&](const Programme& built_in) {
    return std::any_of(own.begin(), own.end(),
                       [&](const Programme& each) { return same_version(each, built_in); });
  });
  library.insert(library.end(), own.begin(), own.end());
  std::sort(library.begin(), library.end(), before);
  return library;
}

std::vector<const Programme*> versions_of(const Library& library, const std::string& id,
                                          const std::string& where) {
  std::vector<const Programme*> found;
  std::vector<std::string> ids;
  for (const Programme& programme : library) {
    if (programme.id == id) found.push_back(&programme);
    ids.push_back(programme.id);
  }
  if (found.empty()) {
    const std::string near = near_name(id, ids);
    throw input_error("no programme '" + excerpt(id) + "'", where,
                      near.empty() ? "assay programme list names them; give your own as a file"
                                   : "did you mean '" + near + "'?");
  }
  return found;
}

const Programme& programme_of(const Library& library, const Claim& claim) {
  const std::string where = place(claim.where, "/programme");
  const std::vector<const Programme*> versions = versions_of(library, claim.programme, where);
  if (claim.version) {
    for (const Programme* each : versions) {
      if (each->version == *claim.version) return *each;
    }
    throw input_error(
        "programme " + claim.programme + " has no version '" + excerpt(*claim.version) + "'", where,
        "one of: " + versions_text(versions));
  }
  if (!claim.decisions.empty()) {
    throw input_error("a claim with decisions does not name the version that they are of", where,
                      "one of: " + versions_text(versions));
  }
  std::vector<const Programme*> applying;
  std::string why;
  bool unknown = false;
  for (const Programme* each : versions) {
    const Force force = in_force(*each, claim);
    if (force.state == InForce::yes) applying.push_back(each);
    unknown = unknown || force.state == InForce::unknown;
    const std::string text = force.state == InForce::yes
                                 ? "in force"
                                 : (force.finding.in_claim ? "claim " : "") + force.finding.field +
                                       ": " + force.finding.text;
    why += (why.empty() ? "" : "; ") + each->version + ": " + text;
  }
  if (applying.size() == 1 && !unknown) return *applying.front();
  if (applying.size() == 2 && !unknown) {
    if (const Programme* chosen = by_transition(*applying[0], *applying[1], claim)) return *chosen;
  }
  throw input_error(unknown            ? "which version applies is not known"
                    : applying.empty() ? "no version applies"
                                       : "more than one version applies",
                    where, why + "; name the version in the claim where its rules apply");
}

}  // namespace assay::pricing::programme
