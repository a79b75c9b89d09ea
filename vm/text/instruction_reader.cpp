#include "vm/text/instruction_reader.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "vm/base/check.h"
#include "vm/text/lexer.h"
#include "vm/text/operand_reader.h"

namespace lunabeam::vm::text {
namespace {

constexpr u8 kEndByte = 0x0B;

// What the reader stands in, innermost last. `(then ...)`, `(do ...)` and so on are states of their form, not forms of their own.
enum class FormKind : u8 {
  kSequence,       // The whole of read_sequence: instructions up to a ")" that is not ours.
  kSingle,         // The whole of read_folded: one folded instruction.
  kOperands,       // (op ...: folded operands.
  kBlock,          // (block ...: instructions. Also loop and try_table.
  kIf,             // (if ...: folded conditions, then (then.
  kThen,           // Instructions of (then.
  kAfterThen,      // (else or ")".
  kElse,           // Instructions of (else.
  kTry,            // (try ...: (do.
  kDo,             // Instructions of (do.
  kAfterDo,        // (catch, (catch_all, (delegate or ")".
  kCatch,          // Instructions of (catch.
  kAfterCatch,     // (catch, (catch_all or ")".
  kCatchAll,       // Instructions of (catch_all.
  kBlockEnd,       // Only ")", which writes the end.
  kAfterDelegate,  // Only ")", which writes nothing.
};

bool holds_instructions(FormKind kind) {
  switch (kind) {
    case FormKind::kSequence:
    case FormKind::kBlock:
    case FormKind::kThen:
    case FormKind::kElse:
    case FormKind::kDo:
    case FormKind::kCatch:
    case FormKind::kCatchAll: return true;
    default: return false;
  }
}

bool holds_folded(FormKind kind) {
  return holds_instructions(kind) || kind == FormKind::kOperands || kind == FormKind::kIf || kind == FormKind::kSingle;
}

// Words of the format that are no operators: in an operator's place they are known, but unexpected.
bool is_other_keyword(std::string_view text) {
  static constexpr std::string_view kWords[] = {"any",
                                                "anyref",
                                                "array",
                                                "arrayref",
                                                "binary",
                                                "catch_all_ref",
                                                "catch_ref",
                                                "data",
                                                "declare",
                                                "definition",
                                                "do",
                                                "elem",
                                                "eq",
                                                "eqref",
                                                "exn",
                                                "exnref",
                                                "export",
                                                "extern",
                                                "externref",
                                                "f32",
                                                "f32x4",
                                                "f64",
                                                "f64x2",
                                                "field",
                                                "final",
                                                "func",
                                                "funcref",
                                                "global",
                                                "i16",
                                                "i16x8",
                                                "i31",
                                                "i31ref",
                                                "i32",
                                                "i32x4",
                                                "i64",
                                                "i64x2",
                                                "i8",
                                                "i8x16",
                                                "import",
                                                "inf",
                                                "instance",
                                                "item",
                                                "local",
                                                "memory",
                                                "module",
                                                "mut",
                                                "nan",
                                                "nan:arithmetic",
                                                "nan:canonical",
                                                "noexn",
                                                "noextern",
                                                "nofunc",
                                                "none",
                                                "null",
                                                "nullexnref",
                                                "nullexternref",
                                                "nullfuncref",
                                                "nullref",
                                                "offset",
                                                "pagesize",
                                                "param",
                                                "quote",
                                                "rec",
                                                "ref",
                                                "result",
                                                "shared",
                                                "start",
                                                "struct",
                                                "structref",
                                                "sub",
                                                "table",
                                                "tag",
                                                "then",
                                                "type",
                                                "v128"};
  return std::ranges::find(kWords, text) != std::end(kWords) || text.starts_with("offset=") ||
         text.starts_with("align=");
}

}  // namespace

struct InstructionReader::State {
  struct Form {
    FormKind kind;
    bool has_hint = false;
    u8 hint = 0;
    u32 text_offset = 0;       // Of the mnemonic.
    u32 pending = 0;           // Where its operator begins in `pending`.
    u32 labels = 0;            // Open labels that a sequence here leaves alone.
    std::string_view label{};  // kIf: opened behind the conditions.
  };

