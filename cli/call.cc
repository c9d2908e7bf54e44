// vesicle call: asks an object of another VM, from a shell.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/net_host.h"
#include "membrane/script.h"
#include "transport/captp/dialect.h"
#include "vm/loop/vm_loop.h"
#include "vm/value/print.h"

namespace vesicle::cli {
namespace {

constexpr int64_t kSecondsDefault = 10;

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

// What is a secret stands in a file: @FILE.
absl::StatusOr<std::string> TextOf(const std::string& word) {
  if (!word.starts_with('@')) return word;
  std::ifstream file(word.substr(1));
  if (!file) return absl::NotFoundError(absl::StrCat("there is no file ", word.substr(1)));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  absl::StripAsciiWhitespace(&text);
  return text;
}

int Fail(std::string_view text) {
  std::fprintf(stderr, "vesicle call: %.*s\n", static_cast<int>(text.size()), text.data());
  return kExitFailed;
}

int Run(const Command& command, const Arguments& arguments) {
  const auto& words = arguments.words();
  if (words.size() != 2) return WrongUsage(command, "wants a locator and a message");
  const absl::StatusOr<std::string> text = TextOf(words[0]);
  if (!text.ok()) return Fail(MessageOf(text.status()));
  const absl::StatusOr<Locator> locator = ParseLocator(*text);
  if (!locator.ok()) return WrongUsage(command, MessageOf(locator.status()));
  const auto seconds = arguments.Number("timeout", 1, 1'000'000);
  if (!seconds.ok()) return WrongUsage(command, MessageOf(seconds.status()));
  const absl::StatusOr<Dialect> dialect = ParseDialect(arguments.Value("dialect").value_or("spec"));
  if (!dialect.ok()) return WrongUsage(command, MessageOf(dialect.status()));

  Vm vm({}, AddMembranes);
  const absl::StatusOr<Module> module =
      vm.Load("message", absl::StrCat("let message = (\n", words[1], "\n)\n"));
  if (!module.ok()) {
    std::fputs(MessageOf(module.status()).c_str(), stderr);
    return kExitUsage;
  }
  const std::optional<Value> value = module->Get("message");
  if (!value) return WrongUsage(command, "the message is no value");
  const Root message(vm.core().heap(), *value);
  absl::StatusOr<std::unique_ptr<VmLoop>> loop = VmLoop::Create(vm);
  if (!loop.ok()) return Fail(MessageOf(loop.status()));
  NetHost::Options options;
  options.grants = {{"*", 0}};
  options.identity_file = arguments.Value("identity").value_or("");
  options.dialect = *dialect;
  const auto net = NetHost::Create(**loop, options);
  if (!net.ok()) return Fail(MessageOf(net.status()));
  Network* network = (*net)->Of(locator->peer.name.transport);
  if (network == nullptr) {
    return Fail(absl::StrCat("no transport ", locator->peer.name.transport, " is here"));
  }
  const Root target(vm.core().heap(), vm.core().NewPromise());
  if (const absl::Status s = network->Fetch(*locator, target.value()); !s.ok()) {
    return Fail(MessageOf(s));
  }
  int code = kExitFailed;
  bool is_answered = false;
  vm.Ask(target, message.value(), [&](const Reply& reply) {
    is_answered = true;
    const std::string printed = Print(reply.ok() ? reply.value() : reply.reason());
    if (reply.ok()) {
      std::printf("%s\n", printed.c_str());
      code = kExitOk;
    } else {
      std::fprintf(stderr, "vesicle call: broken with %s\n", printed.c_str());
    }
    (*loop)->Stop();
  });
  LoopEnvironment clock((*loop)->uv());
  const auto timer =
      clock.After(seconds->value_or(kSecondsDefault) * 1'000'000'000, [&] { (*loop)->Stop(); });
  (*loop)->Run();
  if (!is_answered) Fail("no answer came in time");
  (*net)->Close("the call is over");
  return code;
}

}  // namespace

Command CallCommand() {
  return {
      "call",
      "[options] LOCATOR MESSAGE",
      "asks an object of another VM, and prints what it answers",
      "\nLOCATOR is ocapn://..; who knows it may use the object, so write @FILE for one that is a\n"
      "secret of more than a moment. MESSAGE is an expression of the language.\n"
      "\nexit: 0 and the answer; 1 it broke, or none came\n"
      "\nexamples:\n"
      "  vesicle call @counter.locator '#get'\n"
      "  vesicle call @counter.locator '#add(3)'\n",
      {{"timeout", "SECONDS", "how long to wait for all of it (10)"},
       {"identity", "FILE", "the key to be known by, of vesicle keygen; one for this call"},
       {"dialect", "NAME", "see vesicle conformance-server --help (spec)"}},
      Arguments::Words::kAnywhere,
      Run};
}

}  // namespace vesicle::cli
