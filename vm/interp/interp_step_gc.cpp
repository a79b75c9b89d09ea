#include "vm/interp/rows_gc.h"
