// What the fuzz targets do with an input, apart from libFuzzer: replay runs the same functions in every preset. They abort when one of
// their promises does not hold.
#pragma once

#include <span>

#include "vm/base/ints.h"

namespace lunabeam::fuzz {

// A `.wast` script: read, then every module in it read, decoded and validated. Promises:
// 1. Offsets of errors lie in the source they are about, and describe() copes with every one.
// 2. A text module that reads is never malformed as a binary one, but for proposals that are off, by name.
void read_as_script(std::span<const u8> input);

// A binary module: decoded and validated with all features and with the first ones only, every function of a valid one translated,
// printed, read back. Promises:
// 3. What validates also prints; what prints reads back, and prints the same again.
// 4. What validates still does so after the way through text.
void read_as_binary(std::span<const u8> input);

// Executes: a binary module as it is, everything else as the choices of the program generator. Promise:
// 5. A module that is valid does the same in every tier, however often it is interrupted, reductions included; and a generated one is valid.
// Cost: bounded by the limits of time and memory that each call has.
void execute(std::span<const u8> input);

}  // namespace lunabeam::fuzz
