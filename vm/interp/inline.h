// Attributes of the dispatch code.
#pragma once

#define VM_ALWAYS_INLINE [[gnu::always_inline]] inline
#define VM_NOINLINE      [[gnu::noinline]]
