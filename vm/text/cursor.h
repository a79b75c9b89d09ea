// A cursor over tokens, for readers. The first failure is kept, so that readers pass booleans.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "vm/base/error.h"
#include "vm/text/token.h"

namespace lunabeam::vm::text {

// Invariant 1: the position never passes the kEnd token.
// Invariant 2: reads that return false have set error(); nothing may be read after that.
class Cursor {
 public:
  explicit Cursor(const TokenBuffer& buffer, u32 index = 0) : buffer_(&buffer), index_(index) {}

  [[nodiscard]] const TokenBuffer& buffer() const { return *buffer_; }
  [[nodiscard]] u32 index() const { return index_; }
  void seek(u32 index) { index_ = index; }

  [[nodiscard]] const Token& peek() const { return buffer_->tokens[index_]; }
  // The token `ahead` further on, or kEnd.
  [[nodiscard]] const Token& peek(u32 ahead) const {
    const size_t at = size_t{index_} + ahead;
    return at < buffer_->tokens.size() ? buffer_->tokens[at] : buffer_->tokens.back();
  }
  [[nodiscard]] TokenKind kind() const { return peek().kind; }
  [[nodiscard]] u32 offset() const { return peek().begin; }
  [[nodiscard]] std::string_view text() const { return buffer_->text(peek()); }

  void next() {
    if (kind() != TokenKind::kEnd) ++index_;
  }

  [[nodiscard]] bool at(TokenKind wanted) const { return kind() == wanted; }
  [[nodiscard]] bool at_keyword(std::string_view keyword) const {
    return kind() == TokenKind::kKeyword && text() == keyword;
  }
  // "(" followed by this keyword.
  [[nodiscard]] bool at_form(std::string_view keyword) const {
    const Token& head = peek(1);
    return kind() == TokenKind::kOpen && head.kind == TokenKind::kKeyword && buffer_->text(head) == keyword;
  }

  // Steps over what is wanted, or answers false and stays.
  [[nodiscard]] bool accept(TokenKind wanted) {
    if (kind() != wanted) return false;
    next();
    return true;
  }
  [[nodiscard]] bool accept_keyword(std::string_view keyword) {
    if (!at_keyword(keyword)) return false;
    next();
    return true;
  }
  // Steps over "(" and the keyword.
  [[nodiscard]] bool accept_form(std::string_view keyword) {
    if (!at_form(keyword)) return false;
    index_ += 2;
    return true;
  }
  // Optional identifier: its name, or nullopt.
  [[nodiscard]] std::optional<std::string_view> accept_id() {
    if (kind() != TokenKind::kId) return std::nullopt;
    const std::string_view name = buffer_->id(peek());
    next();
    return name;
  }

  // Steps over what must stand here; else fails with kUnexpectedToken.
  [[nodiscard]] bool expect(TokenKind wanted) { return accept(wanted) || unexpected(); }
  [[nodiscard]] bool expect_keyword(std::string_view keyword) { return accept_keyword(keyword) || unexpected(); }
  // Steps over a kString and appends the bytes it stands for.
  [[nodiscard]] bool expect_string(std::string& bytes);
  // The same, and they must be UTF-8 (names of imports and exports).
  [[nodiscard]] bool expect_name(std::string& name);

  // REQUIRES at(kOpen): to behind the matching parenthesis.
  void skip_form() { index_ = peek().link + 1; }

  // Annotations that stand directly before the token at `index`, in order.
  [[nodiscard]] std::span<const Annotation> annotations_before(u32 index) const;

  // Notes an error and returns false.
  [[gnu::cold]] bool fail(ErrorCode code, u32 offset, std::string detail = {}) {
    error_ = Error{code, offset, std::move(detail)};
    return false;
  }
  // kUnexpectedToken at the current token, with its text; at an unknown keyword in operator position use kUnknownOperator instead.
  [[gnu::cold]] bool unexpected();
  [[nodiscard]] bool failed() const { return error_.has_value(); }
  [[nodiscard]] const Error& error() const { return *error_; }
  [[nodiscard]] Error take_error() { return *std::move(error_); }

 private:
  const TokenBuffer* buffer_;
  u32 index_;
  std::optional<Error> error_;
};

}  // namespace lunabeam::vm::text
