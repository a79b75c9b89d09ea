// One pass over the bytes, driven by a table of character classes. Open parentheses are chained through the links of their own
// tokens, so that nesting needs neither stack nor a second vector.
#include "vm/text/lexer.h"

#include <fmt/format.h>

#include <algorithm>

#include "vm/base/check.h"
#include "vm/decode/utf8.h"
#include "vm/text/characters.h"

namespace lunabeam::vm::text {
namespace {

constexpr u32 kNoToken = ~u32{0};
// 4 GiB - 2: every offset and the index of the last token are below kNoToken.
constexpr size_t kMaxSource = 0xFFFF'FFFE;
constexpr size_t kShownToken = 40;  // Bytes of a bad token that a message repeats.

void append_utf8(u32 point, std::string& out) {
  const auto put = [&out](u32 byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

// Offset of the first byte that begins no legal sequence. REQUIRES !is_utf8(text).
[[gnu::cold]] size_t first_bad_utf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    size_t length = 1;
    while (length <= 4 && !is_utf8(text.substr(at, length))) ++length;
    if (length > 4) return at;
    at += length;
  }
  return at;
}

// Behind the digits `digit ('_'? digit)*` at `cur`, or nullptr when there are none or an underscore stands wrong.
const char* skip_digits(const char* cur, const char* end, u8 classes) {
  if (cur == end || !is_char(*cur, classes)) return nullptr;
  ++cur;
  while (cur != end) {
    if (is_char(*cur, classes)) {
      ++cur;
    } else if (*cur == '_' && cur + 1 != end && is_char(cur[1], classes)) {
      cur += 2;
    } else {
      break;
    }
  }
  return cur;
}

// Shape of a token that begins with a digit or a sign: kInteger, kFloat or kReserved.
TokenKind number_kind(std::string_view text) {
  const char* cur = text.data();
  const char* const end = cur + text.size();
  if (*cur == '+' || *cur == '-') {
    ++cur;
    const std::string_view rest(cur, static_cast<size_t>(end - cur));
    if (rest == "inf" || rest == "nan") return TokenKind::kFloat;
    if (rest.starts_with("nan:0x")) {
      return skip_digits(cur + 6, end, kHexChar) == end ? TokenKind::kFloat : TokenKind::kReserved;
    }
  }
  u8 digits = kDigitChar;
  char exponent = 'e';
  if (end - cur > 2 && cur[0] == '0' && cur[1] == 'x') {
    cur += 2;
    digits = kHexChar;
    exponent = 'p';
  }
  cur = skip_digits(cur, end, digits);
  if (cur == nullptr) return TokenKind::kReserved;
  if (cur == end) return TokenKind::kInteger;
  if (*cur == '.') {
    ++cur;
    if (cur != end && is_char(*cur, digits)) cur = skip_digits(cur, end, digits);
  }
  if (cur != end && (*cur | 0x20) == exponent) {
    ++cur;
    if (cur != end && (*cur == '+' || *cur == '-')) ++cur;
    cur = skip_digits(cur, end, kDigitChar);
  }
  return cur == end ? TokenKind::kFloat : TokenKind::kReserved;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source)
      : begin_(source.data()), cur_(begin_), end_(begin_ + source.size()), out_(&buffer_.tokens) {
    buffer_.source = source;
  }

  Result<TokenBuffer> run() {
    // Address space only: pages that hold no token are never touched. Printed modules have about six bytes to a token.
    buffer_.tokens.reserve(buffer_.source.size() / 6 + 16);
    while (cur_ != end_) {
      const u8 classes = kCharClasses[static_cast<u8>(*cur_)];
      bool done;
      if ((classes & kSpaceChar) != 0) {
        do ++cur_;
        while (cur_ != end_ && is_char(*cur_, kSpaceChar));
        continue;
      }
      if ((classes & kIdChar) != 0) {
        done = word();
      } else if (*cur_ == '(') {
        done = open();
      } else if (*cur_ == ')') {
        done = close();
      } else if (*cur_ == '"') {
        done = string_token();
      } else if ((classes & kReservedChar) != 0) {
        done = punctuation();
      } else {
        done = fail(ErrorCode::kIllegalCharacter, cur_);
      }
      if (!done) [[unlikely]]
        return std::unexpected(std::move(error_));
    }
    if (in_annotation()) return vm::fail(ErrorCode::kUnclosedAnnotation, buffer_.annotations.back().offset);
    if (open_ != kNoToken) return vm::fail(ErrorCode::kUnbalancedParenthesis, buffer_.tokens[open_].begin);
    push(TokenKind::kEnd, end_);
    return std::move(buffer_);
  }

