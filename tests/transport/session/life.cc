#include "tests/transport/session/life.h"

#include <cstdlib>
#include <utility>
#include <vector>

#include "tests/transport/session/world.h"
#include "vm/random/random.h"

namespace vesicle {
namespace {

// An agent numbers what it sends by each reference that it has got, and looks at the numbers that
// come.
constexpr std::string_view kAgent = R"(
fn fresh(ref, key) = {ref: ref, key: key, sent: 0}
fn pick(refs, i) = refs[i % size(refs)]

behavior agent(id, refs, next, seen, wrong, total) {
  #take(r) => {
    become with (refs: take_last([...refs, fresh(r, next)], 8), next: next + 1)
    nil
  }
  #give(i, j) if refs != [] => { pick(refs, i).ref <- #take(pick(refs, j).ref); nil }
  #note(i) if refs != [] => {
    let at = i % size(refs)
    let to = refs[at]
    to.ref <- #noted([id, to.key], to.sent + 1)
    become with (refs: [for k in 0..size(refs) - 1 { if k == at { put(to, "sent", to.sent + 1) } else { refs[k] } }], total: total + 1)
    nil
  }
  #noted(from, n) => {
    let bad = if n <= get(seen, from, 0) { 1 } else { 0 }
    become with (seen: put(seen, from, n), wrong: wrong + bad)
    nil
  }
  #ask(i, v) if refs != [] => pick(refs, i).ref <- #echo(v)
  // By way of an answer that is not there yet.
  #ahead(i, j, v) if refs != [] => {
    let there = pick(refs, i).ref <- #yours(j)
    there <- #echo(v)
  }
  #yours(j) => if refs == [] { self } else { pick(refs, j).ref }
  #fails(i) if refs != [] => pick(refs, i).ref <- #fail
  #fail => fail #on_purpose
  #echo(v) => v
  #sent => total
  #heard => fold(values(seen), 0, fn(a, n) = a + n)
  #drop => { become with (refs: [], seen: {}); nil }
  #wrong => wrong
  _ => nil
}
)";

}  // namespace

