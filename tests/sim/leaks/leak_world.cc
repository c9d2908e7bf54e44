#include "tests/sim/leaks/leak_world.h"

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "membrane/local_boundary.h"
#include "membrane/planted.h"
#include "vm/actor/promise.h"
#include "vm/value/print.h"

namespace vesicle::leaks {
namespace {

VmOptions OptionsOf(const LeakOptions& options) {
  VmOptions vm;
  vm.slice_steps = 300;
  // Small, so that there are collections of both kinds.
  vm.heap.young_bytes = size_t{64} << 10;
  vm.heap.aged_bytes = size_t{16} << 10;
  vm.heap.old_bytes_floor = size_t{512} << 10;
  if (options.bug == planted::kRevokeLeavesTurns) {
    vm.planted_bug = VmOptions::PlantedBug::kCutLeavesTurns;
  }
  if (options.bug == planted::kRevokeLeavesQueued) {
    vm.planted_bug = VmOptions::PlantedBug::kCutLeavesQueued;
  }
  return vm;
}

std::string CastText() {
  std::ifstream file(VESICLE_SOURCE_DIR "/tests/sim/leaks/cast.ves");
  VESICLE_CHECK(file.good());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Registers that a turn has not set hold what an earlier turn left there, of whatever side, until
// the next collection. No code reads them; but once they are saved with the frames of a turn that
// is suspended, a walk cannot tell. As a collection does, this forgets them.
void ForgetRegisters(Core& core) {
  class Nothing final : public Visitor {
   public:
    void Visit(Value*, size_t) override {}
  };
  Nothing nothing;
  core.language()->VisitRoots(nothing);
}

bool IsPending(const Object* promise) {
  while (promise::StateOf(promise) == promise::State::kForwarded) {
    promise = promise::Outcome(promise).target();
  }
  return promise::StateOf(promise) == promise::State::kPending;
}

}  // namespace

LeakWorld::LeakWorld(const LeakOptions& options)
    : options_(options),
      random_(options.seed),
      vm_(OptionsOf(options)),
      core_(vm_.core()),
      sides_(core_.heap()),
      walk_(core_, sides_, walls_) {
#ifdef VESICLE_PLANTED_BUGS
  planted::bug = options.bug;
#endif
  absl::StatusOr<Module> cast = vm_.Load("cast.ves", CastText());
  if (!cast.ok()) {
    Say(std::string(cast.status().message()));
    return;
  }
  cast_ = *std::move(cast);
  banned_ = vm_.Symbol("banned");
  sides_count_ = 2 + Below(4);
  for (size_t side = 0; side < sides_count_; ++side) {
    for (size_t i = 0; i < kActorsOfSide; ++i) NewNode(static_cast<Side>(side));
  }
  for (size_t inside = 1; inside < sides_count_; ++inside) {
    BuildWall(static_cast<Side>(inside), static_cast<Side>(Below(inside)));
  }
  if (OneIn(2)) BuildWall(walls_[0].inside, walls_[0].outside);
  core_.set_observer(this);
  for (size_t i = 0; i < held_.size(); ++i) Introduce();
}

LeakWorld::~LeakWorld() {
  core_.set_observer(nullptr);
#ifdef VESICLE_PLANTED_BUGS
  planted::bug = planted::kNone;
#endif
}

LeakWorld::Counts LeakWorld::counts() const {
  Counts counts = counts_;
  counts.suspensions = core_.stats().suspensions;
  for (const Wall& wall : walls_) {
    counts.crossings += static_cast<int64_t>(wall.membrane.counts().crossed);
  }
  return counts;
}

Value LeakWorld::Applied(std::string_view function, std::span<const Value> arguments) {
  const Language::Applied made = core_.Apply(*cast_.Get(function), arguments, 100'000);
  VESICLE_CHECK(made.how == Language::Applied::How::kValue);
  return made.value;
}

// It has those of its side that were made before it.
Value LeakWorld::NewNode(Side side) {
  std::vector<Value> held;
  for (size_t i = side * kActorsOfSide; i < held_.size(); ++i) held.push_back(held_[i].value());
  constexpr int kValuesOwned = 16;
  const Value of[] = {vm_.Int(kValuesOwned), vm_.List(held)};
  const Value captures[] = {vm_.Int(++ids_), of[1], Applied("bag", of)};
  held_.push_back(vm_.Create(cast_.Behavior("node", captures)));
  sides_.Set(held_.back().value().target(), side);
  return held_.back().value();
}

// Of what goes from that side: nil, data, or a function of the sender's.
// A redirect leads back across: it may be in one direction only, or it never ends.
Value LeakWorld::RulesOf(Side sender, bool may_redirect) {
  switch (Below(4)) {
    case 0:
      return vm_.Tagged("deny_tags", vm_.List({banned_}));
    case 1:
    case 2: {
      const Value own[] = {RootOf(sender)};
      return Applied(may_redirect && OneIn(2) ? "redirects" : "writes", own);
    }
    default:
      return Value::Nil();
  }
}

void LeakWorld::BuildWall(Side inside, Side outside) {
  MembraneOptions options;
  options.inward = RulesOf(outside, true);
  options.outward = RulesOf(inside, false);
  if (OneIn(3)) {
    listeners_.push_back(vm_.Create(cast_.Behavior("listener", {vm_.List({})})));
    options.sink = listeners_.back().value();
    sides_.Set(options.sink.target(), inside);
  }
  absl::StatusOr<Membrane> made = Membrane::Create(core_, options);
  VESICLE_CHECK(made.ok());
  walls_.push_back({*made, inside, outside});
  walk_.NoteWalls();
  bans_.push_back(!options.inward.is_nil());
  bans_.push_back(!options.outward.is_nil());
}

// An order, or one to hand an order on.
Value LeakWorld::Order(int depth) {
  static constexpr std::string_view kOrders[] = {
      "give", "give_raw", "give_raw", "give_me",  "give_me", "tagged", "ask",      "ask",
      "wait", "same",     "promise",  "resolver", "settle",  "settle", "make",     "code",
      "open", "budget",   "refill",   "long",     "tagged",  "give",   "give_own", "watched"};
  const int i = static_cast<int>(Below(40)), j = static_cast<int>(Below(40));
  if (depth < 2 && OneIn(4)) {
    return vm_.Tagged(OneIn(2) ? "relay" : "delegate", i, Order(depth + 1));
  }
  return vm_.Tagged(kOrders[Below(std::size(kOrders))], i, j);
}

void LeakWorld::Act() {
  const size_t what = Below(100);
  if (what < 84) return vm_.Send(RootOf(static_cast<Side>(Below(sides_count_))), Order(0));
  if (what < 90) return Introduce();
  if (what < 96) return AskThrough();
  if (what < 98) {
    if (promises_.empty()) return;
    const size_t i = Below(promises_.size());
    const Value promise = promises_[i].value();
    const Side side = sides_.Of(promise.target());
    if (side != kNone) {
      OneIn(3) ? core_.Break(promise, core_.Failed(RootOf(side)))
               : core_.Keep(promise, RootOf(side));
    }
    promises_.erase(promises_.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
  if (!OneIn(3)) return;
  const size_t wall = Below(walls_.size());
  Revoke(wall);
  if (walls_.size() < 12) BuildWall(walls_[wall].inside, walls_[wall].outside);
}

// Somebody of one side, or a late promise of it, for somebody of the other one.
void LeakWorld::Introduce() {
  const size_t i = Below(walls_.size());
  Wall& wall = walls_[i];
  const Direction way = OneIn(2) ? Direction::kIn : Direction::kOut;
  const Side from = way == Direction::kIn ? wall.outside : wall.inside;
  const Side to = way == Direction::kIn ? wall.inside : wall.outside;
  sides_.Refresh();
  Value introduced = RootOf(from);
  const bool is_promise = OneIn(4);
  if (is_promise) {
    introduced = core_.NewPromise();
    promises_.emplace_back(core_.heap(), introduced);
    sides_.Set(introduced.target(), from);
  }
  const Result passed = wall.membrane.Pass(introduced, way);
  if (!passed.ok()) return Say("an introduction fails");
  const Value got = passed.value();
  if (!is_promise && wall.is_revoked && !boundary::Target(got.target()).is_nil()) {
    return Say("a proxy that was minted after the revoke is alive");
  }
  if (!is_promise && !wall.is_revoked && boundary::Target(got.target()) != introduced) {
    return Say("a proxy stands for another actor");
  }
  if (is_promise && wall.is_revoked && IsPending(got.target())) {
    return Say("a promise that crossed after the revoke is pending");
  }
  if (is_promise && sides_.Of(got.target()) == kNone) sides_.Set(got.target(), to);
  vm_.Send(RootOf(to), vm_.Tagged("keep_one", got));
}

// Somebody inside is asked by `asker`. *comes_home: the question may be handed on to the asker's
// side, where it lives on whatever is cut.
Value LeakWorld::Question(Value asker, bool* comes_home) {
  const int n = static_cast<int>(Below(40));
  *comes_home = false;
  switch (Below(10)) {
    case 0:
      return vm_.Tagged("fetch", n);
    case 1:
      return vm_.Tagged("fail", n);
    case 2:
      return vm_.Symbol("never");
    case 3:
      return vm_.Tagged("echo", asker);
    case 4:
      return vm_.Tagged("banned", asker);
    case 5:
      return vm_.Tagged("elsewhere", asker);
    case 6:
      return vm_.Tagged("own", n);
    case 7:
      *comes_home = true;
      return vm_.Tagged("delegate", n, vm_.Tagged("fetch", n));
    case 8:
      *comes_home = true;
      return vm_.Tagged("delegate", n, vm_.Tagged("echo", asker));
    default:
      return vm_.Tagged("long", n, 40 + n * 4);
  }
}

void LeakWorld::AskThrough() {
  const size_t i = Below(walls_.size());
  Wall& wall = walls_[i];
  sides_.Refresh();
  const Result proxy = wall.membrane.Pass(RootOf(wall.inside), Direction::kOut);
  if (!proxy.ok()) return Say("an introduction fails");
  const Value promise = core_.NewPromise();
  sides_.Set(promise.target(), wall.outside);
  bool comes_home = false;
  const Value question = Question(RootOf(wall.outside), &comes_home);
  Root kept(core_.heap(), promise);
  if (!comes_home) asked_.push_back({i, std::move(kept)});
  core_.Deliver(proxy.value(), question, promise);
}

void LeakWorld::Revoke(size_t wall) {
  if (walls_[wall].is_revoked) return;
  walls_[wall].membrane.Revoke();
  walls_[wall].is_revoked = true;
  ++counts_.revokes;
}

// When the first membrane on the way to it that was cut was cut; 0: none was.
uint64_t LeakWorld::CutOnTheWay(Value target) const {
  while (target.is_target()) {
    const Object* o = target.target();
    if (o->kind == Kind::kPayer) {
      target = o->words()[0];
    } else if (o->kind == Kind::kProxy) {
      const Wall* wall = walk_.WallOf(o);
      if (wall != nullptr && wall->is_revoked) return boundary::OfProxy(o)->cut_at();
      target = boundary::Target(o);
    } else {
      return 0;
    }
  }
  return 0;
}

void LeakWorld::OnTurn(Core& core, const TurnState& turn, TurnEnd end) {
  if (!walks_ || !wrong_.empty()) return;
  ForgetRegisters(core);
  ++counts_.turns;
  if (end == TurnEnd::kFaulted) {
    const std::string reason = Print(core.fault_reason());
    if (reason == "#divide_by_zero") Say("somebody is not who he is said to be");
    if (reason == "#revoked") ++counts_.undone;
  }
  const Value origin = turn.origin.target;
  if (end == TurnEnd::kDone && origin.is_target()) {
    if (CutOnTheWay(origin) != 0) Say("a turn commits that a cut crossing began");
    if (origin.target()->kind == Kind::kProxy && HasTag(turn.message) &&
        TagOf(turn.message) == banned_) {
      const Wall* wall = walk_.WallOf(origin.target());
      const bool is_in = LocalBoundary::ToTarget(origin.target()) == Direction::kIn;
      if (bans_[2 * static_cast<size_t>(wall - walls_.data()) + (is_in ? 0 : 1)]) {
        Say("what was denied has an effect");
      }
    }
  }
  LookWhatWaits(&core.sponsor());
  std::string leak = walk_.Run(held_, end == TurnEnd::kDone ? &turn : nullptr);
  if (!leak.empty()) Say(std::move(leak));
  counts_.objects += static_cast<int64_t>(walk_.objects_met());
  counts_.objects_max = std::max(counts_.objects_max, walk_.objects_met());
}

// What waits for a refill waits for no membrane that was cut since: once a slice has begun, besides
// that of who went dry in it.
void LeakWorld::LookWhatWaits(const Sponsor* running) {
  core_.ForEachSponsor([&](Sponsor& s) {
    if (!s.dry || &s == running) return;
    s.queue.ForEach([&](const Event& event) {
      if (event.flag() == EventFlag::kMessage && event.cause() < CutOnTheWay(event.target)) {
        Say("a message waits that a revoke has cut");
      }
    });
  });
}

void LeakWorld::LookAtAsks(bool is_end) {
  std::erase_if(asked_, [](const Asked& a) { return !IsPending(a.promise.value().target()); });
  if (!is_end) return;
  for (const Asked& a : asked_) {
    if (walls_[a.wall].is_revoked) return Say("somebody waits for ever for a membrane that is cut");
  }
}

// A slice of one sponsor.
bool LeakWorld::RunOne() {
  const bool has_more = core_.RunSlice(1);
  ForgetRegisters(core_);
  return has_more;
}

std::string LeakWorld::Run(int64_t turns) {
  walks_ = true;
  while (wrong_.empty() && counts_.turns < turns && !sides_.is_full()) {
    const int acts = 1 + static_cast<int>(Below(3));
    for (int i = 0; i < acts && wrong_.empty(); ++i) Act();
    if (!wrong_.empty()) break;
    bool has_more = true;
    for (size_t slices = 1 + Below(6); slices > 0 && has_more; --slices) has_more = RunOne();
    if (OneIn(8)) {
      LookAtAsks(false);
      if (std::string leak = walk_.Run(held_, nullptr); !leak.empty()) Say(std::move(leak));
    }
    if (!has_more) LookAtAsks(false);
  }
  for (size_t wall = 0; wall < walls_.size(); ++wall) Revoke(wall);
  for (int i = 0; i < 20'000 && wrong_.empty() && !sides_.is_full() && RunOne(); ++i) {
  }
  if (wrong_.empty()) {
    LookWhatWaits(nullptr);
    LookAtAsks(!sides_.is_full());
    if (std::string leak = walk_.Run(held_, nullptr); !leak.empty()) Say(std::move(leak));
    for (const Wall& wall : walls_) {
      const Membrane::Counts left = wall.membrane.counts();
      if (left.proxies_in + left.proxies_out + left.owed > 0) {
        Say("a membrane that was cut holds something");
      }
    }
    if (const char* heap = core_.heap().Verify()) Say(heap);
  }
  walks_ = false;
  return wrong_;
}

std::string ReplayCommand(uint64_t seed, int64_t turns, int bug) {
  std::string command = absl::StrCat("tests/sim/leaks/leak_hunt", bug != 0 ? "_planted" : "",
                                     " --seed ", seed, " --turns ", turns);
  if (bug != 0) absl::StrAppend(&command, " --bug ", bug);
  return command;
}

}  // namespace vesicle::leaks
