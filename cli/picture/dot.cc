// A Picture in Graphviz's language.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/picture/layout.h"
#include "cli/picture/picture.h"

namespace vesicle::cli {
namespace {

using Shape = Picture::Shape;

// The inside of a quoted string. Names come shortened and without controls.
std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string StyleOf(const Picture::Node& node) {
  switch (node.shape) {
    case Shape::kHost:
      return "shape=box, style=filled, fillcolor=\"#37474f\", fontcolor=white";
    case Shape::kActor:
      return "shape=box, style=\"rounded,filled\", fillcolor=\"#e3f2fd\"";
    case Shape::kDevice:
      return "shape=box, style=\"rounded,filled\", fillcolor=\"#eceff1\"";
    case Shape::kProxy:
      return node.is_dead ? "shape=octagon, style=filled, fillcolor=\"#cfd8dc\", fontsize=9"
                          : "shape=octagon, style=filled, fillcolor=\"#ffcc80\", fontsize=9";
    case Shape::kCrossing:
      return "shape=octagon, style=\"dashed\", fontsize=9";
    case Shape::kMembrane:
      return "shape=diamond, style=filled, fillcolor=\"#ef9a9a\", fontsize=9";
    case Shape::kSponsor:
      return "shape=hexagon, style=filled, fillcolor=\"#dcedc8\"";
  }
  return "";
}

std::string StyleOf(const Picture::Edge& edge) {
  if (edge.is_leak) return " [color=\"#d50000\", penwidth=2, label=\"past the membrane\"]";
  switch (edge.line) {
    case Picture::Line::kHolds:
      return "";
    case Picture::Line::kMessage:
      return " [color=\"#ef6c00\"]";
    case Picture::Line::kPromise:
      return " [style=dashed, color=\"#78909c\"]";
  }
  return "";
}

}  // namespace

std::string DotText(const Picture& picture) {
  std::string text = "digraph vesicle {\n  rankdir=LR;\n  node [fontname=\"Helvetica\"];\n";
  std::string title = picture.title;
  for (const std::string& note : picture.notes)
    absl::StrAppend(&title, title.empty() ? "" : "; ", note);
  absl::StrAppend(&text, "  label=", Quoted(title), ";\n");
  const auto nodes_in = [&](int box, const std::string& indent) {
    std::string out;
    for (size_t n = 0; n < picture.nodes.size(); ++n) {
      const Picture::Node& node = picture.nodes[n];
      if (node.box != box) continue;
      absl::StrAppend(&out, indent, "n", n, " [label=", Quoted(Caption(node)), ", ", StyleOf(node),
                      "];\n");
    }
    return out;
  };
  text += nodes_in(Picture::kNone, "  ");
  // Parents stand first, so a stack of those that are open is enough.
  std::vector<std::vector<int>> children(picture.boxes.size() + 1);
  for (size_t b = 0; b < picture.boxes.size(); ++b) {
    const int parent = picture.boxes[b].parent;
    children[parent == Picture::kNone ? picture.boxes.size() : static_cast<size_t>(parent)]
        .push_back(static_cast<int>(b));
  }
  std::vector<int> open;
  for (std::vector<int> next = children.back(); !next.empty();) {
    const int box = next.back();
    next.pop_back();
    while (!open.empty() && open.back() != picture.boxes[box].parent) {
      open.pop_back();
      absl::StrAppend(&text, std::string(2 * open.size() + 2, ' '), "}\n");
    }
    const std::string indent(2 * open.size() + 2, ' ');
    absl::StrAppend(&text, indent, "subgraph cluster_", box, " {\n", indent,
                    "  label=", Quoted("inside " + picture.boxes[box].name), ";\n", indent,
                    "  style=dashed; color=\"#00796b\"; fontcolor=\"#00796b\";\n",
                    nodes_in(box, indent + "  "));
    open.push_back(box);
    next.insert(next.end(), children[box].begin(), children[box].end());
  }
  while (!open.empty()) {
    open.pop_back();
    absl::StrAppend(&text, std::string(2 * open.size() + 2, ' '), "}\n");
  }
  for (const Picture::Edge& edge : picture.edges) {
    absl::StrAppend(&text, "  n", edge.from, " -> n", edge.to, StyleOf(edge), ";\n");
  }
  return text + "}\n";
}

}  // namespace vesicle::cli
