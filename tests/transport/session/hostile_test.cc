// Peers that say what they like, from seeds. tests/fuzz/session_fuzz.cc looks for worse.
#include "tests/transport/session/hostile.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "tests/harness/seeds.h"
#include "vm/random/random.h"

namespace vesicle {
namespace {

TEST_CASE("law 38: a hostile peer ends its own session, and nothing else") {
  ForEachSeed(60, [](uint64_t seed) {
    SeededRandom random(seed);
    std::string decisions(random.Next() % 2000, '\0');
    for (char& c : decisions) c = static_cast<char>(random.Next());
    for (const bool relay : {false, true}) {
      CAPTURE(relay);
      CHECK(LiveWithHostile(decisions, relay) == "");
    }
  });
}

}  // namespace
}  // namespace vesicle
