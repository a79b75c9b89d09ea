// Who pays for the memory that a module takes: while it is loaded, and afterwards for what is made of it on demand, the code of its
// functions and the images of its tables and memories.
#pragma once

#include "vm/base/ints.h"

namespace lunabeam::vm {

// Owned by the module and destroyed behind everything that was paid for: the destructor gives all of it back.
// Threading: charge() from any thread.
class ModuleBudget {
 public:
  ModuleBudget() = default;
  ModuleBudget(const ModuleBudget&) = delete;
  ModuleBudget& operator=(const ModuleBudget&) = delete;
  virtual ~ModuleBudget() = default;

  // False: there is not that much left; nothing was charged.
  [[nodiscard]] virtual bool charge(u64 bytes) noexcept = 0;
};

}  // namespace lunabeam::vm
