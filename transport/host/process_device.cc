#include "transport/host/process_device.h"

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "membrane/fields.h"
#include "transport/host/child_command.h"
#include "vm/loop/loop_device.h"
#include "vm/value/bytes.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

constexpr std::string_view kTakes =
    "host.process takes #spawn(file), #spawn(file, options), #behavior(file), #behavior(file, "
    "options), #run(program, arguments) and #run(program, arguments, options)";
constexpr std::string_view kSpawnForm =
    "the options of #spawn {behavior: text, with: list, text: text, memory: bytes, cpu: seconds, "
    "files: n, start: ms}";
constexpr std::string_view kRunForm =
    "the options of #run {stdin: text, env: map, bytes: bool, output: bytes, memory: bytes, cpu: "
    "seconds, files: n}";
constexpr int64_t kStartMsMax = 10 * 60 * 1000;
constexpr int64_t kFilesMin = 16;
constexpr size_t kArgumentsMax = 10'000;

std::string TextOf(Value v) { return std::string(TextView(v)); }

std::string TextIn(Value v, std::string* text) {
  if (!IsText(v)) return "is a text";
  *text = TextOf(v);
  if (text->find('\0') != std::string::npos) return "has no character of code 0";
  return {};
}

// A positive number; files of at least so many.
std::string NumberIn(Value v, int64_t min, int64_t* number) {
  std::string wrong = Amount(v, number);
  if (wrong.empty() && *number < min) wrong = Words("is at least ", min);
  return wrong;
}

// As scripts say them; 0: nothing was said.
struct Bounds {
  ChildLimits Limits() const {
    return {.memory_bytes_max = static_cast<uint64_t>(memory),
            .cpu_seconds_max = cpu,
            .files_max = static_cast<uint64_t>(files)};
  }
  int64_t memory = 0, cpu = 0, files = 0;
};

// How a child ended, as scripts see it.
Value EndValue(Build& build, const ChildEnd& end) {
  const std::string signal = end.SignalName();
  const bool has_code = end.is_known && end.signal == 0;
  return build.Map(
      {{"code", has_code ? build.Int(end.code) : Value::Nil()},
       {"signal", end.signal == 0
                      ? Value::Nil()
                      : build.Text(signal.empty() ? absl::StrCat(end.signal) : signal)}});
}

void FaultWith(Turn& turn, const absl::Status& status) {
  turn.Rebreak(ReasonOf(turn.core(), status));
}

class ProcessDevice final : public LoopDevice {
 public:
  ProcessDevice(VmLoop& loop, ProcessDeviceOptions options)
      : LoopDevice(loop),
        options_(std::move(options)),
        host_(std::make_unique<ProcessHost>(
            loop, ProcessHostOptions{.processes_max = options_.processes_max})),
        environment_(std::make_unique<LoopEnvironment>(loop.uv())) {}

  void Handle(Turn& turn) override {
    const Value m = turn.message();
    if (Is(m, "spawn", 1) || Is(m, "spawn", 2)) return Spawn(turn);
    if (Is(m, "behavior", 1) || Is(m, "behavior", 2)) return GiveBehavior(turn);
    if (Is(m, "run", 2) || Is(m, "run", 3)) return RunCommand(turn);
    Refuse(turn, kTakes);
  }

  // Whoever asked for a command and waits no longer has no use for it. A process stays as long as
  // it runs, whoever holds its control.
  void Flush() override {
    std::erase_if(processes_, [](const auto& p) { return !p->is_running(); });
    std::erase_if(commands_, [](const auto& c) { return c->slot.is_abandoned(); });
  }

  bool IsPending() const override {
    return !commands_.empty() || (host_ != nullptr && host_->running() > 0);
  }

  void Close() override {
    commands_.clear();
    processes_.clear();
    host_.reset();
    environment_.reset();
  }

 private:
  struct Command {
    ReplySlot slot;
    bool wants_bytes = false;
    size_t output_max = 0;
    std::string name;
    std::unique_ptr<ChildCommand> child;
  };

  // -------------------------------------------------------------------------
  // Scripts

