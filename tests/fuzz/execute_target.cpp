#include "tests/fuzz/entries.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  lunabeam::fuzz::execute({data, size});
  return 0;
}
