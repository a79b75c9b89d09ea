#include "vm/text/lexer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/paths.h"
#include "vm/text/cursor.h"

namespace lunabeam::vm::text {
namespace {

using enum TokenKind;

std::string spelled(const TokenBuffer& buffer, const std::vector<Token>& tokens) {
  std::string out;
  for (const Token& token : tokens) {
    if (token.kind == kEnd) continue;
    if (!out.empty()) out += ' ';
    switch (token.kind) {
      case kOpen: out += '('; break;
      case kClose: out += ')'; break;
      case kKeyword: out += "k:"; break;
      case kInteger: out += "n:"; break;
      case kFloat: out += "f:"; break;
      case kString: out += "s:"; break;
      case kId: out += "i:"; break;
      case kReserved: out += "r:"; break;
      case kEnd: break;
    }
    if (token.kind == kId) {
      out += buffer.id(token);
    } else if (token.kind != kOpen && token.kind != kClose) {
      out += buffer.text(token);
    }
  }
  return out;
}

// Kind and characters of every token of the main sequence, or the error.
std::string tokens_of(std::string_view source) {
  const Result<TokenBuffer> buffer = lex(source);
  if (!buffer) return std::string(text_of(buffer.error().code)) + " @" + std::to_string(buffer.error().offset);
  EXPECT_EQ(buffer->tokens.back().kind, kEnd);
  EXPECT_EQ(buffer->tokens.back().begin, source.size());
  return spelled(*buffer, buffer->tokens);
}

// The same of the contents of the only annotation.
std::string contents_of(std::string_view source) {
  const Result<TokenBuffer> buffer = lex(source);
  if (!buffer) return std::string(text_of(buffer.error().code)) + " @" + std::to_string(buffer.error().offset);
  EXPECT_EQ(buffer->annotations.size(), 1u);
  EXPECT_EQ(buffer->tokens.size(), 1u);
  EXPECT_EQ(buffer->annotations[0].first, 0u);
  EXPECT_EQ(buffer->annotations[0].last, buffer->annotation_tokens.size());
  return spelled(*buffer, buffer->annotation_tokens);
}

std::string decoded(std::string_view quoted) {
  std::string out = "|";
  append_string(quoted, out);
  return out.substr(1);
}

TEST(Lexer, CutsAModule) {
  EXPECT_EQ(tokens_of("(module (func $f (param i32) i32.const -0x1_0 f64.const 1.5e3))"),
            "( k:module ( k:func i:f ( k:param k:i32 ) k:i32.const n:-0x1_0 k:f64.const f:1.5e3 ) )");
  EXPECT_EQ(tokens_of(""), "");
  EXPECT_EQ(tokens_of(" \t\r\n"), "");
}

TEST(Lexer, LinksParentheses) {
  const Result<TokenBuffer> buffer = lex("(a (b) ((c)))(d)");
  ASSERT_TRUE(buffer);
  std::vector<u32> stack;
  size_t pairs = 0;
  for (u32 i = 0; i < buffer->tokens.size(); ++i) {
    if (buffer->tokens[i].kind == kOpen) stack.push_back(i);
    if (buffer->tokens[i].kind != kClose) continue;
    EXPECT_EQ(buffer->tokens[stack.back()].link, i);
    stack.pop_back();
    ++pairs;
  }
  EXPECT_EQ(pairs, 5u);
}

TEST(Lexer, RejectsUnbalancedParentheses) {
  EXPECT_EQ(tokens_of("(a))"), "unexpected token: unbalanced parenthesis @3");
  EXPECT_EQ(tokens_of(")"), "unexpected token: unbalanced parenthesis @0");
  EXPECT_EQ(tokens_of("(a) (b (c)"), "unexpected token: unbalanced parenthesis @4");
}

TEST(Lexer, DeepNestingCostsNoStack) {
  constexpr size_t kDepth = 1'000'000;
  const Result<TokenBuffer> buffer = lex(std::string(kDepth, '(') + std::string(kDepth, ')'));
  ASSERT_TRUE(buffer);
  EXPECT_EQ(buffer->tokens[0].link, 2 * kDepth - 1);
  EXPECT_EQ(tokens_of(std::string(kDepth, '(')), "unexpected token: unbalanced parenthesis @999999");
  std::string comment;
  for (size_t i = 0; i < kDepth; ++i) comment += "(;";
  EXPECT_EQ(tokens_of(comment), "unclosed comment @0");
  for (size_t i = 0; i < kDepth; ++i) comment += ";)";
  EXPECT_EQ(tokens_of(comment), "");
}

TEST(Lexer, TellsNumbersApart) {
  EXPECT_EQ(tokens_of("0 +7 -12_345 0xaBc_D +0x0"), "n:0 n:+7 n:-12_345 n:0xaBc_D n:+0x0");
  EXPECT_EQ(tokens_of("0. 1.5 1e5 1.E-5 -1_0.2_5e+1_0"), "f:0. f:1.5 f:1e5 f:1.E-5 f:-1_0.2_5e+1_0");
  EXPECT_EQ(tokens_of("0x1. 0x1.8 0x1p5 0xA.P-5 -0x1_0.f_fp+1_0"),
            "f:0x1. f:0x1.8 f:0x1p5 f:0xA.P-5 f:-0x1_0.f_fp+1_0");
  EXPECT_EQ(tokens_of("inf nan nan:0x7f +inf -nan -nan:0x1_2"), "k:inf k:nan k:nan:0x7f f:+inf f:-nan f:-nan:0x1_2");
  EXPECT_EQ(tokens_of("0x1e5"), "n:0x1e5");
}

TEST(Lexer, RejectsWhatOnlyLooksLikeANumber) {
  for (const char* bad :
       {"_1x",   "1_",     "1__0",   "0x",      "0x_1",   "0x1_", "+",         "-",    "1a",    "0xg",
        ".5",    "1._5",   "1.5_",   "1e",      "1e+",    "1e_5", "1e5_",      "0x1p", "0x1pA", "0x1._8",
        "0x.8",  "+inf1",  "-nan:",  "+nan:0x", "-nan:1", "+-1",  "--1",       "0X1",  "1.2.3", "0x1e+5",
        "1e5e5", "+nan:x", "+infin", "1f",      "0b1",    "+_1",  "-nan:0x_1", "#a",   "A",     "@a"}) {
    const std::string found = tokens_of(bad);
    EXPECT_EQ(found, "unknown operator @0") << bad;
  }
}

TEST(Lexer, TokensNeedSomethingBetweenThem) {
  EXPECT_EQ(tokens_of("(a)b(c)\"d\"(e);;f\n(;g;)h(;i;)j"), "( k:a ) k:b ( k:c ) s:\"d\" ( k:e ) k:h k:j");
  EXPECT_EQ(tokens_of("nop;;x\nnop"), "k:nop k:nop");
  EXPECT_EQ(tokens_of("\"a\";;x"), "s:\"a\"");
  EXPECT_EQ(tokens_of("\"a\"\"b\""), "unknown operator @0");
  EXPECT_EQ(tokens_of("\"a\"b"), "unknown operator @0");
  EXPECT_EQ(tokens_of(" a\"b\""), "unknown operator @1");
  EXPECT_EQ(tokens_of("0\"b\""), "unknown operator @0");
  EXPECT_EQ(tokens_of("$a\"b\""), "unknown operator @0");
  EXPECT_EQ(tokens_of("$\"a\"b"), "unknown operator @0");
  EXPECT_EQ(tokens_of("$\"a\"\"b\""), "unknown operator @0");
  EXPECT_EQ(tokens_of("\"a\"$b"), "unknown operator @0");
  EXPECT_EQ(tokens_of("0drop"), "unknown operator @0");
  EXPECT_EQ(tokens_of("\"a\"b\"c"), "unclosed string @4");
}

TEST(Lexer, ReadsIdentifiers) {
  EXPECT_EQ(tokens_of("$a $0 $$ $!#%&'*+-./:<=>?@\\^_`|~z"), "i:a i:0 i:$ i:!#%&'*+-./:<=>?@\\^_`|~z");
  EXPECT_EQ(tokens_of(R"($"a b" $"\41\u{42}" $"(;" $"))\"" $"é")"), "i:a b i:AB i:(; i:))\" i:é");
  EXPECT_EQ(tokens_of("$"), "empty identifier @0");
  EXPECT_EQ(tokens_of("($ \"a\")"), "empty identifier @1");
  EXPECT_EQ(tokens_of("$(@a)"), "empty identifier @0");
  EXPECT_EQ(tokens_of(" $\"\""), "empty identifier @1");
  EXPECT_EQ(tokens_of("$\"\\ff\""), "malformed UTF-8 encoding @0");
  EXPECT_EQ(tokens_of("$\"a\nb\""), "unclosed string @1");
}

