#include "vm/text/printer.h"

#include "vm/limits.h"
#include "vm/text/printer_module.h"

namespace lunabeam::vm::text {

Result<std::string> print_module(std::span<const u8> bytes, PrintOptions options) {
  if (bytes.size() > kMaxModuleBytes) return fail(ErrorCode::kImplementationLimit, Error::kNoOffset, "module of 4 GiB");
  VM_ASSIGN(const Outline outline, read_outline(bytes));
  NameTable names;
  if (options.names) names.read(bytes, outline);
  return ModulePrinter(bytes, outline, names).print(options);
}

}  // namespace lunabeam::vm::text
