// VmMap, for people: what its nodes and edges are called.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "membrane/vm_map.h"
#include "vm/script/syntax/diagnostic.h"

namespace vesicle {

std::string VmMap::Label(Id id) const {
  const Node& n = nodes_[id];
  switch (n.kind) {
    case NodeKind::kHost:
      return "the host";
    case NodeKind::kActor:
      return Printable(core_.NameOf(Value::Target(n.object)), 40);
    case NodeKind::kContinuation:
      return Printable(core_.NameOf(Value::Target(n.object)), 40);
    case NodeKind::kPromise:
      return "promise";
    case NodeKind::kSlot:
      return "slot";
    case NodeKind::kResolver:
      return "resolver";
    case NodeKind::kPayer:
      return "a sponsor's way";
    case NodeKind::kSponsor:
      return "sponsor";
    case NodeKind::kMembrane:
      return "membrane";
    case NodeKind::kCrossing:
      return "crossing";
    case NodeKind::kAnswer:
      return "answer";
    case NodeKind::kData:
      return "data";
    case NodeKind::kProxy:
      break;
  }
  if (IsSlotProxy(id)) return "proxy of a slot";
  return "proxy";
}

void VmMap::NumberNames() {
  absl::flat_hash_map<std::string, std::pair<uint32_t, Id>> met;  // how many, and the first
  numbers_.assign(nodes_.size(), 0);
  for (Id id = 0; id < nodes_.size(); ++id) {
    if (nodes_[id].kind == NodeKind::kData || nodes_[id].kind == NodeKind::kAnswer) continue;
    auto& [count, first] = met[Label(id)];
    if (++count == 1) {
      first = id;
    } else {
      numbers_[first] = 1;
      numbers_[id] = count;
    }
  }
}

std::string VmMap::Name(Id id) const {
  const std::string label = Label(id);
  const Node& n = nodes_[id];
  if (n.kind == NodeKind::kProxy && IsLive(id)) {
    // Of a proxy's proxy the first one.
    for (const Edge& edge : From(id)) {
      if (edge.via != Via::kTarget) continue;
      const bool named = nodes_[edge.to].kind == NodeKind::kActor;
      const std::string of = named ? absl::StrCat(" of ", Name(edge.to)) : "";
      return absl::StrCat(label, of.empty() ? absl::StrCat(" ", numbers_[id]) : of, " at ",
                          Name(n.membrane));
    }
  }
  if (n.kind == NodeKind::kCrossing) return absl::StrCat("a crossing of ", Name(n.membrane));
  if (n.kind == NodeKind::kAnswer && n.membrane != kNone) {
    return absl::StrCat("an answer through ", Name(n.membrane));
  }
  return numbers_[id] == 0 ? label : absl::StrCat(label, " ", numbers_[id]);
}

std::string_view NameOfVia(Via via) {
  switch (via) {
    case Via::kRoot:
      return "holds";
    case Via::kCaptures:
      return "captures";
    case Via::kFrames:
      return "has in its turn";
    case Via::kInbox:
      return "has in its inbox";
    case Via::kQueued:
      return "is about to be told of";
    case Via::kParked:
      return "may pass on, in a message that waits";
    case Via::kUndone:
      return "was told of";
    case Via::kSlot:
      return "owes an answer to";
    case Via::kWaits:
      return "tells";
    case Via::kAwaits:
      return "waits on";
    case Via::kOutcome:
      return "is";
    case Via::kSettles:
      return "settles";
    case Via::kAnswers:
      return "will come from";
    case Via::kTarget:
      return "leads to";
    case Via::kPolicy:
      return "shows to";
    case Via::kControls:
      return "controls";
    case Via::kKeeper:
      return "asks";
    case Via::kTask:
      return "runs";
    case Via::kSelf:
      return "is part of";
    case Via::kPays:
      return "is paid by";
    case Via::kPart:
      return "has";
  }
  return "";
}

}  // namespace vesicle