Life Live(uint64_t seed, Lines lines) {
  SeededRandom random(seed);
  const auto below = [&](uint64_t n) { return static_cast<int64_t>(random.Next() % n); };
  MemoryOptions memory;
  if (seed % 2 == 0) {
    memory = {.delay_ns_min = 1'000, .delay_ns_max = 20'000'000};
    memory.chunk_bytes_max = seed % 4 == 0 ? 40 : 0;
  }
  memory.stays_in_process = lines == Lines::kInProcess;
  const bool has_cuts = seed % 3 == 0;
  // Whole VMs end and come again under their names.
  const bool has_crashes = seed % 6 == 0;
  // Some VMs deal with some peers in mode relay.
  const bool has_relays = seed % 5 == 0;
  World world(seed, memory);
  const size_t count = 2 + static_cast<size_t>(below(seed % 10 == 1 ? 7 : 4));
  constexpr size_t kAgentsEach = 2;
  std::vector<Root> agents(count * kAgentsEach);
  std::vector<Locator> locators(agents.size());
  int64_t agents_made = 0;
  const auto node = [&](size_t agent) -> World::Node& { return *world.nodes[agent / kAgentsEach]; };
  std::vector<bool> trusts(count);
  const auto options_of = [&](size_t vm_number) {
    NetworkOptions options;
    options.trusts_locations = !has_cuts || below(2) == 0;
    trusts[vm_number] = options.trusts_locations;
    const uint64_t relays = has_relays ? random.Next() : 0;
    options.terms = [relays](const PeerLocator& peer) -> absl::StatusOr<PeerTerms> {
      PeerTerms terms;
      if ((relays >> (peer.name.designator.back() % 8)) % 2 == 1) terms.relay.emplace();
      return terms;
    };
    return options;
  };
  const auto make_agents = [&](size_t vm_number) {
    for (size_t i = vm_number * kAgentsEach; i < (vm_number + 1) * kAgentsEach; ++i) {
      Vm& vm = *node(i).vm;
      const Value nothing = EmptyList(vm.core().heap());
      agents[i] = node(i).Make(
          kAgent, "agent",
          {vm.Int(agents_made++), nothing, vm.Int(0), vm.Map({}), vm.Int(0), vm.Int(0)});
      locators[i] = node(i).Offer(agents[i]);
    }
  };
  for (size_t i = 0; i < count; ++i) {
    world.Add("vm" + std::to_string(i), options_of(i));
    make_agents(i);
  }
  // Where no line is cut all sessions are there before anything happens: what a dial loses when
  // hellos cross is lost by the rules.
  for (size_t i = 0; !has_cuts && i < count; ++i) {
    for (size_t j = i + 1; j < count; ++j) {
      world.nodes[i]->Fetch(locators[j * kAgentsEach]);
      world.Run(500'000'000);
    }
  }
  // Questions, and the VM that asked; of one that has crashed nobody hears.
  std::vector<std::pair<size_t, World::OutcomePtr>> asked;
  const auto ask = [&](size_t a, Value message) {
    asked.emplace_back(a / kAgentsEach, node(a).Ask(agents[a], message));
  };
  const auto restart = [&](size_t vm_number) {
    for (size_t i = vm_number * kAgentsEach; i < (vm_number + 1) * kAgentsEach; ++i) {
      agents[i].reset();
    }
    std::erase_if(asked, [&](const auto& entry) { return entry.first == vm_number; });
    world.Restart(vm_number, options_of(vm_number));
    make_agents(vm_number);
  };
  const auto agent = [&] { return static_cast<size_t>(below(agents.size())); };
  for (int step = 0; step < 150; ++step) {
    const size_t a = agent();
    Vm& vm = *node(a).vm;
    const int64_t i = below(8), j = below(8);
    switch (below(has_cuts ? 10 : 9)) {
      case 0:
      case 1: {
        const Root far = node(a).Fetch(locators[agent()]);
        vm.Send(agents[a], vm.Tagged("take", far.value()));
        break;
      }
      case 2:
        vm.Send(agents[a], vm.Tagged("give", i, j));
        break;
      case 3:
      case 4:
        vm.Send(agents[a], vm.Tagged("note", i));
        break;
      case 5:
        ask(a, vm.Tagged("ask", i, int64_t{step}));
        break;
      case 6:
        ask(a, vm.Tagged("ahead", i, j, int64_t{step}));
        break;
      case 7:
        ask(a, vm.Tagged("fails", i));
        break;
      case 8:
        if (below(4) == 0) node(a).Collect();
        break;
      default:
        if (has_crashes && below(4) == 0) {
          restart(static_cast<size_t>(below(count)));
          break;
        }
        world.network.Cut(node(a).name, node(agent()).name);
        break;
    }
    if (below(3) == 0) world.Run(below(30'000'000));
  }
  world.Run(60'000'000'000);
  Life life;
  const auto wrong = [&life](std::string what) {
    if (life.wrong.empty()) life.wrong = std::move(what);
  };
  for (size_t i = 0; i < asked.size(); ++i) {
    const World::Outcome& outcome = *asked[i].second;
    if (outcome.settlements != 1) {
      wrong("question " + std::to_string(i) + " ended " + std::to_string(outcome.settlements) +
            " times");
    } else if (!has_cuts && !outcome.is_kept && outcome.text != "#failed(#on_purpose)") {
      wrong("question " + std::to_string(i) + " ended with " + outcome.text);
    }
  }
  // Whatever happened, it goes on now: everybody can reach everybody. But who does not take peers
  // at their word cannot dial one that has a session already.
  for (size_t i = 0; i < count; ++i) {
    if (!trusts[i]) continue;
    for (size_t j = 0; j < agents.size(); ++j) {
      World::Node& from = *world.nodes[i];
      const Value message = from.vm->Tagged("echo", static_cast<int64_t>(j));
      const auto echo = from.Ask(from.Fetch(locators[j]), message);
      world.Run(10'000'000'000);
      if (echo->text != std::to_string(j)) {
        wrong(from.name + " does not reach agent " + std::to_string(j) + ": " + echo->text);
      }
    }
  }
  // Nothing overtook anything, came twice, or was lost.
  int64_t sent = 0, heard = 0;
  for (size_t i = 0; i < agents.size(); ++i) {
    World::Node& n = node(i);
    const auto disorder = n.Ask(agents[i], n.vm->Symbol("wrong"));
    const auto out = n.Ask(agents[i], n.vm->Symbol("sent"));
    const auto in = n.Ask(agents[i], n.vm->Symbol("heard"));
    n.vm->Run();
    if (disorder->text != "0") wrong("out of order at agent " + std::to_string(i));
    sent += std::atoll(out->text.c_str());
    heard += std::atoll(in->text.c_str());
    n.vm->Send(agents[i], n.vm->Symbol("drop"));
  }
  if (!has_cuts && sent != heard) {
    wrong(std::to_string(sent) + " were sent and " + std::to_string(heard) + " heard");
  }
  for (int round = 0; round < 6; ++round) {
    world.Run(1'000'000'000);
    for (const auto& n : world.nodes) n->Collect();
  }
  world.Run(2'000'000'000);
  life.hash = world.network.trace_hash();
  for (const auto& n : world.nodes) {
    const Session::Counts c = world.CountsOf(*n);
    if (c.exports + c.imports + c.asks + c.answers + c.returned_late != 0) {
      wrong(n->name + " has exports " + std::to_string(c.exports) + ", imports " +
            std::to_string(c.imports) + ", asks " + std::to_string(c.asks) + ", answers " +
            std::to_string(c.answers) + ", kept " + std::to_string(c.returned_late));
    }
    life.turns += n->vm->core().stats().turns;
  }
  return life;
}

}  // namespace vesicle
