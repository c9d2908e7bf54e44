// A Picture as SVG: no script, no font, nothing from elsewhere.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/picture/layout.h"
#include "cli/picture/picture.h"

namespace vesicle::cli {
namespace {

using Shape = Picture::Shape;
using Line = Picture::Line;

constexpr double kHeadHeight = 34;
constexpr double kNoteHeight = 18;
constexpr double kLegendHeight = 86;
constexpr double kWidthMin = 1110;

constexpr char kStyle[] =
    "text{font-family:sans-serif;font-size:13px;fill:#263238}"
    ".title{font-size:16px;font-weight:bold}.note{fill:#b71c1c}.small{font-size:11.5px}"
    ".host{fill:#37474f}.host+text{fill:#fff}"
    ".device{fill:#eceff1;stroke:#607d8b}.actor{fill:#e3f2fd;stroke:#1e88e5}.many{fill:#bbdefb;"
    "stroke:#1e88e5}"
    ".proxy{fill:#ffb74d;stroke:#e65100}.dead{fill:#cfd8dc;stroke:#78909c}"
    ".crossing{fill:#fff;stroke:#e65100;stroke-dasharray:3 2}"
    ".control{fill:#ef9a9a;stroke:#b71c1c}.sponsor{fill:#dcedc8;stroke:#558b2f}"
    ".box{fill:#00796b;fill-opacity:.05;stroke:#00796b;stroke-width:1.5;stroke-dasharray:7 4}"
    ".name{fill:#00796b;font-weight:bold}"
    "path{fill:none;stroke:#455a64;stroke-width:1.2;marker-end:url(#a)}"
    "path.message{stroke:#ef6c00;marker-end:url(#m)}"
    "path.promise{stroke:#78909c;stroke-dasharray:5 3;marker-end:url(#p)}"
    "path.leak{stroke:#d50000;stroke-width:2.6;marker-end:url(#l)}";

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string Marker(const char* id, const char* color) {
  return absl::StrFormat(
      "<marker id=\"%s\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" "
      "markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">"
      "<polygon points=\"0,1 10,5 0,9\" fill=\"%s\"/></marker>\n",
      id, color);
}

std::string TextAt(double x, double y, const char* css, const std::string& text,
                   const char* anchor = "start") {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">%s</text>\n",
                         x, y, css, anchor, Escaped(text));
}

std::string ClassOf(const Picture::Node& node) {
  switch (node.shape) {
    case Shape::kHost:
      return "host";
    case Shape::kActor:
      return node.count > 1 ? "many" : "actor";
    case Shape::kDevice:
      return "device";
    case Shape::kProxy:
      return node.is_dead ? "dead" : "proxy";
    case Shape::kCrossing:
      return "crossing";
    case Shape::kMembrane:
      return "control";
    case Shape::kSponsor:
      return "sponsor";
  }
  return "";
}

std::string ShapeOf(const Picture::Node& node, const Rect& r, const std::string& caption) {
  const std::string css = ClassOf(node);
  const std::string title = absl::StrCat("<title>", Escaped(caption), "</title>");
  if (node.shape == Shape::kMembrane) {
    return absl::StrFormat(
        "<g>%s<polygon class=\"%s\" points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f\"/></g>\n",
        title, css, r.x - 2, r.middle_y(), r.middle_x(), r.y - 2, r.right() + 2, r.middle_y(),
        r.middle_x(), r.bottom() + 2);
  }
  std::string out = "<g>" + title;
  if (IsOnBorder(node)) {
    return absl::StrFormat(
        "%s<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
        "height=\"%.1f\" rx=\"4\"/></g>\n",
        out, css, r.x, r.y, r.width, r.height);
  }
  // Many that are alike look like a stack.
  const bool is_round = node.shape == Shape::kActor || node.shape == Shape::kDevice;
  const double radius = is_round ? 9 : 2;
  for (int k = node.count > 1 ? 2 : 0; k >= 0; --k) {
    absl::StrAppendFormat(&out,
                          "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                          "height=\"%.1f\" rx=\"%.0f\"/>",
                          css, r.x + 4 * k, r.y - 4 * k, r.width, r.height, radius);
  }
  return absl::StrCat(out, TextAt(r.middle_x(), r.middle_y() + 4.5, "", caption, "middle"),
                      "</g>\n");
}

struct Point {
  double x, y;
};

std::string CurveThrough(const std::string& css, Point a, Point bend_a, Point bend_b, Point b) {
  return absl::StrFormat("<path class=\"%s\" d=\"M%.1f,%.1f C%.1f,%.1f %.1f,%.1f %.1f,%.1f\"/>\n",
                         css, a.x, a.y, bend_a.x, bend_a.y, bend_b.x, bend_b.y, b.x, b.y);
}

// Where an arrow ends: one on a lower border is come to from above, and left downwards.
enum class Ends : uint8_t { kSides, kFromBelow, kToAbove };

// An arrow from side to side; one that goes back, or stays in its column, makes a bend.
std::string Curve(const Rect& a, const Rect& b, const std::string& css, Ends ends = Ends::kSides) {
  if (&a == &b) {
    const double x = a.right() - 10;
    return CurveThrough(css, {x, a.y}, {x + 4, a.y - 26}, {x + 38, a.y - 10},
                        {a.right() + 1, a.middle_y()});
  }
  const bool goes_right = b.middle_x() > a.middle_x();
  constexpr double kDip = 46;
  if (ends == Ends::kToAbove) {
    const Point from = {a.middle_x() + (goes_right ? 1 : -1) * a.width / 4, a.bottom()};
    const Point to = {b.middle_x(), b.y - 1};
    return CurveThrough(css, from, {from.x, from.y + kDip / 2}, {to.x, to.y - kDip}, to);
  }
  if (ends == Ends::kFromBelow) {
    const Point from = {a.middle_x(), a.bottom()};
    const Point to = {goes_right ? b.x - 1 : b.right() + 1, b.middle_y()};
    return CurveThrough(css, from, {from.x, from.y + 2 * kDip},
                        {to.x + (goes_right ? -70 : 70), to.y}, to);
  }
  const double gap = std::max(b.x - a.right(), a.x - b.right());
  const double bend = std::clamp(gap / 2, 10.0, 160.0);
  if (b.x >= a.right() + 8) {
    return CurveThrough(css, {a.right(), a.middle_y()}, {a.right() + bend, a.middle_y()},
                        {b.x - bend, b.middle_y()}, {b.x - 1, b.middle_y()});
  }
  if (a.x >= b.right() + 8) {
    // Back: a little lower, so that it does not lie on its opposite.
    constexpr double kLower = 6;
    const double ya = a.middle_y() + std::min(kLower, a.height / 3);
    const double yb = b.middle_y() + std::min(kLower, b.height / 3);
    return CurveThrough(css, {a.x, ya}, {a.x - bend, ya + 10}, {b.right() + bend, yb + 10},
                        {b.right() + 1, yb});
  }
  const double out = std::max(a.right(), b.right()) + 34;
  return CurveThrough(css, {a.right(), a.middle_y()}, {out, a.middle_y()}, {out, b.middle_y()},
                      {b.right() + 1, b.middle_y()});
}

Ends EndsOf(const Picture::Node& from, const Picture::Node& to) {
  const auto is_below = [](const Picture::Node& node) {
    return IsOnBorder(node) && !SitsLeft(node) && node.box != Picture::kNone;
  };
  return is_below(to) ? Ends::kToAbove : is_below(from) ? Ends::kFromBelow : Ends::kSides;
}

// With what is left free behind it.
double WidthOfSmall(const std::string& text) { return 6.1 * static_cast<double>(text.size()) + 20; }

std::string Legend(double y) {
  std::string out;
  double x = 20;
  const auto node = [&](const Picture::Node& n, const char* text) {
    const bool small = IsOnBorder(n);
    const Rect r = {x, y + (small ? 3 : 0), small ? 14.0 : 26.0, small ? 14.0 : 20.0};
    out += ShapeOf(n, r, "");
    out += TextAt(r.right() + (n.count > 1 ? 14 : 6), y + 14, "small", text);
    x = r.right() + (n.count > 1 ? 14 : 6) + WidthOfSmall(text);
  };
  const auto line = [&](const char* css, const char* text) {
    out += Curve({x, y + 30, 0, 20}, {x + 34, y + 30, 0, 20}, css);
    out += TextAt(x + 42, y + 44, "small", text);
    x += 42 + WidthOfSmall(text);
  };
  node({.shape = Shape::kHost}, "host (C++)");
  node({.shape = Shape::kActor}, "actor");
  node({.shape = Shape::kActor, .count = 2}, "several alike");
  node({.shape = Shape::kDevice}, "of C++, not looked into");
  node({.shape = Shape::kProxy}, "proxy");
  node({.shape = Shape::kProxy, .is_dead = true}, "dead proxy");
  node({.shape = Shape::kCrossing}, "about to cross");
  node({.shape = Shape::kMembrane}, "control of a membrane");
  node({.shape = Shape::kSponsor}, "sponsor");
  x = 20;
  line("holds", "can send to");
  line("message", "a message brings it");
  line("promise", "by a promise or an answer");
  line("leak", "past a membrane");
  return out;
}

}  // namespace

