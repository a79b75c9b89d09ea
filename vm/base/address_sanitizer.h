// LUNABEAM_ASAN: defined when this build runs under the address sanitizer, whose poisoning interface is then included.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define LUNABEAM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LUNABEAM_ASAN 1
#endif
#endif
#if defined(LUNABEAM_ASAN)
#include <sanitizer/asan_interface.h>
#endif
