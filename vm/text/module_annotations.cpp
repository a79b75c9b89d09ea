#include "vm/text/module_annotations.h"

#include <algorithm>

#include "vm/decode/utf8.h"
#include "vm/text/lexer.h"

namespace lunabeam::vm::text {
namespace {

constexpr std::string_view kCustom = "custom";
constexpr std::string_view kName = "name";
constexpr std::string_view kBranchHint = "metadata.code.branch_hint";

bool fail_with(Cursor& cursor, u32 offset, std::string detail) {
  return cursor.fail(ErrorCode::kMalformedAnnotation, offset, std::move(detail));
}

bool misplaced(Cursor& cursor, const Annotation& annotation) {
  return fail_with(cursor, annotation.offset, std::string("misplaced @").append(annotation.id).append(" annotation"));
}

// The contents of one annotation, token by token.
class Contents {
 public:
  Contents(const TokenBuffer& buffer, const Annotation& annotation)
      : buffer_(buffer), annotation_(annotation), index_(annotation.first) {}

  [[nodiscard]] bool at_end() const { return index_ == annotation_.last; }
  [[nodiscard]] u32 offset() const { return at_end() ? annotation_.offset : token().begin; }
  [[nodiscard]] bool accept(TokenKind kind) {
    if (at_end() || token().kind != kind) return false;
    ++index_;
    return true;
  }
  [[nodiscard]] bool accept_string(std::string& bytes) {
    if (at_end() || token().kind != TokenKind::kString) return false;
    append_string(buffer_.text(token()), bytes);
    ++index_;
    return true;
  }
  [[nodiscard]] std::string_view accept_keyword() {
    if (at_end() || token().kind != TokenKind::kKeyword) return {};
    return buffer_.text(buffer_.annotation_tokens[index_++]);
  }

 private:
  [[nodiscard]] const Token& token() const { return buffer_.annotation_tokens[index_]; }

  const TokenBuffer& buffer_;
  const Annotation& annotation_;
  u32 index_;
};

std::optional<CustomPlace> place_named(bool is_before, std::string_view name) {
  if (is_before && name == "first") return CustomPlace::first();
  if (!is_before && name == "last") return CustomPlace::last();
  const std::optional<SectionKind> kind = section_named(name);
  if (!kind) return std::nullopt;
  return is_before ? CustomPlace::before(*kind) : CustomPlace::after(*kind);
}

// First token of the form whose fields begin at `first`: `(module definition? $name? fields`.
u32 begin_of_form(const TokenBuffer& buffer, u32 first) {
  for (u32 head = 1; head <= 4 && head <= first; ++head) {
    const TokenKind kind = buffer.tokens[first - head].kind;
    if (kind == TokenKind::kOpen) return first - head;
    if (kind != TokenKind::kId && kind != TokenKind::kKeyword) break;
  }
  return first;
}

}  // namespace

ModuleAnnotations::ModuleAnnotations(const TokenBuffer& buffer, u32 first, u32 last)
    : buffer_(&buffer), begin_(begin_of_form(buffer, first)) {
  if (buffer.annotations.empty()) return;
  // What stands before the form itself belongs to whatever is around it.
  const u32 from = begin_ == first ? first : begin_ + 1;
  const auto lower = std::ranges::lower_bound(buffer.annotations, from, {}, &Annotation::before);
  const auto upper = std::ranges::upper_bound(buffer.annotations, last, {}, &Annotation::before);
  all_ = std::span(lower, upper);
  is_taken_.resize(all_.size());
}

bool ModuleAnnotations::take_name(Cursor& cursor, u32 token, std::string_view what, std::optional<std::string>& name) {
  if (all_.empty()) return true;
  auto at = std::ranges::lower_bound(all_, token, {}, &Annotation::before);
  for (; at != all_.end() && at->before == token; ++at) {
    if (at->id != kName) continue;
    if (name) return fail_with(cursor, at->offset, std::string("@name annotation: multiple ").append(what));
    Contents contents(*buffer_, *at);
    if (!contents.accept_string(name.emplace()) || !contents.at_end())
      return fail_with(cursor, contents.offset(), "@name annotation: unexpected token");
    if (!is_utf8(*name)) return fail_with(cursor, at->offset, "@name annotation: malformed UTF-8 encoding");
    is_taken_[static_cast<size_t>(at - all_.begin())] = true;
  }
  return true;
}

bool ModuleAnnotations::advance(Cursor& cursor, u32 token, u32 hints_from, ModuleWriter& writer) {
  for (; handled_ < all_.size() && all_[handled_].before <= token; ++handled_) {
    const Annotation& annotation = all_[handled_];
    const bool is_between = annotation.before == token;
    if (annotation.id == kCustom) {
      if (!is_between) return misplaced(cursor, annotation);
      if (!read_custom(cursor, annotation, writer)) return false;
    } else if (annotation.id == kBranchHint && (is_between || annotation.before < hints_from)) {
      return fail_with(cursor, annotation.offset, "@metadata.code.branch_hint annotation: not in a function");
    }
  }
  return true;
}

bool ModuleAnnotations::read_custom(Cursor& cursor, const Annotation& annotation, ModuleWriter& writer) const {
  Contents contents(*buffer_, annotation);
  std::string name;
  if (!contents.accept_string(name))
    return fail_with(cursor, annotation.offset, "@custom annotation: missing section name");
  if (!is_utf8(name)) return fail_with(cursor, annotation.offset, "@custom annotation: malformed UTF-8 encoding");
  CustomPlace place = CustomPlace::last();
  if (contents.accept(TokenKind::kOpen)) {
    const std::string_view side = contents.accept_keyword();
    if (side != "before" && side != "after")
      return fail_with(cursor, contents.offset(), "@custom annotation: malformed placement");
    const std::optional<CustomPlace> wanted = place_named(side == "before", contents.accept_keyword());
    if (!wanted) return fail_with(cursor, contents.offset(), "@custom annotation: malformed section kind");
    if (!contents.accept(TokenKind::kClose))
      return fail_with(cursor, contents.offset(), "@custom annotation: unexpected token");
    place = *wanted;
  }
  std::string content;
  while (contents.accept_string(content)) continue;
  if (!contents.at_end()) return fail_with(cursor, contents.offset(), "@custom annotation: unexpected token");
  writer.add_custom(place, name, content);
  return true;
}

bool ModuleAnnotations::check_all_taken(Cursor& cursor) const {
  for (size_t i = 0; i < all_.size(); ++i) {
    if (all_[i].id == kName && !is_taken_[i]) return misplaced(cursor, all_[i]);
  }
  return true;
}

}  // namespace lunabeam::vm::text
