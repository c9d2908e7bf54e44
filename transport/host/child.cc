#include "transport/host/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <uv.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "transport/loop_environment.h"
#include "transport/pipe.h"
#include "transport/session/network.h"
#include "vm/value/form.h"
#include "vm/value/list.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitUsage = 2;
constexpr int64_t kNsPerMs = 1'000'000;
// For what still goes to the parent at the end.
constexpr int64_t kLeaveMs = 1'000;
// Of the turns that follow from what was sent before the end.
constexpr int kLastSlices = 1'000;
constexpr int64_t kLastSliceSteps = 10'000;

}  // namespace

const ChildActor* ChildRegistry::Find(std::string_view name) const {
  const auto at = actors_.find(name);
  return at == actors_.end() ? nullptr : &at->second;
}

std::string ChildRegistry::Names() const {
  std::string names;
  for (const auto& [name, make] : actors_) absl::StrAppend(&names, names.empty() ? "" : ", ", name);
  return names;
}

// A child that runs: its VM, and what its parent has of it, which takes
//   #start(name, arguments)  once; replies #ok(ref), or #refused(text)
//   #stop                    after it the child ends
class Child {
 public:
  Child(const ChildRegistry& registry, const ChildRunOptions& options, const VmOptions& vm_options)
      : registry_(registry), options_(options), vm_(vm_options, options.builtins) {}

  static int Refuse(const absl::Status& status) {
    std::fprintf(stderr, "this is a process that a host starts, not people: %s\n",
                 std::string(status.message()).c_str());
    return kExitUsage;
  }

  int Run() {
    auto loop = VmLoop::Create(vm_);
    if (!loop.ok()) return Refuse(loop.status());
    loop_ = *std::move(loop);
    environment_ = std::make_unique<LoopEnvironment>(loop_->uv());
    pipe_ = std::make_unique<PipeTransport>(*environment_, kChildPipeFd, "parent");
    world_.emplace(ChildWorld(*loop_));
    NetworkOptions network;
    network.own.name = {std::string(PipeTransport::kName), "child"};
    network.on_gone = [this](const PeerLocator&, const absl::Status&) { loop_->Stop(); };
    network_ = std::make_unique<Network>(vm_, *environment_, *pipe_, std::move(network));
    const Root launcher =
        vm_.Create(MakeNativeBehavior(vm_.core(), "child", [this](Turn& turn) { Handle(turn); }));
    (void)network_->OfferAs(kChildSwiss, launcher.value());  // the first one
    const auto listening = network_->Listen("the parent");
    if (!listening.ok()) return Refuse(listening.status());
    {
      const VmLoop::Hold hold(*loop_);
      loop_->Run();
    }
    if (options_.on_end) options_.on_end(vm_);
    Leave();
    return kExitOk;
  }

  ~Child() {
    world_.reset();
    network_.reset();
    pipe_.reset();
    environment_.reset();
    loop_.reset();
  }

 private:
  void Handle(Turn& turn) {
    const Value m = turn.message();
    if (Is(m, "start", 2)) return Start(turn);
    if (Is(m, "stop", 0)) return Stop(turn);
    turn.Fault("no_clause", "a child takes #start(name, arguments) and #stop");
  }

  // Makers run outside of turns, where modules can be loaded.
  void Start(Turn& turn) {
    const Value name = FieldsOf(turn.message())[0], arguments = FieldsOf(turn.message())[1];
    if (!IsText(name) || !IsList(arguments)) {
      return turn.Fault("type", "#start(name, arguments) wants a text and a list");
    }
    if (std::exchange(has_started_, true)) return turn.Fault("denied", "it has an actor already");
    (void)loop_->Post([this, name = std::string(TextView(name)),
                       arguments = Root(turn.core().heap(), arguments),
                       slot = std::make_shared<ReplySlot>(turn.TakeReply())](Vm& vm) {
      const absl::StatusOr<Root> made = Make(name, arguments.value());
      slot->Keep(made.ok() ? vm.Tagged("ok", made->value())
                           : vm.Tagged("refused", std::string(made.status().message())));
    });
  }

  absl::StatusOr<Root> Make(const std::string& name, Value list) {
    const ChildActor* make = registry_.Find(name);
    if (make == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("this program has no actor ", name, "; it has ", registry_.Names()));
    }
    std::vector<Value> arguments;
    for (uint64_t i = 0; i < ListSize(list); ++i) arguments.push_back(ListAt(list, i));
    return (*make)(*world_, arguments);
  }

  void Stop(Turn& turn) {
    turn.Reply(Value::Nil());
    if (std::exchange(is_stopping_, true)) return;
    (void)loop_->Post([this](Vm& vm) {
      const auto finish = [&] {
        for (int i = 0; i < kLastSlices && vm.RunSlice(kLastSliceSteps); ++i) {
        }
      };
      finish();
      auto& on_stop = world_->on_stop_;
      for (; !on_stop.empty(); on_stop.pop_back()) on_stop.back()();
      finish();
      loop_->Stop();
    });
  }

  // The parent is told, and gets what was written before.
  void Leave() {
    network_->Close("the child has ended");
    bool is_late = false;
    const auto timer = environment_->After(kLeaveMs * kNsPerMs, [&] { is_late = true; });
    while (!is_late && !network_->Peers().empty()) uv_run(loop_->uv(), UV_RUN_ONCE);
  }

  const ChildRegistry& registry_;
  const ChildRunOptions& options_;
  Vm vm_;
  std::unique_ptr<VmLoop> loop_;
  std::unique_ptr<LoopEnvironment> environment_;
  std::unique_ptr<PipeTransport> pipe_;
  std::unique_ptr<Network> network_;
  std::optional<ChildWorld> world_;
  bool has_started_ = false;
  bool is_stopping_ = false;
};

std::optional<int> RunChild(int argc, char** argv, const ChildRegistry& registry,
                            const ChildRunOptions& options) {
  if (argc < 2 || argv[1] != kChildArgument) return std::nullopt;
  // Where IsChildThatDoesNotKnow looks: it knows now.
  std::memcpy(argv[1], kChildRunning.data(), kChildRunning.size());
  VmOptions vm = options.vm;
  if (argc > 2) {
    uint64_t bytes = 0;
    std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), bytes);
    if (bytes >= kVmMemoryBytesMin) vm.memory_bytes_max = std::min(vm.memory_bytes_max, bytes);
  }
  // Looked at before the loop takes that number for itself.
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(kChildPipeFd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    return Child::Refuse(absl::InvalidArgumentError("it has no pipe to a parent"));
  }
  signal(SIGPIPE, SIG_IGN);
  fcntl(kChildPipeFd, F_SETFD, FD_CLOEXEC);
  return Child(registry, options, vm).Run();
}

bool IsChildThatDoesNotKnow() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string words((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t first = words.find('\0');
  if (first == std::string::npos) return false;
  return std::string_view(words.c_str() + first + 1) == kChildArgument;
}

}  // namespace vesicle
