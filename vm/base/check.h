// Checks of our own invariants. A failed check is a bug of ours: it prints where and what, and aborts. Never used for guest
// input (that is an Error) nor for guest faults (those are Traps).
#pragma once

namespace lunabeam {

// Prints `file:line: check failed: text` to standard error and aborts. Async-signal-safe.
[[noreturn, gnu::cold]] void check_failed(const char* file, int line, const char* text) noexcept;

}  // namespace lunabeam

// Always on: for invariants whose violation would corrupt memory or leak another process's data.
#define VM_CHECK(cond)                                     \
  do {                                                     \
    if (!(cond)) [[unlikely]]                              \
      ::lunabeam::check_failed(__FILE__, __LINE__, #cond); \
  } while (0)

// Marks a place that no input can reach.
#define VM_UNREACHABLE(text) ::lunabeam::check_failed(__FILE__, __LINE__, text)

// On in dev, sanitizer and torture builds only: may stand on hot paths.
#if !defined(NDEBUG)
#define VM_DCHECK(cond) VM_CHECK(cond)
#else
#define VM_DCHECK(cond) \
  do {                  \
    if (false) {        \
      (void)(cond);     \
    }                   \
  } while (0)
#endif