  State(Cursor& cursor_in, ModuleScope& scope) : cursor(cursor_in), operands(cursor_in, scope, labels) {}

  Cursor& cursor;
  LabelStack labels;
  OperandReader operands;
  std::vector<Form> forms;
  ByteWriter pending;  // Operators of folded forms that wait for their operands.
  ByteWriter* out = nullptr;
  std::vector<BranchHint> hints;
  u32 annotation = 0;  // The first one not yet looked at.
  bool has_hint = false;
  u8 hint = 0;

  // --- Driver ---

  [[nodiscard]] bool read(FormKind root, ByteWriter& to) {
    VM_DCHECK(forms.empty() && labels.size() == 0);
    out = &to;
    begin_annotations();
    forms.push_back({.kind = root});
    for (;;) {
      if (annotation < cursor.buffer().annotations.size() && !read_annotations()) [[unlikely]]
        return false;
      if (!at_end()) {
        if (!read_next()) return false;
        if (has_hint) [[unlikely]]
          return bad_hint("invalid target", ErrorCode::kMisplacedAnnotation);
        if (forms.back().kind != FormKind::kSingle) continue;
      } else if (labels.size() != 0) {
        return cursor.unexpected();  // A flat block is open.
      } else if (has_hint) {
        return bad_hint("invalid target", ErrorCode::kMisplacedAnnotation);
      }
      forms.pop_back();
      return true;
    }
  }

  [[nodiscard]] bool at_end() const {
    return forms.back().kind == FormKind::kSequence && (cursor.at(TokenKind::kClose) || cursor.at(TokenKind::kEnd));
  }

  [[nodiscard]] bool read_next() {
    switch (cursor.kind()) {
      case TokenKind::kKeyword: return holds_instructions(forms.back().kind) ? read_flat() : cursor.unexpected();
      case TokenKind::kOpen: return open_form();
      case TokenKind::kClose: return close_form();
      default: return cursor.unexpected();
    }
  }

  // At a keyword that is none of ours.
  [[gnu::cold]] bool unknown_operator() {
    if (is_other_keyword(cursor.text())) return cursor.unexpected();
    return cursor.fail(ErrorCode::kUnknownOperator, cursor.offset(), std::string(cursor.text()));
  }

  // --- Flat instructions ---

  [[nodiscard]] bool read_flat() {
    Opcode op;
    if (!find_mnemonic(cursor.text(), op)) return unknown_operator();
    const u32 text_offset = cursor.offset();
    switch (op) {
      case Opcode::block:
      case Opcode::loop:
      case Opcode::try_table: cursor.next(); return open_block(op, text_offset, BlockKind::kPlain);
      case Opcode::if_: cursor.next(); return open_block(op, text_offset, BlockKind::kIf);
      case Opcode::try_: cursor.next(); return open_block(op, text_offset, BlockKind::kTry);
      case Opcode::else_: return divide_block({BlockKind::kIf}, BlockKind::kElse, op) && repeated_label();
      case Opcode::end: return end_block();
      case Opcode::catch_:
        return divide_block({BlockKind::kTry, BlockKind::kCatch}, BlockKind::kCatch, op) &&
               operands.write_index(Space::kTag, *out);
      case Opcode::catch_all: return divide_block({BlockKind::kTry, BlockKind::kCatch}, BlockKind::kCatchAll, op);
      case Opcode::delegate:
        if (!in_flat_block() || labels.kind() != BlockKind::kTry) return cursor.unexpected();
        cursor.next();
        return write_delegate(text_offset);
      default: break;
    }
    cursor.next();
    out->mark(text_offset);
    if (has_hint && op == Opcode::br_if) [[unlikely]]
      take_hint();
    return operands.read(op, *out);
  }

