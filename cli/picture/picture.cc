#include "cli/picture/picture.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vesicle::cli {
namespace {

using Id = VmMap::Id;
using Shape = Picture::Shape;
using Line = Picture::Line;
constexpr int kNone = Picture::kNone;
// Arrows looked at, in all: where many share much data there is no end to them.
constexpr size_t kArrowsMax = 5'000'000;

struct Dot {
  Id id;
  Shape shape;
  int box = kNone;
  size_t tasks = 0;
  size_t messages = 0;
  std::vector<std::pair<int, Line>> to;
};

class Drawing {
 public:
  Drawing(const VmMap& map, const PictureOptions& options) : map_(map), options_(options) {}

  Picture Draw() {
    picture_.title = options_.title;
    FindDots();
    FindArrows();
    FindBoxes();
    Fold();
    Choose();
    Finish();
    return std::move(picture_);
  }

 private:
  // --- nodes that are drawn
  bool ShapeOf(Id id, Shape* shape) const {
    switch (map_.node(id).kind) {
      case NodeKind::kHost:
        *shape = Shape::kHost;
        return true;
      case NodeKind::kActor:
        *shape = map_.IsOpaque(id) ? Shape::kDevice : Shape::kActor;
        return true;
      case NodeKind::kContinuation:
        *shape = Shape::kActor;
        return ActorOf(id) == VmMap::kNone;
      case NodeKind::kProxy:
        *shape = Shape::kProxy;
        return true;
      case NodeKind::kCrossing:
        *shape = Shape::kCrossing;
        return true;
      case NodeKind::kMembrane:
        *shape = Shape::kMembrane;
        return std::any_of(map_.To(id).begin(), map_.To(id).end(),
                           [](const VmMap::Edge& e) { return e.via == Via::kControls; });
      case NodeKind::kSponsor:
        *shape = Shape::kSponsor;
        return true;
      default:
        return false;
    }
  }
  Id ActorOf(Id task) const {
    for (const VmMap::Edge& edge : map_.From(task)) {
      if (edge.via == Via::kSelf) return edge.to;
    }
    return VmMap::kNone;
  }
  void FindDots() {
    dot_of_.assign(map_.size(), kNone);
    for (Id id = 0; id < map_.size(); ++id) {
      Shape shape;
      if (!ShapeOf(id, &shape)) continue;
      dot_of_[id] = static_cast<int>(dots_.size());
      dots_.push_back({id, shape, kNone, 0, 0, {}});
    }
    for (Id id = 0; id < map_.size(); ++id) {
      if (map_.node(id).kind != NodeKind::kContinuation || dot_of_[id] != kNone) continue;
      // One that is over is nobody's task.
      if (const Id actor = ActorOf(id); dot_of_[actor] != kNone) {
        dot_of_[id] = dot_of_[actor];
        ++dots_[dot_of_[actor]].tasks;
      }
    }
  }

