// doc_runner VESICLE FILE.md: the code blocks of a page, so that no example lies.
//
//   ```ves              must compile; with `behavior main` and a block ```text or ```output
//                       next to it, its output is that block; its test blocks pass
//   ```ves error        must not compile
//   ```ves body         stands for the body of `main`'s #start(host): compiles, and as above
//   ```ves fragment     a piece that means nothing by itself: not looked at
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/harness/expectations.h"

using namespace vesicle::harness;

namespace {

struct Block {
  std::vector<std::string> info;  // the words behind the fence
  std::string text;
  size_t line;       // of the fence, from 1
  size_t last_line;  // of the closing fence
};

std::vector<Block> BlocksOf(const std::vector<std::string>& lines) {
  std::vector<Block> blocks;
  bool inside = false;
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool fence = lines[i].rfind("```", 0) == 0;
    if (fence && !inside) {
      blocks.push_back({Words(lines[i].substr(3)), "", i + 1, 0});
      inside = true;
    } else if (fence) {
      blocks.back().last_line = i + 1;
      inside = false;
    } else if (inside) {
      blocks.back().text += lines[i] + "\n";
    }
  }
  return blocks;
}

bool HasWord(const Block& block, std::string_view word) {
  for (const std::string& w : block.info) {
    if (w == word) return true;
  }
  return false;
}

bool IsVes(const Block& block) { return !block.info.empty() && block.info[0] == "ves"; }

// The output block of blocks[i]: the next block, with at most a line of prose between them.
const Block* OutputOf(const std::vector<Block>& blocks, size_t i) {
  if (i + 1 >= blocks.size()) return nullptr;
  const Block& next = blocks[i + 1];
  if (next.info.size() != 1 || (next.info[0] != "text" && next.info[0] != "output")) return nullptr;
  return next.line <= blocks[i].last_line + 4 ? &next : nullptr;
}

std::string RunBlock(const std::string& vesicle, const Block& block, const Block* output,
                     const std::string& folder) {
  std::string text = block.text;
  if (HasWord(block, "body")) text = "behavior main {\n#start(host) => {\n" + text + "}\n}\n";
  const std::string file = folder + "/example.ves";
  std::ofstream(file, std::ios::binary) << text;
  const Expectations said = ReadExpectations(text);
  const Outcome check = Run({vesicle, "check", file}, "", said.seconds_max);
  if (HasWord(block, "error")) {
    return check.exit == 2 ? "" : "was to be refused, and compiles\n";
  }
  if (check.exit != 0) return check.error;
  std::string wrong;
  if (said.has_main && (output != nullptr || !said.lines.empty())) {
    std::vector<std::string> words = {vesicle, "run"};
    words.insert(words.end(), said.flags.begin(), said.flags.end());
    words.push_back(file);
    words.insert(words.end(), said.args.begin(), said.args.end());
    const Outcome run = Run(words, said.input, said.seconds_max);
    wrong += Compare(said, run);
    // Faults are printed to standard error; a page shows both as one.
    if (output != nullptr && run.out != output->text && run.out + run.error != output->text) {
      wrong += "prints\n" + run.out + run.error + "the page says\n" + output->text;
    }
  }
  if (said.has_tests) {
    const Outcome tests = Run({vesicle, "test", file}, "", said.seconds_max);
    if (tests.exit != 0) wrong += tests.out + tests.error;
  }
  return wrong;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: doc_runner VESICLE FILE.md\n");
    return 2;
  }
  char folder[] = "/tmp/vesicle-docs-XXXXXX";
  if (mkdtemp(folder) == nullptr) {
    std::perror("mkdtemp");
    return 3;
  }
  const std::vector<Block> blocks = BlocksOf(Lines(ReadFile(argv[2])));
  int ran = 0, failed = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (!IsVes(blocks[i]) || HasWord(blocks[i], "fragment")) continue;
    ++ran;
    const std::string wrong = RunBlock(argv[1], blocks[i], OutputOf(blocks, i), folder);
    if (wrong.empty()) continue;
    ++failed;
    std::printf("%s:%zu: the example\n%s\n", argv[2], blocks[i].line, wrong.c_str());
  }
  std::remove((std::string(folder) + "/example.ves").c_str());
  rmdir(folder);
  std::printf("%d examples, %d of them wrong\n", ran, failed);
  return failed == 0 ? 0 : 1;
}