  // What a #spawn or #behavior asks for; nothing: the turn has failed.
  std::optional<ProcessOptions> ReadSpawn(Turn& turn) {
    const auto fields = FieldsOf(turn.message());
    std::string file, behavior = "main";
    Value text = Value::Nil(), with = turn.List({});
    Bounds limits;
    int64_t start_ms = 0;
    std::string wrong = TextIn(fields[0], &file);
    if (!wrong.empty()) {
      turn.Fault("type", "#spawn(file, options): file " + wrong);
      return std::nullopt;
    }
    if (fields.size() == 2) {
      std::string ignored;
      wrong = ReadFields(fields[1], kSpawnForm,
                         {{"behavior", [&](Value v) { return TextIn(v, &behavior); }},
                          {"with",
                           [&](Value v) -> std::string {
                             with = v;
                             return IsList(v) ? "" : "is a list of what the behavior captures";
                           }},
                          {"text",
                           [&](Value v) {
                             text = v;
                             return TextIn(v, &ignored);
                           }},
                          {"memory",
                           [&](Value v) {
                             return NumberIn(v, static_cast<int64_t>(kVmMemoryBytesMin),
                                             &limits.memory);
                           }},
                          {"cpu", [&](Value v) { return NumberIn(v, 1, &limits.cpu); }},
                          {"files", [&](Value v) { return NumberIn(v, kFilesMin, &limits.files); }},
                          {"start", [&](Value v) { return NumberIn(v, 1, &start_ms); }}});
      if (!wrong.empty()) {
        turn.Fault("type", wrong);
        return std::nullopt;
      }
    }
    if (const absl::Status may = options_.script(file, !text.is_nil()); !may.ok()) {
      FaultWith(turn, may);
      return std::nullopt;
    }
    ProcessOptions process;
    process.actor = kScriptActor;
    process.label = file;
    process.program = options_.child;
    Heap& heap = turn.core().heap();
    process.arguments = {Root(heap, turn.Text(file)), Root(heap, text),
                         Root(heap, turn.Text(behavior)), Root(heap, with)};
    process.limits = limits.Limits();
    process.vm_memory_bytes_max = std::exchange(process.limits.memory_bytes_max, 0);
    if (process.vm_memory_bytes_max > 0 && options_.bytes_beside_vm > 0) {
      process.limits.memory_bytes_max = process.vm_memory_bytes_max + options_.bytes_beside_vm;
    }
    if (start_ms > 0) process.start_ms_max = std::min(start_ms, kStartMsMax);
    // What it sends is paid by who wanted it.
    process.terms = [payer = Root(heap, turn.core().sponsor().control)] {
      return absl::StatusOr<PeerTerms>(PeerTerms{.relay = {}, .payer = payer});
    };
    return process;
  }

  void Spawn(Turn& turn) {
    std::optional<ProcessOptions> options = ReadSpawn(turn);
    if (!options) return;
    auto spawned = host_->SpawnProcess(*std::move(options));
    if (!spawned.ok()) return FaultWith(turn, spawned.status());
    processes_.push_back(*std::move(spawned));
    const std::shared_ptr<Process> process = processes_.back();
    Heap& heap = turn.core().heap();
    const Root control(heap, turn.Create(MakeControl(turn.core(), process)));
    process->OnStarted(
        [this, ref = process->ref(), control,
         slot = std::make_shared<ReplySlot>(turn.TakeReply())](const absl::Status& started) {
          if (started.ok()) {
            slot->Keep(vm().List({ref.value(), control.value()}));
          } else if (absl::IsInvalidArgument(started)) {
            slot->Break(vm().core().Reason("diagnostics", std::string(started.message())));
          } else {
            slot->Break(ReasonOf(vm().core(), started));
          }
        });
  }

  void GiveBehavior(Turn& turn) {
    std::optional<ProcessOptions> options = ReadSpawn(turn);
    if (!options) return;
    turn.Reply(host_->Behavior(*std::move(options)).value());
  }

  static Value MakeControl(Core& core, std::shared_ptr<Process> process) {
    return MakeNativeBehavior(core, "process.control", [process = std::move(process)](Turn& turn) {
      const Value m = turn.message();
      const bool is_stop = Is(m, "stop", 0);
      if (is_stop || Is(m, "join", 0)) {
        if (is_stop) process->Stop();
        process->Join([slot = std::make_shared<ReplySlot>(turn.TakeReply()),
                       &core = turn.core()](const ChildEnd& end) {
          if (slot->heap() == nullptr) return;
          Build build(core);
          slot->Keep(EndValue(build, end));
        });
      } else if (Is(m, "kill", 0)) {
        process->Kill();
        turn.Reply(Value::Nil());
      } else if (Is(m, "info", 0)) {
        turn.Reply(turn.Map({{"pid", process->pid() == 0 ? Value::Nil() : turn.Int(process->pid())},
                             {"running", Value::Bool(process->is_running())}}));
      } else {
        Refuse(turn, "the control of a process takes #stop, #kill, #join and #info");
      }
    });
  }

  // -------------------------------------------------------------------------
  // Programs

  static std::string InputIn(Value v, std::string* input) {
    if (IsText(v)) {
      *input = TextOf(v);
    } else if (IsKind(v, Kind::kBytes)) {
      *input = std::string(BytesView(v));
    } else {
      return "is a text or bytes";
    }
    return {};
  }

  static std::string EnvironmentIn(Value v, std::vector<std::string>* environment) {
    if (!IsMap(v)) return "is a map of texts";
    for (uint64_t i = 0; i < MapSize(v); ++i) {
      const MapEntry entry = MapAt(v, i);
      std::string name, value;
      if (!TextIn(entry.key, &name).empty() || !TextIn(entry.value, &value).empty() ||
          name.empty() || name.find('=') != std::string::npos) {
        return "is a map of texts, by names without =";
      }
      environment->push_back(absl::StrCat(name, "=", value));
    }
    return {};
  }

