# Writes OUTPUT: the C++ file that embeds FOLDER/<family>.fatbin for each of FAMILIES ('|' between).
string(REPLACE "|" ";" families "${FAMILIES}")
list(SORT families)
list(LENGTH families count)
set(declarations "")
set(entries "")
foreach(family IN LISTS families)
  set(symbol assay_cuda_image_${family})
  string(APPEND declarations "asm(R\"(
.section .rodata
.balign 64
${symbol}_begin:
.incbin \"${FOLDER}/${family}.fatbin\"
${symbol}_end:
.text
)\");
extern \"C\" {
extern const std::byte ${symbol}_begin[];
extern const std::byte ${symbol}_end[];
}
")
  string(APPEND entries "      {\"${family}\", {${symbol}_begin, ${symbol}_end}},\n")
endforeach()
file(
  WRITE ${OUTPUT}
  "#include \"kernels/cuda/images.h\"

#include <array>

${declarations}
namespace assay::cuda {

std::span<const Image> images() {
  static const std::array<Image, ${count}> kImages{{
${entries}  }};
  return kImages;
}

std::string_view images_compiler() {
  return \"${COMPILER}\";
}

}  // namespace assay::cuda
")
