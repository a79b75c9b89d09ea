#define VM_DISPATCH_TAIL
#include "vm/interp/dispatch_loop.h"
