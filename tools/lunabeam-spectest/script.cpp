// Tokens to commands. One function per form; only `script` and `either` nest, and both are flattened with a loop.
#include "tools/lunabeam-spectest/script.h"

#include <algorithm>
#include <array>
#include <utility>

#include "vm/text/cursor.h"
#include "vm/text/lexer.h"
#include "vm/text/numbers.h"
#include "vm/text/text.h"

namespace lunabeam::spectest {
namespace {

using vm::ErrorCode;
using vm::text::Cursor;
using vm::text::TokenBuffer;
using vm::text::TokenKind;

// The fact sheet's references have a number; a slot has room for 62 bits of it.
constexpr u64 kMaxHostNumber = (u64{1} << 62) - 1;

struct AssertionForm {
  std::string_view keyword;
  CommandKind kind;
};
constexpr std::array kAboutActions = {
    AssertionForm{"assert_return", CommandKind::kAssertReturn},
    AssertionForm{"assert_exhaustion", CommandKind::kAssertExhaustion},
    AssertionForm{"assert_exception", CommandKind::kAssertException},
};
constexpr std::array kAboutModules = {
    AssertionForm{"assert_invalid", CommandKind::kAssertInvalid},
    AssertionForm{"assert_malformed", CommandKind::kAssertMalformed},
    AssertionForm{"assert_unlinkable", CommandKind::kAssertUnlinkable},
    AssertionForm{"assert_invalid_custom", CommandKind::kAssertInvalidCustom},
    AssertionForm{"assert_malformed_custom", CommandKind::kAssertMalformedCustom},
};
constexpr std::array<std::string_view, 4> kUnsupportedForms = {"input", "output", "thread", "wait"};
constexpr std::array<std::string_view, 12> kModuleFields = {"type",   "rec", "import", "func",  "table", "memory",
                                                            "global", "tag", "export", "start", "elem",  "data"};

struct ReferencePattern {
  std::string_view keyword;
  Pattern::Kind kind;
};
constexpr std::array kReferencePatterns = {
    ReferencePattern{"ref", Pattern::Kind::kAnyRef},         ReferencePattern{"ref.eq", Pattern::Kind::kAnyEq},
    ReferencePattern{"ref.i31", Pattern::Kind::kAnyI31},     ReferencePattern{"ref.struct", Pattern::Kind::kAnyStruct},
    ReferencePattern{"ref.array", Pattern::Kind::kAnyArray}, ReferencePattern{"ref.func", Pattern::Kind::kAnyFunc},
    ReferencePattern{"ref.exn", Pattern::Kind::kAnyExn},
};

class Reader {
 public:
  Reader(const TokenBuffer& buffer, Script& script) : cursor_(buffer), script_(script) {}

  [[nodiscard]] vm::Error take_error() { return cursor_.take_error(); }

  bool read() {
    if (at_module_field()) {
      Command& command = begin_command(CommandKind::kModule);
      command.module = std::make_unique<ModuleSource>();
      const u32 end = static_cast<u32>(cursor_.buffer().tokens.size() - 1);
      return read_fields(*command.module, end);
    }
    u64 open_scripts = 0;
    for (;;) {
      if (cursor_.accept_form("script")) {
        (void)cursor_.accept_id();
        ++open_scripts;
      } else if (open_scripts > 0 && cursor_.accept(TokenKind::kClose)) {
        --open_scripts;
      } else if (cursor_.at(TokenKind::kEnd)) {
        return true;
      } else if (!read_command()) {
        return false;
      }
    }
  }

 private:
  // --- Commands ---

  Command& begin_command(CommandKind kind) {
    Command& command = script_.commands.emplace_back();
    command.kind = kind;
    command.line = line_at(cursor_.offset());
    return command;
  }

  // Offsets are asked for in ascending order.
  u32 line_at(u32 offset) {
    const std::string_view source = cursor_.buffer().source;
    line_ += static_cast<u32>(std::count(source.begin() + line_offset_, source.begin() + offset, '\n'));
    line_offset_ = offset;
    return line_;
  }

