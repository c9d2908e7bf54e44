// What a device does for somebody is paid by the sponsor of the turn that asked: its
// events, and the memory of its answers.
#include <doctest/doctest.h>

#include <fstream>
#include <thread>

#include "tests/vm/loop/fixture.h"
#include "vm/loop/devices.h"

namespace vesicle {
namespace {

// A world and a guest in it on a budget. The guest is a script's `behavior guest`.
struct Guest : World {
  Guest(const std::string& program,
        std::initializer_list<std::pair<std::string_view, Value>> limits)
      : module(*vm.Load("guest.ves", program)) {
    vm.OnFault([this](const FaultReport& report) { faults.push_back(report.reason); });
    const Core::SponsorResult split = vm.core().SplitSponsor(vm.Map(limits));
    REQUIRE(split.error == "");
    budget = Root(vm.core().heap(), split.control);
    guest = AskValue(budget, vm.Tagged("create", module.Behavior("guest")));
  }
  int64_t Left(std::string_view resource) {
    const Root balance = AskValue(budget, vm.Symbol("balance"));
    return *Int64Of(MapGet(balance.value(), vm.Text(resource), vm.core()).value());
  }

  Module module;
  Root budget, guest;
  std::vector<std::string> faults;
};

constexpr char kWorker[] = R"(
behavior guest {
  #start(timer) => timer <- #every(1, self, #work)
  #work => { var n = 0; while n < 100 { n = n + 1 } }
})";

}  // namespace

TEST_CASE("payer: a timer's events are paid by who set it, and #every ends with the budget") {
  for (const Resource resource : {Resource::kSteps, Resource::kEvents}) {
    const std::string name = ResourceName(resource);
    CAPTURE(name);
    Guest g(kWorker, {{name, Value::SmallInt(resource == Resource::kSteps ? 5000 : 20)}});
    const Root timer = MakeTimer(*g.loop);
    const int64_t before = g.vm.core().root_sponsor().amount(resource);
    g.vm.Send(g.guest, g.vm.Tagged("start", timer.value()));
    g.loop->Run();  // returns
    CHECK(before - g.vm.core().root_sponsor().amount(resource) < 50);
    CHECK(g.Left(name) <= 0);
    // The turn that ran out, perhaps, and the event that came after it; a busy machine may fire
    // the timer again before the VM comes to that one.
    CHECK(g.faults.size() >= 1);
    CHECK(g.faults.size() <= 10);
    for (const std::string& reason : g.faults) CHECK(reason == "#quota(#" + name + ")");
  }
}

TEST_CASE("payer: with a keeper one event of an #every waits for the refill, and no more") {
  Guest g(kWorker, {});
  Vm& vm = g.vm;
  const Root timer = MakeTimer(*g.loop);
  int asked = 0;
  const Root stop = vm.Create([&](Turn&) { g.loop->Stop(); });
  const Root keeper = vm.Create([&](Turn& turn) {
    // Enough: now it waits.
    if (++asked > 3) return turn.Send(timer.value(), turn.Tagged("start", 50, stop.value(), 0));
    turn.Send(FieldsOf(turn.message())[1],
              turn.Tagged("refill", turn.Map({{"steps", turn.Int(3000)}})));
  });
  const Core::SponsorResult split =
      vm.core().SplitSponsor(vm.Map({{"steps", vm.Int(3000)}, {"keeper", keeper.value()}}));
  const Root budget(vm.core().heap(), split.control);
  const Root guest = g.AskValue(budget, vm.Tagged("create", g.module.Behavior("guest")));
  vm.Send(guest, vm.Tagged("start", timer.value()));
  g.loop->Run();
  CHECK(asked == 4);
  CHECK(g.faults.empty());
  const std::vector<Core::Parked> parked = vm.core().ParkedEvents();
  REQUIRE(parked.size() == 1);
  CHECK(parked[0].events <= 2);
}

TEST_CASE("payer: what a file holds is memory of who read it") {
  TemporaryFolder folder;
  std::ofstream(folder.path + "/big") << std::string(400'000, 'x');
  Guest g(R"(
behavior guest {
  #use(dir) => task { size(await dir <- #read("big")) }
  #hold(dir, stuck) => task {
    let held = [(await dir <- #read("big")), (await dir <- #read("big"))]
    await stuck
    held
  }
})",
          {{"memory", Value::SmallInt(1'500'000)}});
  Vm& vm = g.vm;
  const Root dir = *MakeDirectory(*g.loop, folder.path, Access::kRead);
  const Root stuck(vm.core().heap(), vm.core().NewPromise());
  // Many times over: what is garbage again costs nothing.
  for (int i = 0; i < 20; ++i) {
    CHECK(g.Ask(g.guest, vm.Tagged("use", dir.value())) == "400000");
  }
  vm.Send(g.guest, vm.Tagged("hold", dir.value(), stuck.value()));
  g.loop->Run();
  CHECK(g.faults.empty());
  vm.core().heap().Collect(Heap::Scope::kFull);
  CHECK(g.Left("memory") < 1'500'000 - 800'000);
  // Two of them are held: a third fits, two more do not.
  vm.Send(g.guest, vm.Tagged("hold", dir.value(), stuck.value()));
  g.loop->Run();
  REQUIRE(g.faults.size() == 1);
  CHECK(g.faults[0] == "#quota(#memory)");
}

TEST_CASE("payer: lines of stdin are memory of who asked for them") {
  Guest g("behavior guest { #line(input) => input <- #line }",
          {{"memory", Value::SmallInt(200'000)}});
  Pipe in;
  std::thread writer([&] {
    in.Write(std::string(300'000, 'x') + "\nshort\n");
    in.CloseWrite();
  });
  const Root input = MakeStdin(*g.loop, {.fd = in.read_fd});
  CHECK(g.Ask(g.guest, g.vm.Tagged("line", input.value())) == "broken: #quota(#memory)");
  CHECK(g.Ask(g.guest, g.vm.Tagged("line", input.value())) == "\"short\"");
  writer.join();
}

TEST_CASE("payer: random bytes are memory of who asked for them") {
  Guest g("behavior guest { #bytes(random, n) => random <- #bytes(n) }",
          {{"memory", Value::SmallInt(200'000)}});
  const Root random = MakeRandom(g.vm, std::make_unique<SeededRandom>(1));
  CHECK(g.Ask(g.guest, g.vm.Tagged("bytes", random.value(), 300'000)) == "broken: #quota(#memory)");
  CHECK(g.Ask(g.guest, g.vm.Tagged("bytes", random.value(), 1)).starts_with("b\""));
}

}  // namespace vesicle
