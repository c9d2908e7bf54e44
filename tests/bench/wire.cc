// wire: what the wire costs at least (libuv, no parsing), what it costs between behaviors in C++,
// and what an idle session holds.
//
//   wire raw ASKS
//   wire native ASKS
//   wire idle tcp|tls SESSIONS
#include "tests/bench/wire.h"

#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tests/bench/works.h"

namespace vesicle::bench {

void Result(const std::string& what, double value) {
  std::printf("RESULT %s %.6g\n", what.c_str(), value);
}

void IdleWire(bool is_tls, int64_t sessions) {
  int pipe_ends[2];
  Must(pipe(pipe_ends));
  const pid_t child = fork();
  VESICLE_CHECK(child >= 0);
  if (child == 0) {
    char text[1024] = {};
    VESICLE_CHECK(read(pipe_ends[0], text, sizeof text) > 0);
    const absl::StatusOr<Locator> locator = ParseLocator(text);
    VESICLE_CHECK(locator.ok());
    Vm vm;
    uv_loop_t loop;
    Must(uv_loop_init(&loop));
    LoopEnvironment environment(&loop);
    std::vector<std::unique_ptr<WirePeer>> peers;
    std::vector<Root> held;
    for (int64_t i = 0; i < sessions; ++i) {
      peers.push_back(std::make_unique<WirePeer>(vm, environment, is_tls));
      held.emplace_back(vm.core().heap(), vm.core().NewPromise());
      VESICLE_CHECK(peers.back()->network->Fetch(*locator, held.back().value()).ok());
      while (peers.back()->network->sessions() == 0) uv_run(&loop, UV_RUN_NOWAIT);
    }
    for (;;) {
      while (vm.RunSlice(10'000)) {
      }
      uv_run(&loop, UV_RUN_ONCE);
    }
  }
  Vm vm;
  uv_loop_t loop;
  Must(uv_loop_init(&loop));
  LoopEnvironment environment(&loop);
  WirePeer own(vm, environment, is_tls);
  VESICLE_CHECK(own.network->Listen("127.0.0.1:0").ok());
  const Root desk = vm.Create([](Turn&) {});
  const std::string text = PrintLocator(own.network->Offer(desk.value()));
  const auto run_until = [&](auto is_done) {
    while (!is_done()) {
      while (vm.RunSlice(10'000)) {
      }
      uv_run(&loop, UV_RUN_NOWAIT);
    }
  };
  const int64_t from = ResidentBytes();
  VESICLE_CHECK(write(pipe_ends[1], text.c_str(), text.size() + 1) > 0);
  run_until([&] { return static_cast<int64_t>(own.network->sessions()) == sessions; });
  // What they held at first is given back.
  const uint64_t until = uv_hrtime() + 2'000'000'000;
  run_until([&] { return uv_hrtime() > until; });
  Result(is_tls ? "wire_idle_tls_bytes" : "wire_idle_bytes",
         static_cast<double>(ResidentBytes() - from) / static_cast<double>(sessions));
  kill(child, SIGTERM);
  waitpid(child, nullptr, 0);
  std::fflush(stdout);
  std::_Exit(0);
}

}  // namespace vesicle::bench

int main(int argc, char** argv) {
  using namespace vesicle::bench;
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "raw" && argc == 3) {
    RawWire(std::atoll(argv[2]));
  } else if (what == "native" && argc == 3) {
    NativeWire(std::atoll(argv[2]));
  } else if (what == "idle" && argc == 4) {
    IdleWire(std::string(argv[2]) == "tls", std::atoll(argv[3]));
  } else {
    std::fprintf(stderr, "wire raw ASKS | wire native ASKS | wire idle tcp|tls SESSIONS\n");
    return 2;
  }
  return 0;
}