  bool at_module_field() const {
    return std::ranges::any_of(kModuleFields, [&](std::string_view field) { return cursor_.at_form(field); });
  }

  bool read_command() {
    if (!cursor_.at(TokenKind::kOpen)) return cursor_.unexpected();
    Command& command = begin_command(CommandKind::kUnsupported);
    if (cursor_.at_form("module")) {
      if (!read_module_or_instance(command)) return false;
      command.kind = kind_of_module(command);
      return true;
    }
    if (cursor_.accept_form("register")) {
      command.kind = CommandKind::kRegister;
      return cursor_.expect_name(command.text) && read_optional_id(command.instance) && close();
    }
    if (at_action()) {
      if (!read_action(command.action)) return false;
      command.kind = command.action.kind == Action::Kind::kInvoke ? CommandKind::kInvoke : CommandKind::kGet;
      return true;
    }
    if (cursor_.accept_form("assert_trap")) return read_assert_trap(command);
    for (const AssertionForm& form : kAboutActions) {
      if (!cursor_.accept_form(form.keyword)) continue;
      command.kind = form.kind;
      return read_action(command.action) && read_assertion_end(command);
    }
    for (const AssertionForm& form : kAboutModules) {
      if (!cursor_.accept_form(form.keyword)) continue;
      command.kind = form.kind;
      return read_module_or_instance(command) && cursor_.expect_string(command.text) && close();
    }
    for (const std::string_view keyword : kUnsupportedForms) {
      if (!cursor_.at_form(keyword)) continue;
      command.text = keyword;
      cursor_.skip_form();
      return true;
    }
    cursor_.next();
    return cursor_.unexpected();
  }

  static CommandKind kind_of_module(const Command& command) {
    if (command.instantiates) return CommandKind::kModuleInstance;
    if (command.module->is_definition) return CommandKind::kModuleDefinition;
    switch (command.module->form) {
      case ModuleSource::Form::kText: break;
      case ModuleSource::Form::kBinary: return CommandKind::kModuleBinary;
      case ModuleSource::Form::kQuote: return CommandKind::kModuleQuote;
    }
    return CommandKind::kModule;
  }

  bool read_assert_trap(Command& command) {
    const bool is_about_module = cursor_.at_form("module");
    command.kind = is_about_module ? CommandKind::kAssertTrapModule : CommandKind::kAssertTrap;
    const bool read = is_about_module ? read_module_or_instance(command) : read_action(command.action);
    return read && cursor_.expect_string(command.text) && close();
  }

  // What follows the action of an assertion about one.
  bool read_assertion_end(Command& command) {
    if (command.kind == CommandKind::kAssertReturn) return read_patterns(command.results);
    if (command.kind == CommandKind::kAssertExhaustion && !cursor_.expect_string(command.text)) return false;
    return close();
  }

  bool close() { return cursor_.expect(TokenKind::kClose); }

  bool read_optional_id(std::string& name) {
    if (const auto id = cursor_.accept_id()) name = *id;
    return true;
  }

  // --- Modules ---

  // `(module ...)` in all its forms.
  bool read_module_or_instance(Command& command) {
    const u32 end = cursor_.at(TokenKind::kOpen) ? cursor_.peek().link : 0;
    if (!cursor_.accept_form("module")) return cursor_.unexpected();
    if (cursor_.accept_keyword("instance")) {
      command.instantiates = true;
      std::string first;
      if (!read_optional_id(first)) return false;
      if (cursor_.at(TokenKind::kId)) {
        command.instance = std::move(first);
        return read_optional_id(command.definition) && close();
      }
      command.definition = std::move(first);
      return close();
    }
    command.module = std::make_unique<ModuleSource>();
    ModuleSource& module = *command.module;
    module.is_definition = cursor_.accept_keyword("definition");
    if (!read_optional_id(module.name)) return false;
    const bool is_binary = cursor_.accept_keyword("binary");
    if (is_binary || cursor_.accept_keyword("quote")) {
      module.form = is_binary ? ModuleSource::Form::kBinary : ModuleSource::Form::kQuote;
      std::string joined;
      while (cursor_.at(TokenKind::kString)) {
        if (!cursor_.expect_string(joined)) return false;
      }
      module.bytes.assign(joined.begin(), joined.end());
      return close();
    }
    return read_fields(module, end) && close();
  }

