// vesicle test: the test blocks of files, each in a VM of its own.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/program.h"
#include "cli/report.h"
#include "membrane/script.h"
#include "vm/script/syntax/diagnostic.h"
#include "vm/value/print.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle::cli {
namespace {

constexpr size_t kTitleCharsMax = 1000;

struct Totals {
  int passed = 0;
  int failed = 0;
};

// Where the last turn that faulted did so: when a test's promise breaks, that is the test's. And
// where the reason came from, when turns passed it on, one after the other.
class LastFault final : public TurnObserver {
 public:
  void OnTurn(Core& core, const TurnState&, TurnEnd end) override {
    if (end != TurnEnd::kFaulted) return;
    std::string reason = Print(core.fault_reason(), kReportOptions);
    place = core.fault_place();
    if (reason != reason_) origin = place;
    reason_ = std::move(reason);
  }
  Place place;
  Place origin;

 private:
  std::string reason_;
};

// The text of a failing `expect` as it is, other reasons as values.
std::string ReasonText(Value reason) {
  if (HasTag(reason) && FieldsOf(reason).size() == 1) {
    const Value field = FieldsOf(reason)[0], tag = TagOf(reason);
    if (SymbolView(tag) == "failed" && IsText(field)) {
      return Print(field, {.bytes_max = 2000, .top_text = TopText::kPlain});
    }
  }
  return Print(reason, {.bytes_max = 2000});
}

// What went wrong; "" if it passed.
std::string RunOne(Vm& vm, const Module& module, size_t index) {
  LastFault last_fault;
  vm.core().set_observer(&last_fault);
  bool answered = false;
  std::string wrong;
  vm.StartTest(module, index, [&](const Reply& reply) {
    answered = true;
    if (reply.ok()) return;
    const std::string place = PlaceText(last_fault.place);
    wrong = absl::StrCat(place, place.empty() ? "" : ": ", ReasonText(reply.reason()), "\n",
                         ExcerptText(last_fault.place));
    const std::string origin = PlaceText(last_fault.origin);
    if (!origin.empty() && origin != place) {
      absl::StrAppend(&wrong, "which comes from ", origin, "\n", ExcerptText(last_fault.origin));
    }
  });
  vm.Run();
  vm.core().set_observer(nullptr);
  if (!wrong.empty()) return wrong;
  wrong = LeftoversText(vm.core());
  if (!answered && wrong.empty()) wrong = "it never came to its end\n";
  return wrong;
}

void TestFile(const std::string& file, const std::string& only, Totals* totals, bool* compiles) {
  size_t count = 1;
  for (size_t i = 0; i < count; ++i) {
    Vm vm({}, AddMembranes);
    const absl::StatusOr<Module> module = LoadProgram(vm, file);
    if (!module.ok()) {
      std::fputs(std::string(module.status().message()).c_str(), stderr);
      *compiles = false;
      return;
    }
    const std::vector<TestCase> tests = module->Tests();
    count = tests.size();
    if (count == 0) {
      std::fprintf(stderr, "%s has no tests\n", file.c_str());
      return;
    }
    if (tests[i].name.find(only) == std::string::npos) continue;
    const std::string title = Printable(tests[i].name, kTitleCharsMax);
    const std::string wrong = RunOne(vm, *module, i);
    if (wrong.empty()) {
      ++totals->passed;
      std::printf("ok    %s\n", title.c_str());
    } else {
      ++totals->failed;
      std::printf("FAIL  %s (%s)\n%s", title.c_str(), PlaceText(tests[i].place).c_str(),
                  wrong.c_str());
    }
    std::fflush(stdout);
  }
}

int Run(const Command& command, const Arguments& arguments) {
  if (arguments.words().empty()) return WrongUsage(command, "which files?");
  Totals totals;
  bool compiles = true;
  for (const std::string& file : arguments.words()) {
    TestFile(file, arguments.Value("only").value_or(""), &totals, &compiles);
  }
  if (!compiles) return kExitUsage;
  const std::optional<std::string> only = arguments.Value("only");
  if (only && totals.passed + totals.failed == 0) {
    std::fprintf(stderr, "no test has \"%s\" in its title\n", Printable(*only).c_str());
    return kExitUsage;
  }
  std::printf("%d passed, %d failed\n", totals.passed, totals.failed);
  return totals.failed == 0 ? kExitOk : kExitFailed;
}

}  // namespace

Command TestCommand() {
  return {
      "test",
      "[options] FILE...",
      "runs the test blocks of files",
      "\nEach test runs in a VM of its own. It fails when an `expect` in it does not hold, when\n"
      "anything in it faults and nobody sees it, or when it is left waiting.\n"
      "\nexit: 0 all passed; 1 some failed; 2 wrong usage, or a file that does not compile\n"
      "\nexamples:\n"
      "  vesicle test counter.ves\n"
      "  vesicle test --only=drops samples/*.ves\n",
      {{"only", "TEXT", "runs those tests whose names have TEXT in them"}},
      Arguments::Words::kAnywhere,
      Run};
}

}  // namespace vesicle::cli
