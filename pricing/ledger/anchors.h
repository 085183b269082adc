#pragma once
/// Anchors: a file beside no ledger's reach, to which signed heads of its chain are appended. A
/// chain alone proves nothing, for who owns the file can build it anew; what an anchor has seen he
/// can't.
///
/// One line an anchor, canonical JSON: {"count":12,"key_id":"…","ledger":"…","previous":"…",
/// "root":"…","signature":"…","time":"…"}. `previous` is the SHA-256 of the line before (of nothing
/// for the first). The signature is Ed25519 over the line without `signature`, under DSSE's
/// pre-authentication encoding. A last line without its LF was cut by a crash and is no anchor.
#include <filesystem>
#include <string>
#include <vector>

#include "pricing/ledger/store.h"

namespace assay::pricing::ledger {

struct Anchor {
  std::string ledger;
  Head head;
  std::string time_utc;
  std::string key_id;
  std::string line;  ///< as it stands in the file
  std::string signed_text;
  std::string signature;  ///< 64 bytes
};

/// Signs a head and appends it, on the disk when this returns. Errors: input_error (file, key).
void append_anchor(const std::filesystem::path& path, const std::string& ledger, const Head& head,
                   const std::string& time_utc, const std::string& private_pem);

/// For who posts first and anchors then: that the file can be appended to, or made. Errors:
/// input_error naming it.
void check_anchor_can_be_appended(const std::filesystem::path& path);

/// Errors: input_error naming file and line where one is no anchor.
[[nodiscard]] std::vector<Anchor> read_anchors(const std::filesystem::path& path);

/// Holds a chain against its anchors: each signature by `public_pem`, the lines unbroken, and the
/// root that the chain has at each anchor's count (`roots[n - 1]` is root n). Findings, empty where
/// all hold.
[[nodiscard]] std::vector<std::string> judge_anchors(const std::vector<Anchor>& anchors,
                                                     const std::string& ledger,
                                                     const std::vector<std::string>& roots,
                                                     const std::string& public_pem);

}  // namespace assay::pricing::ledger
