#include "vm/interp/rows_float.h"
