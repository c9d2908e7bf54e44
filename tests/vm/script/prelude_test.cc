#include "vm/script/prelude.h"

#include <string>

#include "doctest/doctest.h"
#include "tests/vm/script/script_world.h"

namespace vesicle {
namespace {

class PreludeWorld : public World {
 public:
  explicit PreludeWorld(CoreOptions options = {}) : World(options) {
    RegisterPrelude(registry);
    const LoadResult prelude = modules().LoadPrelude("prelude.ves", std::string(PreludeText()));
    REQUIRE_MESSAGE(prelude.module != nullptr, prelude.errors);
  }
};

std::string Show(const std::string& expression) {
  PreludeWorld world;
  return world.Run("behavior main { #start(host) => host.console <- inspect(" + expression + ") }");
}

TEST_CASE("prelude: it loads") { CHECK(Show("map([1, 2], fn(x) = x * 2)") == "[2, 4]\n"); }

}  // namespace
}  // namespace vesicle
