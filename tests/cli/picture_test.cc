// Pictures of worlds with membranes. VESICLE_PICTURES=DIR writes them there, to be looked at.
#include "cli/picture/picture.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "cli/picture/layout.h"
#include "vm/native/vm.h"

namespace vesicle::cli {
namespace {

using Shape = Picture::Shape;

// Actors over a script that names them; each holds a list.
class World {
 public:
  World() {
    std::string text;
    for (const char* name :
         {"app", "store", "log", "plugin", "helper", "guest", "parser", "link"}) {
      text += std::string("behavior ") + name + "(held) { x => become " + name + "(x) }\n";
    }
    absl::StatusOr<Module> loaded = vm.Load("world.ves", text);
    REQUIRE_MESSAGE(loaded.ok(), loaded.status().message());
    module = *std::move(loaded);
  }
  Value Actor(const std::string& name, std::initializer_list<Value> held = {}) {
    const Root actor = vm.Create(module.Behavior(name, {vm.List(held)}));
    keep.push_back(actor);
    return actor.value();
  }
  void Hold(Value actor, std::initializer_list<Value> held) {
    Object* o = actor.target();
    const Value more = vm.List({o->words()[1], vm.List(held)});
    vm.core().heap().WillWrite(o);
    o->words()[1] = more;
  }
  // Only the first actor stays with the host.
  Picture Drawn(PictureOptions options = {}) {
    if (options.title.empty()) options.title = "a world";
    const Picture picture = PictureOf(VmMap(vm.core()), options);
    if (const char* folder = std::getenv("VESICLE_PICTURES")) {
      static int number = 0;
      const std::string path = std::string(folder) + "/" + std::to_string(++number);
      std::ofstream(path + ".svg") << SvgText(picture);
      std::ofstream(path + ".dot") << DotText(picture);
    }
    return picture;
  }
  void LetGoAllBut(Value first) {
    keep.clear();
    keep.emplace_back(vm.core().heap(), first);
  }

  Vm vm;
  Module module;
  std::vector<Root> keep;
};

int NodeNamed(const Picture& picture, const std::string& name) {
  for (size_t i = 0; i < picture.nodes.size(); ++i) {
    if (picture.nodes[i].name == name) return static_cast<int>(i);
  }
  return Picture::kNone;
}
std::string BoxOf(const Picture& picture, const std::string& name) {
  const int node = NodeNamed(picture, name);
  if (node == Picture::kNone) return "not there";
  const int box = picture.nodes[node].box;
  return box == Picture::kNone ? "none" : picture.boxes[box].name;
}
int Leaks(const Picture& picture) {
  int leaks = 0;
  for (const Picture::Edge& edge : picture.edges) leaks += edge.is_leak ? 1 : 0;
  return leaks;
}

// Tags open and close, attributes are quoted, and nothing but the five entities is behind `&`.
bool IsWellFormed(const std::string& xml) {
  std::vector<std::string> open;
  for (size_t i = 0; i < xml.size(); ++i) {
    if (xml[i] == '&') {
      bool known = false;
      for (const char* entity : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}) {
        known |= xml.compare(i, std::string(entity).size(), entity) == 0;
      }
      if (!known) return false;
    }
    if (xml[i] != '<') continue;
    size_t end = i + 1;
    for (bool quoted = false; end < xml.size() && (quoted || xml[end] != '>'); ++end) {
      if (xml[end] == '"') quoted = !quoted;
      if (xml[end] == '<') return false;
    }
    if (end == xml.size()) return false;
    const std::string tag = xml.substr(i + 1, end - i - 1);
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
    i = end;
  }
  return open.empty();
}

// What of a DOT text is outside of quotes.
std::string Unquoted(const std::string& dot) {
  std::string out;
  bool quoted = false;
  for (size_t i = 0; i < dot.size(); ++i) {
    if (quoted && dot[i] == '\\') {
      ++i;
    } else if (dot[i] == '"') {
      quoted = !quoted;
    } else if (!quoted) {
      out += dot[i];
    }
  }
  return quoted ? "a quote is open" : out;
}

}  // namespace