  // --- arrows: from one dot to the next, through what is not drawn
  static bool IsMessage(Via via) {
    return via == Via::kQueued || via == Via::kInbox || via == Via::kParked || via == Via::kUndone;
  }
  static bool IsPromise(Via via) {
    return via == Via::kSlot || via == Via::kWaits || via == Via::kAwaits || via == Via::kOutcome ||
           via == Via::kSettles;
  }
  // Answers to come are the arrows of slots, the other way round; membranes see all.
  bool IsDrawn(Id from, Via via) const {
    if (via == Via::kPolicy) return map_.node(from).kind == NodeKind::kMembrane;
    return via != Via::kAnswers && via != Via::kPays;
  }
  void FindArrows() {
    std::vector<std::vector<Id>> parts(dots_.size());
    for (Id id = 0; id < map_.size(); ++id) {
      if (dot_of_[id] != kNone) parts[dot_of_[id]].push_back(id);
    }
    std::vector<int> seen(map_.size(), kNone);
    std::vector<std::pair<Id, Line>> to_do;
    size_t arrows = 0;
    for (int d = 0; d < static_cast<int>(dots_.size()); ++d) {
      std::set<std::pair<int, Line>> to;
      for (const Id part : parts[d]) to_do.emplace_back(part, Line::kHolds);
      while (!to_do.empty() && arrows < kArrowsMax) {
        const auto [id, line] = to_do.back();
        to_do.pop_back();
        for (const VmMap::Edge& edge : map_.From(id)) {
          if (!IsDrawn(id, edge.via)) continue;
          ++arrows;
          if (IsMessage(edge.via) && dot_of_[id] == d) ++dots_[d].messages;
          const Line next = IsPromise(edge.via)                             ? Line::kPromise
                            : IsMessage(edge.via) && line != Line::kPromise ? Line::kMessage
                                                                            : line;
          if (const int end = dot_of_[edge.to]; end != kNone) {
            const bool is_own_task = end == d && (edge.via == Via::kTask ||
                                                  edge.via == Via::kSelf || next == Line::kPromise);
            if (!is_own_task) to.emplace(end, next);
          } else if (seen[edge.to] != d) {
            seen[edge.to] = d;
            to_do.emplace_back(edge.to, next);
          }
        }
      }
      to_do.clear();
      dots_[d].to.assign(to.begin(), to.end());
    }
    if (arrows >= kArrowsMax)
      picture_.notes.push_back("some arrows are missing: there are too many");
  }

  // --- boxes
  // Those reached from `seeds`, not through what is of the membrane, nor into what is `closed`.
  std::set<int> Spread(const std::set<int>& seeds, const std::set<int>& closed, Id membrane) const {
    std::set<int> reached(seeds);
    std::vector<int> to_do(seeds.begin(), seeds.end());
    while (!to_do.empty()) {
      const int d = to_do.back();
      to_do.pop_back();
      for (const auto& arrow : dots_[d].to) {
        const int end = arrow.first;
        if (map_.node(dots_[end].id).membrane == membrane || dots_[end].shape == Shape::kHost ||
            closed.contains(end)) {
          continue;
        }
        if (reached.insert(end).second) to_do.push_back(end);
      }
    }
    return reached;
  }
  // Whom the proxies say to be inside, and what nobody outside reaches but through them.
  std::set<int> InsideOf(Id membrane) const {
    std::set<int> inside, outside;
    std::vector<std::pair<int, Direction>> proxies;
    for (int d = 0; d < static_cast<int>(dots_.size()); ++d) {
      const auto way = map_.DirectionOf(dots_[d].id);
      if (!way || map_.node(dots_[d].id).membrane != membrane) continue;
      proxies.emplace_back(d, *way);
      if (dots_[d].to.empty()) continue;
      for (const auto& arrow : dots_[d].to) {
        (*way == Direction::kIn ? inside : outside).insert(arrow.first);
      }
    }
    for (int d = 0; d < static_cast<int>(dots_.size()); ++d) {
      if (dots_[d].shape == Shape::kHost) continue;
      for (const auto& arrow : dots_[d].to) {
        const Id end = dots_[arrow.first].id;
        if (map_.node(end).membrane != membrane || dots_[arrow.first].to.empty()) continue;
        const auto way = map_.DirectionOf(end);
        if (way) (*way == Direction::kIn ? outside : inside).insert(d);
      }
    }
    for (const int d : inside) outside.erase(d);
    const std::set<int> held_outside = Spread(outside, inside, membrane);
    return Spread(inside, held_outside, membrane);
  }
  void FindBoxes() {
    std::vector<std::pair<Id, std::set<int>>> insides;
    for (const Id membrane : map_.Membranes()) {
      if (insides.size() == options_.boxes_max) {
        picture_.notes.push_back(absl::StrCat(map_.Membranes().size(), " membranes, boxes around ",
                                              options_.boxes_max, " of them"));
        break;
      }
      std::set<int> inside = InsideOf(membrane);
      if (!inside.empty()) insides.emplace_back(membrane, std::move(inside));
    }
    // The widest first: a box stands in the last one before it that has all of it.
    std::stable_sort(insides.begin(), insides.end(), [](const auto& a, const auto& b) {
      return a.second.size() > b.second.size();
    });
    for (size_t i = 0; i < insides.size(); ++i) {
      Picture::Box box{map_.Name(insides[i].first), kNone};
      for (size_t k = 0; k < i; ++k) {
        if (std::includes(insides[k].second.begin(), insides[k].second.end(),
                          insides[i].second.begin(), insides[i].second.end())) {
          box.parent = static_cast<int>(k);
        }
      }
      for (const int d : insides[i].second) dots_[d].box = static_cast<int>(i);
      box_of_membrane_[insides[i].first] = static_cast<int>(i);
      picture_.boxes.push_back(std::move(box));
    }
    for (Dot& dot : dots_) {
      const Id membrane = map_.node(dot.id).membrane;
      if (membrane == VmMap::kNone) continue;
      const auto at = box_of_membrane_.find(membrane);
      if (at != box_of_membrane_.end()) dot.box = at->second;
    }
  }

