#include "vm/interp/rows_memory.h"
