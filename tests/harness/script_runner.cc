// script_runner VESICLE FILE: runs one script and its tests, and compares with what it
// says about itself (expectations.h).
//
// A script with `behavior main`, or one that says which exit it has, is run; its test
// blocks are run too, and all pass; one with neither must compile.
#include <cstdio>

#include "tests/harness/expectations.h"

using namespace vesicle::harness;

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: script_runner VESICLE FILE\n");
    return 2;
  }
  const std::string vesicle = argv[1];
  const std::string file = argv[2];
  const Expectations expected = ReadExpectations(ReadFile(file));
  std::string wrong;
  if (expected.has_main || expected.says_exit) {
    std::vector<std::string> words = {vesicle, "run"};
    words.insert(words.end(), expected.flags.begin(), expected.flags.end());
    words.push_back(file);
    words.insert(words.end(), expected.args.begin(), expected.args.end());
    wrong += Compare(expected, Run(words, expected.input, expected.seconds_max));
  }
  if (expected.has_tests) {
    const Outcome tests = Run({vesicle, "test", file}, "", expected.seconds_max);
    for (const std::string& line : expected.tests) {
      if (tests.out.find(line) == std::string::npos) {
        wrong += "its tests do not say: " + line + "\n";
      }
    }
    if (!wrong.empty() || (tests.exit != 0) == expected.tests.empty()) {
      wrong += "its tests: exit " + std::to_string(tests.exit) + "\n" + tests.out + tests.error;
    }
  }
  if (!expected.has_main && !expected.says_exit && !expected.has_tests) {
    const Outcome check = Run({vesicle, "check", file}, "", expected.seconds_max);
    if (check.exit != 0) wrong += check.error;
  }
  if (wrong.empty()) return 0;
  std::printf("%s:\n%s", file.c_str(), wrong.c_str());
  return 1;
}
