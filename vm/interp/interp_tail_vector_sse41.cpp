// Compiled for SSE4.1 (vm/CMakeLists.txt); its handlers run where the processor has it.
#if defined(__x86_64__)
#define VM_DISPATCH_TAIL
#define VM_VECTOR_NAMESPACE sse41
#include "vm/interp/rows_vector.h"
#endif