  [[nodiscard]] bool open_block(Opcode op, u32 text_offset, BlockKind kind) {
    const std::string_view label = cursor.accept_id().value_or(std::string_view{});
    out->mark(text_offset);
    if (has_hint && op == Opcode::if_) [[unlikely]]
      take_hint();
    OperandReader::write_opcode(op, *out);
    if (!operands.write_block_type(*out)) return false;
    if (op == Opcode::try_table && !operands.write_catches(*out)) return false;
    labels.open(label, kind);
    return true;
  }

  // A block that was opened flat, in this very sequence, is open.
  [[nodiscard]] bool in_flat_block() const { return labels.size() > forms.back().labels; }

  [[nodiscard]] bool divide_block(std::initializer_list<BlockKind> from, BlockKind to, Opcode op) {
    if (!in_flat_block() || std::ranges::find(from, labels.kind()) == from.end()) return cursor.unexpected();
    out->mark(cursor.offset());
    OperandReader::write_opcode(op, *out);
    labels.set_kind(to);
    cursor.next();
    return true;
  }

  [[nodiscard]] bool end_block() {
    if (!in_flat_block()) return cursor.unexpected();
    out->mark(cursor.offset());
    out->byte(kEndByte);
    cursor.next();
    if (!repeated_label()) return false;
    labels.close();
    return true;
  }

  // Ends its block; its label counts from outside the block. Behind the mnemonic.
  [[nodiscard]] bool write_delegate(u32 text_offset) {
    labels.close();
    out->mark(text_offset);
    OperandReader::write_opcode(Opcode::delegate, *out);
    return operands.write_label(*out);
  }

  // The optional identifier behind `end` and `else`.
  [[nodiscard]] bool repeated_label() {
    if (!cursor.at(TokenKind::kId)) return true;
    if (cursor.buffer().id(cursor.peek()) != labels.name()) {
      return cursor.fail(ErrorCode::kMismatchingLabel, cursor.offset(), std::string(cursor.text()));
    }
    cursor.next();
    return true;
  }

  // --- Folded instructions ---

  [[nodiscard]] bool open_form() {
    const Token& head = cursor.peek(1);
    if (head.kind != TokenKind::kKeyword) {
      cursor.next();
      return cursor.unexpected();
    }
    const std::string_view word = cursor.buffer().text(head);
    Form& form = forms.back();
    if (!holds_operators_only(form.kind)) {
      if (continues(form.kind, word)) return continue_form(form, word);
      if (!holds_folded(form.kind)) {
        cursor.next();
        return cursor.unexpected();
      }
    }
    return open_operator(head, word);
  }

  // Forms without parts of their own.
  static bool holds_operators_only(FormKind kind) {
    return kind == FormKind::kSequence || kind == FormKind::kOperands || kind == FormKind::kBlock ||
           kind == FormKind::kThen || kind == FormKind::kElse;
  }

  // `word` is a part of such a form that may stand here.
  static bool continues(FormKind kind, std::string_view word) {
    switch (kind) {
      case FormKind::kIf: return word == "then";
      case FormKind::kAfterThen: return word == "else";
      case FormKind::kTry: return word == "do";
      case FormKind::kAfterDo: return word == "catch" || word == "catch_all" || word == "delegate";
      case FormKind::kAfterCatch: return word == "catch" || word == "catch_all";
      default: return false;
    }
  }

