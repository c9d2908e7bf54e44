#include "tests/vm/heap/world.h"

#include <algorithm>
#include <utility>

namespace vesicle {

namespace {

constexpr Kind kKinds[] = {Kind::kTuple,          Kind::kActor,      Kind::kPromise,
                           Kind::kListRoom,       Kind::kActivation, Kind::kTagged,
                           Kind::kSponsorControl, Kind::kWeakTable};

Value RefTo(Object* o) { return IsTargetKind(o->kind) ? Value::Target(o) : Value::Data(o); }
bool IsFinal(Kind kind) { return InfoOf(kind).death == Death::kFinal; }
bool IsWeak(Kind kind) { return InfoOf(kind).write == Write::kWeak; }

}  // namespace

World::World(uint64_t seed, Options options)
    : random_(seed), options_(options), heap_(std::make_unique<Heap>(options.heap, this)) {}

World::~World() {
  heap_.reset();  // finalizes
}

void World::Fail(const std::string& what) {
  if (problem_.empty()) problem_ = what;
}

// --- As the heap's client

void World::VisitYoungRoots(Visitor& visitor) {
  for (size_t i = queue_scanned_; i < queue_.size(); ++i) visitor.Visit(&queue_[i], 1);
}

void World::OnYoungEmptied() { queue_scanned_ = queue_.size(); }

void World::VisitMarkRoots(Visitor&) {
  queue_unmarked_ = queue_.size();
  queue_next_ = 0;
}

bool World::VisitMarkRootsSlice(Visitor& visitor, size_t words_max) {
  const size_t words = std::min<size_t>(words_max, 3);  // small, so that slices are many
  for (size_t i = 0; i < words && queue_next_ < queue_unmarked_; ++i) {
    visitor.Visit(&queue_[queue_next_++], 1);
  }
  return queue_next_ < queue_unmarked_;
}

void World::Trace(Object* object, Visitor& visitor) {
  const Value first = object->words()[0];
  if (!first.is_int()) return;
  Behind* behind = reinterpret_cast<Behind*>(first.bits());
  visitor.Visit(behind->words.data(), behind->words.size());
}

void World::Finalize(Object* object) {
  const Value first = object->words()[0];
  if (!first.is_int()) return Fail("finalized without its memory");
  Behind* behind = reinterpret_cast<Behind*>(first.bits());
  if (finals_.erase(behind->id) != 1) Fail("finalized twice");
  delete behind;
}

void World::VisitAllRoots(Visitor& visitor) {
  for (Value& v : queue_) visitor.Visit(&v, 1);
}

// --- Reading

bool World::Matches(Both b) {
  if (!b.cell.is_object) return b.value == Value::SmallInt(b.cell.n);
  if (!b.value.is_pointer()) return false;
  Object* o = b.value.object();
  const Node& node = nodes_[static_cast<size_t>(b.cell.n)];
  if (o->kind != node.kind || o->count != node.words.size() + 1) return false;
  if (o->sponsor != node.sponsor) return false;
  if (!IsFinal(o->kind)) return o->words()[0] == Value::SmallInt(b.cell.n);
  return reinterpret_cast<Behind*>(o->words()[0].bits())->id == b.cell.n;
}

World::Both World::PickRoot() {
  const size_t i = Pick(roots_.size() + queue_.size());
  if (i < roots_.size()) return {roots_[i].value(), root_cells_[i]};
  if (i - roots_.size() < queue_.size()) {
    return {queue_[i - roots_.size()], queue_cells_[i - roots_.size()]};
  }
  return {Value::SmallInt(0), {}};
}

World::Both World::Walk() {
  Both at = PickRoot();
  for (size_t depth = Pick(8);; --depth) {
    if (!Matches(at)) {
      Fail("a word is not what the shadow says");
      return {Value::SmallInt(0), {}};
    }
    if (depth == 0 || !at.cell.is_object) return at;
    Object* o = at.value.object();
    const Node& node = nodes_[static_cast<size_t>(at.cell.n)];
    if (IsWeak(node.kind)) return at;
    if (!node.behind.empty() && Pick(2) == 0) {
      const size_t i = Pick(node.behind.size());
      at = {reinterpret_cast<Behind*>(o->words()[0].bits())->words[i], node.behind[i]};
      continue;
    }
    if (node.words.empty()) return at;
    const size_t i = Pick(node.words.size());
    if (!node.words[i].is_object && Pick(4) != 0) return at;
    at = {o->words()[i + 1], node.words[i]};
  }
}

// --- Steps

void World::Make() {
  const size_t kinds = std::size(kKinds) - (options_.weak_tables ? 0 : 1);
  const Kind kind = kKinds[Pick(kinds)];
  uint32_t count = static_cast<uint32_t>(1 + Pick(Pick(10) == 0 ? 60 : 6));
  if (Pick(200) == 0) count = static_cast<uint32_t>(1 + Pick(4000));
  const size_t id = nodes_.size();
  const SponsorIndex sponsor = static_cast<SponsorIndex>(Pick(5));
  heap_->SetSponsor(sponsor, UINT64_MAX);

  Object* o = Pick(10) == 0 ? heap_->AllocateOld(kind, count) : heap_->TryAllocate(kind, count);
  Node node{kind, sponsor, std::vector<Cell>(count - 1), {}};
  if (IsFinal(kind)) {
    Behind* behind = new Behind{static_cast<int64_t>(id), {}};
    finals_.insert(behind->id);
    for (size_t i = Pick(4); i > 0; --i) {
      const Both b = Walk();
      behind->words.push_back(b.value);
      node.behind.push_back(b.cell);
    }
    o->words()[0] = Value::FromBits(reinterpret_cast<uint64_t>(behind));
  } else {
    o->words()[0] = Value::SmallInt(static_cast<int64_t>(id));
  }
  for (uint32_t i = 1; i < count; ++i) {
    const Both b = i < 8 && Pick(3) != 0 ? Walk() : Both{Value::SmallInt(i), {false, i}};
    o->words()[i] = b.value;
    node.words[i - 1] = b.cell;
  }
  nodes_.push_back(std::move(node));
  const Cell cell{true, static_cast<int64_t>(id)};
  if (roots_.size() < 100) {
    roots_.emplace_back(*heap_, RefTo(o));
    root_cells_.push_back(cell);
  } else if (Pick(8) == 0) {
    const size_t i = Pick(roots_.size());
    roots_[i].set(RefTo(o));
    root_cells_[i] = cell;
  } else {  // into the graph, or lost
    const Both at = Walk();
    if (!at.cell.is_object || !problem_.empty()) return;
    Node& holder = nodes_[static_cast<size_t>(at.cell.n)];
    if (InfoOf(holder.kind).write != Write::kBarrier || holder.words.empty()) return;
    const size_t i = Pick(holder.words.size());
    heap_->WillWrite(at.value.object());
    at.value.object()->words()[i + 1] = RefTo(o);
    holder.words[i] = cell;
  }
}

void World::Write() {
  const Both at = Walk();
  if (!at.cell.is_object) return;
  Node& node = nodes_[static_cast<size_t>(at.cell.n)];
  if (InfoOf(node.kind).write != Write::kBarrier || node.words.empty()) return;
  const size_t i = Pick(std::min<size_t>(node.words.size(), 12));
  if (node.words[i].is_object && Pick(4) != 0) return;  // or all would soon be lost
  const Both b = Pick(8) == 0 ? Both{Value::SmallInt(7), {false, 7}} : Walk();
  heap_->WillWrite(at.value.object());
  at.value.object()->words()[i + 1] = b.value;
  node.words[i] = b.cell;
  if (Pick(3) == 0) {  // hide: what moves between two objects is in one place only
    const Both to = Walk();
    if (!to.cell.is_object) return;
    Node& other = nodes_[static_cast<size_t>(to.cell.n)];
    if (InfoOf(other.kind).write != Write::kBarrier || other.words.empty()) return;
    const size_t k = Pick(std::min<size_t>(other.words.size(), 12));
    heap_->WillWrite(to.value.object());
    std::swap(to.value.object()->words()[k + 1], at.value.object()->words()[i + 1]);
    std::swap(other.words[k], node.words[i]);
  }
}

// What a snapshot is for: the only way to something moves from where a mark has
// not looked yet to where it will not look again.
void World::Hide() {
  const Both at = Walk();
  if (!at.cell.is_object || roots_.empty()) return;
  Node& node = nodes_[static_cast<size_t>(at.cell.n)];
  if (InfoOf(node.kind).write != Write::kBarrier || node.words.empty()) return;
  const size_t i = Pick(std::min<size_t>(node.words.size(), 12));
  if (!node.words[i].is_object) return;
  const size_t r = Pick(roots_.size());
  Value& word = at.value.object()->words()[i + 1];
  const Value v = word;
  const Cell c = node.words[i];
  heap_->WillWrite(at.value.object());
  word = Value::SmallInt(8);
  node.words[i] = {false, 8};
  roots_[r].set(v);
  root_cells_[r] = c;
}

void World::WriteBehind() {
  const Both at = Walk();
  if (!at.cell.is_object) return;
  Node& node = nodes_[static_cast<size_t>(at.cell.n)];
  if (!IsFinal(node.kind) || InfoOf(node.kind).write != Write::kBarrier) return;
  const Both b = Walk();
  heap_->WillWrite(at.value.object());
  Behind* behind = reinterpret_cast<Behind*>(at.value.object()->words()[0].bits());
  if (!node.behind.empty() && Pick(2) == 0) {
    const size_t i = Pick(node.behind.size());
    behind->words[i] = b.value;
    node.behind[i] = b.cell;
  } else if (node.behind.size() < 20) {
    behind->words.push_back(b.value);
    node.behind.push_back(b.cell);
  }
}

void World::WeakWrite() {
  const Both at = Walk();
  if (!at.cell.is_object) return;
  Node& node = nodes_[static_cast<size_t>(at.cell.n)];
  if (!IsWeak(node.kind) || node.words.empty()) return;
  const Both b = Walk();
  const size_t i = Pick(node.words.size());
  heap_->WillWrite(at.value.object());
  at.value.object()->words()[i + 1] = b.value;
  node.words[i] = b.cell;
}

void World::WeakRead() {
  const Both at = Walk();
  if (!at.cell.is_object) return;
  Node& node = nodes_[static_cast<size_t>(at.cell.n)];
  if (!IsWeak(node.kind) || node.words.empty()) return;
  const size_t i = Pick(node.words.size());
  const Value v = heap_->ReadWeak(at.value.object(), static_cast<uint32_t>(i + 1));
  if (v.is_absent()) {
    // Integers never die; of an object, nobody else may have had it.
    if (!node.words[i].is_object) return Fail("an integer in a weak table died");
    if (Pick(20) == 0 && ReachableIds().contains(node.words[i].n)) {
      Fail("a weak word lost an object that lives");
    }
    heap_->WillWrite(at.value.object());
    at.value.object()->words()[i + 1] = Value::SmallInt(0);
    node.words[i] = {};
    return;
  }
  if (!Matches({v, node.words[i]})) return Fail("a weak word is not what the shadow says");
  if (!roots_.empty() && Pick(2) == 0) {  // it lives again
    const size_t r = Pick(roots_.size());
    root_cells_[r] = node.words[i];
    roots_[r].set(v);
  }
}

void World::QueuePush() {
  const Both b = Walk();
  queue_.push_back(b.value);
  queue_cells_.push_back(b.cell);
}

void World::QueuePop() {
  if (queue_.size() <= 60) return;
  if (queue_unmarked_ > 0) {
    if (queue_next_ == 0) {
      if (options_.heap.planted_bug != HeapOptions::PlantedBug::kForgetsSnapshot) {
        heap_->Shade(queue_.front());
      }
    } else {
      --queue_next_;
    }
    --queue_unmarked_;
  }
  if (queue_scanned_ > 0) --queue_scanned_;
  const Both b{queue_.front(), queue_cells_.front()};
  queue_.pop_front();
  queue_cells_.pop_front();
  if (!Matches(b)) return Fail("what left the queue is not what the shadow says");
  if (!roots_.empty() && Pick(3) == 0) {
    const size_t r = Pick(roots_.size());
    roots_[r].set(b.value);
    root_cells_[r] = b.cell;
  }
}

void World::ChangeRoots() {
  if (roots_.empty()) return;
  const size_t a = Pick(roots_.size());
  const size_t b = Pick(roots_.size());
  switch (Pick(4)) {
    case 0:
      roots_[a] = roots_[b];
      root_cells_[a] = root_cells_[b];
      break;
    case 1:
      std::swap(roots_[a], roots_[b]);
      std::swap(root_cells_[a], root_cells_[b]);
      break;
    case 2: {
      const Both w = Walk();
      roots_[a].set(w.value);
      root_cells_[a] = w.cell;
      break;
    }
    case 3:
      roots_.erase(roots_.begin() + static_cast<ptrdiff_t>(a));
      root_cells_.erase(root_cells_.begin() + static_cast<ptrdiff_t>(a));
      break;
  }
}

void World::Verify(const char* when) {
  if (const char* p = heap_->Verify(); p != nullptr) Fail(std::string(when) + ": " + p);
}

void World::SafePointIfWanted() {
  if (alike_ ? Pick(20) != 0 : !heap_->wants_safe_point() && Pick(50) != 0) return;
  Verify("before a safe point");
  if (!problem_.empty()) return;
  // With a planted bug the harm must be seen by Verify before a second cycle meets it.
  if (options_.heap.planted_bug == HeapOptions::PlantedBug::kNone && Pick(100) == 0) {
    heap_->Collect(Pick(2) == 0 ? Heap::Scope::kFull : Heap::Scope::kYoung);
  } else {
    if (Pick(10) == 0) heap_->RequestCycle();
    heap_->SafePoint();
  }
  Verify("after a safe point");
}

bool World::Step() {
  const uint64_t what = Pick(100);
  if (what < 30) {
    Make();
  } else if (what < 48) {
    Write();
  } else if (what < 55) {
    Hide();
  } else if (what < 60) {
    WriteBehind();
  } else if (what < 68) {
    QueuePush();
  } else if (what < 77) {
    QueuePop();
  } else if (what < 79) {
    ChangeRoots();
  } else if (what < 90 && options_.weak_tables) {
    WeakWrite();
  } else if (what < 96 && options_.weak_tables) {
    WeakRead();
  }
  if (problem_.empty()) SafePointIfWanted();
  return problem_.empty();
}

void World::Run(int steps) {
  for (int i = 0; i < steps && problem_.empty(); ++i) {
    if (!Step()) problem_ += " (step " + std::to_string(i) + ")";
  }
}

void World::RunAlike(int steps) {
  alike_ = true;
  Run(steps);
}

// --- The whole graph

std::set<int64_t> World::ReachableIds() {
  std::set<int64_t> seen;
  std::vector<Cell> stack(root_cells_.begin(), root_cells_.end());
  stack.insert(stack.end(), queue_cells_.begin(), queue_cells_.end());
  while (!stack.empty()) {
    const Cell c = stack.back();
    stack.pop_back();
    if (!c.is_object || !seen.insert(c.n).second) continue;
    const Node& node = nodes_[static_cast<size_t>(c.n)];
    stack.insert(stack.end(), node.behind.begin(), node.behind.end());
    if (!IsWeak(node.kind)) stack.insert(stack.end(), node.words.begin(), node.words.end());
  }
  return seen;
}

uint64_t World::GraphHash() {
  uint64_t hash = 14695981039346656037u;
  const auto mix = [&](uint64_t x) { hash = (hash ^ x) * 1099511628211u; };
  std::set<int64_t> seen;
  std::vector<Both> stack;
  for (size_t i = 0; i < roots_.size(); ++i) stack.push_back({roots_[i].value(), root_cells_[i]});
  for (size_t i = 0; i < queue_.size(); ++i) stack.push_back({queue_[i], queue_cells_[i]});
  while (!stack.empty()) {
    const Both b = stack.back();
    stack.pop_back();
    if (!Matches(b)) {
      Fail("a word is not what the shadow says");
      return 0;
    }
    mix(static_cast<uint64_t>(b.cell.n) * 2 + b.cell.is_object);
    if (!b.cell.is_object || !seen.insert(b.cell.n).second) continue;
    Object* o = b.value.object();
    const Node& node = nodes_[static_cast<size_t>(b.cell.n)];
    if (IsWeak(node.kind)) continue;
    for (size_t i = 0; i < node.words.size(); ++i) {
      stack.push_back({o->words()[i + 1], node.words[i]});
    }
    for (size_t i = 0; i < node.behind.size(); ++i) {
      stack.push_back({reinterpret_cast<Behind*>(o->words()[0].bits())->words[i], node.behind[i]});
    }
  }
  return hash;
}

void World::CheckNothingLeft() {
  if (!problem_.empty()) return;
  heap_->Collect(Heap::Scope::kFull);
  Verify("after the last collection");
  GraphHash();
  const std::set<int64_t> reachable = ReachableIds();
  size_t objects = 0;
  std::vector<uint64_t> bytes(5);
  heap_->ForEachObject([&](Object* o) {
    ++objects;
    bytes[o->sponsor] += o->size_bytes();
  });
  if (objects != reachable.size()) {
    Fail(std::to_string(objects) + " objects are left of which " +
         std::to_string(reachable.size()) + " can be reached");
  }
  uint64_t sum = 0;
  for (SponsorIndex s = 0; s < 5; ++s) {
    sum += bytes[s];
    if (heap_->SponsorBytes(s) != bytes[s]) {
      Fail("sponsor " + std::to_string(s) + " pays for " + std::to_string(heap_->SponsorBytes(s)) +
           " of " + std::to_string(bytes[s]));
    }
  }
  if (heap_->stats().bytes_live != sum) Fail("the live bytes are not the sum of the sponsors'");
  for (int64_t id : finals_) {
    if (!reachable.contains(id)) Fail("a dead object was not finalized");
  }
  for (int64_t id : reachable) {
    if (IsFinal(nodes_[static_cast<size_t>(id)].kind) && !finals_.contains(id)) {
      Fail("a live object was finalized");
    }
  }
}

}  // namespace vesicle