TEST(Lexer, RejectsPunctuationOutsideAnnotations) {
  for (const char* bad : {",", ";", "[", "]", "{", "}", "; ;"}) EXPECT_EQ(tokens_of(bad), "unexpected token @0") << bad;
  EXPECT_EQ(tokens_of("a,b"), "unexpected token @1");
}

TEST(Lexer, EndsLineCommentsAtLfAndCr) {
  EXPECT_EQ(tokens_of("a ;; b\nc ;; d\re ;; f\r\ng ;; h"), "k:a k:c k:e k:g");
  EXPECT_EQ(tokens_of(";;"), "");
  EXPECT_EQ(tokens_of(";; \x01\x7F (; \"\n"), "");
}

TEST(Lexer, NestsBlockComments) {
  EXPECT_EQ(tokens_of("a(; b (; c ;) d ;)e"), "k:a k:e");
  EXPECT_EQ(tokens_of("(;;)"), "");
  EXPECT_EQ(tokens_of("(;;;)(;(;;);)"), "");
  EXPECT_EQ(tokens_of("(; ;; ;)a"), "k:a");
  EXPECT_EQ(tokens_of("(; \" ;)a"), "k:a");
  EXPECT_EQ(tokens_of("(; \x01\x1F\x7F ;)a"), "k:a");
  EXPECT_EQ(tokens_of("a (; b (; c ;)"), "unclosed comment @2");
  EXPECT_EQ(tokens_of("(;)"), "unclosed comment @0");
  EXPECT_EQ(tokens_of("(;"), "unclosed comment @0");
}

