#include <fmt/format.h>

#include "ptx_device/block.h"

namespace assay::ptx_device {

namespace {

std::string file_name(const Module& module, int file) {
  const auto found = module.files.find(file);
  return found == module.files.end() ? fmt::format("file {}", file) : found->second;
}

std::string source_of(const Module& module, int index) {
  const SourcePlace* place = &module.places[static_cast<std::size_t>(index)];
  std::string text = fmt::format("source {}:{}", file_name(module, place->file), place->line);
  while (place->call_file != 0) {
    text += fmt::format(", in {} inlined at {}:{}", place->inlined_function,
                        file_name(module, place->call_file), place->call_line);
    if (place->caller < 0) break;
    place = &module.places[static_cast<std::size_t>(place->caller)];
  }
  return text;
}

std::string trimmed(const std::string& line) {
  std::string text;
  for (const char c : line) {
    if (c == '\t') {
      if (!text.empty() && text.back() != ' ') text += ' ';
    } else if (!(text.empty() && c == ' ')) {
      text += c;
    }
  }
  return text;
}

}  // namespace

std::string place_of(const Module& module, const Instruction* instruction) {
  const auto line = static_cast<std::size_t>(instruction->line - 1);
  std::string text = fmt::format("PTX line {}: {}", instruction->line,
                                 line < module.lines.size() ? trimmed(module.lines[line]) : "");
  if (instruction->place >= 0) text += "; " + source_of(module, instruction->place);
  return text;
}

std::string report(const std::string& what, const Thread& thread, const Instruction* instruction) {
  const Block& block = *thread.block;
  const auto& at = block.position();
  const auto& of = thread.position;
  return fmt::format("kernel {}, block ({},{},{}), thread ({},{},{}): {}; {}",
                     block.launch().program->kernel, at[0], at[1], at[2], of[0], of[1], of[2], what,
                     place_of(*block.launch().module, instruction));
}

}  // namespace assay::ptx_device
