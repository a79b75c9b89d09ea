#include "vm/text/printer.h"

#include "vm/limits.h"
#include "vm/text/printer_module.h"

namespace lunabeam::vm::text {

Result<std::string> print_module(std::span<const u8> bytes, PrintOptions options) {
  if (bytes.size() > kMaxModuleBytes) return fail(ErrorCode::kImplementationLimit, Error::kNoOffset, "module of 4 GiB");
  VM_ASSIGN(const Outline outline, read_outline(bytes));
  NameTable names;
  if (options.names) names.read(bytes, outline);
  if (options.custom_sections) {
    if (const std::optional<BranchHints> hints = read_branch_hints(bytes, outline)) {
      ModulePrinter printer(bytes, outline, names, &*hints);
      Result<std::string> text = printer.print(options);
      if (!text || printer.hints_fit()) return text;
    }
  }
  return ModulePrinter(bytes, outline, names, nullptr).print(options);
}

}  // namespace lunabeam::vm::text
