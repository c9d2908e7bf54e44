// Picture: what of a VM one can look at: actors, proxies and membranes as nodes, arrows
// and boxes, few enough to be read.
//
// What is in between is folded away: data, promises and resolvers become arrows (of a
// promise: dashed), tasks are part of their actor. Many nodes that are alike (the
// same name, in the same box, the same kinds of neighbours) become one, "link x 99,998".
// Of what is left over the nearest to the host are drawn, and it says how many are not.
//
// A membrane is a box around its *inside*: whom its proxies lead to from outside, and what
// only those reach. An arrow that passes a border and is none of a proxy is marked: what
// holds past a membrane is what one looks for.
//
//   const VmMap map(core);
//   const Picture picture = PictureOf(map, {.title = "plugins.ves, at the end"});
//   Use(DotText(picture), SvgText(picture));
#ifndef VESICLE_CLI_PICTURE_PICTURE_H_
#define VESICLE_CLI_PICTURE_PICTURE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "membrane/vm_map.h"

namespace vesicle::cli {

struct Picture {
  static constexpr int kNone = -1;

  enum class Shape : uint8_t {
    kHost,
    kActor,
    kDevice,    // an actor whose state is C++, and is not looked into
    kProxy,     // on the border of its membrane
    kCrossing,  // the same, of what is on its way
    kMembrane,  // its control, where somebody holds that
    kSponsor,
  };
  struct Node {
    Shape shape = Shape::kActor;
    std::string name = {};
    size_t count = 1;       // so many are alike
    int box = kNone;        // the innermost that it is in; of what is on a border, that one
    bool leads_in = false;  // of a proxy: to the inside
    bool is_dead = false;   // of a proxy
    size_t tasks = 0;
    size_t messages = 0;  // that wait for it
  };
  enum class Line : uint8_t { kHolds, kMessage, kPromise };
  struct Edge {
    int from = 0;
    int to = 0;
    Line line = Line::kHolds;
    bool is_leak = false;
  };
  struct Box {
    std::string name;
    int parent = kNone;
  };

  std::string title;
  // What is not in it, each a line.
  std::vector<std::string> notes;
  std::vector<Node> nodes;
  std::vector<Edge> edges;
  std::vector<Box> boxes;  // parents first
};

struct PictureOptions {
  std::string title = {};
  size_t nodes_max = 200;
  size_t boxes_max = 30;
  // Nodes are folded when there are more than that.
  size_t unfolded_max = 40;
};

Picture PictureOf(const VmMap& map, const PictureOptions& options);

// "99,998".
std::string Grouped(size_t n);
// The name with what stands beside it: "link x 99,998", "main (1 task)".
std::string Caption(const Picture::Node& node);

// Graphviz's language, and a picture. Names are escaped: they may come from anywhere.
std::string DotText(const Picture& picture);
std::string SvgText(const Picture& picture);

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_PICTURE_PICTURE_H_
