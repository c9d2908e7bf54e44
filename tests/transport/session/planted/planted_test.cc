// Networks over sessions that are wrong in a known way (transport/session/planted.h): each way is
// noticed.
#include <doctest/doctest.h>

#include "tests/transport/session/life.h"
#include "transport/session/planted.h"

namespace vesicle {
namespace {

TEST_CASE("each planted bug is noticed by a network") {
  constexpr uint64_t kSeedsMax = 200;
  for (int bug = 1; bug < session_planted::kBugCount; ++bug) {
    CAPTURE(bug);
    session_planted::bug = bug;
    std::string wrong;
    uint64_t seed = 0;
    while (wrong.empty() && seed < kSeedsMax) wrong = Live(++seed).wrong;
    MESSAGE("bug " << bug << ", seed " << seed << ": " << wrong);
    CHECK(wrong != "");
  }
  session_planted::bug = session_planted::kNone;
  CHECK(Live(1).wrong == "");
}

}  // namespace
}  // namespace vesicle