 private:
  [[nodiscard]] bool in_annotation() const { return out_ != &buffer_.tokens; }
  [[nodiscard]] u32 offset(const char* at) const { return static_cast<u32>(at - begin_); }
  [[nodiscard]] bool next_is(char c) const { return end_ - cur_ > 1 && cur_[1] == c; }

  [[gnu::cold]] bool fail(ErrorCode code, const char* at, std::string detail = {}) {
    error_ = Error{code, offset(at), std::move(detail)};
    return false;
  }

  // A token from `first` to the present position.
  void push(TokenKind kind, const char* first, bool is_quoted = false) {
    out_->push_back({offset(first), offset(cur_), kind, is_quoted});
  }

  // --- Parentheses ---

  bool open() {
    if (next_is(';')) return block_comment();
    if (!in_annotation() && next_is('@')) return annotation();
    out_->push_back({offset(cur_), open_, TokenKind::kOpen, false});
    open_ = static_cast<u32>(out_->size()) - 1;
    ++cur_;
    return true;
  }

  bool close() {
    const char* const at = cur_++;
    if (open_ == kNoToken) {
      if (!in_annotation()) return fail(ErrorCode::kUnbalancedParenthesis, at);
      buffer_.annotations.back().last = static_cast<u32>(out_->size());
      out_ = &buffer_.tokens;
      open_ = outer_open_;
      return true;
    }
    Token& opening = (*out_)[open_];
    open_ = opening.link;
    opening.link = static_cast<u32>(out_->size());
    push(TokenKind::kClose, at);
    return true;
  }

  // `(@` in the main sequence: what follows, up to the matching parenthesis, goes to the tokens of annotations.
  bool annotation() {
    const char* const at = cur_;
    cur_ += 2;
    const char* const id = cur_;
    Annotation annotation{{}, offset(at), static_cast<u32>(buffer_.tokens.size()), 0, 0};
    if (cur_ != end_ && *cur_ == '"') {
      if (!string()) return false;
      if (!decode_name(id, id, annotation.id)) return fail_utf8(id);
      if (annotation.id.empty()) return fail(ErrorCode::kEmptyAnnotationId, at);
    } else {
      skip_id_chars();
      if (cur_ == id) return fail(ErrorCode::kEmptyAnnotationId, at);
      annotation.id = {id, static_cast<size_t>(cur_ - id)};
    }
    annotation.first = static_cast<u32>(buffer_.annotation_tokens.size());
    buffer_.annotations.push_back(annotation);
    out_ = &buffer_.annotation_tokens;
    outer_open_ = open_;
    open_ = kNoToken;
    return true;
  }

  // --- Comments ---

  bool block_comment() {
    const char* const at = cur_;
    cur_ += 2;
    size_t depth = 1;
    while (end_ - cur_ >= 2) {
      if (cur_[0] == ';' && cur_[1] == ')') {
        cur_ += 2;
        if (--depth == 0) return true;
      } else if (cur_[0] == '(' && cur_[1] == ';') {
        cur_ += 2;
        ++depth;
      } else {
        ++cur_;
      }
    }
    return fail(ErrorCode::kUnclosedComment, at);
  }