TEST_CASE("picture: a box has whom a membrane's proxies lead to, and what only those reach") {
  World w;
  Membrane wall = *Membrane::Create(w.vm.core(), {});
  const Value log = w.Actor("log"), store = w.Actor("store", {log});
  const Value helper = w.Actor("helper"), plugin = w.Actor("plugin", {helper});
  w.Hold(plugin, {wall.Pass(store, Direction::kIn).value()});
  const Value proxy = wall.Pass(plugin, Direction::kOut).value();
  const Value app = w.Actor("app", {proxy, store, wall.value()});
  w.LetGoAllBut(app);
  SUBCASE("and nothing holds past it") {
    const Picture picture = w.Drawn();
    REQUIRE(picture.boxes.size() == 1);
    CHECK(picture.boxes[0].name == "membrane");
    CHECK(BoxOf(picture, "plugin") == "membrane");
    CHECK(BoxOf(picture, "helper") == "membrane");
    for (const char* outside : {"app", "store", "log", "the host"}) {
      CHECK(BoxOf(picture, outside) == "none");
    }
    CHECK(BoxOf(picture, "proxy of plugin at membrane") == "membrane");
    CHECK(Leaks(picture) == 0);
    const std::string dot = DotText(picture);
    CHECK(dot.find("subgraph cluster_0 {\n    label=\"inside membrane\"") != std::string::npos);
    CHECK(IsWellFormed(SvgText(picture)));
    CHECK(picture.notes.empty());
  }
  SUBCASE("what holds past it is marked") {
    w.Hold(app, {plugin});
    const Picture picture = w.Drawn();
    CHECK(Leaks(picture) == 1);
    CHECK(DotText(picture).find("past the membrane") != std::string::npos);
  }
  SUBCASE("what is about to cross stands on the border") {
    const Value late = w.Actor("guest");
    w.vm.Send(proxy, w.vm.List({late}));
    const Picture picture = w.Drawn();
    const int crossing = NodeNamed(picture, "a crossing of membrane");
    REQUIRE(crossing != Picture::kNone);
    CHECK(picture.nodes[crossing].shape == Shape::kCrossing);
    CHECK(picture.nodes[NodeNamed(picture, "plugin")].messages == 1);
    CHECK(BoxOf(picture, "guest") == "none");
    CHECK(Leaks(picture) == 0);
  }
  SUBCASE("after a revoke proxies are dead, and there is no box") {
    wall.Revoke();
    w.vm.Run();
    const Picture picture = w.Drawn();
    CHECK(picture.boxes.empty());
    CHECK(NodeNamed(picture, "plugin") == Picture::kNone);
    size_t dead = 0;
    for (const Picture::Node& node : picture.nodes) dead += node.is_dead ? 1 : 0;
    CHECK(dead == 1);
  }
}

TEST_CASE("picture: boxes stand in boxes") {
  World w;
  Membrane outer = *Membrane::Create(w.vm.core(), {}), inner = *Membrane::Create(w.vm.core(), {});
  const Value parser = w.Actor("parser"), log = w.Actor("log");
  const Value guest = w.Actor("guest", {inner.Pass(parser, Direction::kOut).value()});
  w.Hold(parser, {inner.Pass(guest, Direction::kIn).value()});
  const Value helper = w.Actor("helper", {guest});
  w.Hold(guest, {helper, outer.Pass(log, Direction::kIn).value()});
  const Value app = w.Actor("app", {outer.Pass(guest, Direction::kOut).value(), log});
  w.LetGoAllBut(app);
  const Picture picture = w.Drawn();
  REQUIRE(picture.boxes.size() == 2);
  CHECK(picture.boxes[0].parent == Picture::kNone);
  CHECK(picture.boxes[1].parent == 0);
  CHECK(BoxOf(picture, "parser") == picture.boxes[1].name);
  CHECK(BoxOf(picture, "guest") == picture.boxes[0].name);
  CHECK(BoxOf(picture, "helper") == picture.boxes[0].name);
  CHECK(Leaks(picture) == 0);
  const std::string dot = DotText(picture);
  CHECK(dot.find("    subgraph cluster_1 {") != std::string::npos);
  CHECK(Unquoted(dot).find("quote is open") == std::string::npos);
}