  // What a #run asks for; "" when all is well, else what is wrong.
  std::string ReadRun(Value m, CommandOptions* command, Command* asked) {
    const auto fields = FieldsOf(m);
    std::string wrong = TextIn(fields[0], &command->name);
    if (!wrong.empty()) return "#run(program, arguments): program " + wrong;
    if (!IsList(fields[1]) || ListSize(fields[1]) > kArgumentsMax) {
      return Words("#run(program, arguments): arguments is a list of texts, at most ",
                   kArgumentsMax);
    }
    for (uint64_t i = 0; i < ListSize(fields[1]); ++i) {
      wrong = TextIn(ListAt(fields[1], i), &command->arguments.emplace_back());
      if (!wrong.empty()) return "#run(program, arguments): an argument " + wrong;
    }
    if (fields.size() < 3) return {};
    Bounds limits;
    int64_t output = static_cast<int64_t>(options_.output_bytes_max);
    wrong = ReadFields(fields[2], kRunForm,
                       {{"stdin", [&](Value v) { return InputIn(v, &command->input); }},
                        {"env", [&](Value v) { return EnvironmentIn(v, &command->environment); }},
                        {"bytes",
                         [&](Value v) -> std::string {
                           asked->wants_bytes = v.is_true();
                           return v.is_true() || v == Value::Bool(false) ? "" : "is true or false";
                         }},
                        {"output", [&](Value v) { return NumberIn(v, 0, &output); }},
                        {"memory", [&](Value v) { return NumberIn(v, 1, &limits.memory); }},
                        {"cpu", [&](Value v) { return NumberIn(v, 1, &limits.cpu); }},
                        {"files", [&](Value v) { return NumberIn(v, kFilesMin, &limits.files); }}});
    command->output_bytes_max = std::min(static_cast<size_t>(output), options_.output_bytes_max);
    command->limits = limits.Limits();
    return wrong;
  }

  void RunCommand(Turn& turn) {
    CommandOptions options;
    auto asked = std::make_shared<Command>();
    options.output_bytes_max = options_.output_bytes_max;
    if (const std::string wrong = ReadRun(turn.message(), &options, asked.get()); !wrong.empty()) {
      return turn.Fault("type", wrong);
    }
    if (commands_.size() >= options_.commands_max) {
      return turn.Fault("full", absl::StrCat(options_.commands_max, " programs run already"));
    }
    const absl::StatusOr<std::string> path = options_.program(options.name);
    if (!path.ok()) return FaultWith(turn, path.status());
    options.file = *path;
    asked->name = options.name;
    asked->output_max = options.output_bytes_max;
    auto child = ChildCommand::Start(
        *environment_, std::move(options),
        [this, command = asked.get()](const CommandResult& result) { Answer(*command, result); });
    if (!child.ok()) return FaultWith(turn, child.status());
    asked->child = *std::move(child);
    asked->slot = turn.TakeReply();
    commands_.push_back(std::move(asked));
  }

  void Answer(Command& command, const CommandResult& result) {
    if (result.is_too_long) {
      command.slot.Break(vm().core().Reason(
          "limit", absl::StrCat(command.name, ": it wrote more than ", command.output_max,
                                " bytes, and was ended: give output: bytes")));
    } else {
      Settle(command, result);
    }
    commands_.remove_if([&](const auto& other) { return other.get() == &command; });
    loop().Wake();
  }

  void Settle(Command& command, const CommandResult& result) {
    Core& core = vm().core();
    const auto paying =
        command.slot.payer().Pay(result.output.size() + result.errors.size() + 8 * kObjectBytes);
    const auto value = [&](const std::string& bytes) {
      return command.wants_bytes ? MakeBytes(core.heap(), bytes) : MakeText(core.heap(), bytes);
    };
    const Result output = value(result.output), errors = value(result.errors);
    for (const Result& r : {output, errors}) {
      if (r.ok()) continue;
      return command.slot.Break(
          r.failure() == Failure::kMemory
              ? core.QuotaReason(Resource::kMemory)
              : core.Reason("type", absl::StrCat(command.name,
                                                 ": what it wrote is no UTF-8: give "
                                                 "bytes: true")));
    }
    Build build(core);
    Value reply = EndValue(build, result.end);
    reply = build.Put(reply, "stdout", output.value());
    reply = build.Put(reply, "stderr", errors.value());
    if (build.failed()) return command.slot.Break(core.QuotaReason(Resource::kMemory));
    command.slot.Keep(reply);
  }

  ProcessDeviceOptions options_;
  std::unique_ptr<ProcessHost> host_;
  std::unique_ptr<LoopEnvironment> environment_;
  std::list<std::shared_ptr<Process>> processes_;
  std::list<std::shared_ptr<Command>> commands_;
};

}  // namespace

Root MakeProcess(VmLoop& loop, ProcessDeviceOptions options) {
  return MakeDevice<ProcessDevice>(loop, "process", std::move(options));
}

}  // namespace vesicle
