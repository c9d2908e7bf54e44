// Laws 19 to 21 and 35: what is refused, what cannot be named, what is not told.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "membrane/membrane.h"
#include "tests/membrane/link.h"

namespace vesicle {
namespace {

// A local membrane, for what scripts cannot hold or see.
struct LocalWorld {
  LocalWorld() : wall(*Membrane::Create(vm.core(), {})) {}
  Root Pass(const Root& v, Direction d) {
    const Result passed = wall.Pass(v.value(), d);
    REQUIRE(passed.ok());
    return Root(vm.core().heap(), passed.value());
  }
  std::string Asked(const Root& target, Value message) {
    const Root reply = shore.Ask(target, message);
    vm.Run();
    return shore.Outcome(reply);
  }
  // What may not cross: a kind of target that is none of the membrane's, and code whose C++ state
  // may hold anything.
  std::vector<Root> Strangers() {
    Heap& heap = vm.core().heap();
    return {Root(heap, MakeNativeContinuation(vm.core(), [](Turn&) {})),
            Root(heap, MakeNativeBehavior(vm.core(), "native", [](Turn&) {})),
            Root(heap, vm.Define("defined", 1, [](Turn&) {}).Behavior({Value::Nil()}))};
  }

  Vm vm;
  Shore shore{vm, "outside.ves"};
  Membrane wall;
};

TEST_CASE("law 19: an unknown reference is refused and counted; it mints nothing *") {
  LocalWorld w;
  int heard = 0;
  const Root bob = w.vm.Create([&](Turn&) { ++heard; });
  const Root carol = w.vm.Create([&](Turn&) { ++heard; });
  const Root proxy = w.Pass(bob, Direction::kOut);
  const Root known = w.Pass(carol, Direction::kIn);
  uint64_t refused = 0;
  for (const Root& stranger : w.Strangers()) {
    const Membrane::Counts before = w.wall.counts();
    const Root promise(w.vm.core().heap(), w.vm.core().NewPromise());
    const Value v = stranger.value();
    const Value messages[] = {v,
                              w.vm.List({v}),
                              w.vm.List({carol.value(), w.vm.List({v})}),
                              w.vm.Tagged("t", v),
                              w.vm.Map({{"k", v}}),
                              w.vm.List({v, promise.value(), carol.value()}),
                              w.vm.List({promise.value(), carol.value(), w.vm.Map({{"k", v}})})};
    std::vector<Root> kept;
    for (const Value m : messages) kept.emplace_back(w.vm.core().heap(), m);
    for (const Root& m : kept) {
      CHECK(w.Asked(proxy, m.value()).rfind("broken: #denied(", 0) == 0);
      CHECK(w.wall.counts().refused == ++refused);
    }
    // Nor is one by an introduction.
    CHECK(!w.wall.Pass(v, Direction::kIn).ok());
    CHECK(!w.wall.Pass(v, Direction::kOut).ok());
    refused = w.wall.counts().refused;
    CHECK(w.wall.counts().proxies_in == before.proxies_in);
    CHECK(w.wall.counts().proxies_out == before.proxies_out);
    CHECK(w.wall.counts().owed == before.owed);
  }
  CHECK(heard == 0);
  CHECK(w.Asked(proxy, Value::Nil()) == "nil");
  CHECK(heard == 1);
}

TEST_CASE("law 19: nothing is half crossed when a reply is refused: who asked learns why") {
  LocalWorld w;
  Root stranger = w.Strangers().back();
  const Root bob = w.vm.Create([&](Turn& turn) {
    turn.Reply(turn.List({turn.self(), stranger.value()}));
  });
  const Root proxy = w.Pass(bob, Direction::kOut);
  CHECK(w.Asked(proxy, Value::Nil()).rfind("broken: #denied(", 0) == 0);
  CHECK(w.wall.counts().refused == 1);
  CHECK(w.wall.counts().owed == 0);
  // A promise that crossed, and is kept with what may not.
  const Root promise(w.vm.core().heap(), w.vm.core().NewPromise());
  const Root stand_in = w.Pass(promise, Direction::kOut);
  w.vm.core().Keep(promise.value(), w.vm.List({stranger.value()}));
  w.vm.Run();
  CHECK(w.shore.Outcome(stand_in).rfind("broken: #denied(", 0) == 0);
  CHECK(w.wall.counts().owed == 0);
}

TEST_CASE("law 20: no message can name the membrane's own machinery *") {
  const auto [link, from, to] = EveryWay();
  // Whatever is sent arrives, and does nothing but that.
  const std::string code = link->traits().copies_code ? "sink" : "1";
  link->Load("let code = " + code + R"(
    behavior recorder(heard) { #"what was it?" => heard, m => { become recorder(m); #got(m) } }
    behavior sender(far) {
      #go => task {
        let messages = [#revoke, #cut, #preview, #audit, #inward(1), #outward(1), #inward(self), #outward(self),
          #fulfill(1), #break(1), #fulfill(self), #stop, #balance, #refill({events: 1}), #create(code), #resume,
          #watch, #unwrap, #target, #payer, #sponsor, #boundary, #proxy, #settle(1), #keep(1), #listen(self), nil, [],
          #revoke(), #"op:abort"("x"), #"op:gc-export"(0, 1), #"op:deliver"(0, [], 0, 0), #start({})]
        let wrong = [for m in messages if kind(tag_or_nil(m)) != #nil and inspect(await far <- m) != inspect(#got(m)) { m }]
        [wrong, kind(far), inspect(far), text([far])]
      }
    }
    fn tag_or_nil(m) = if kind(m) == #symbol or kind(m) == #tagged { tag_of(m) } else { nil }
  )");
  const Root far = link->From(to, to.Create("recorder", {Value::Nil()}));
  const Root sender = from.Create("sender", {far.value()});
  CHECK(link->Asked(from, sender, "#go") == "[[], #ref, \"<ref>\", \"[<ref>]\"]");
  CHECK(link->Asked(from, far, "#hi") == "#got(#hi)");
}

TEST_CASE("law 20: a proxy is no more than a ref, for all that looks at values *") {
  const auto [link, from, to] = EveryWay();
  link->Load(R"(
    behavior person { _ => 1 }
    fn looks(r) = [
      kind(r), inspect(r), "${r}", try fields_of(r) else { _ => #no }, try tag_of(r) else { _ => #no },
      try size(r) else { _ => #no }, try keys(r) else { _ => #no }, try r() else { _ => #no },
      try r.target else { _ => #no }, try compare(r, r) else { _ => #no }, try r < r else { _ => #no },
      try bytes(r) else { _ => #no }, try name_of(r) else { _ => #no }, r == r, r == nil, r == inspect(r)
    ]
    behavior judge { #look(r) => looks(r) }
  )");
  const Root person = from.Create("person");
  const Root ours = from.Create("judge"), theirs = to.Create("judge");
  const Root here = from.Ask(ours, from.vm().Tagged("look", person.value()));
  const Root there = to.Ask(theirs, to.vm().Tagged("look", link->From(from, person).value()));
  link->Run();
  CHECK(from.Outcome(here).rfind("[#ref, \"<ref>\", \"<ref>\", #no,", 0) == 0);
  CHECK(to.Outcome(there) == from.Outcome(here));
}

TEST_CASE("law 21: errors carry no refs unwrapped, no stack, no path of the other side *") {
  const auto [link, from, to] = EveryWay();
  link->Load(R"(
    fn deep(n, v) = if n == 0 { v + 1 } else { 1 + deep(n - 1, v) }
    behavior bob(friend) {
      #fail => fail #no
      #fail_with_ref => fail #no(friend)
      #type => deep(10, friend)
      #divide => 1 / 0
      #key => { let m = {a: friend}; m.b }
      #index => [friend][7]
      #match(v) => match v { 1 => 2 }
      #let(v) => { let [a, b] = v; a == b }
      #revoked => fail #revoked
      #denied => fail #denied("not you")
      #again(e) => fail e
      #later(v) => task { await (create behavior { _ => 1 / 0 }) <- v }
    }
    behavior person { _ => 1 }
  )");
  const Root bob = link->From(from, from.Create("bob", {from.Create("person").value()}));
  const auto reason = [&, &link = link, &to = to](std::string_view m) {
    return link->Asked(to, bob, m);
  };
  CHECK(reason("#fail") == "broken: #failed(#no)");
  CHECK(reason("#fail_with_ref") == "broken: #failed(#no(<ref>))");
  CHECK(reason("#divide") == "broken: " + link->FarReason("#divide_by_zero"));
  CHECK(reason("#later(1)") == "broken: " + link->FarReason("#divide_by_zero"));
  // What a program raises itself is never taken for the VM's own.
  CHECK(reason("#revoked") == "broken: #failed(#revoked)");
  CHECK(reason("#denied") == "broken: #failed(#denied(\"not you\"))");
  CHECK(reason("#again(#failed(#failed(1)))") == "broken: #failed(#failed(1))");
  for (const char* m : {"#fail_with_ref", "#type", "#key", "#index", "#match([1, 2])", "#let(1)",
                        "#what(1)", "#later(1)"}) {
    const std::string text = reason(m);
    CAPTURE(text);
    CHECK(text.rfind("broken: #", 0) == 0);
    CHECK(text.find(".ves") == std::string::npos);
    CHECK(text.find("deep") == std::string::npos);
    CHECK(text.find("/") == std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find("0x") == std::string::npos);
  }
}

TEST_CASE("law 35: no operating-system handle crosses: code of C++ is refused wherever it stands") {
  LocalWorld w;
  const absl::StatusOr<Module> module = w.vm.Load("inside.ves", R"(
    behavior told(v) { #tell => v }
    behavior gives(v) { #alone => v, #listed => [1, v], #named => {device: v}, #tagged => #device(v),
                        #captured => told(v), #in_function => fn() = v, #as_key => [[v]],
                        #promised => { let [p, r] = promise(); r <- #fulfill(v); p },
                        #fail => fail v, #home(to) => to <- v }
  )");
  REQUIRE(module.ok());
  int opened = 0;
  // A device whose state is a handle: its behavior would be a way to have another one.
  const Root device(w.vm.core().heap(),
                    MakeNativeBehavior(w.vm.core(), "device", [&opened, handle = 7](Turn& turn) {
                      opened += handle;
                      turn.Reply(turn.Text("opened"));
                    }));
  const Root gives = w.vm.Create(module->Behavior("gives", {device.value()}));
  const Root proxy = w.Pass(gives, Direction::kOut);
  for (const char* m : {"alone", "listed", "named", "tagged", "captured", "in_function", "as_key",
                        "promised", "fail"}) {
    CAPTURE(std::string(m));
    CHECK(w.Asked(proxy, w.vm.Symbol(m)).rfind("broken: #denied(", 0) == 0);
  }
  const Root outsider = w.vm.Create([&](Turn&) { ++opened; });
  CHECK(w.Asked(proxy, w.vm.Tagged("home", outsider.value())).rfind("broken: #denied(", 0) == 0);
  CHECK(opened == 0);
  // The actor is another matter: others may ask it, as long as the membrane is there.
  const Root asked = w.Pass(w.vm.Create(device.value()), Direction::kOut);
  CHECK(w.Asked(asked, Value::Nil()) == "\"opened\"");
  w.wall.Revoke();
  CHECK(w.Asked(asked, Value::Nil()) == "broken: #revoked");
  CHECK(opened == 7);
}

}  // namespace
}  // namespace vesicle
