// cores: what goes between two VMs of one process, and what two cores do that share nothing.
//
//   cores MESSAGES [SPIN_NS]    one way, asks one at a time and 1,000 under way, and rings on one
//   VM
//                               and on two; prints RESULT lines. Wants two free cores; .._cpu_ns is
//                               the processors' time of both VMs, which is right on a busy machine
//                               too if SPIN_NS is 0.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transport/host/host.h"
#include "vm/actor/promise.h"
#include "vm/heap/check.h"
#include "vm/value/number.h"

namespace vesicle::bench {
namespace {

using Clock = std::chrono::steady_clock;

void Result(const std::string& what, double value) {
  std::printf("RESULT %s %.6g\n", what.c_str(), value);
  std::fflush(stdout);
}

double CpuNs() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

std::unique_ptr<Host> MakeHost(int vms, int64_t spin_ns) {
  HostOptions options;
  options.vms = vms;
  options.spin_ns = spin_ns;
  auto host = Host::Create(options);
  VESICLE_CHECK(host.ok());
  return *std::move(host);
}

HostRef MakeEcho(HostVm& host_vm) {
  std::promise<HostRef> made;
  VESICLE_CHECK(host_vm
                    .Post([&](Vm& vm, VmLoop&) {
                      made.set_value(host_vm.Export(
                          vm.Create([](Turn& turn) { turn.Reply(turn.message()); })));
                    })
                    .ok());
  return made.get_future().get();
}

// On the thread of VM 0, with a ref that is there.
using Work = std::function<void(Vm&, const Root& far, std::function<void()> done)>;

// Nanoseconds that the work takes, by the clock and by the processors.
struct Times {
  double wall;
  double cpu;
};
Times Timed(Host& host, const HostRef& target, const Work& work) {
  std::promise<void> done;
  Clock::time_point begun;
  double cpu = 0;
  VESICLE_CHECK(host.vm(0)
                    .Post([&](Vm& vm, VmLoop&) {
                      const Root imported = host.vm(0).Import(target);
                      vm.Ask(imported, vm.Int(0), [&, imported](const Reply&) {
                        // The promise is kept by now: what comes next goes by the reference.
                        Heap& heap = vm.core().heap();
                        const Object* root = promise::Root(heap, imported.value().target());
                        auto* far = new Root(heap, promise::Outcome(root));
                        vm.Ask(*far, vm.Int(0), [&, far](const Reply&) {
                          begun = Clock::now();
                          cpu = CpuNs();
                          work(vm, *far, [&, far] {
                            delete far;
                            done.set_value();
                          });
                        });
                      });
                    })
                    .ok());
  done.get_future().get();
  return {std::chrono::duration<double, std::nano>(Clock::now() - begun).count(), CpuNs() - cpu};
}

// Windows of messages, each ended by a question, of which two are under way.
struct OneWay {
  static constexpr int64_t kWindow = 8'192;
  Vm& vm;
  const Root& far;
  std::function<void()> done;
  int64_t left;
  int under_way = 0;

  void Window() {
    ++under_way;
    for (int64_t i = 0; i < kWindow; ++i) vm.Send(far, vm.Int(i));
    left -= kWindow;
    vm.Ask(far, vm.Int(0), [this](const Reply&) {
      --under_way;
      if (left > 0) return Window();
      if (under_way == 0) done();
    });
  }
};

struct Asks {
  Vm& vm;
  const Root& far;
  std::function<void()> done;
  int64_t left;
  int64_t under_way = 0;

  void Next() {
    --left;
    ++under_way;
    vm.Ask(far, vm.Int(left), [this](const Reply& reply) {
      VESICLE_CHECK(reply.ok());
      --under_way;
      if (left > 0) return Next();
      if (under_way == 0) done();
    });
  }
};

void Edge(int64_t messages, int64_t spin_ns) {
  const auto host = MakeHost(2, spin_ns);
  const HostRef echo = MakeEcho(host->vm(1));
  std::unique_ptr<OneWay> one_way;
  const Times one = Timed(*host, echo, [&](Vm& vm, const Root& far, auto done) {
    one_way = std::make_unique<OneWay>(OneWay{vm, far, done, messages});
    one_way->Window();
    one_way->Window();
  });
  Result("cores_one_way_ns", one.wall / static_cast<double>(messages));
  Result("cores_one_way_cpu_ns", one.cpu / static_cast<double>(messages));
  for (const int64_t under_way : {1, 1000}) {
    const int64_t count = messages / 10;
    std::unique_ptr<Asks> asks;
    const Times times = Timed(*host, echo, [&](Vm& vm, const Root& far, auto done) {
      asks = std::make_unique<Asks>(Asks{vm, far, done, count});
      for (int64_t i = 0; i < under_way; ++i) asks->Next();
    });
    const std::string name = under_way == 1 ? "cores_ask" : "cores_ask_many";
    Result(name + "_ns", times.wall / static_cast<double>(count));
    Result(name + "_cpu_ns", times.cpu / static_cast<double>(count));
  }
}

// A ring of actors in each of so many VMs, and a number that goes around in it. Nanoseconds.
double Rings(int vms, int64_t hops) {
  constexpr int kActors = 1'000;
  const auto host = MakeHost(vms, 0);
  std::vector<std::promise<void>> done(static_cast<size_t>(vms));
  std::vector<std::future<void>> begun;
  for (int i = 0; i < vms; ++i) {
    auto ready = std::make_shared<std::promise<void>>();
    begun.push_back(ready->get_future());
    VESICLE_CHECK(host->vm(i)
                      .Post([&, i, ready](Vm& vm, VmLoop&) {
                        auto* last = &done[static_cast<size_t>(i)];
                        const Definition link = vm.Define("link", 1, [last](Turn& turn) {
                          const int64_t left = *Int64Of(turn.message());
                          if (left == 0) return last->set_value();
                          turn.Send(turn.capture(0), turn.Int(left - 1));
                        });
                        // The first one is told of the last one by its first message.
                        const Definition first = vm.Define("first", 1, [link](Turn& turn) {
                          turn.Become(link, {turn.message()});
                        });
                        const Root head = vm.Create(first, {vm.Nil()});
                        Root next = head;
                        for (int k = 1; k < kActors; ++k) next = vm.Create(link, {next.value()});
                        vm.Send(head, next.value());
                        vm.Send(head, vm.Int(hops));
                        ready->set_value();
                      })
                      .ok());
  }
  for (std::future<void>& ready : begun) ready.get();
  const Clock::time_point from = Clock::now();
  for (std::promise<void>& end : done) end.get_future().get();
  return std::chrono::duration<double, std::nano>(Clock::now() - from).count();
}

void Main(int64_t messages, int64_t spin_ns) {
  Edge(messages, spin_ns);
  const int64_t hops = 10 * messages;
  const double one = Rings(1, hops), two = Rings(2, hops);
  Result("cores_ring_ns", one / static_cast<double>(hops));
  Result("cores_ring_x", 2 * one / two);
}

}  // namespace
}  // namespace vesicle::bench

int main(int argc, char** argv) {
  vesicle::bench::Main(argc > 1 ? std::atoll(argv[1]) : 2'000'000,
                       argc > 2 ? std::atoll(argv[2]) : vesicle::HostOptions().spin_ns);
  return 0;
}
