// Splitting scripts into forms and driving wast2json.
#include "tests/spec/wast_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>

namespace lunabeam::tests {
namespace {

namespace fs = std::filesystem;

// A form that starts with "(" at the outermost level; text[begin, end).
struct Form {
  size_t begin;
  size_t end;
  size_t first_line;
  size_t last_line;
  std::string head;  // "module", "assert_return", ...
  bool left_out = false;
};

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Form> split_forms(const std::string& text) {
  std::vector<Form> forms;
  size_t line = 1;
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool line_comment = text.compare(i, 2, ";;") == 0;
    if (c == '\n') {
      ++line;
    } else if (line_comment) {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (text.compare(i, 2, "(;") == 0) {
      size_t nesting = 0;
      for (; i < text.size(); ++i) {
        if (text[i] == '\n') ++line;
        if (text.compare(i, 2, "(;") == 0) {
          ++nesting;
          ++i;
        } else if (text.compare(i, 2, ";)") == 0) {
          ++i;
          if (--nesting == 0) break;
        }
      }
    } else if (c == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
        if (text[i] == '\n') ++line;
      }
    } else if (c == '(') {
      if (depth++ == 0) {
        size_t head_end = i + 1;
        while (head_end < text.size() &&
               (std::isalnum(static_cast<unsigned char>(text[head_end])) != 0 || text[head_end] == '_')) {
          ++head_end;
        }
        forms.push_back({i, text.size(), line, line, text.substr(i + 1, head_end - i - 1)});
      }
    } else if (c == ')' && depth > 0 && --depth == 0) {
      forms.back().end = i + 1;
      forms.back().last_line = line;
    }
  }
  return forms;
}

bool is_module(const Form& form) { return form.head == "module"; }
bool defines_something(const Form& form) { return is_module(form) || form.head == "register"; }

// Leaves the form out, and with a module the commands that would then act on the module before it.
void leave_out(const std::string& text, std::vector<Form>& forms, size_t index, ConvertedScript& result) {
  const auto drop = [&](Form& form) {
    if (form.left_out) return;
    form.left_out = true;
    if (!defines_something(form)) ++result.left_out_commands;
    if (form.head == "register") {
      const size_t begin = text.find('"', form.begin) + 1;
      result.left_out_names.insert(text.substr(begin, text.find('"', begin) - begin));
    }
  };
  drop(forms[index]);
  if (!is_module(forms[index])) return;
  for (size_t i = index + 1; i < forms.size() && !is_module(forms[i]); ++i) {
    // Assertions that bring their own module do not depend on the current one.
    if (forms[i].head != "assert_invalid" && forms[i].head != "assert_malformed" &&
        forms[i].head != "assert_unlinkable")
      drop(forms[i]);
  }
}

void write_without_left_out(const std::string& text, const std::vector<Form>& forms, const fs::path& path) {
  std::string kept = text;
  for (const Form& form : forms) {
    if (!form.left_out) continue;
    std::replace_if(
        kept.begin() + static_cast<ptrdiff_t>(form.begin), kept.begin() + static_cast<ptrdiff_t>(form.end),
        [](char c) { return c != '\n'; }, ' ');
  }
  std::ofstream(path, std::ios::binary) << kept;
}

std::string shell_word(const fs::path& path) { return "'" + path.string() + "'"; }

}  // namespace

ConvertedScript convert_script(const std::string& wast2json, const fs::path& script, const fs::path& folder) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string text = read_file(script);
  std::vector<Form> forms = split_forms(text);
  const fs::path source = folder / script.filename();
  const fs::path messages = folder / "messages.txt";
  ConvertedScript result;
  result.json = folder / (script.stem().string() + ".json");
  // Every round leaves out at least one form.
  for (;;) {
    if (std::ranges::all_of(forms, &Form::left_out)) {
      result.reason =
          result.left_out.empty() ? "it is empty" : "nothing is left of it; line " + result.left_out.front();
      return result;
    }
    write_without_left_out(text, forms, source);
    const std::string command =
        fmt::format("{} --enable-tail-call --enable-extended-const {} -o {} > {} 2>&1", shell_word(wast2json),
                    shell_word(source), shell_word(result.json), shell_word(messages));
    if (std::system(command.c_str()) == 0) {
      result.converted = true;
      return result;
    }
    const std::string output = read_file(messages);
    static const std::regex kMessage(R"(\.wast:(\d+):\d+: error: ([^\n]*))");
    bool progress = false;
    for (std::sregex_iterator it(output.begin(), output.end(), kMessage), end; it != end; ++it) {
      const size_t line = std::stoul((*it)[1]);
      for (size_t i = 0; i < forms.size(); ++i) {
        if (forms[i].left_out || line < forms[i].first_line || line > forms[i].last_line) continue;
        leave_out(text, forms, i, result);
        result.left_out.push_back(fmt::format("{}: {}", line, (*it)[2].str()));
        progress = true;
        break;
      }
      // Later messages may be consequences of the first.
      if (progress) break;
    }
    if (!progress) {
      result.reason = output.substr(0, output.find('\n'));
      return result;
    }
  }
}

}  // namespace lunabeam::tests