  // --- folding
  int Number(const std::string& key) {
    return classes_.try_emplace(key, static_cast<int>(classes_.size())).first->second;
  }
  // What it is, by itself.
  std::string KindText(const Dot& dot) const {
    const auto way = map_.DirectionOf(dot.id);
    return absl::StrCat(static_cast<int>(dot.shape), " ", dot.box, " ",
                        way ? static_cast<int>(*way) : 2, " ", dot.to.empty() ? 1 : 0, " ",
                        map_.Label(dot.id));
  }
  // Group of each dot; alike are those that look so, and whose neighbours do.
  void Fold() {
    const int n = static_cast<int>(dots_.size());
    group_.resize(n);
    if (dots_.size() <= options_.unfolded_max) {
      for (int d = 0; d < n; ++d) group_[d] = d;
      groups_ = n;
      return;
    }
    std::vector<int> kinds(n);
    for (int d = 0; d < n; ++d) kinds[d] = Number(KindText(dots_[d]));
    std::vector<std::set<std::pair<int, int>>> around(n);
    for (int d = 0; d < n; ++d) {
      for (const auto& [end, line] : dots_[d].to) {
        const int style = static_cast<int>(line);
        around[d].emplace(style, kinds[end]);
        around[end].emplace(-1 - style, kinds[d]);
      }
    }
    std::map<std::pair<int, std::set<std::pair<int, int>>>, std::vector<int>> alike;
    for (int d = 0; d < n; ++d) alike[{kinds[d], std::move(around[d])}].push_back(d);
    constexpr size_t kAlikeMin = 3;
    std::fill(group_.begin(), group_.end(), kNone);
    for (const auto& [key, members] : alike) {
      if (members.size() < kAlikeMin) continue;
      for (const int d : members) group_[d] = members.front();
    }
    // Numbers in the order of the map.
    std::map<int, int> number;
    for (int d = 0; d < n; ++d) {
      const int first = group_[d] == kNone ? d : group_[d];
      group_[d] = number.try_emplace(first, static_cast<int>(number.size())).first->second;
    }
    groups_ = static_cast<int>(number.size());
  }

  // --- those nearest to the host
  void Choose() {
    std::vector<std::set<int>> to(groups_);
    std::vector<size_t> sizes(groups_, 0);
    for (size_t d = 0; d < dots_.size(); ++d) {
      ++sizes[group_[d]];
      for (const auto& arrow : dots_[d].to) to[group_[d]].insert(group_[arrow.first]);
    }
    std::vector<int> order;
    std::vector<bool> met(groups_, false);
    for (int begin = 0; begin < groups_; ++begin) {
      if (met[begin]) continue;
      std::deque<int> to_do = {begin};
      met[begin] = true;
      while (!to_do.empty()) {
        const int g = to_do.front();
        to_do.pop_front();
        order.push_back(g);
        for (const int end : to[g]) {
          if (met[end]) continue;
          met[end] = true;
          to_do.push_back(end);
        }
      }
    }
    drawn_.assign(groups_, kNone);
    size_t left_out = 0;
    int next = 0;
    for (const int g : order) {
      if (next < static_cast<int>(options_.nodes_max)) {
        drawn_[g] = next++;
      } else {
        left_out += sizes[g];
      }
    }
    if (left_out > 0) {
      picture_.notes.push_back(absl::StrCat("the ", Grouped(options_.nodes_max),
                                            " nearest to the host are drawn; ", Grouped(left_out),
                                            " further nodes are not"));
    }
    picture_.nodes.resize(next);
  }