  // At `(then` of an `if`, and so on. REQUIRES continues().
  [[nodiscard]] bool continue_form(Form& form, std::string_view word) {
    cursor.next();
    const u32 text_offset = cursor.offset();
    cursor.next();
    if (word == "then") {
      write_pending(form);
      labels.open(form.label, BlockKind::kPlain);
      form.labels = labels.size();
      form.kind = FormKind::kThen;
    } else if (word == "do") {
      form.kind = FormKind::kDo;
    } else if (word == "delegate") {
      form.kind = FormKind::kAfterDelegate;
      return write_delegate(text_offset) && cursor.expect(TokenKind::kClose);
    } else {
      out->mark(text_offset);
      if (word == "else") {
        OperandReader::write_opcode(Opcode::else_, *out);
        form.kind = FormKind::kElse;
      } else if (word == "catch_all") {
        OperandReader::write_opcode(Opcode::catch_all, *out);
        form.kind = FormKind::kCatchAll;
      } else {
        OperandReader::write_opcode(Opcode::catch_, *out);
        form.kind = FormKind::kCatch;
        return operands.write_index(Space::kTag, *out);
      }
    }
    return true;
  }

  [[nodiscard]] bool open_operator(const Token& head, std::string_view word) {
    const u32 close = cursor.peek().link;
    cursor.next();
    Opcode op;
    if (!find_mnemonic(word, op)) return unknown_operator();
    switch (op) {
      case Opcode::else_:
      case Opcode::catch_:
      case Opcode::catch_all:
      case Opcode::delegate:
      case Opcode::end: return cursor.unexpected();
      case Opcode::block:
      case Opcode::loop:
      case Opcode::try_table:
        cursor.next();
        if (!open_block(op, head.begin, BlockKind::kPlain)) return false;
        forms.push_back({.kind = FormKind::kBlock, .labels = labels.size()});
        return true;
      case Opcode::try_:
        cursor.next();
        if (!open_block(op, head.begin, BlockKind::kPlain)) return false;
        forms.push_back({.kind = FormKind::kTry, .labels = labels.size()});
        return true;
      case Opcode::if_: cursor.next(); return open_if(head.begin);
      default: break;
    }
    cursor.next();
    // Operands end with a parenthesis directly before ours.
    if (cursor.buffer().tokens[close - 1].kind != TokenKind::kClose) {
      out->mark(head.begin);
      if (has_hint && op == Opcode::br_if) [[unlikely]]
        take_hint();
      return operands.read(op, *out) && cursor.expect(TokenKind::kClose);
    }
    Form form{.kind = FormKind::kOperands, .text_offset = head.begin, .pending = pending_size()};
    if (has_hint && op == Opcode::br_if) [[unlikely]]
      keep_hint(form);
    forms.push_back(form);
    return operands.read(op, pending);
  }

  [[nodiscard]] bool open_if(u32 text_offset) {
    Form form{.kind = FormKind::kIf, .text_offset = text_offset, .pending = pending_size()};
    form.label = cursor.accept_id().value_or(std::string_view{});
    if (has_hint) [[unlikely]]
      keep_hint(form);
    OperandReader::write_opcode(Opcode::if_, pending);
    forms.push_back(form);
    return operands.write_block_type(pending);
  }

  // At ")".
  [[nodiscard]] bool close_form() {
    Form& form = forms.back();
    if (holds_instructions(form.kind) && in_flat_block()) return cursor.unexpected();
    switch (form.kind) {
      case FormKind::kOperands: write_pending(form); break;
      case FormKind::kThen: return close_part(form, FormKind::kAfterThen);
      case FormKind::kElse: return close_part(form, FormKind::kBlockEnd);
      case FormKind::kDo: return close_part(form, FormKind::kAfterDo);
      case FormKind::kCatch: return close_part(form, FormKind::kAfterCatch);
      case FormKind::kCatchAll: return close_part(form, FormKind::kBlockEnd);
      case FormKind::kAfterDelegate: break;
      case FormKind::kBlock:
      case FormKind::kAfterThen:
      case FormKind::kAfterDo:
      case FormKind::kAfterCatch:
      case FormKind::kBlockEnd:
        out->mark(cursor.offset());
        out->byte(kEndByte);
        labels.close();
        break;
      default: return cursor.unexpected();
    }
    forms.pop_back();
    cursor.next();
    return true;
  }