  // `;;` begins a line comment, also directly behind a token; all other punctuation is for annotations.
  bool punctuation() {
    if (*cur_ == ';' && next_is(';')) {
      while (cur_ != end_ && *cur_ != '\n' && *cur_ != '\r') ++cur_;
      return true;
    }
    const char* const at = cur_++;
    if (!in_annotation()) return fail(ErrorCode::kUnexpectedToken, at, fmt::format("`{}`", *at));
    push(TokenKind::kReserved, at);
    return true;
  }

  // --- Words and strings ---

  void skip_id_chars() {
    const char* cur = cur_;
    while (cur != end_ && is_id_char(*cur)) ++cur;
    cur_ = cur;
  }

  bool word() {
    const char* const first = cur_;
    ++cur_;
    skip_id_chars();
    if (cur_ != end_ && *cur_ == '"') [[unlikely]]
      return quoted_word(first);
    const char lead = *first;
    if (lead >= 'a' && lead <= 'z') {
      push(TokenKind::kKeyword, first);
      return true;
    }
    if (lead == '$') {
      if (cur_ - first > 1) {
        push(TokenKind::kId, first);
        return true;
      }
      if (!in_annotation()) return fail(ErrorCode::kEmptyIdentifier, first);
    } else if (is_digit(lead) || lead == '+' || lead == '-') {
      // Most numbers are a digit or two.
      const std::string_view text(first, static_cast<size_t>(cur_ - first));
      const TokenKind kind = text.size() == 1 && is_digit(lead) ? TokenKind::kInteger : number_kind(text);
      if (kind != TokenKind::kReserved) {
        push(kind, first);
        return true;
      }
    }
    return reserved(first);
  }

  // A word with a quotation mark directly behind it: `$"..."`, or else a reserved token.
  bool quoted_word(const char* first) {
    const char* const quote = cur_;
    const bool may_be_id = *first == '$' && quote - first == 1;
    if (!string()) return false;
    if (!may_be_id || is_glued()) return glued(first);
    std::string_view name;
    const bool is_utf8_name = decode_name(quote, first, name);
    if (is_utf8_name && !name.empty()) {
      push(TokenKind::kId, first, true);
      return true;
    }
    if (in_annotation()) return reserved(first);
    return is_utf8_name ? fail(ErrorCode::kEmptyIdentifier, first) : fail_utf8(first);
  }

  bool string_token() {
    const char* const first = cur_;
    if (!string()) return false;
    if (is_glued()) [[unlikely]]
      return glued(first);
    push(TokenKind::kString, first);
    return true;
  }

  [[nodiscard]] bool is_glued() const { return cur_ != end_ && (*cur_ == '"' || is_id_char(*cur_)); }

  // To the end of a run of words and strings that began at `first`.
  bool glued(const char* first) {
    while (is_glued()) {
      if (*cur_ == '"') {
        if (!string()) return false;
      } else {
        skip_id_chars();
      }
    }
    return reserved(first);
  }

  bool reserved(const char* first) {
    if (!in_annotation()) {
      std::string_view shown(first, static_cast<size_t>(cur_ - first));
      if (shown.size() > kShownToken) {
        size_t length = kShownToken;
        while (length > 0 && (static_cast<u8>(shown[length]) & 0xC0) == 0x80) --length;
        return fail(ErrorCode::kUnknownOperator, first, fmt::format("`{}...`", shown.substr(0, length)));
      }
      return fail(ErrorCode::kUnknownOperator, first, fmt::format("`{}`", shown));
    }
    push(TokenKind::kReserved, first);
    return true;
  }

  // Steps over a string, checking its characters and escapes. REQUIRES: at its quotation mark.
  bool string() {
    const char* const first = cur_++;
    while (true) {
      while (cur_ != end_ && is_char(*cur_, kPlainChar)) ++cur_;
      if (cur_ == end_) return fail(ErrorCode::kUnclosedString, first);
      if (*cur_ == '"') break;
      if (*cur_ == '\\') {
        if (!escape()) return false;
      } else if (*cur_ == '\n' || *cur_ == '\r') {
        return fail(ErrorCode::kUnclosedString, first);
      } else {
        return fail(ErrorCode::kIllegalCharacter, cur_);
      }
    }
    ++cur_;
    return true;
  }

