#include "vm/native/vm.h"

#include <cstdio>
#include <optional>
#include <utility>

#include "vm/native/typed/actors.h"
#include "vm/script/module.h"
#include "vm/script/prelude/prelude.h"
#include "vm/script/run/interpreter.h"

namespace vesicle {

struct Module::Rep {
  std::shared_ptr<ScriptModule> script;
};

Module::Module() = default;
Module::Module(Module&&) noexcept = default;
Module& Module::operator=(Module&&) noexcept = default;
Module::~Module() = default;

absl::StatusOr<Module> Module::Of(LoadResult loaded) {
  if (loaded.module == nullptr) return absl::InvalidArgumentError(loaded.errors);
  Module module;
  module.rep_ = std::make_unique<Module::Rep>();
  module.rep_->script = std::move(loaded.module);
  return module;
}

bool Module::HasBehavior(std::string_view name) const { return rep_->script->HasBehavior(name); }

Value Module::Behavior(std::string_view name, std::span<const Value> captures) const {
  std::string error;
  const std::optional<Value> behavior = rep_->script->Behavior(name, captures, &error);
  VESICLE_CHECK(behavior.has_value());
  return *behavior;
}

absl::StatusOr<Root> Module::MakeBehavior(std::string_view name,
                                          std::span<const Value> captures) const {
  std::string error;
  const std::optional<Value> behavior = rep_->script->Behavior(name, captures, &error);
  if (!behavior.has_value()) return absl::NotFoundError(error);
  return Root(rep_->script->interpreter().core().heap(), *behavior);
}

std::optional<uint32_t> Module::ParametersOf(std::string_view behavior) const {
  return rep_->script->ParametersOf(behavior);
}

std::optional<Value> Module::Get(std::string_view name) const { return rep_->script->Get(name); }

Value Module::Maker(std::string_view behavior) const { return rep_->script->Maker(behavior); }

std::optional<Value> Module::Starter() const { return rep_->script->Starter(); }

std::string Module::ConstantError(Value reason) const {
  return rep_->script->ConstantError(reason);
}

std::vector<std::string> Module::Names() const { return rep_->script->Names(); }

std::vector<TestCase> Module::Tests() const {
  std::vector<TestCase> tests;
  for (const ScriptModule::Test& test : rep_->script->tests()) {
    tests.push_back({test.name, test.place});
  }
  return tests;
}

std::string Module::Disassemble() const { return rep_->script->Disassemble(); }

struct Vm::Script {
  Script(Core& core, Builtins builtins)
      : registry(MakeRegistry(builtins)), interpreter(core, registry), modules(interpreter) {
    const LoadResult prelude = modules.LoadPrelude("prelude.ves", std::string(PreludeText()));
    if (prelude.module == nullptr) {
      std::fprintf(stderr, "%s", prelude.errors.c_str());
      VESICLE_CHECK(prelude.module != nullptr);
    }
  }
  static BuiltinRegistry MakeRegistry(Builtins builtins) {
    BuiltinRegistry registry;
    RegisterCoreBuiltins(registry);
    RegisterPrelude(registry);
    if (builtins != nullptr) builtins(registry);
    return registry;
  }

  BuiltinRegistry registry;
  Interpreter interpreter;
  Modules modules;
};

Vm::Vm(const VmOptions& options, Builtins builtins) : Build(core_), core_(options) {
  VESICLE_CHECK_GE(options.memory_bytes_max, kVmMemoryBytesMin);
  script_ = std::make_unique<Script>(core_, builtins);
  actors_ = std::make_unique<Actors>(core_);
}

Vm::~Vm() = default;

Modules& Vm::modules() { return script_->modules; }

absl::StatusOr<Module> Vm::Load(std::string_view name, std::string_view text,
                                const ImportFn& import) {
  ImportText import_text;
  if (import) {
    import_text = [&](const std::string& path, std::string* error) -> std::optional<std::string> {
      absl::StatusOr<std::string> imported = import(path);
      if (imported.ok()) return *std::move(imported);
      *error = std::string(imported.status().message().data(), imported.status().message().size());
      return std::nullopt;
    };
  }
  return Module::Of(script_->modules.Load(std::string(name), std::string(text), import_text));
}

absl::StatusOr<Module> Vm::Compile(std::string_view name, std::string_view text) {
  return Module::Of(script_->modules.Compile(std::string(name), std::string(text)));
}

Root Vm::Create(Value behavior) { return Root(core_.heap(), core_.CreateActor(behavior)); }

Root Vm::Create(NativeBehavior behavior) {
  return Create(MakeNativeBehavior(core_, "<native>", std::move(behavior)));
}

void Vm::Shutdown() {
  actors_->BeginShutdown({}, nullptr);
  Run();
}

void Vm::Send(Value target, Value message) { core_.Deliver(target, message, Value::Nil()); }

void Vm::Ask(Value target, Value message, absl::AnyInvocable<void(const Reply&)> callback) {
  const Value promise = core_.NewPromise();
  // Registered first: a reply that breaks is then observed from the start.
  core_.DeliverListen(
      promise, MakeNativeContinuation(core_, [callback = std::move(callback)](Turn& turn) mutable {
        callback(Reply(!turn.is_broken(), turn.message()));
      }));
  core_.Deliver(target, message, promise);
}

void Vm::SetProbe(Probe* probe) { script_->interpreter.set_probe(probe); }

absl::Status Vm::Start(const Module& module, Value host) {
  absl::StatusOr<Root> main = module.MakeBehavior("main");
  if (!main.ok()) return main.status();
  const Value start = Tagged("start", host);
  Send(core_.CreateActor(main->value()), start);
  return absl::OkStatus();
}

void Vm::StartTest(const Module& module, size_t index,
                   absl::AnyInvocable<void(const Reply&)> callback) {
  const Value test = core_.CreateActor(module.rep_->script->TestBehavior(index));
  Ask(test, Value::Nil(), std::move(callback));
}

}  // namespace vesicle
