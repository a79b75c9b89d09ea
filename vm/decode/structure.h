// Walks expressions without typing them: finds their end, and whatever makes them malformed. Constant expressions are walked when
// their section is decoded; bodies only when something else was found wrong, because the validator meets the same errors on its way.
#pragma once

#include <vector>

#include "vm/decode/operator_reader.h"

namespace lunabeam::vm {

class StructureWalker {
 public:
  StructureWalker(Reader& reader, OperatorReader& operators) : reader_(reader), operators_(operators) {}

  // Reads to behind the `end` that closes the expression. False: malformed; the reader holds the error.
  // Time and memory linear in the bytes read.
  [[nodiscard]] bool walk();

 private:
  Reader& reader_;
  OperatorReader& operators_;
  // What may divide an open block: an `else` not seen yet; catches and delegate; catches only.
  enum class Divided : u8 { kNot, kByElse, kByCatch, kByMoreCatches };
  std::vector<Divided> blocks_;
};

// Local declarations of a body: runs of equal types.
struct LocalRun {
  u64 end;  // Number of locals up to and with this run, parameters not counted.
  ValType type;
};

// Reads the local declarations at the beginning of a body into `runs`. False: malformed.
[[nodiscard]] bool read_locals(Reader& reader, TypeReader& types, std::vector<LocalRun>& runs);

}  // namespace lunabeam::vm
