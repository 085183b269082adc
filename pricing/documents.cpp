#include "pricing/documents.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "results/document.h"
#include "results/keys.h"

namespace assay::pricing {

namespace {

void add_documents(const std::filesystem::path& place, std::vector<std::filesystem::path>& paths) {
  if (std::filesystem::is_regular_file(place)) {
    paths.push_back(place);
    return;
  }
  if (!std::filesystem::is_directory(place)) {
    throw input_error("no such folder or file", place.string());
  }
  const std::size_t before = paths.size();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(place)) {
    if (entry.is_regular_file() && entry.path().extension() == ".json") {
      paths.push_back(entry.path());
    }
  }
  if (paths.size() == before) throw input_error("holds no .json document", place.string());
}

}  // namespace

std::vector<std::filesystem::path> documents_of(const std::vector<std::filesystem::path>& places) {
  std::vector<std::filesystem::path> paths;
  for (const std::filesystem::path& place : places) add_documents(place, paths);
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

std::vector<Certificate> read_certificates(const std::vector<std::filesystem::path>& places,
                                           const std::filesystem::path& key) {
  const std::string public_pem = key.empty() ? std::string() : read_public_key(key);
  std::vector<Certificate> certificates;
  std::set<std::string> ids;
  for (const std::filesystem::path& path : documents_of(places)) {
    certificates.push_back(read_certificate(path, public_pem));
    if (!ids.insert(certificates.back().certificate_id).second) {
      throw input_error("the same certificate stands there twice", path.string(),
                        "remove one of them");
    }
  }
  return certificates;
}

}  // namespace assay::pricing
