// The script language as data: what read_script() makes of a `.wast` file (fact sheet 3.1 and 3.2). Everything is owned; nothing points
// into the source.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/error.h"
#include "vm/base/ints.h"

namespace lunabeam::spectest {

// One kind per column of the suite's COUNTS.tsv, named as there, and one for what the runner knows but does not execute.
enum class CommandKind : u8 {
#define SPECTEST_COMMAND(id, text, is_assertion) id,
#include "tools/lunabeam-spectest/commands.def"
};
#define SPECTEST_COMMAND(id, text, is_assertion) +1
inline constexpr size_t kCommandKindCount = 0
#include "tools/lunabeam-spectest/commands.def"
    ;

[[nodiscard]] std::string_view name_of(CommandKind kind) noexcept;
[[nodiscard]] bool is_assertion(CommandKind kind) noexcept;
[[nodiscard]] std::optional<CommandKind> command_kind(std::string_view name) noexcept;

// A module of a script. Text modules are read with the script; the other two when their command runs.
struct ModuleSource {
  enum class Form : u8 {
    kText,    // bytes = the binary form of the text.
    kBinary,  // bytes = what the strings hold.
    kQuote,   // bytes = the text that the strings hold.
  };
  Form form = Form::kText;
  bool is_definition = false;
  std::string name;  // Identifier; empty: none.
  std::vector<u8> bytes;
  // kText: the text is well formed but for one of its annotations, which is no error of the script.
  std::optional<vm::Error> annotation_error;
};

enum class LaneShape : u8 { kI8x16, kI16x8, kI32x4, kI64x2, kF32x4, kF64x2 };
[[nodiscard]] std::string_view name_of(LaneShape shape) noexcept;
[[nodiscard]] constexpr unsigned lane_bits(LaneShape shape) {
  constexpr unsigned kBits[] = {8, 16, 32, 64, 32, 64};
  return kBits[static_cast<size_t>(shape)];
}
[[nodiscard]] constexpr unsigned lane_count(LaneShape shape) { return 128 / lane_bits(shape); }

enum class NanPattern : u8 { kNone, kCanonical, kArithmetic };

// A result pattern. Those of is_constant() are the values that actions take as arguments.
struct Pattern {
  enum class Kind : u8 {
    kI32,
    kI64,
    kF32,
    kF64,
    kV128,
    kRefNull,    // (ref.null), (ref.null ht)
    kRefExtern,  // (ref.extern N): number
    kRefHost,    // (ref.host N): number
    kAnyRef,     // (ref)
    kAnyEq,      // (ref.eq)
    kAnyI31,
    kAnyStruct,
    kAnyArray,
    kAnyFunc,
    kAnyExn,
    kAnyExtern,  // (ref.extern)
    kEither,
  };
  Kind kind = Kind::kI32;
  LaneShape shape = LaneShape::kI64x2;  // kV128.
  u64 bits[2] = {0, 0};    // Numbers: the bits in [0]; kV128: low half, high half. Zero in lanes with a NaN pattern.
  NanPattern nan[4] = {};  // kF32, kF64: [0]; kV128 of floats: by lane.
  std::vector<Pattern> alternatives;  // kEither; none of them is a kEither.

  [[nodiscard]] bool is_constant() const;
};

struct Action {
  enum class Kind : u8 { kInvoke, kGet };
  Kind kind = Kind::kInvoke;
  std::string instance;  // Identifier; empty: the current one.
  std::string field;
  std::vector<Pattern> arguments;  // Constants.
};

struct Command {
  CommandKind kind = CommandKind::kUnsupported;
  u32 line = 0;  // Of its parenthesis, counted from 1.
  // module commands, and assertions about modules: exactly one of `module` and `instantiates`.
  std::unique_ptr<ModuleSource> module;
  // `(module instance $inst? $mod?)`: the definition's name, empty for the current one.
  bool instantiates = false;
  std::string definition;
  std::string
      instance;   // kModuleInstance: name of the new instance; kRegister: the instance, empty for the current one.
  Action action;  // kInvoke, kGet, and assertions without a module.
  std::vector<Pattern> results;  // kAssertReturn.
  std::string text;              // Assertions: the message; kRegister: the name; kUnsupported: the form's keyword.
};

struct Script {
  std::vector<Command> commands;
};

}  // namespace lunabeam::spectest
