#include "vm/interp/rows_vector.h"
