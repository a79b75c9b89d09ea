// Cargo configurations.
#include "tools/lunabeam/cargo_config.h"

#include <gmock/gmock.h>

namespace lunabeam::tools {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string made_from(std::string_view existing) {
  const CargoConfig config = with_our_settings(existing);
  EXPECT_EQ(config.error, "");
  // What has been written once is complete.
  EXPECT_EQ(with_our_settings(config.text).text, config.text);
  return config.text;
}

std::string error_of(std::string_view existing) { return with_our_settings(existing).error; }

TEST(CargoConfig, FromNothing) {
  EXPECT_THAT(made_from(""), StartsWith("[build]\ntarget = \"wasm32-wasip1\"\n\n[target.wasm32-wasip1]\nrunner = "
                                        "\"lunabeam run\"\n"));
}

TEST(CargoConfig, OtherTablesStay) {
  EXPECT_THAT(made_from("# mine\n[alias]\nb = \"build\""),
              StartsWith("# mine\n[alias]\nb = \"build\"\n\n[build]\ntarget = \"wasm32-wasip1\"\n"));
}

TEST(CargoConfig, SettingsJoinTheirTables) {
  EXPECT_EQ(made_from("[build]\njobs = 2\n\n[target.wasm32-wasip1] # guests\nrustflags = [\n  \"-C\", \"x=1\",\n]\n"),
            "[build]\ntarget = \"wasm32-wasip1\"\njobs = 2\n\n[target.wasm32-wasip1] # guests\nrunner = \"lunabeam "
            "run\"\nrustflags = [\n  \"-C\", \"x=1\",\n]\n");
  EXPECT_THAT(made_from("build.jobs = 2\n"), StartsWith("build.target = \"wasm32-wasip1\"\nbuild.jobs = 2\n"));
  EXPECT_THAT(made_from("[target.\"wasm32-wasip1\"]\nlinker = \"l\"\n"),
              HasSubstr("runner = \"lunabeam run\"\nlinker"));
}

TEST(CargoConfig, WhatIsCompleteStays) {
  const std::string complete =
      "build.target = 'wasm32-wasip1'  # guests\ntarget.wasm32-wasip1.runner = \"lunabeam run\"\n";
  EXPECT_EQ(made_from(complete), complete);
}

TEST(CargoConfig, LunaticsRunnerBecomesOurs) {
  EXPECT_EQ(made_from("[build]\ntarget = \"wasm32-wasip1\"\n[target.wasm32-wasip1]\nrunner = \"lunatic run\"\n"),
            "[build]\ntarget = \"wasm32-wasip1\"\n[target.wasm32-wasip1]\nrunner = \"lunabeam run\"\n");
}

TEST(CargoConfig, EveryElementOfAnArrayOfTablesIsChanged) {
  const std::string_view head = "build.target = \"wasm32-wasip1\"\n";
  const auto elements = [&](std::string_view runner) {
    const std::string element = fmt::format("[[target]]\nwasm32-wasip1.runner = \"{}\"\n", runner);
    return fmt::format("{}{}{}", head, element, element);
  };
  EXPECT_EQ(with_our_settings(elements("lunatic run")).text, elements("lunabeam run"));
}

TEST(CargoConfig, OurRunnerMayHaveOptions) {
  const std::string existing =
      "build.target = \"wasm32-wasip1\"\n[target.wasm32-wasip1]\nrunner = [\"lunabeam\", \"run\", \"--workers\", \"1\"]\n";
  EXPECT_EQ(made_from(existing), existing);
}

TEST(CargoConfig, WhatStandsInTheWayIsSaid) {
  EXPECT_EQ(error_of("[build]\ntarget = \"x86_64\"\n"), "build.target is set already: target = \"x86_64\"");
  EXPECT_EQ(error_of("target.wasm32-wasip1.runner = \"wasmtime\"\n"),
            "target.wasm32-wasip1.runner is set already: target.wasm32-wasip1.runner = \"wasmtime\"");
  EXPECT_THAT(error_of("build = { jobs = 1 }\n"), HasSubstr("build is an inline table"));
}

TEST(CargoConfig, TablesOfDottedKeysGetNoHeader) {
  EXPECT_EQ(made_from("build.target = \"wasm32-wasip1\"\n[target]\nwasm32-wasip1.linker = \"l\"\n"),
            "build.target = \"wasm32-wasip1\"\n[target]\nwasm32-wasip1.runner = \"lunabeam run\"\n"
            "wasm32-wasip1.linker = \"l\"\n");
  EXPECT_EQ(error_of("target = { wasm32-wasip1 = { linker = \"l\" } }\nbuild.target = \"wasm32-wasip1\"\n"),
            "target is an inline table; add to it: wasm32-wasip1.runner = \"lunabeam run\"");
}

TEST(CargoConfig, WhatIsNotTomlStaysAsItIs) {
  for (const auto& [broken, cause] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"[build\ntarget = \"x\"\n", "line 1: the header of a table without an end"},
           {"[build] jobs = 1\n", "line 1: text behind the header of a table"},
           {"[]\n", "line 1: neither a table nor a setting"},
           {"# mine\nbuild\n", "line 2: neither a table nor a setting"},
           {"<<<<<<< HEAD\n[build]\n=======\n", "line 1: neither a table nor a setting"},
           {"[build]\njobs =\n", "line 2: a setting without a value"},
           {"[build]\njobs = # two\n", "line 2: a setting without a value"},
           {"[build]\njobs = two\n", "line 2: a value that is none"},
           {"[build]\nrustflags = [\n  \"-C\",\n", "line 3: a value without an end"},
           {"[build]\nrustflags = [ \"-C\" ] ]\n", "line 2: text behind the end of a value"},
           {"[build]\nrustflags = [ \"-C\" }\n", "line 2: a bracket that nothing has opened"},
           {"[build]\nrustc = \"a\n", "line 2: a string without an end"},
           {"[build]\nrustc = \"a\\\"\n", "line 2: a string without an end"},
           {"[build]\nrustc = \"a\" \"b\"\n", "line 2: text behind the end of a value"},
           {"[env]\nA = \"\"\"\n[build]\n", "line 3: a value without an end"},
           {"[build]\njobs = 1\n[build]\njobs = 2\n", "line 3: a table that is there twice"},
           {"[build]\njobs = 1\njobs = 2\n", "line 3: a setting that is there twice"},
           {std::string_view("[\0b\0", 4), "line 1: a control character"},
       }) {
    const CargoConfig config = with_our_settings(broken);
    EXPECT_EQ(config.error, std::string(cause) + "; the file stays as it is") << broken;
    EXPECT_EQ(config.text, broken);
  }
}

