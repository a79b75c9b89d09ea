// Where inputs come from: files, and the scripts of the official suite cut into pieces.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/ints.h"

namespace lunabeam::fuzz {

// Called with a name for messages and the input.
using SeedSink = std::function<void(const std::string& name, std::span<const u8> input)>;

// Files below `paths` (files or folders), sorted, whose extension is one of `extensions`.
[[nodiscard]] std::vector<std::filesystem::path> files_below(const std::vector<std::filesystem::path>& paths,
                                                             std::initializer_list<std::string_view> extensions);

[[nodiscard]] std::string read_file(const std::filesystem::path& path);

// Every module of a script, as bytes: text modules converted by our own reader, where it can.
void for_each_module(const std::string& name, std::string_view script, const SeedSink& sink);

// The script, cut between its top-level forms into pieces of about `piece_bytes`.
void for_each_piece(const std::string& name, std::string_view script, size_t piece_bytes, const SeedSink& sink);

// Adds the script's distinct keywords: a dictionary for mutations.
void collect_keywords(std::string_view script, std::set<std::string>& keywords);

}  // namespace lunabeam::fuzz
