#include "tests/harness/expectations.h"

#include <cstdlib>
#include <optional>
#include <regex>

namespace vesicle::harness {
namespace {

// What follows `// key: ` in the line.
std::optional<std::string> After(const std::string& line, std::string_view key) {
  const std::string mark = "// " + std::string(key) + ":";
  const size_t at = line.find(mark);
  if (at == std::string::npos) return std::nullopt;
  std::string rest = line.substr(at + mark.size());
  if (!rest.empty() && rest[0] == ' ') rest.erase(0, 1);
  return rest;
}

bool StartsWith(const std::string& line, std::string_view what) { return line.rfind(what, 0) == 0; }

}  // namespace

Expectations ReadExpectations(std::string_view text) {
  Expectations e;
  for (const std::string& line : Lines(text)) {
    if (StartsWith(line, "behavior main")) e.has_main = true;
    if (StartsWith(line, "test \"")) e.has_tests = true;
    if (auto v = After(line, "args")) e.args = Words(*v);
    if (auto v = After(line, "flags")) e.flags = Words(*v);
    if (auto v = After(line, "stdin")) e.input += *v + "\n";
    if (auto v = After(line, "seconds")) e.seconds_max = std::atoi(v->c_str());
    if (auto v = After(line, "expect")) e.lines.push_back({*v, false});
    if (auto v = After(line, "expect~")) e.lines.push_back({*v, true});
    if (auto v = After(line, "expect-error")) e.errors.push_back(*v);
    if (auto v = After(line, "expect-test")) e.tests.push_back(*v);
    if (auto v = After(line, "exit")) {
      e.exit = std::atoi(v->c_str());
      e.says_exit = true;
    }
  }
  return e;
}

std::string Compare(const Expectations& expected, const Outcome& outcome) {
  std::string wrong;
  if (outcome.exit != expected.exit) {
    wrong += "exit is " + std::to_string(outcome.exit) + ", expected " +
             std::to_string(expected.exit) + "\n";
  }
  const std::vector<std::string> lines = Lines(outcome.out);
  for (size_t i = 0; !expected.lines.empty() && (i < lines.size() || i < expected.lines.size());
       ++i) {
    if (i >= lines.size()) {
      wrong += "line " + std::to_string(i + 1) + " is missing: " + expected.lines[i].text + "\n";
      continue;
    }
    if (i >= expected.lines.size()) {
      wrong += "line " + std::to_string(i + 1) + " was not expected: " + lines[i] + "\n";
      continue;
    }
    const Expectations::Line& line = expected.lines[i];
    const bool same =
        line.is_regex ? std::regex_match(lines[i], std::regex(line.text)) : lines[i] == line.text;
    if (!same) {
      wrong += "line " + std::to_string(i + 1) + " is\n  " + lines[i] + "\nexpected\n  " +
               line.text + "\n";
    }
  }
  for (const std::string& error : expected.errors) {
    if (outcome.error.find(error) == std::string::npos) {
      wrong += "standard error has no " + error + "\n";
    }
  }
  if (!wrong.empty()) wrong += "--- standard error\n" + outcome.error;
  return wrong;
}

}  // namespace vesicle::harness
