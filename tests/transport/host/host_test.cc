// VMs of one process, each on its thread: what holds between any two of them.
#include "transport/host/host.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "membrane/script.h"
#include "vm/value/list.h"
#include "vm/value/number.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

constexpr std::string_view kText = R"(
behavior counter(n) {
  #add(k) => { become counter(n + k); n + k }
  #get => n
}
behavior desk(unanswered) {
  #never => {
    let [p, r] = promise()
    become desk([r, ...unanswered])
    p
  }
  #itself => self
  #get => 1
}
// Notes what comes, by who sent it, and how often it was out of order.
behavior log(last, wrong, total) {
  #noted(from, n) => {
    let bad = if n == get(last, from, 0) + 1 { 0 } else { 1 }
    become log(put(last, from, n), wrong + bad, total + 1)
  }
  #report => [wrong, total]
}
behavior writer(id, to) {
  #write(n, end) => if n > end { nil } else { to <- #noted(id, n); self <- #write(n + 1, end) }
}
behavior giver(ref) {
  #ref => ref
  #give(to) => to <- #take(ref)
}
behavior keeper(held) {
  #take(r) => become keeper(r)
  #ask(m) => held <- m
  #drop => become keeper(nil)
}
behavior maker(kept) {
  #make(b) => create b
  #keep(b) => become maker(b)
  #kept => kept
  #call(f, x) => f(x)
}
fn doubled(x) = x * 2
fn scaled(by) = fn(x) = x * by
behavior sends(to) {
  #counter(n) => to <- #make(counter(n))
  #back(n) => to <- #keep(counter(n))
  #doubled(x) => to <- #call(doubled, x)
  #scaled(by, x) => to <- #call(scaled(by), x)
  #builtin(x) => to <- #call(size, x)
  #prelude(x) => to <- #call(reverse, x)
  #doing(r) => to <- #make(behavior { #go(v) => r <- v, #tag => #nothing })
}
)";

std::unique_ptr<Host> MakeHost(int vms, HostOptions options = {}) {
  options.vms = vms;
  if (options.builtins == nullptr) options.builtins = AddMembranes;
  auto host = Host::Create(std::move(options));
  REQUIRE_MESSAGE(host.ok(), host.status().ToString());
  return *std::move(host);
}

// Runs `fn` on a VM's thread and waits for what it gives.
template <typename Fn>
auto On(HostVm& vm, Fn fn) {
  std::promise<decltype(fn(std::declval<Vm&>()))> done;
  auto result = done.get_future();
  const absl::Status posted = vm.Post([&](Vm& v, VmLoop&) { done.set_value(fn(v)); });
  REQUIRE_MESSAGE(posted.ok(), posted.ToString());
  return result.get();
}

// A new actor of kText in a VM, exported.
HostRef MakeIn(HostVm& host_vm, std::string_view behavior,
               std::function<std::vector<Value>(Vm&)> captures = {}) {
  return On(host_vm, [&](Vm& vm) {
    const absl::StatusOr<Module> module = vm.Load("host_test.ves", kText);
    REQUIRE_MESSAGE(module.ok(), module.status().ToString());
    const std::vector<Value> values = captures ? captures(vm) : std::vector<Value>();
    return host_vm.Export(vm.Create(module->Behavior(behavior, values)));
  });
}

HostRef MakeCounter(HostVm& vm) {
  return MakeIn(vm, "counter", [](Vm& v) { return std::vector{v.Int(0)}; });
}

// An ask from a VM, and how it ended.
struct Outcome {
  std::promise<std::string> text;
  std::atomic<int> settlements = 0;
};
std::shared_ptr<Outcome> Ask(HostVm& from, const HostRef& to, std::function<Value(Vm&)> message) {
  auto outcome = std::make_shared<Outcome>();
  const absl::Status posted = from.Post([&from, to, message, outcome](Vm& vm, VmLoop&) {
    vm.Ask(from.Import(to), message(vm), [outcome](const Reply& reply) {
      if (++outcome->settlements == 1) {
        outcome->text.set_value(Print(reply.ok() ? reply.value() : reply.reason()));
      }
    });
  });
  REQUIRE(posted.ok());
  return outcome;
}
std::string Asked(HostVm& from, const HostRef& to, std::function<Value(Vm&)> message) {
  auto text = Ask(from, to, std::move(message))->text.get_future();
  REQUIRE(text.wait_for(std::chrono::seconds(60)) == std::future_status::ready);
  return text.get();
}
std::function<Value(Vm&)> Sym(std::string name) {
  return [name](Vm& vm) { return vm.Symbol(name); };
}

