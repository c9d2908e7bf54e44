// What a turn leads to when it is over is paid as the turn was.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "vm/native/vm.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

// An actor on a budget of its own, which keeps the payer of its last turn.
struct OnBudget {
  explicit OnBudget(Vm& vm, Value limits) {
    const Core::SponsorResult split = vm.core().SplitSponsor(limits);
    control = Root(vm.core().heap(), split.control);
    vm.Ask(control,
           vm.Tagged("create", MakeNativeBehavior(vm.core(), "guest",
                                                  [this](Turn& turn) {
                                                    ++turns;
                                                    payer = turn.payer();
                                                    turn.Charge(99);
                                                  })),
           [&](const Reply& reply) { ref = Root(vm.core().heap(), reply.value()); });
    vm.Run();
  }
  Root control, ref;
  Payer payer;
  int turns = 0;
};

}  // namespace

TEST_CASE("payer: what is sent later is paid by the sponsor of the turn") {
  Vm vm;
  OnBudget guest(vm, vm.Map({{"steps", vm.Int(1000)}}));
  int received = 0;
  const Root sink = vm.Create([&](Turn& turn) {
    ++received;
    turn.Charge(199);
  });
  vm.Send(guest.ref, vm.Nil());
  vm.Run();
  const int64_t root_steps = vm.core().root_sponsor().amount(Resource::kSteps);
  CHECK(guest.payer.Send(sink.value(), vm.Int(1)) == Core::Delivery::kSent);
  vm.Run();
  CHECK(received == 1);
  CHECK(vm.core().root_sponsor().amount(Resource::kSteps) == root_steps);
  // 100 and 200 are spent: it pays four more, and says so when it cannot.
  while (guest.payer.Send(sink.value(), vm.Int(1)) == Core::Delivery::kSent) vm.Run();
  CHECK(received == 5);
  REQUIRE(vm.UnobservedFaults().size() == 1);
  CHECK(vm.UnobservedFaults()[0].reason == "#quota(#steps)");
}

TEST_CASE("payer: in a turn of somebody else it is an effect of that turn") {
  Vm vm;
  OnBudget guest(vm, vm.Map({{"steps", vm.Int(1000)}}));
  vm.Send(guest.ref, vm.Nil());
  vm.Run();
  int received = 0;
  const Root sink = vm.Create([&](Turn& turn) {
    ++received;
    turn.Charge(199);
  });
  const Root forwarder = vm.Create([&](Turn& turn) {
    CHECK(guest.payer.Send(sink.value(), turn.message()) == Core::Delivery::kSent);
    if (turn.message() == Value::SmallInt(0)) turn.Fail(turn.Nil());
  });
  vm.Send(forwarder, vm.Int(0));
  vm.Run();
  CHECK(received == 0);
  const int64_t root_steps = vm.core().root_sponsor().amount(Resource::kSteps);
  vm.Send(forwarder, vm.Int(1));
  vm.Run();
  CHECK(received == 1);
  CHECK(root_steps - vm.core().root_sponsor().amount(Resource::kSteps) < 100);
}

TEST_CASE("payer: what is sent on a dry sponsor waits, and a sponsor lives as long as its payer") {
  auto vm = std::make_unique<Vm>();
  int asked = 0;
  const Root keeper = vm->Create([&](Turn&) { ++asked; });
  OnBudget guest(*vm, vm->Map({{"events", vm->Int(1)}, {"keeper", keeper.value()}}));
  vm->Send(guest.ref, vm->Nil());
  vm->Run();
  // Its own refs go; the payer keeps the budget.
  const Root sink = std::exchange(guest.ref, {});
  CHECK(guest.payer.Send(sink.value(), vm->Int(1)) == Core::Delivery::kParked);
  CHECK(guest.payer.is_dry());
  vm->Run();
  CHECK(asked == 1);
  CHECK(guest.turns == 1);
  vm->Send(guest.control, vm->Tagged("refill", vm->Map({{"events", vm->Int(10)}})));
  guest.control.reset();
  vm->Run();
  CHECK(guest.turns == 2);
  vm->core().heap().Collect(Heap::Scope::kFull);
  vm->core().heap().Collect(Heap::Scope::kFull);
  CHECK(guest.payer.Send(sink.value(), vm->Int(1)) == Core::Delivery::kSent);
  vm->Run();
  CHECK(guest.turns == 3);
  vm.reset();
  CHECK(guest.payer.Send(sink.value(), Value::Nil()) == Core::Delivery::kRefused);
  CHECK_FALSE(guest.payer.is_dry());
}

TEST_CASE("payer: what is made for it is its memory, and held to it") {
  Vm vm;
  OnBudget guest(vm, vm.Map({{"memory", vm.Int(100'000)}}));
  vm.Send(guest.ref, vm.Nil());
  vm.Run();
  const std::string big(60'000, 'x');
  const auto make = [&] {
    const auto paying = guest.payer.Pay(big.size());
    Build build(vm.core());
    Root made(vm.core().heap(), build.Text(big));
    CHECK(build.failed() == made.value().is_nil());
    return made;
  };
  for (int i = 0; i < 5; ++i) CHECK_FALSE(make().value().is_nil());  // garbage gives way
  const Root held = make();
  CHECK(make().value().is_nil());
}

}  // namespace vesicle