  bool IsIn(int box, int within) const {
    for (; box != kNone; box = picture_.boxes[box].parent) {
      if (box == within) return true;
    }
    return within == kNone;
  }
  static bool IsOnBorder(Shape shape) {
    return shape == Shape::kProxy || shape == Shape::kCrossing || shape == Shape::kMembrane;
  }
  // From one box to another, and no proxy of that border is at either end.
  bool IsLeak(const Dot& from, const Dot& to) const {
    if (from.shape == Shape::kHost) return false;
    // What is on a border may be reached from both sides of it.
    const auto sides = [&](const Dot& dot) {
      std::vector<int> boxes = {dot.box};
      if (IsOnBorder(dot.shape) && dot.box != kNone) {
        boxes.push_back(picture_.boxes[dot.box].parent);
      }
      return boxes;
    };
    for (const int a : sides(from)) {
      for (const int b : sides(to)) {
        if (a == b) return false;
      }
    }
    return true;
  }

  void Finish() {
    std::vector<bool> named(picture_.nodes.size(), false);
    for (const Dot& dot : dots_) {
      const int at = drawn_[group_[&dot - dots_.data()]];
      if (at == kNone) continue;
      Picture::Node& node = picture_.nodes[at];
      node.tasks += dot.tasks;
      node.messages += dot.messages;
      if (named[at]) {
        ++node.count;
        node.name = map_.Label(dot.id);
        continue;
      }
      named[at] = true;
      node.shape = dot.shape;
      node.name = map_.Name(dot.id);
      node.box = dot.box;
      node.is_dead = dot.shape == Shape::kProxy && dot.to.empty();
      const auto way = map_.DirectionOf(dot.id);
      node.leads_in = way && *way == Direction::kIn;
    }
    std::map<std::tuple<int, int, Line>, bool> edges;
    for (const Dot& dot : dots_) {
      const int from = drawn_[group_[&dot - dots_.data()]];
      if (from == kNone) continue;
      for (const auto& [end, line] : dot.to) {
        const int to = drawn_[group_[end]];
        if (to != kNone) edges[{from, to, line}] |= IsLeak(dot, dots_[end]);
      }
    }
    for (const auto& [key, is_leak] : edges) {
      const auto& [from, to, line] = key;
      picture_.edges.push_back({from, to, line, is_leak});
    }
  }

  const VmMap& map_;
  const PictureOptions& options_;
  Picture picture_;
  std::vector<Dot> dots_;
  std::vector<int> dot_of_;  // by id of the map
  std::map<Id, int> box_of_membrane_;
  std::map<std::string, int> classes_;
  std::vector<int> group_;  // of each dot
  int groups_ = 0;
  std::vector<int> drawn_;  // of each group: its node
};

}  // namespace

Picture PictureOf(const VmMap& map, const PictureOptions& options) {
  return Drawing(map, options).Draw();
}

std::string Grouped(size_t n) {
  const std::string digits = absl::StrCat(n);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string Caption(const Picture::Node& node) {
  std::string text = node.name;
  if (node.count > 1) absl::StrAppend(&text, " x ", Grouped(node.count));
  std::vector<std::string> more;
  if (node.tasks > 0)
    more.push_back(absl::StrCat(Grouped(node.tasks), node.tasks == 1 ? " task" : " tasks"));
  if (node.messages > 0) {
    more.push_back(
        absl::StrCat(Grouped(node.messages), node.messages == 1 ? " message" : " messages"));
  }
  for (size_t i = 0; i < more.size(); ++i) absl::StrAppend(&text, i == 0 ? " (" : ", ", more[i]);
  return more.empty() ? text : text + ")";
}

}  // namespace vesicle::cli