TEST(CargoConfig, WhatTomlAllowsIsUnderstood) {
  for (const std::string_view uncommon : {
           "\r\n[build]\r\njobs = 2\r\n",
           "[ target . 'cfg(all(unix, target_arch = \"x86_64\"))' ] # ]\nrunner = 'r' # '\n",
           "[[x]]\na = 1\n[x.y]\nb = 1\n[[x]]\na = 1\n[x.y]\nb = 1\n",
           "a = -1.5e3\nb = 0xFF\nc = inf\nd = 1979-05-27 07:32:00Z # then\ne = true\nf = 1_000\n",
           "a = [\n  1, # ]\n  [ { b = ']' } ],\n] # done\n",
           "a = \"\"\"quoted \\\"\"\" [\n\"\"\"\"\" # five\nb = ''''''\nc = '\\'\n",
           "\"a=b\" = \"=\"\n",
       }) {
    EXPECT_THAT(made_from(uncommon), HasSubstr("runner = \"lunabeam run\"")) << uncommon;
  }
}

TEST(CargoConfig, WhatLooksLikeASettingInsideAValueIsNone) {
  EXPECT_THAT(made_from("[env]\nA = \"\"\"\n[build]\ntarget = \"x\"\n\"\"\"\n"),
              HasSubstr("\n[build]\ntarget = \"wasm32"));
  EXPECT_THAT(made_from("[x]\na = [\n  \"build.target = 1\",\n]\n# [build]\n"),
              HasSubstr("\n[build]\ntarget = \"wasm32"));
}

}  // namespace
}  // namespace lunabeam::tools
