#include "vm/interp/dispatch_loop.h"