std::string SvgText(const Picture& picture) {
  const Layout layout = LayoutOf(picture);
  const double head = kHeadHeight + kNoteHeight * static_cast<double>(picture.notes.size());
  double width = std::max({kWidthMin, layout.width, CaptionWidth(picture.title) * 1.3});
  for (const std::string& note : picture.notes) width = std::max(width, CaptionWidth(note) + 20);
  const double height = head + layout.height + kLegendHeight;
  std::string out = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f "
      "%.0f\">\n<style>%s</style>\n<defs>\n",
      width, height, width, height, kStyle);
  absl::StrAppend(&out, Marker("a", "#455a64"), Marker("m", "#ef6c00"), Marker("p", "#78909c"),
                  Marker("l", "#d50000"),
                  "</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
                  TextAt(20, 24, "title", picture.title));
  for (size_t i = 0; i < picture.notes.size(); ++i) {
    out += TextAt(20, 24 + kNoteHeight * static_cast<double>(i + 1), "note", picture.notes[i]);
  }
  absl::StrAppendFormat(&out, "<g transform=\"translate(0,%.0f)\">\n", head);
  for (size_t b = 0; b < picture.boxes.size(); ++b) {
    const Rect& r = layout.boxes[b];
    absl::StrAppendFormat(
        &out,
        "<rect class=\"box\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
        "rx=\"14\"/>\n",
        r.x, r.y, r.width, r.height);
    out += TextAt(r.x + 14, r.y + 19, "name", picture.boxes[b].name);
  }
  for (const Picture::Edge& edge : picture.edges) {
    const char* css = edge.is_leak                  ? "leak"
                      : edge.line == Line::kMessage ? "message"
                      : edge.line == Line::kPromise ? "promise"
                                                    : "holds";
    out += Curve(layout.nodes[edge.from], layout.nodes[edge.to], css,
                 EndsOf(picture.nodes[edge.from], picture.nodes[edge.to]));
  }
  for (size_t n = 0; n < picture.nodes.size(); ++n)
    out += ShapeOf(picture.nodes[n], layout.nodes[n], Caption(picture.nodes[n]));
  return absl::StrCat(out, "</g>\n", Legend(head + layout.height + 26), "</svg>\n");
}

}  // namespace vesicle::cli
