#include "vm/native/typed/supervise.h"

#include "vm/value/print.h"

namespace vesicle {
namespace {

constexpr char kText[] = "fn family(options, children) = supervisor(options, children)\n";
constexpr int64_t kStepsMax = 10'000'000;

std::string_view NameOf(Supervisor::Strategy strategy) {
  switch (strategy) {
    case Supervisor::Strategy::kOneForOne:
      return "one_for_one";
    case Supervisor::Strategy::kOneForAll:
      return "one_for_all";
    case Supervisor::Strategy::kRestForOne:
      break;
  }
  return "rest_for_one";
}

std::string_view NameOf(Supervisor::OnFault on_fault) {
  switch (on_fault) {
    case Supervisor::OnFault::kResume:
      return "resume";
    case Supervisor::OnFault::kRestart:
      return "restart";
    case Supervisor::OnFault::kStop:
      return "stop";
    case Supervisor::OnFault::kEscalate:
      break;
  }
  return "escalate";
}

}  // namespace

absl::StatusOr<Supervisor> Supervisor::Create(Vm& vm, const Options& options,
                                              const std::vector<ChildSpec>& children) {
  const absl::StatusOr<Module> module = vm.Load("supervise.ves", kText);
  VESICLE_CHECK(module.ok());
  // The function is found first: the others are made and handed over with no turn between.
  const Value family = *module->Get("family");
  std::vector<Value> list;
  for (const ChildSpec& child : children) {
    list.push_back(vm.Map({{"name", vm.Text(child.name)}, {"behavior", child.behavior.value()}}));
  }
  const Value arguments[] = {vm.Map({{"strategy", vm.Symbol(NameOf(options.strategy))},
                                     {"on_fault", vm.Symbol(NameOf(options.on_fault))},
                                     {"restarts", vm.Int(options.restarts)}}),
                             vm.List(list)};
  const Language::Applied applied = vm.core().Apply(family, arguments, kStepsMax);
  if (applied.how != Language::Applied::How::kValue) {
    return absl::InvalidArgumentError(
        "a supervisor wants children that are behaviors, each with a name of its own");
  }
  Supervisor made(vm.actors(), vm.Create(applied.value));
  // Its first message starts the children.
  vm.Send(made.value(), vm.Symbol("children"));
  return made;
}

Value Supervisor::AskChild(const std::string& name) const {
  Core& core = actors_->core();
  Build build(core);
  const Value promise = core.NewPromise();
  actors_->Send(root_.value(), build.Tagged("child", std::string_view(name)), promise);
  return promise;
}

void Supervisor::Stop() const {
  Build build(actors_->core());
  actors_->Send(root_.value(), build.Symbol("stop"), Value::Nil());
}

}  // namespace vesicle
