#pragma once
/// The programmes that travel inside the program, and which version a claim is settled by.
#include <filesystem>
#include <vector>

#include "pricing/programme/claim.h"
#include "pricing/programme/programme.h"

namespace assay::pricing::programme {

using Library = std::vector<Programme>;

/// pricing/data/programmes, by id and version.
[[nodiscard]] Library built_in_programmes();

/// The built-in ones and those of the files; a file's version takes the place of a built-in one of
/// the same id and version. Errors: those of read_programme; the same version in two files.
[[nodiscard]] Library programmes_with(const std::vector<std::filesystem::path>& files);

/// All versions of a programme. Errors: input_error for an unknown id, with the nearest one.
[[nodiscard]] std::vector<const Programme*> versions_of(const Library& library,
                                                        const std::string& id,
                                                        const std::string& where);

/// The version that the claim names, or the one in force for it. Errors: input_error naming all
/// versions where none or more than one applies and no transition decides, where one that might
/// apply is not known to, or where a claim with decisions names none.
[[nodiscard]] const Programme& programme_of(const Library& library, const Claim& claim);

}  // namespace assay::pricing::programme
