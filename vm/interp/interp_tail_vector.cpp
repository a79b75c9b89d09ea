#define VM_DISPATCH_TAIL
#include "vm/interp/rows_vector.h"
