// A VM with the language and nothing else, for tests: runs a program to quiescence
// and says what its console got.
//
//   World world;
//   CHECK(world.Run("behavior main { #start(host) => host.console <- 1 + 2 }") == "3\n");
#ifndef VESICLE_TESTS_VM_SCRIPT_SCRIPT_WORLD_H_
#define VESICLE_TESTS_VM_SCRIPT_SCRIPT_WORLD_H_

#include <string>
#include <utility>
#include <vector>

#include "vm/script/module.h"
#include "vm/value/map.h"
#include "vm/value/print.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle {

class World {
 public:
  explicit World(CoreOptions options = {}) : core(options) {
    RegisterCoreBuiltins(registry);
    core.set_on_fault([this](const FaultReport& report) { faults.push_back(report); });
  }

  // Output, one line for each message to the console; then errors, if the module has any.
  std::string Run(const std::string& text, const ImportText& import = nullptr) {
    if (!Load(text, import)) return errors;
    Start();
    return output;
  }

  bool Load(const std::string& text, const ImportText& import = nullptr) {
    LoadResult loaded = modules().Load("test.ves", text, import);
    errors = loaded.errors;
    module = std::move(loaded.module);
    return module != nullptr;
  }

  void Start(std::string_view behavior = "main") {
    std::string error;
    auto main = module->Behavior(behavior, {}, &error);
    if (!main) {
      output += error + "\n";
      return;
    }
    Value fields[] = {Host()};
    const Value start =
        MakeTagged(core.heap(), core.symbols().Intern("start").value(), fields).value();
    core.Deliver(core.CreateActor(*main), start, Value::Nil());
    Finish();
  }

  void Finish() {
    while (core.RunSlice(1000)) {
    }
    for (const FaultReport& report : core.UnobservedFaults()) {
      output += "fault: " + report.reason + "\n";
    }
  }

  Value Host() {
    const Value console = core.CreateActor(Console());
    return MapPut(core.heap(), EmptyMap(core.heap()), Text("console"), console, core).value();
  }
  Value Text(std::string_view text) { return MakeText(core.heap(), text).value(); }

  Modules& modules() {
    if (modules_ == nullptr) {
      interpreter = std::make_unique<Interpreter>(core, registry);
      modules_ = std::make_unique<Modules>(*interpreter);
    }
    return *modules_;
  }

  Core core;
  BuiltinRegistry registry;
  std::unique_ptr<Interpreter> interpreter;
  std::shared_ptr<ScriptModule> module;
  std::string errors;
  std::string output;
  std::vector<FaultReport> faults;

 private:
  class ConsoleCode final : public CodeBody {
   public:
    explicit ConsoleCode(World& world) : world_(world) {}
    const std::string& name() const override { return name_; }
    World& world() { return world_; }

   private:
    World& world_;
    std::string name_ = "console";
  };

  static TurnEnd EnterConsole(Core& core, Object* holder) {
    World& world = static_cast<ConsoleCode*>(code::Body(code::Of(holder)))->world();
    --core.fuel;
    world.output += Print(core.turn().message, {.top_text = TopText::kRaw}) + "\n";
    if (!core.turn().slot.is_nil()) core.StageReply(Value::Nil());
    return TurnEnd::kDone;
  }

  Value Console() {
    Object* code = code::Make(core.heap(), new ConsoleCode(*this), EnterConsole, nullptr, 0);
    return Value::Data(core.NewHolder(Kind::kBehavior, code, 0));
  }

  std::unique_ptr<Modules> modules_;
};

}  // namespace vesicle

#endif  // VESICLE_TESTS_VM_SCRIPT_SCRIPT_WORLD_H_