  bool escape() {
    const char* const at = cur_++;
    if (cur_ == end_) return fail(ErrorCode::kUnclosedString, at);
    if (is_hex_digit(*cur_)) {
      if (end_ - cur_ < 2 || !is_hex_digit(cur_[1])) return fail(ErrorCode::kIllegalEscape, at);
      cur_ += 2;
      return true;
    }
    if (*cur_ != 'u') {
      if (!std::string_view("tnr\"'\\").contains(*cur_)) return fail(ErrorCode::kIllegalEscape, at);
      ++cur_;
      return true;
    }
    ++cur_;
    if (cur_ == end_ || *cur_ != '{') return fail(ErrorCode::kIllegalEscape, at);
    const char* const digits = cur_ + 1;
    cur_ = skip_digits(digits, end_, kHexChar);
    if (cur_ == nullptr || cur_ == end_ || *cur_ != '}') return fail(ErrorCode::kIllegalEscape, at);
    u32 point = 0;
    for (const char* digit = digits; digit != cur_; ++digit) {
      if (*digit != '_') point = std::min<u32>(point << 4 | hex_value(*digit), 0x11'0000);
    }
    if (point >= 0x11'0000 || (point >= 0xD800 && point < 0xE000)) return fail(ErrorCode::kIllegalEscape, at);
    ++cur_;
    return true;
  }

  // Keeps the name that the string from `quote` to the present position stands for under the token at `token`.
  // False: it is not UTF-8.
  bool decode_name(const char* quote, const char* token, std::string_view& name) {
    std::string decoded;
    append_string({quote, static_cast<size_t>(cur_ - quote)}, decoded);
    if (!is_utf8(decoded)) return false;
    name = buffer_.decoded.insert_or_assign(offset(token), std::move(decoded)).first->second;
    return true;
  }
  [[gnu::cold]] bool fail_utf8(const char* at) { return fail(ErrorCode::kMalformedUtf8, at); }

  const char* begin_;
  const char* cur_;
  const char* end_;
  TokenBuffer buffer_;
  std::vector<Token>* out_;    // Where tokens go: the main sequence's, or the annotations' while one is open.
  u32 open_ = kNoToken;        // Innermost open parenthesis in *out_; while open, its link is the next one outside.
  u32 outer_open_ = kNoToken;  // The main sequence's, while an annotation is open.
  Error error_{ErrorCode::kUnexpectedToken};
};

}  // namespace

Result<TokenBuffer> lex(std::string_view source) {
  if (source.size() > kMaxSource) return fail(ErrorCode::kImplementationLimit, 0, "source of 4 GiB or more");
  // Once for all, so that no later step has to look at it: eight bytes at a time where the text is ASCII.
  if (!is_utf8(source)) return fail(ErrorCode::kMalformedUtf8, first_bad_utf8(source));
  return Lexer(source).run();
}

void append_string(std::string_view quoted, std::string& out) {
  VM_DCHECK(quoted.size() >= 2 && quoted.front() == '"' && quoted.back() == '"');
  const char* cur = quoted.data() + 1;
  const char* const end = quoted.data() + quoted.size() - 1;
  while (cur != end) {
    const char* const plain = cur;
    while (cur != end && *cur != '\\') ++cur;
    out.append(plain, cur);
    if (cur == end) return;
    const char escape = cur[1];
    if (is_hex_digit(escape)) {
      out.push_back(static_cast<char>(hex_value(escape) << 4 | hex_value(cur[2])));
      cur += 3;
      continue;
    }
    cur += 2;
    switch (escape) {
      case 't': out.push_back('\t'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 'u': {
        u32 point = 0;
        for (++cur; *cur != '}'; ++cur) {
          if (*cur != '_') point = point << 4 | hex_value(*cur);
        }
        ++cur;
        append_utf8(point, out);
        break;
      }
      default: out.push_back(escape);
    }
  }
}

}  // namespace lunabeam::vm::text
