#include "vm/interp/rows_special.h"
