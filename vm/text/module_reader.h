// Reads the fields of one module: the passes, in order.
#pragma once

#include "vm/text/module_context.h"

namespace lunabeam::vm::text {

// The fields [first, last) of a buffer, in the module whose identifier is `name` (empty: none). Nothing recursive; at most three
// passes over the tokens, one more for modules that use the index of a type before the type use that adds it.
class ModuleReader {
 public:
  ModuleReader(const TokenBuffer& buffer, u32 first, u32 last, std::string_view name, ReadOptions options);

  [[nodiscard]] Result<BinaryModule> read();

 private:
  [[nodiscard]] bool read_passes();

  u32 first_;
  u32 last_;
  ModuleContext context_;
};

}  // namespace lunabeam::vm::text
