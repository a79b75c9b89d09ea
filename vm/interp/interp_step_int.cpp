#include "vm/interp/rows_int.h"