TEST_CASE("picture: those that are alike are one") {
  World w;
  Value next = w.Actor("app");
  const Value app = next;
  for (int i = 0; i < 1'000; ++i) next = w.Actor("link", {next});
  w.Hold(app, {next});
  w.LetGoAllBut(app);
  const Picture picture = w.Drawn();
  const int links = NodeNamed(picture, "link");
  REQUIRE(links != Picture::kNone);
  CHECK(Caption(picture.nodes[links]) == "link x 998");
  CHECK(picture.nodes.size() == 5);
  CHECK(Caption({.name = "link", .count = 99'998, .tasks = 1}) == "link x 99,998 (1 task)");
}

TEST_CASE("picture: what there is no room for is counted") {
  World w;
  std::vector<Value> actors;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "kind " + std::to_string(i);
    const Root actor = w.vm.Create(w.vm.Define(name, 0, [](Turn&) {}).Behavior({}));
    w.keep.push_back(actor);
  }
  const Picture picture = w.Drawn();
  CHECK(picture.nodes.size() == 200);
  REQUIRE(picture.notes.size() == 1);
  CHECK(picture.notes[0] == "the 200 nearest to the host are drawn; 101 further nodes are not");
  CHECK(SvgText(picture).find("101 further nodes are not") != std::string::npos);
}

TEST_CASE("picture: names of strangers stay names") {
  World w;
  const std::string names[] = {"</title><script>alert(1)</script>",
                               "x\"]; n0 -> n999; y [label=\"",
                               "back\\",
                               "a&b' \"c\" ]]>",
                               "\x1b[2J\r\n\xe2\x80\xae"
                               "fdp",
                               std::string("nul\0nul", 7),
                               "not utf8 \xff\xfe"};
  Membrane wall = *Membrane::Create(w.vm.core(), {});
  for (const std::string& name : names) {
    w.keep.push_back(w.vm.Create(w.vm.Define(name, 0, [](Turn&) {}).Behavior({})));
    w.keep.emplace_back(w.vm.core().heap(),
                        wall.Pass(w.keep.back().value(), Direction::kOut).value());
  }
  const Picture picture = w.Drawn({.title = names[0] + names[1]});
  const std::string svg = SvgText(picture), dot = DotText(picture);
  CHECK(IsWellFormed(svg));
  CHECK(svg.find("<script") == std::string::npos);
  for (const std::string& text : {svg, dot}) {
    for (const char c : text) CHECK_FALSE((static_cast<unsigned char>(c) < 0x20 && c != '\n'));
    CHECK(text.find("\xe2\x80\xae") == std::string::npos);
    CHECK(text.find('\xff') == std::string::npos);
  }
  const std::string code = Unquoted(dot);
  CHECK(code.find("n999") == std::string::npos);
  CHECK(code.find("alert") == std::string::npos);
}

TEST_CASE("picture: no two nodes lie on each other, and all of a box is in it") {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    INFO("seed ", seed);
    std::mt19937_64 random(seed);
    Picture picture;
    const int boxes = static_cast<int>(random() % 6);
    for (int b = 0; b < boxes; ++b) {
      picture.boxes.push_back(
          {"membrane " + std::to_string(b), static_cast<int>(random() % (b + 1)) - 1});
    }
    const int nodes = 1 + static_cast<int>(random() % 120);
    for (int n = 0; n < nodes; ++n) {
      Picture::Node node;
      node.name = std::string(1 + random() % 20, 'n');
      node.box = static_cast<int>(random() % (boxes + 1)) - 1;
      if (node.box >= 0 && random() % 4 == 0) node.shape = Shape::kProxy;
      node.leads_in = random() % 2 == 0;
      picture.nodes.push_back(node);
    }
    for (int e = static_cast<int>(random() % 300); e > 0; --e) {
      picture.edges.push_back(
          {static_cast<int>(random() % nodes), static_cast<int>(random() % nodes)});
    }
    const Layout layout = LayoutOf(picture);
    const auto overlap = [](const Rect& a, const Rect& b) {
      return a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom();
    };
    for (int a = 0; a < nodes; ++a) {
      for (int b = 0; b < a; ++b) CHECK_FALSE(overlap(layout.nodes[a], layout.nodes[b]));
      if (picture.nodes[a].box < 0 || IsOnBorder(picture.nodes[a])) continue;
      const Rect& box = layout.boxes[picture.nodes[a].box];
      const Rect& r = layout.nodes[a];
      CHECK(
          (r.x >= box.x && r.y >= box.y && r.right() <= box.right() && r.bottom() <= box.bottom()));
    }
    for (int a = 0; a < boxes; ++a) {
      for (int b = 0; b < a; ++b) {
        if (picture.boxes[a].parent == picture.boxes[b].parent) {
          CHECK_FALSE(overlap(layout.boxes[a], layout.boxes[b]));
        }
      }
      CHECK(layout.boxes[a].right() <= layout.width);
      CHECK(layout.boxes[a].bottom() <= layout.height);
    }
    CHECK(IsWellFormed(SvgText(picture)));
  }
}

}  // namespace vesicle::cli