TEST_CASE("a host has the number of VMs that was asked for, each on a thread of its own") {
  CHECK(Host::Create({.vms = -1}).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(Host::Create({.vms = kHostVmsMax + 1}).status().code() ==
        absl::StatusCode::kInvalidArgument);
  const auto host = MakeHost(3);
  CHECK(host->vms() == 3);
  std::vector<std::thread::id> threads = {std::this_thread::get_id()};
  for (int i = 0; i < 3; ++i) {
    const auto id = On(host->vm(i), [](Vm&) { return std::this_thread::get_id(); });
    for (const auto& other : threads) CHECK(id != other);
    threads.push_back(id);
  }
}

TEST_CASE("join of a host without work returns; so does that of one whose work is posted") {
  MakeHost(2)->Join();
  const auto host = MakeHost(2);
  std::atomic<int> ran = 0;
  for (int i = 0; i < 100; ++i) {
    REQUIRE(host->vm(i % 2).Post([&](Vm&, VmLoop&) { ++ran; }).ok());
  }
  host->Join();
  CHECK(ran == 100);
  CHECK(host->vm(0).Post([](Vm&, VmLoop&) {}).code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("a ref of one VM takes messages and questions in another, either way") {
  const auto host = MakeHost(2);
  for (int home = 0; home < 2; ++home) {
    HostVm& far = host->vm(1 - home);
    const HostRef counter = MakeCounter(host->vm(home));
    CHECK(Asked(far, counter, [](Vm& vm) { return vm.Tagged("add", 3); }) == "3");
    CHECK(Asked(far, counter, [](Vm& vm) { return vm.Tagged("add", 4); }) == "7");
    CHECK(Asked(host->vm(home), counter, Sym("get")) == "7");
    CHECK(Asked(far, counter, Sym("nonsense")).find("no_clause") != std::string::npos);
  }
}

TEST_CASE("join waits for what goes to and fro") {
  const auto host = MakeHost(2);
  const HostRef counter = MakeCounter(host->vm(1));
  std::atomic<int64_t> last = 0;
  REQUIRE(host->vm(0)
              .Post([&](Vm& vm, VmLoop&) {
                const Root far = host->vm(0).Import(counter);
                struct Loop {
                  static void Next(Vm& v, const Root& to, std::atomic<int64_t>& at) {
                    v.Ask(to, v.Tagged("add", 1), [&v, to, &at](const Reply& reply) {
                      at = *Int64Of(reply.value());
                      if (at < 1000) Next(v, to, at);
                    });
                  }
                };
                Loop::Next(vm, far, last);
              })
              .ok());
  host->Join();
  CHECK(last == 1000);
}

TEST_CASE("what one sends to one ref arrives in order, once, and all of it") {
  constexpr int kWriters = 4;
  constexpr int64_t kMessages = 5'000;
  const auto host = MakeHost(3);
  const HostRef log = MakeIn(host->vm(0), "log", [](Vm& vm) {
    return std::vector{vm.Map({}), vm.Int(0), vm.Int(0)};
  });
  for (int w = 0; w < kWriters; ++w) {
    HostVm& from = host->vm(w % 3);
    const HostRef writer = MakeIn(from, "writer", [&](Vm& vm) {
      return std::vector{vm.Int(w), from.Import(log).value()};
    });
    REQUIRE(from.Post([&from, writer, kMessages](Vm& vm, VmLoop&) {
                  vm.Send(from.Import(writer), vm.Tagged("write", 1, kMessages));
                })
                .ok());
  }
  std::string report;
  for (int i = 0; i < 10'000 && report != "[0, 20000]"; ++i) {
    report = Asked(host->vm(1), log, Sym("report"));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(report == "[0, 20000]");
}

TEST_CASE("answers are used before they are there, and third parties get what is handed on") {
  const auto host = MakeHost(3);
  const HostRef counter = MakeCounter(host->vm(2));
  const HostRef giver = MakeIn(
      host->vm(1), "giver", [&](Vm&) { return std::vector{host->vm(1).Import(counter).value()}; });
  // By way of an answer of VM 1, in VM 0, to VM 2.
  const auto add = [&](HostVm& from) {
    std::promise<std::string> text;
    REQUIRE(from.Post([&](Vm& vm, VmLoop&) {
                  vm.Ask(from.Import(giver), vm.Symbol("ref"), [&](const Reply& ref) {
                    vm.Ask(ref.value(), vm.Tagged("add", 5), [&](const Reply& sum) {
                      text.set_value(Print(sum.ok() ? sum.value() : sum.reason()));
                    });
                  });
                })
                .ok());
    return text.get_future().get();
  };
  CHECK(add(host->vm(0)) == "5");
  CHECK(add(host->vm(1)) == "10");
  CHECK(add(host->vm(2)) == "15");
  const HostRef keeper =
      MakeIn(host->vm(0), "keeper", [](Vm& vm) { return std::vector{vm.Nil()}; });
  Asked(host->vm(2), giver,
        [&](Vm& vm) { return vm.Tagged("give", host->vm(2).Import(keeper).value()); });
  CHECK(Asked(host->vm(1), keeper, [](Vm& vm) { return vm.Tagged("ask", vm.Tagged("add", 1)); }) ==
        "16");
}

TEST_CASE("a VM that is stopped breaks what was asked of it, each question once") {
  const auto host = MakeHost(2);
  const HostRef desk = MakeIn(host->vm(1), "desk", [](Vm& vm) { return std::vector{vm.List({})}; });
  CHECK(Asked(host->vm(0), desk, Sym("get")) == "1");
  std::vector<std::shared_ptr<Outcome>> pending;
  for (int i = 0; i < 100; ++i) pending.push_back(Ask(host->vm(0), desk, Sym("never")));
  CHECK(Asked(host->vm(0), desk, Sym("get")) == "1");
  host->vm(1).Stop();
  for (const auto& outcome : pending) CHECK(outcome->text.get_future().get() == "#disconnected");
  CHECK(Asked(host->vm(0), desk, Sym("get")).find("#disconnected") == 0);
  host->Join();
  for (const auto& outcome : pending) CHECK(outcome->settlements == 1);
}

TEST_CASE("a host is destroyed with questions open and turns that never end, quickly") {
  const auto begun = std::chrono::steady_clock::now();
  {
    const auto host = MakeHost(2);
    const HostRef desk =
        MakeIn(host->vm(1), "desk", [](Vm& vm) { return std::vector{vm.List({})}; });
    CHECK(Asked(host->vm(0), desk, Sym("get")) == "1");
    for (int i = 0; i < 100; ++i) {
      (void)Ask(host->vm(0), desk, Sym("never"));
      (void)Ask(host->vm(1), desk, Sym("never"));
    }
    for (int i = 0; i < 2; ++i) {
      REQUIRE(host->vm(i)
                  .Post([](Vm& vm, VmLoop&) {
                    const auto loop = vm.Load("loop.ves", "behavior loops { #go => self <- #go }");
                    REQUIRE(loop.ok());
                    vm.Send(vm.Create(loop->Behavior("loops")), vm.Symbol("go"));
                  })
                  .ok());
    }
  }
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(20));
}

TEST_CASE("when all is dropped, no table holds anything") {
  const auto host = MakeHost(2);
  {
    const HostRef counter = MakeCounter(host->vm(1));
    const HostRef keeper =
        MakeIn(host->vm(0), "keeper", [](Vm& vm) { return std::vector{vm.Nil()}; });
    for (int i = 0; i < 50; ++i) {
      Asked(host->vm(1), keeper,
            [&](Vm& vm) { return vm.Tagged("take", host->vm(1).Import(counter).value()); });
      CHECK(Asked(host->vm(0), keeper, [](Vm& vm) {
              return vm.Tagged("ask", vm.Tagged("add", 1));
            }) == std::to_string(i + 1));
    }
    Asked(host->vm(1), keeper, Sym("drop"));
  }
  size_t left = 1;
  for (int round = 0; round < 500 && left != 0; ++round) {
    left = 0;
    for (int i = 0; i < 2; ++i) {
      const Session::Counts c = On(host->vm(i), [&](Vm& vm) {
        vm.core().heap().Collect(Heap::Scope::kFull);
        return host->vm(i).counts();
      });
      left += c.exports + c.imports + c.asks + c.answers + c.returned_late;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(left == 0);
}

TEST_CASE("functions and behaviors cross, and live where they are used") {
  const auto host = MakeHost(2);
  const HostRef maker = MakeIn(host->vm(1), "maker", [](Vm& vm) { return std::vector{vm.Nil()}; });
  const HostRef sends = MakeIn(host->vm(0), "sends",
                               [&](Vm&) { return std::vector{host->vm(0).Import(maker).value()}; });
  const auto asked = [&](std::string_view tag, auto... args) {
    return Asked(host->vm(0), sends, [=](Vm& vm) { return vm.Tagged(tag, vm.Int(args)...); });
  };
  CHECK(asked("doubled", 21) == "42");
  CHECK(asked("scaled", 3, 14) == "42");
  CHECK(Asked(host->vm(0), sends, [](Vm& vm) {
          return vm.Tagged("builtin", vm.List({vm.Int(1), vm.Int(2)}));
        }) == "2");
  CHECK(Asked(host->vm(0), sends, [](Vm& vm) {
          return vm.Tagged("prelude", vm.List({vm.Int(1), vm.Int(2)}));
        }) == "[2, 1]");
  CHECK(asked("counter", 5) == "<ref>");
  // The actor is one of VM 1: as many more are there as were asked for.
  const auto actors = [&](int i) {
    return On(host->vm(i), [](Vm& vm) { return vm.core().stats().actors; });
  };
  const auto before = actors(1);
  for (int i = 0; i < 10; ++i) CHECK(asked("counter", i) == "<ref>");
  CHECK(actors(1) == before + 10);
  // What comes home is as good as it was.
  asked("back", 7);
  CHECK(Asked(host->vm(0), maker, Sym("kept")) == "<behavior>");
}

TEST_CASE("a native behavior stays in its VM") {
  const auto host = MakeHost(2);
  const HostRef maker = MakeIn(host->vm(1), "maker", [](Vm& vm) { return std::vector{vm.Nil()}; });
  const std::string why = Asked(host->vm(0), maker, [](Vm& vm) {
    const Definition native = vm.Define("native", 0, [](Turn&) {});
    return vm.Tagged("make", native.Behavior({}));
  });
  CHECK(why.find("#type") == 0);
}

TEST_CASE("a long message crosses in pieces, while others go on") {
  const auto host = MakeHost(2);
  const HostRef maker = MakeIn(host->vm(1), "maker", [](Vm& vm) { return std::vector{vm.Nil()}; });
  const std::string size = Asked(host->vm(0), maker, [](Vm& vm) {
    std::vector<Value> numbers;
    for (int64_t i = 0; i < 200'000; ++i) numbers.push_back(vm.Int(i));
    return vm.Tagged("keep", vm.List(numbers));
  });
  CHECK(size == "nil");
  std::promise<std::string> text;
  REQUIRE(host->vm(0)
              .Post([&](Vm& vm, VmLoop&) {
                vm.Ask(host->vm(0).Import(maker), vm.Symbol("kept"), [&](const Reply& reply) {
                  const Value list = reply.value();
                  text.set_value(std::to_string(ListSize(list)) + " " +
                                 Print(ListAt(list, 199'999)));
                });
              })
              .ok());
  CHECK(text.get_future().get() == "200000 199999");
}

}  // namespace
}  // namespace vesicle
