#include "tests/sim/sim_world.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "membrane/script.h"
#include "vm/loop/devices.h"
#include "vm/value/form.h"
#include "vm/value/print.h"
#include "vm/value/value_kind.h"

namespace vesicle {
namespace {

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

double Number(Value v) {
  const std::optional<double> d = IsNumber(v) ? DoubleOf(v) : std::nullopt;
  return d.value_or(0);
}

}  // namespace

std::vector<std::string> HeaderValues(const std::string& text, const std::string& name) {
  std::vector<std::string> values;
  std::istringstream lines(text);
  const std::string prefix = "// " + name + ":";
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("//", 0) != 0 && !line.empty()) break;
    if (line.rfind(prefix, 0) != 0) continue;
    std::string value = line.substr(prefix.size());
    if (!value.empty() && value[0] == ' ') value.erase(0, 1);
    values.push_back(value);
  }
  return values;
}

SimWorld::SimWorld(const VmOptions& options) : vm_(options, AddMembranes) {}

std::string SimWorld::Load(const std::string& path) {
  const std::optional<std::string> text = ReadFile(path);
  if (!text) return "cannot read " + path;
  text_ = *text;
  const size_t slash = path.rfind('/');
  folder_ = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  absl::StatusOr<Module> module =
      vm_.Load(path, text_, [&](std::string_view import) -> absl::StatusOr<std::string> {
        std::optional<std::string> imported = ReadFile(folder_ + std::string(import));
        if (!imported) return absl::NotFoundError("no such file");
        return *imported;
      });
  if (!module.ok()) return std::string(module.status().message());
  module_ = *std::move(module);
  for (const std::string& line : HeaderValues(text_, "stdin")) input_.push_back(line);
  return {};
}

Root SimWorld::Host() {
  std::vector<Value> args;
  for (const std::string& line : HeaderValues(text_, "args")) {
    std::istringstream words(line);
    for (std::string word; words >> word;) args.push_back(vm_.Text(word));
  }
  const Root console = MakeConsole(), clock = MakeClock(), timer = MakeTimer(), input = MakeStdin(),
             files = MakeFiles(), loader = MakeLoader(vm_),
             random = MakeRandom(vm_, std::make_unique<SeededRandom>(1));
  return Root(vm_.core().heap(), vm_.Map({{"console", console.value()},
                                          {"args", vm_.List(args)},
                                          {"clock", clock.value()},
                                          {"timer", timer.value()},
                                          {"stdin", input.value()},
                                          {"files", files.value()},
                                          {"random", random.value()},
                                          {"loader", loader.value()}}));
}

void SimWorld::Start() {
  const Root host = Host();
  const absl::Status started = vm_.Start(module_, host.value());
  if (!started.ok()) output_ += std::string(started.message()) + "\n";
}

void SimWorld::Run() {
  for (;;) {
    while (vm_.RunSlice(1'000'000)) {
    }
    if (!Tick()) return;
  }
}

bool SimWorld::Tick() {
  while (!alarms_.empty()) {
    const auto first = alarms_.begin();
    now_ms_ = first->first.first;
    const std::shared_ptr<Alarm> alarm = first->second;
    alarms_.erase(first);
    if (alarm->cancelled) continue;
    if (alarm->target.value().is_target()) {
      vm_.Send(alarm->target, alarm->message.value());
      if (alarm->every_ms > 0) Set(alarm->every_ms, alarm);
    } else {
      alarm->reply.Keep(Value::Nil());
    }
    return true;
  }
  return false;
}

void SimWorld::Set(double ms, std::shared_ptr<Alarm> alarm) {
  alarms_.emplace(std::pair(now_ms_ + std::max(ms, 0.0), next_alarm_++), std::move(alarm));
}

void SimWorld::Cancelable(Turn& turn, const std::shared_ptr<Alarm>& alarm) {
  turn.Reply(turn.Create([alarm](Turn& cancel) {
    cancel.Reply(Value::Bool(!alarm->cancelled));
    alarm->cancelled = true;
  }));
}

Root SimWorld::MakeConsole() {
  return vm_.Create([this](Turn& turn) {
    const Value m = turn.message();
    if (Is(m, "error", 1)) return;
    const bool part = Is(m, "write", 1);
    output_ += Print(part ? FieldsOf(m)[0] : m, {.top_text = TopText::kPlain});
    if (!part) output_ += "\n";
  });
}

Root SimWorld::MakeClock() {
  return vm_.Create(
      [this](Turn& turn) { turn.Reply(turn.Int(static_cast<int64_t>(now_ms_ * 1e6))); });
}

Root SimWorld::MakeTimer() {
  return vm_.Create([this](Turn& turn) {
    const Value m = turn.message();
    const auto fields = FieldsOf(m);
    auto alarm = std::make_shared<Alarm>();
    if (Is(m, "after", 1) || Is(m, "sleep", 1)) {
      alarm->reply = turn.TakeReply();
      return Set(Number(fields[0]), alarm);
    }
    if (fields.size() < 2 || !fields[1].is_target()) return turn.Fault("no_clause", "a timer");
    Heap& heap = turn.core().heap();
    alarm->target = Root(heap, fields[1]);
    alarm->message = Root(heap, fields.size() > 2 ? fields[2] : turn.Symbol("tick"));
    if (Is(m, "every", 2) || Is(m, "every", 3)) alarm->every_ms = Number(fields[0]);
    Cancelable(turn, alarm);
    Set(Number(fields[0]), alarm);
  });
}

Root SimWorld::MakeStdin() {
  return vm_.Create([this](Turn& turn) {
    if (input_.empty()) return turn.Reply(Value::Nil());
    turn.Reply(turn.Text(input_.front()));
    if (turn.failed()) return turn.Quota(Resource::kMemory);
    input_.pop_front();
  });
}

// The folder of the sample, read only.
Root SimWorld::MakeFiles() {
  return vm_.Create([this](Turn& turn) {
    const Value m = turn.message();
    if (!Is(m, "read", 1)) return turn.Fault("denied", "only #read in this world");
    const Value path = FieldsOf(m)[0];
    const std::optional<std::string> text =
        IsText(path) ? ReadFile(folder_ + std::string(TextView(path))) : std::nullopt;
    if (!text) return turn.Fault("not_found", "no such file");
    turn.Reply(turn.Text(*text));
    if (turn.failed()) turn.Quota(Resource::kMemory);
  });
}

std::vector<std::string> Samples() {
  std::vector<std::string> paths;
  const std::filesystem::path root = std::filesystem::path(VESICLE_SOURCE_DIR) / "samples";
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (entry.path().extension() == ".ves") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> Programs() {
  std::vector<std::string> paths;
  const std::filesystem::path root = VESICLE_SOURCE_DIR;
  for (const char* folder : {"samples", "tests/scripts"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".ves") continue;
      std::string path = entry.path().string();
      SimWorld world;
      if (world.Load(path).empty() && world.HasMain()) paths.push_back(std::move(path));
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace vesicle
