#define VM_DISPATCH_TAIL
#include "vm/interp/rows_fused.h"

VM_FUSED_SHARE(5)
