#include "vm/interp/rows_fused.h"
