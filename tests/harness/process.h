// Runs a program to its end and keeps what it wrote; for the runners of scripts.
#ifndef VESICLE_TESTS_HARNESS_PROCESS_H_
#define VESICLE_TESTS_HARNESS_PROCESS_H_

#include <string>
#include <string_view>
#include <vector>

namespace vesicle::harness {

struct Outcome {
  int exit = 0;  // 128 + the signal that ended it; 128 + 14: it ran out of time
  std::string out;
  std::string error;
};

// argv[0] is the program's path. It gets `input` as its standard input.
Outcome Run(const std::vector<std::string>& argv, std::string_view input, int seconds_max);

// The whole file; stops the runner with a message when it cannot be read.
std::string ReadFile(const std::string& path);
std::vector<std::string> Lines(std::string_view text);
std::vector<std::string> Words(std::string_view text);

}  // namespace vesicle::harness

#endif  // VESICLE_TESTS_HARNESS_PROCESS_H_
