// What the program does when an allocation that cannot be refused finds no memory: says so and ends.
#pragma once

#include <cstddef>

// The sanitizers have operators of their own, which know what they have given.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LUNABEAM_OPERATORS_OF_SANITIZER 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LUNABEAM_OPERATORS_OF_SANITIZER 1
#endif

namespace lunabeam::tools {

// Prints `lunabeam: out of memory (N bytes wanted)` and ends the program with kExitError; nothing is flushed or destroyed. 0 bytes: nobody
// knows how many. Any thread.
// main.cpp names it, so that the linker takes this file's operators new and delete rather than those of a library.
[[noreturn]] void end_out_of_memory(size_t size_bytes) noexcept;

}  // namespace lunabeam::tools