  // Module fields from the cursor to the token `end`.
  bool read_fields(ModuleSource& module, u32 end) {
    vm::Result<vm::text::BinaryModule> binary =
        vm::text::read_module_fields(cursor_.buffer(), cursor_.index(), end, module.name);
    if (binary) {
      module.bytes = std::move(binary->bytes);
    } else if (binary.error().code == ErrorCode::kMalformedAnnotation ||
               binary.error().code == ErrorCode::kMisplacedAnnotation) {
      module.annotation_error = std::move(binary).error();
    } else {
      vm::Error& error = binary.error();
      return cursor_.fail(error.code, static_cast<u32>(error.offset), std::move(error.detail));
    }
    cursor_.seek(end);
    return true;
  }

  // --- Actions and values ---

  bool at_action() const { return cursor_.at_form("invoke") || cursor_.at_form("get"); }

  bool read_action(Action& action) {
    if (cursor_.accept_form("get")) {
      action.kind = Action::Kind::kGet;
      return read_optional_id(action.instance) && cursor_.expect_name(action.field) && close();
    }
    if (!cursor_.accept_form("invoke")) return cursor_.unexpected();
    if (!read_optional_id(action.instance) || !cursor_.expect_name(action.field)) return false;
    while (!cursor_.at(TokenKind::kClose)) {
      const u32 offset = cursor_.offset();
      Pattern argument;
      if (!read_pattern(argument)) return false;
      if (!argument.is_constant()) {
        return cursor_.fail(ErrorCode::kUnexpectedToken, offset, "a pattern where a constant must stand");
      }
      action.arguments.push_back(std::move(argument));
    }
    return close();
  }

  // result* up to and with the closing parenthesis. `either` in `either` adds its alternatives to the outermost one.
  bool read_patterns(std::vector<Pattern>& patterns) {
    u64 open_eithers = 0;
    for (;;) {
      if (cursor_.accept_form("either")) {
        if (cursor_.at(TokenKind::kClose)) return cursor_.unexpected();
        if (open_eithers++ == 0) patterns.emplace_back().kind = Pattern::Kind::kEither;
      } else if (cursor_.accept(TokenKind::kClose)) {
        if (open_eithers-- == 0) return true;
      } else {
        std::vector<Pattern>& target = open_eithers > 0 ? patterns.back().alternatives : patterns;
        if (!read_pattern(target.emplace_back())) return false;
      }
    }
  }

  bool read_pattern(Pattern& pattern) {
    if (cursor_.accept_form("i32.const")) return read_integer(pattern, Pattern::Kind::kI32, 32) && close();
    if (cursor_.accept_form("i64.const")) return read_integer(pattern, Pattern::Kind::kI64, 64) && close();
    if (cursor_.accept_form("f32.const")) {
      pattern.kind = Pattern::Kind::kF32;
      return read_float(32, pattern.bits[0], pattern.nan[0]) && close();
    }
    if (cursor_.accept_form("f64.const")) {
      pattern.kind = Pattern::Kind::kF64;
      return read_float(64, pattern.bits[0], pattern.nan[0]) && close();
    }
    if (cursor_.accept_form("v128.const")) return read_vector(pattern) && close();
    if (cursor_.accept_form("ref.null")) return read_null(pattern) && close();
    if (cursor_.accept_form("ref.extern")) {
      pattern.kind = Pattern::Kind::kAnyExtern;
      if (cursor_.accept(TokenKind::kClose)) return true;
      return read_number(pattern, Pattern::Kind::kRefExtern) && close();
    }
    if (cursor_.accept_form("ref.host")) return read_number(pattern, Pattern::Kind::kRefHost) && close();
    for (const ReferencePattern& row : kReferencePatterns) {
      if (!cursor_.accept_form(row.keyword)) continue;
      pattern.kind = row.kind;
      return close();
    }
    if (cursor_.at(TokenKind::kOpen)) cursor_.next();
    return cursor_.unexpected();
  }

