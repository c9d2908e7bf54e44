// Presets, switches, and what is said of a wrong one.
#include <doctest/doctest.h>

#include "transport/captp/dialect.h"

namespace vesicle {
namespace {

TEST_CASE("dialect: the presets are those of the table") {
  CHECK(PrintDialect(*ParseDialect("spec")) ==
        "spec,tell=deliver,gc=plural,listen=2,queries=yes,framing=bare");
  CHECK(PrintDialect(*ParseDialect("suite-main")) ==
        "spec,tell=deliver-only,gc=lists,listen=3,queries=no,framing=bare");
  CHECK(PrintDialect(*ParseDialect("suite-branch")) ==
        "spec,tell=deliver,gc=lists,listen=3,queries=no,framing=bare");
  CHECK(PrintDialect(*ParseDialect("endo")) ==
        "spec,tell=deliver,gc=plural,listen=3,queries=yes,framing=bare");
  CHECK(PrintDialect(*ParseDialect("goblins")) ==
        "spec,tell=deliver-only,gc=scalars,listen=3,queries=no,framing=bare");
  CHECK(*ParseDialect("spec") == Dialect());
}

TEST_CASE("dialect: every combination of switches prints as what reads as the same") {
  int combinations = 0;
  for (const char* tell : {"deliver", "deliver-only"}) {
    for (const char* gc : {"plural", "lists", "scalars"}) {
      for (const char* listen : {"2", "3"}) {
        for (const char* queries : {"yes", "no"}) {
          for (const char* framing : {"bare", "netstring"}) {
            const std::string text = std::string("spec,tell=") + tell + ",gc=" + gc +
                                     ",listen=" + listen + ",queries=" + queries +
                                     ",framing=" + framing;
            const auto dialect = ParseDialect(text);
            REQUIRE(dialect.ok());
            CHECK(PrintDialect(*dialect) == text);
            ++combinations;
          }
        }
      }
    }
  }
  CHECK(combinations == 48);
  CHECK(ParseDialect("endo,framing=netstring")->framing == Dialect::Framing::kNetstring);
}

TEST_CASE("dialect: an unknown word is named, with those that are known") {
  CHECK(std::string(ParseDialect("suite").status().message()) ==
        "dialect: preset \"suite\" is not known; there are: spec, suite-main, suite-branch, endo, "
        "goblins");
  CHECK(std::string(ParseDialect("").status().message()).starts_with("dialect: preset \"\""));
  for (const char* word : {"gc", "gc=", "gc=list", "=", "tell=deliver ", "listen=4", ""}) {
    const auto dialect = ParseDialect(std::string("endo,") + word);
    CAPTURE(word);
    CHECK(absl::IsInvalidArgument(dialect.status()));
    CHECK(std::string(dialect.status().message())
              .starts_with(std::string("dialect: switch \"") + word +
                           "\" is not known; there are: "
                           "tell=deliver, tell=deliver-only, gc=plural"));
  }
}

}  // namespace
}  // namespace vesicle
