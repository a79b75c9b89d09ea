// Splits a command line into the VM's own part and the guest's: everything behind the module file belongs to the guest, also what
// begins with a dash. A first `--` behind the file is dropped, so that lunatic's spelling works too.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lunabeam::tools {

struct SplitArguments {
  std::vector<std::string> own;  // Options and the module file.
  std::vector<std::string> guest;
};

// takes_value("--dir") says whether the option consumes the next argument when it is not written as --dir=X.
[[nodiscard]] SplitArguments split_arguments(const std::vector<std::string>& arguments,
                                             const std::function<bool(std::string_view)>& takes_value);

// Whether `run` is implied (ABI document 9.1): the first argument is an option of run, or a file name that ends in .wasm or .wat.
[[nodiscard]] bool implies_run(std::string_view first_argument);

// "64k", "8MiB", "1g", "4096" -> bytes. False when it is not a size.
[[nodiscard]] bool parse_size(std::string_view text, unsigned long long& bytes);

}  // namespace lunabeam::tools
