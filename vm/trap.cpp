#include "vm/trap.h"

#include <array>

namespace lunabeam::vm {

std::string_view text_of(TrapKind kind) noexcept {
  static constexpr std::array<std::string_view, 1
#define VM_TRAP(id, letter, text) +1
#include "vm/traps.def"
                              >
      kTexts = {
          "",
#define VM_TRAP(id, letter, text) text,
#include "vm/traps.def"
      };
  return kTexts[static_cast<size_t>(kind)];
}

}  // namespace lunabeam::vm
