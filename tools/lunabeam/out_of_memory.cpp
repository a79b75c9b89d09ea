// The program's operators new and delete. Those of the C++ library throw where nothing catches, those of mimalloc abort without a word
// when the C++ library is linked statically. Everything comes from malloc, which is mimalloc's where that is linked. What a guest
// causes is asked for without throwing, and refused as ever.
#include "tools/lunabeam/out_of_memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "tools/lunabeam/commands.h"

namespace lunabeam::tools {

void end_out_of_memory(size_t size_bytes) noexcept {
  char wanted[48] = "";
  if (size_bytes != 0) (void)std::snprintf(wanted, sizeof wanted, " (%zu bytes wanted)", size_bytes);
  char text[80];
  const int length = std::snprintf(text, sizeof text, "lunabeam: out of memory%s\n", wanted);
  // Nothing is left to do where even this fails.
  if (write(STDERR_FILENO, text, static_cast<size_t>(length)) < 0) _exit(kExitError);
  _exit(kExitError);
}

}  // namespace lunabeam::tools

#if !defined(LUNABEAM_OPERATORS_OF_SANITIZER)

namespace {

void* allocate(size_t size_bytes) noexcept { return std::malloc(size_bytes != 0 ? size_bytes : 1); }

void* allocate(size_t size_bytes, std::align_val_t alignment) noexcept {
  void* block = nullptr;
  return posix_memalign(&block, std::max(static_cast<size_t>(alignment), sizeof(void*)),
                        size_bytes != 0 ? size_bytes : 1) == 0
             ? block
             : nullptr;
}

void* found(void* block, size_t size_bytes) noexcept {
  if (block == nullptr) [[unlikely]]
    lunabeam::tools::end_out_of_memory(size_bytes);
  return block;
}

}  // namespace

using std::align_val_t;
using std::nothrow_t;

// clang-format off
void* operator new(size_t n) { return found(allocate(n), n); }
void* operator new[](size_t n) { return found(allocate(n), n); }
void* operator new(size_t n, align_val_t a) { return found(allocate(n, a), n); }
void* operator new[](size_t n, align_val_t a) { return found(allocate(n, a), n); }
void* operator new(size_t n, const nothrow_t&) noexcept { return allocate(n); }
void* operator new[](size_t n, const nothrow_t&) noexcept { return allocate(n); }
void* operator new(size_t n, align_val_t a, const nothrow_t&) noexcept { return allocate(n, a); }
void* operator new[](size_t n, align_val_t a, const nothrow_t&) noexcept { return allocate(n, a); }

void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t, align_val_t) noexcept { std::free(p); }
void operator delete(void* p, const nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p, align_val_t, const nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, align_val_t, const nothrow_t&) noexcept { std::free(p); }
// clang-format on

#endif