TEST(Lexer, RejectsIllegalCharacters) {
  for (int c = 0; c < 0x20; ++c) {
    if (c == '\t' || c == '\n' || c == '\r') continue;
    EXPECT_EQ(tokens_of(std::string("a ") + static_cast<char>(c)), "illegal character @2") << c;
  }
  EXPECT_EQ(tokens_of("a\x7F"), "illegal character @1");
  EXPECT_EQ(tokens_of("aé"), "illegal character @1");
  EXPECT_EQ(tokens_of("\xEF\xBB\xBF(module)"), "illegal character @0");
}

TEST(Lexer, RejectsBadUtf8Anywhere) {
  for (const char* bad : {"\x80", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                          "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98"}) {
    const std::string byte(bad);
    EXPECT_EQ(tokens_of("abcdefghijk " + byte), "malformed UTF-8 encoding @12");
    EXPECT_EQ(tokens_of(";; é " + byte), "malformed UTF-8 encoding @6");
    EXPECT_EQ(tokens_of("(; " + byte + " ;)"), "malformed UTF-8 encoding @3");
    EXPECT_EQ(tokens_of("\"" + byte + "\""), "malformed UTF-8 encoding @1");
    EXPECT_EQ(tokens_of("(@a " + byte + ")"), "malformed UTF-8 encoding @4");
  }
  EXPECT_EQ(tokens_of("\"é€😀\" ;; é€😀"), "s:\"é€😀\"");
}

