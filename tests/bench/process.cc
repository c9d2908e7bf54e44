// process: from SpawnProcess to the answer of the first ask, and an ask of a child that is there.
//
//   process TIMES ASKS
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "transport/host/child.h"
#include "transport/host/process.h"
#include "vm/heap/check.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"

namespace vesicle::bench {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void AskOnce(VmLoop& loop, const Root& ref) {
  loop.vm().Ask(ref, Value::Nil(), [&](const Reply& reply) {
    VESICLE_CHECK(reply.ok());
    loop.Stop();
  });
  loop.Run();
}

int Run(int times, int asks) {
  Vm vm;
  auto loop = VmLoop::Create(vm);
  VESICLE_CHECK(loop.ok());
  ProcessHost host(**loop);
  std::vector<double> ms;
  for (int i = 0; i < times; ++i) {
    const double before = Now();
    auto process = host.SpawnProcess({.actor = "echo"});
    VESICLE_CHECK(process.ok());
    AskOnce(**loop, (*process)->ref());
    ms.push_back((Now() - before) * 1e3);
    if (i + 1 < times) continue;
    const double begin = Now();
    for (int n = 0; n < asks; ++n) AskOnce(**loop, (*process)->ref());
    std::printf("RESULT process_ask_us %.3g\n", (Now() - begin) * 1e6 / asks);
  }
  std::sort(ms.begin(), ms.end());
  std::printf("RESULT process_first_ask_ms %.3g\n", ms[ms.size() / 2]);
  std::printf("RESULT process_first_ask_max_ms %.3g\n", ms.back());
  return 0;
}

}  // namespace
}  // namespace vesicle::bench

int main(int argc, char** argv) {
  vesicle::ChildRegistry actors;
  actors.Add("echo", [](vesicle::ChildWorld& world, std::span<const vesicle::Value>) {
    return absl::StatusOr<vesicle::Root>(
        world.vm().Create([](vesicle::Turn& turn) { turn.Reply(turn.message()); }));
  });
  if (const auto code = vesicle::RunChild(argc, argv, actors)) return *code;
  if (argc != 3) {
    std::fprintf(stderr, "usage: process TIMES ASKS\n");
    return 2;
  }
  return vesicle::bench::Run(std::atoi(argv[1]), std::atoi(argv[2]));
}