  [[nodiscard]] bool close_part(Form& form, FormKind next) {
    form.kind = next;
    cursor.next();
    return true;
  }

  [[nodiscard]] u32 pending_size() const { return static_cast<u32>(pending.size()); }

  void write_pending(const Form& form) {
    out->mark(form.text_offset);
    if (form.has_hint) [[unlikely]]
      hints.push_back({static_cast<u32>(out->size()), form.hint});
    out->bytes(pending.view().subspan(form.pending));
    pending.truncate(form.pending);
  }

  // --- Branch hints ---

  void begin_annotations() {
    const auto& all = cursor.buffer().annotations;
    if (all.empty()) return;
    annotation = static_cast<u32>(std::ranges::lower_bound(all, cursor.index(), {}, &Annotation::before) - all.begin());
  }

  // Those up to the operator that may begin here, in front of its parenthesis or its mnemonic.
  [[nodiscard]] bool read_annotations() {
    const auto& all = cursor.buffer().annotations;
    const u32 last = cursor.index() + (cursor.at(TokenKind::kOpen) ? 1 : 0);
    for (; annotation < all.size() && all[annotation].before <= last; ++annotation) {
      const Annotation& found = all[annotation];
      if (found.id != "metadata.code.branch_hint") continue;
      if (found.before < cursor.index()) return bad_hint("invalid target", ErrorCode::kMisplacedAnnotation);
      if (has_hint) return bad_hint("duplicate annotation");
      if (!read_hint(found)) return bad_hint("malformed hint");
    }
    return true;
  }

  [[nodiscard]] bool read_hint(const Annotation& found) {
    const TokenBuffer& buffer = cursor.buffer();
    if (found.last - found.first != 1) return false;
    const Token& token = buffer.annotation_tokens[found.first];
    if (token.kind != TokenKind::kString) return false;
    std::string bytes;
    append_string(buffer.text(token), bytes);
    if (bytes.size() != 1 || static_cast<u8>(bytes[0]) > 1) return false;
    has_hint = true;
    hint = static_cast<u8>(bytes[0]);
    return true;
  }

  [[gnu::cold]] bool bad_hint(std::string_view what, ErrorCode code = ErrorCode::kMalformedAnnotation) {
    return cursor.fail(code, cursor.offset(), "@metadata.code.branch_hint annotation: " + std::string(what));
  }

  // The hint is for the operator about to be written to `out`.
  void take_hint() {
    hints.push_back({static_cast<u32>(out->size()), hint});
    has_hint = false;
  }
  void keep_hint(Form& form) {
    form.has_hint = true;
    form.hint = hint;
    has_hint = false;
  }
};

InstructionReader::InstructionReader(Cursor& cursor, ModuleScope& scope)
    : state_(std::make_unique<State>(cursor, scope)) {}

InstructionReader::~InstructionReader() = default;

void InstructionReader::set_locals(const IndexSpace* locals) { state_->operands.set_locals(locals); }

bool InstructionReader::read_sequence(ByteWriter& out) { return state_->read(FormKind::kSequence, out); }

bool InstructionReader::read_folded(ByteWriter& out) { return state_->read(FormKind::kSingle, out); }

bool InstructionReader::read_const_expr(std::string_view keyword, ByteWriter& out) {
  Cursor& cursor = state_->cursor;
  if (cursor.accept_form(keyword)) {
    if (!read_sequence(out) || !cursor.expect(TokenKind::kClose)) return false;
  } else if (!read_folded(out)) {
    return false;
  }
  out.byte(kEndByte);
  return true;
}

std::vector<InstructionReader::BranchHint> InstructionReader::take_branch_hints() {
  return std::exchange(state_->hints, {});
}

}  // namespace lunabeam::vm::text
