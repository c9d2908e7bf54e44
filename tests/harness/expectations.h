// Expectations: what a script says about its own run, in comments.
//
//   // args: 100 3              words for the program
//   // flags: --seed=1          options of `vesicle run`
//   // stdin: a line            one a line
//   // exit: 1                  0 when nothing is said
//   // seconds: 120             60 when nothing is said
//   // expect: a line           of standard output; all of them, in order, and no other
//   // expect~: [0-9.]+ s       the same as a regular expression (ECMAScript), of the whole line
//   // expect-error: some text  standard error has it somewhere; each one
//
//   // expect-test: a line      of what `vesicle test` says, somewhere; the tests then fail
//
// They may stand on a line of their own or behind code. What expects no line does not
// look at standard output.
#ifndef VESICLE_TESTS_HARNESS_EXPECTATIONS_H_
#define VESICLE_TESTS_HARNESS_EXPECTATIONS_H_

#include <string>
#include <string_view>
#include <vector>

#include "tests/harness/process.h"

namespace vesicle::harness {

struct Expectations {
  struct Line {
    std::string text;
    bool is_regex;
  };
  std::vector<std::string> args;
  std::vector<std::string> flags;
  std::string input;
  int exit = 0;
  int seconds_max = 60;
  std::vector<Line> lines;
  std::vector<std::string> errors;
  std::vector<std::string> tests;
  bool has_main = false;   // the text has a `behavior main`
  bool has_tests = false;  // ... and tests
  bool says_exit = false;
};

Expectations ReadExpectations(std::string_view text);

// What is not as expected, a line each; empty: all is.
std::string Compare(const Expectations& expected, const Outcome& outcome);

}  // namespace vesicle::harness

#endif  // VESICLE_TESTS_HARNESS_EXPECTATIONS_H_
