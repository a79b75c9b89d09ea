#include "vm/interp/rows_compare.h"