  bool read_null(Pattern& pattern) {
    pattern.kind = Pattern::Kind::kRefNull;
    const TokenKind kind = cursor_.kind();
    // A heap type, which patterns do not compare: all nulls are one value.
    if (kind == TokenKind::kKeyword || kind == TokenKind::kId || kind == TokenKind::kInteger) cursor_.next();
    return true;
  }

  bool read_number(Pattern& pattern, Pattern::Kind kind) {
    pattern.kind = kind;
    if (!cursor_.at(TokenKind::kInteger)) return cursor_.unexpected();
    const auto number = vm::text::parse_unsigned(cursor_.text(), kMaxHostNumber);
    if (!number) return out_of_range();
    pattern.bits[0] = *number;
    cursor_.next();
    return true;
  }

  bool read_integer(Pattern& pattern, Pattern::Kind kind, unsigned bits) {
    pattern.kind = kind;
    return read_integer(bits, pattern.bits[0]);
  }

  bool read_integer(unsigned bits, u64& value) {
    if (!cursor_.at(TokenKind::kInteger)) return cursor_.unexpected();
    const auto number = vm::text::parse_integer(cursor_.text(), bits);
    if (!number) return out_of_range();
    value = *number;
    cursor_.next();
    return true;
  }

  // A number or a NaN pattern.
  bool read_float(unsigned bits, u64& value, NanPattern& nan) {
    if (cursor_.accept_keyword("nan:canonical")) {
      nan = NanPattern::kCanonical;
      return true;
    }
    if (cursor_.accept_keyword("nan:arithmetic")) {
      nan = NanPattern::kArithmetic;
      return true;
    }
    const TokenKind kind = cursor_.kind();
    if (kind != TokenKind::kKeyword && kind != TokenKind::kInteger && kind != TokenKind::kFloat) {
      return cursor_.unexpected();
    }
    std::optional<u64> number;
    if (bits == 32) {
      number = vm::text::parse_f32(cursor_.text());
    } else {
      number = vm::text::parse_f64(cursor_.text());
    }
    if (!number) return kind == TokenKind::kKeyword ? cursor_.unexpected() : out_of_range();
    value = *number;
    cursor_.next();
    return true;
  }

  bool read_vector(Pattern& pattern) {
    pattern.kind = Pattern::Kind::kV128;
    bool known = false;
    for (size_t i = 0; i < 6 && !known; ++i) {
      pattern.shape = static_cast<LaneShape>(i);
      known = cursor_.accept_keyword(name_of(pattern.shape));
    }
    if (!known) return cursor_.unexpected();
    const unsigned bits = lane_bits(pattern.shape);
    const bool is_float = pattern.shape == LaneShape::kF32x4 || pattern.shape == LaneShape::kF64x2;
    for (unsigned lane = 0; lane < lane_count(pattern.shape); ++lane) {
      if (cursor_.at(TokenKind::kClose)) return cursor_.fail(ErrorCode::kWrongLaneCount, cursor_.offset());
      u64 value = 0;
      if (!(is_float ? read_float(bits, value, pattern.nan[lane]) : read_integer(bits, value))) return false;
      const unsigned shift = lane * bits;
      pattern.bits[shift / 64] |= value << shift % 64;
    }
    if (!cursor_.at(TokenKind::kClose)) return cursor_.fail(ErrorCode::kWrongLaneCount, cursor_.offset());
    return true;
  }

  bool out_of_range() {
    return cursor_.fail(ErrorCode::kConstantOutOfRange, cursor_.offset(), std::string(cursor_.text()));
  }

  Cursor cursor_;
  Script& script_;
  u32 line_ = 1;
  u32 line_offset_ = 0;
};

}  // namespace

vm::Result<Script> read_script(std::string_view source) {
  VM_ASSIGN(const TokenBuffer buffer, vm::text::lex(source));
  Script script;
  Reader reader(buffer, script);
  if (!reader.read()) return std::unexpected(reader.take_error());
  return script;
}

}  // namespace lunabeam::spectest