TEST(Lexer, ChecksStrings) {
  EXPECT_EQ(tokens_of(R"("" "a b" "\"" "\\" "(;" ";;" "\t\n\r\'\00\fF\u{0}\u{1_0FFF_f}")"),
            R"(s:"" s:"a b" s:"\"" s:"\\" s:"(;" s:";;" s:"\t\n\r\'\00\fF\u{0}\u{1_0FFF_f}")");
  EXPECT_EQ(tokens_of("\"a"), "unclosed string @0");
  EXPECT_EQ(tokens_of("\"a\\\""), "unclosed string @0");
  EXPECT_EQ(tokens_of("\"a\nb\""), "unclosed string @0");
  EXPECT_EQ(tokens_of("\"a\rb\""), "unclosed string @0");
  EXPECT_EQ(tokens_of("\"a\tb\""), "illegal character @2");
  EXPECT_EQ(tokens_of("\"a\x7F\""), "illegal character @2");
  for (const char* bad : {R"("\a")", R"("\g0")", R"("\0g")", R"("\u")", R"("\u41")", R"("\u{}")", R"("\u{_1}")",
                          R"("\u{1_}")", R"("\u{g}")", R"("\u{41")", R"("\u{d800}")", R"("\u{DFFF}")",
                          R"("\u{110000}")", R"("\u{1000000000041}")", R"("\x41")", R"("\ 1")"}) {
    EXPECT_EQ(tokens_of(bad), "illegal escape @1") << bad;
  }
}

TEST(Lexer, EscapeCutOffByTheEnd) {
  for (const char* bad : {"\"\\", "\"\\4", "\"\\u", "\"\\u{", "\"\\u{4", "\"\\u{4_"}) {
    EXPECT_FALSE(lex(bad)) << bad;
  }
}

TEST(Lexer, DecodesStrings) {
  EXPECT_EQ(decoded("\"\""), "");
  EXPECT_EQ(decoded(R"("a\tb\nc\rd\"e\'f\\g")"), "a\tb\nc\rd\"e'f\\g");
  EXPECT_EQ(decoded(R"("\00\7f\80\fF")"), std::string("\0\x7F\x80\xFF", 4));
  EXPECT_EQ(decoded(R"("\u{41}\u{e9}\u{7ff}\u{800}\u{20ac}\u{ffff}\u{1_0000}\u{1F600}\u{10ffff}")"),
            "Aé\xDF\xBF\xE0\xA0\x80€\xEF\xBF\xBF\xF0\x90\x80\x80😀\xF4\x8F\xBF\xBF");
  EXPECT_EQ(decoded(R"("\u{000000000041}")"), "A");
}

TEST(Lexer, TakesAnnotationsOut) {
  const Result<TokenBuffer> buffer = lex("(@a x)(b(@\"c d\" (y) $z)e(@f)(@g))(@h)");
  ASSERT_TRUE(buffer);
  EXPECT_EQ(spelled(*buffer, buffer->tokens), "( k:b k:e )");
  EXPECT_EQ(spelled(*buffer, buffer->annotation_tokens), "k:x ( k:y ) i:z");
  ASSERT_EQ(buffer->annotations.size(), 5u);
  std::string all;
  for (const Annotation& annotation : buffer->annotations) {
    all += std::string(annotation.id) + "@" + std::to_string(annotation.offset) + " before " +
           std::to_string(annotation.before) + " [" + std::to_string(annotation.first) + "," +
           std::to_string(annotation.last) + ") ";
  }
  EXPECT_EQ(all,
            "a@0 before 0 [0,1) c d@8 before 2 [1,5) f@24 before 3 [5,5) g@28 before 3 [5,5) h@33 before 4 [5,5) ");
  EXPECT_EQ(buffer->annotation_tokens[1].link, 3u);

  const Cursor cursor(*buffer);
  EXPECT_EQ(cursor.annotations_before(3).size(), 2u);
  EXPECT_EQ(cursor.annotations_before(1).size(), 0u);
  ASSERT_EQ(cursor.annotations_before(4).size(), 1u);
  EXPECT_EQ(cursor.annotations_before(4)[0].id, "h");
}

TEST(Lexer, MovedBuffersKeepQuotedNames) {
  const std::string source = "(@\"short\") $\"x y\" (@\"a much longer name that lives on the heap\")";
  Result<TokenBuffer> buffer = lex(source);
  ASSERT_TRUE(buffer);
  const TokenBuffer moved = *std::move(buffer);
  EXPECT_EQ(moved.annotations[0].id, "short");
  EXPECT_EQ(moved.annotations[1].id, "a much longer name that lives on the heap");
  EXPECT_EQ(moved.id(moved.tokens[0]), "x y");
}

TEST(Lexer, ReservedTokensInAnnotations) {
  EXPECT_EQ(contents_of("(@a , ; [ ] { } 0x 8q # $ @b A \"s\"t x\"y\" $\"\")"),
            "r:, r:; r:[ r:] r:{ r:} r:0x r:8q r:# r:$ r:@b r:A r:\"s\"t r:x\"y\" r:$\"\"");
  EXPECT_EQ(contents_of("(@a x 1 2.5 $y \"z\" $\"q\" (w) )"), "k:x n:1 f:2.5 i:y s:\"z\" i:q ( k:w )");
  EXPECT_EQ(contents_of("(@a \")\" \"(\")"), "s:\")\" s:\"(\"");
  EXPECT_EQ(contents_of("(@a (@) (@ x) (@b (@\"c\")))"), "( r:@ ) ( r:@ k:x ) ( r:@b ( r:@\"c\" ) )");
  EXPECT_EQ(contents_of("(@a (;x;) (; ) ;) y ;; )\n)"), "k:y");
  EXPECT_EQ(contents_of("(@a x;;y\n,])"), "k:x r:, r:]");
}

TEST(Lexer, AnnotationIds) {
  EXPECT_EQ(contents_of("(@0)"), "");
  EXPECT_EQ(contents_of("(@@)"), "");
  EXPECT_EQ(contents_of("(@a\"b\")"), "s:\"b\"");
  EXPECT_EQ(contents_of("(@\"\\u{41}\")"), "");
  for (const char* bad : {"(@)", "(@ )", "(@ x)", "(@\"\")", "(@ \"a\")", "(@(@a)x)", "(@", "(@\n\"a\")"}) {
    EXPECT_EQ(tokens_of(bad), "empty annotation id @0") << bad;
  }
  EXPECT_EQ(tokens_of("(@\"\\ef\")"), "malformed UTF-8 encoding @2");
  EXPECT_EQ(tokens_of("( @a)"), "unknown operator @2");
}

TEST(Lexer, UnclosedAnnotations) {
  EXPECT_EQ(tokens_of(" (@a x"), "unclosed annotation @1");
  EXPECT_EQ(tokens_of("(@a ()"), "unclosed annotation @0");
  EXPECT_EQ(tokens_of("(@a (@b )"), "unclosed annotation @0");
  EXPECT_EQ(tokens_of("(@a \""), "unclosed string @4");
  EXPECT_EQ(tokens_of("(@a ))"), "unexpected token: unbalanced parenthesis @5");
  EXPECT_EQ(tokens_of("(b (@a )"), "unexpected token: unbalanced parenthesis @0");
  EXPECT_EQ(tokens_of("(@a é)"), "illegal character @4");
}

TEST(Lexer, NamesTheBadTokenWithinReason) {
  const Result<TokenBuffer> shorter = lex("0drop");
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().detail, "`0drop`");
  // 42 bytes, of which the 40th begins a character of two.
  const Result<TokenBuffer> longer = lex("x\"" + std::string(37, 'a') + "éé\"");
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().detail, "`x\"" + std::string(37, 'a') + "...`");
}

