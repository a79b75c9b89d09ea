#include "vm/base/seeded_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace lunabeam::vm {
namespace {

TEST(SeededHash, IsStableWithinARun) {
  EXPECT_EQ(hash_seed(), hash_seed());
  EXPECT_EQ(seeded_hash("function"), seeded_hash(std::string("function")));
}

TEST(SeededHash, TellsLengthsAndZerosApart) {
  std::set<u64> seen;
  std::string zeros;
  for (int i = 0; i < 64; ++i, zeros.push_back('\0')) EXPECT_TRUE(seen.insert(seeded_hash(zeros)).second) << i;
}

TEST(SeededHash, EveryBitOfEveryByteCounts) {
  const std::string base(21, 'x');
  std::set<u64> seen{seeded_hash(base)};
  for (size_t at = 0; at < base.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = base;
      changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
      EXPECT_TRUE(seen.insert(seeded_hash(changed)).second) << at << "." << bit;
    }
  }
}

// Names that count upwards fill buckets as evenly as chance would: with 4,096 names in 4,096 buckets the fullest has about 7.
TEST(SeededHash, SpreadsSimilarNames) {
  constexpr size_t kNames = 4096;
  for (const unsigned shift : {0u, 26u, 52u}) {
    std::vector<unsigned> load(kNames);
    for (size_t i = 0; i < kNames; ++i) ++load[seeded_hash("$func" + std::to_string(i)) >> shift & (kNames - 1)];
    EXPECT_LT(*std::max_element(load.begin(), load.end()), 20u) << shift;
  }
}

}  // namespace
}  // namespace lunabeam::vm
