#include "vm/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace lunabeam {

void check_failed(const char* file, int line, const char* text) noexcept {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, text);
  std::abort();
}

}  // namespace lunabeam