TEST(Lexer, CutsEveryScriptOfTheSuite) {
  if (!tests::shared_available()) GTEST_SKIP() << "no shared material";
  size_t scripts = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(tests::shared_dir() / "spec-testsuite")) {
    if (entry.path().extension() != ".wast") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string source(std::istreambuf_iterator<char>(file), {});
    const Result<TokenBuffer> buffer = lex(source);
    EXPECT_TRUE(buffer) << entry.path() << ": " << buffer.error().message();
    ++scripts;
  }
  EXPECT_GE(scripts, 275u);
}

TEST(Cursor, WalksTokens) {
  const Result<TokenBuffer> buffer = lex("(func $f 1)");
  ASSERT_TRUE(buffer);
  Cursor cursor(*buffer);
  EXPECT_TRUE(cursor.at_form("func"));
  EXPECT_FALSE(cursor.accept_form("fun"));
  EXPECT_TRUE(cursor.accept_form("func"));
  EXPECT_EQ(cursor.accept_id(), "f");
  EXPECT_EQ(cursor.accept_id(), std::nullopt);
  EXPECT_TRUE(cursor.accept(kInteger));
  EXPECT_EQ(cursor.peek(7).kind, kEnd);
  EXPECT_TRUE(cursor.expect(kClose));
  cursor.next();
  EXPECT_TRUE(cursor.at(kEnd));
  EXPECT_FALSE(cursor.expect(kClose));
  EXPECT_EQ(cursor.error().message(), "unexpected token end of source at offset 0xb");
  cursor.seek(0);
  cursor.skip_form();
  EXPECT_TRUE(cursor.at(kEnd));
}

TEST(Cursor, ReadsStringsAndNames) {
  const Result<TokenBuffer> buffer = lex(R"("a\00" "b" "\ff" "\ff" (x)");
  ASSERT_FALSE(buffer);
  const Result<TokenBuffer> good = lex(R"("a\00" "b" "\ff" "\ff" x)");
  ASSERT_TRUE(good);
  Cursor cursor(*good);
  std::string bytes;
  EXPECT_TRUE(cursor.expect_string(bytes));
  EXPECT_TRUE(cursor.expect_name(bytes));
  EXPECT_TRUE(cursor.expect_string(bytes));
  EXPECT_EQ(bytes, std::string("a\0b\xFF", 4));
  EXPECT_FALSE(cursor.expect_name(bytes));
  EXPECT_EQ(cursor.error().code, ErrorCode::kMalformedUtf8);
  EXPECT_EQ(cursor.error().offset, 17u);
  EXPECT_FALSE(cursor.expect_string(bytes));
  EXPECT_EQ(cursor.error().message(), "unexpected token `x` at offset 0x17");
}

TEST(Cursor, NamesAnOpenParenthesis) {
  const Result<TokenBuffer> buffer = lex("(x)");
  ASSERT_TRUE(buffer);
  Cursor cursor(*buffer);
  EXPECT_FALSE(cursor.expect_keyword("x"));
  EXPECT_EQ(cursor.take_error().message(), "unexpected token `(` at offset 0x0");
}

}  // namespace
}  // namespace lunabeam::vm::text
