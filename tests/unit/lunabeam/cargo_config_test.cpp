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

TEST(CargoConfig, WhatLooksLikeASettingInsideAValueIsNone) {
  EXPECT_THAT(made_from("[env]\nA = \"\"\"\n[build]\ntarget = \"x\"\n\"\"\"\n"),
              HasSubstr("\n[build]\ntarget = \"wasm32"));
  EXPECT_THAT(made_from("[x]\na = [\n  \"build.target = 1\",\n]\n# [build]\n"),
              HasSubstr("\n[build]\ntarget = \"wasm32"));
}

}  // namespace
}  // namespace lunabeam::tools
