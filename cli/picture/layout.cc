#include "cli/picture/layout.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <set>

namespace vesicle::cli {
namespace {

using Shape = Picture::Shape;
constexpr int kNone = Picture::kNone;

constexpr double kNodeHeight = 30;
constexpr double kPadding = 26;
constexpr double kTitleHeight = 22;
constexpr double kColumnGap = 76;
constexpr double kRowGap = 20;
constexpr double kBandGap = 44;
constexpr double kProxySize = 14;
constexpr double kProxyGap = 12;
constexpr int kColumnsMax = 12;

// A node, or a box with all that is in it.
struct Item {
  int node = kNone;
  int box = kNone;
  double width = 0;
  double height = 0;
  double x = 0;  // in what it stands in
  double y = 0;
  int layer = 0;
  double order = 0;
};

class Layouter {
 public:
  explicit Layouter(const Picture& picture) : picture_(picture) {}

  Layout Run() {
    const size_t boxes = picture_.boxes.size();
    layout_.nodes.resize(picture_.nodes.size());
    layout_.boxes.resize(boxes);
    items_.resize(boxes + 1);
    // Children first, as each is a node of what it stands in.
    for (size_t b = boxes; b-- > 0;) Arrange(static_cast<int>(b));
    Arrange(kNone);
    Place();
    return std::move(layout_);
  }

 private:
  size_t Slot(int box) const {
    return box == kNone ? picture_.boxes.size() : static_cast<size_t>(box);
  }

  void Arrange(int box) {
    std::vector<Item>& items = items_[Slot(box)];
    std::vector<int> item_of_node(picture_.nodes.size(), kNone);
    std::vector<int> item_of_box(picture_.boxes.size(), kNone);
    int left = 0, below = 0;
    double below_width = 0;
    for (size_t n = 0; n < picture_.nodes.size(); ++n) {
      const Picture::Node& node = picture_.nodes[n];
      if (node.box != box) continue;
      if (box != kNone && IsOnBorder(node)) {
        if (SitsLeft(node)) {
          ++left;
        } else {
          ++below;
          below_width += kProxySize + kProxyGap;
        }
        continue;
      }
      item_of_node[n] = static_cast<int>(items.size());
      Item item;
      item.node = static_cast<int>(n);
      item.width = IsOnBorder(node) ? kProxySize : CaptionWidth(Caption(node));
      item.height = IsOnBorder(node) ? kProxySize : kNodeHeight;
      items.push_back(item);
    }
    for (size_t b = 0; b < picture_.boxes.size(); ++b) {
      if (picture_.boxes[b].parent != box) continue;
      item_of_box[b] = static_cast<int>(items.size());
      Item item;
      item.box = static_cast<int>(b);
      item.width = layout_.boxes[b].width;
      item.height = layout_.boxes[b].height;
      items.push_back(item);
    }
    // What each edge means here; kNone: it comes from outside.
    const auto item_at = [&](int n) {
      const Picture::Node& node = picture_.nodes[n];
      if (item_of_node[n] != kNone) return item_of_node[n];
      for (int b = node.box; b != kNone; b = picture_.boxes[b].parent) {
        if (item_of_box[b] != kNone) return item_of_box[b];
      }
      return kNone;
    };
    std::vector<std::set<int>> to(items.size()), from(items.size());
    std::vector<bool> is_entry(items.size(), false);
    for (const Picture::Edge& edge : picture_.edges) {
      const int a = item_at(edge.from), b = item_at(edge.to);
      // Who may revoke it says nothing of where a box goes.
      if (a == b || b == kNone || picture_.nodes[edge.to].shape == Shape::kMembrane) continue;
      if (a == kNone) {
        is_entry[b] = true;
      } else {
        to[a].insert(b);
        from[b].insert(a);
      }
    }
    SetLayers(items, to, from, is_entry);
    Rect& size = box == kNone ? top_ : layout_.boxes[box];
    const bool is_box = box != kNone;
    const double title = is_box ? kTitleHeight : 0;
    SetPlaces(items, to, from, kPadding, kPadding + title, &size);
    size.width += 2 * kPadding;
    size.height += 2 * kPadding + title;
    size.height = std::max(size.height, left * (kProxySize + kProxyGap) + 2 * kPadding + title);
    size.width = std::max(size.width, below_width + 2 * kPadding);
    if (is_box) size.width = std::max(size.width, CaptionWidth(picture_.boxes[box].name) + 20);
  }

  // By distance from where arrows come in.
  void SetLayers(std::vector<Item>& items, const std::vector<std::set<int>>& to,
                 const std::vector<std::set<int>>& from, const std::vector<bool>& is_entry) {
    const int n = static_cast<int>(items.size());
    std::vector<bool> met(n, false);
    std::deque<int> to_do;
    const auto begin_with = [&](int i) {
      met[i] = true;
      to_do.push_back(i);
    };
    const auto spread = [&] {
      while (!to_do.empty()) {
        const int i = to_do.front();
        to_do.pop_front();
        for (const int k : to[i]) {
          if (met[k]) continue;
          met[k] = true;
          items[k].layer = items[i].layer + 1;
          to_do.push_back(k);
        }
      }
    };
    for (int i = 0; i < n; ++i) {
      const bool is_host =
          items[i].node != kNone && picture_.nodes[items[i].node].shape == Shape::kHost;
      if (is_host || is_entry[i]) begin_with(i);
    }
    spread();
    for (int i = 0; i < n; ++i) {
      if (!met[i] && from[i].empty()) begin_with(i);
    }
    spread();
    for (int i = 0; i < n; ++i) {
      if (met[i]) continue;
      begin_with(i);
      spread();
    }
  }

  // Columns of a readable height, in bands when there are too many of them.
  static void SetPlaces(std::vector<Item>& items, const std::vector<std::set<int>>& to,
                        const std::vector<std::set<int>>& from, double x0, double y0, Rect* size) {
    std::map<int, std::vector<int>> layers;
    for (size_t i = 0; i < items.size(); ++i) {
      items[i].order = static_cast<double>(i);
      layers[items[i].layer].push_back(static_cast<int>(i));
    }
    Order(items, to, from, layers);
    const size_t rows_max = std::max<size_t>(
        6, static_cast<size_t>(std::sqrt(static_cast<double>(items.size())) * 1.5));
    std::vector<std::vector<int>> columns;
    for (auto& [layer, members] : layers) {
      const size_t count = (members.size() + rows_max - 1) / rows_max;
      const size_t rows = (members.size() + count - 1) / count;
      for (size_t begin = 0; begin < members.size(); begin += rows) {
        const size_t end = std::min(members.size(), begin + rows);
        columns.emplace_back(members.begin() + static_cast<long>(begin),
                             members.begin() + static_cast<long>(end));
      }
    }
    double y = y0, right = x0;
    for (size_t begin = 0; begin < columns.size(); begin += kColumnsMax) {
      const size_t end = std::min(columns.size(), begin + kColumnsMax);
      double height = 0;
      for (size_t c = begin; c < end; ++c) height = std::max(height, HeightOf(items, columns[c]));
      double x = x0;
      for (size_t c = begin; c < end; ++c) {
        double width = 0;
        for (const int i : columns[c]) width = std::max(width, items[i].width);
        double top = y + (height - HeightOf(items, columns[c])) / 2;
        for (const int i : columns[c]) {
          items[i].x = x + (width - items[i].width) / 2;
          items[i].y = top;
          top += items[i].height + kRowGap;
        }
        right = std::max(right, x + width);
        x += width + kColumnGap;
      }
      y += height + kBandGap;
    }
    size->width = right - x0;
    size->height = columns.empty() ? 0 : y - kBandGap - y0;
  }
  static double HeightOf(const std::vector<Item>& items, const std::vector<int>& column) {
    double height = -kRowGap;
    for (const int i : column) height += items[i].height + kRowGap;
    return height;
  }
  // Each beside what it is connected with: a few rounds of barycenters.
  static void Order(std::vector<Item>& items, const std::vector<std::set<int>>& to,
                    const std::vector<std::set<int>>& from,
                    std::map<int, std::vector<int>>& layers) {
    constexpr int kRounds = 6;
    for (int round = 0; round < kRounds; ++round) {
      for (auto& [layer, members] : layers) {
        for (size_t i = 0; i < members.size(); ++i) {
          items[members[i]].order =
              (static_cast<double>(i) + 0.5) / static_cast<double>(members.size());
        }
      }
      for (auto& [layer, members] : layers) {
        std::map<int, double> wanted;
        for (const int i : members) {
          double sum = 0, count = 0;
          for (const auto* side : {&to[i], &from[i]}) {
            for (const int k : *side) {
              if (items[k].layer == layer) continue;
              sum += items[k].order;
              ++count;
            }
          }
          wanted[i] = count == 0 ? items[i].order : sum / count;
        }
        std::stable_sort(members.begin(), members.end(),
                         [&](int a, int b) { return wanted[a] < wanted[b]; });
      }
    }
  }

  // From the outermost in: parents stand before their children.
  void Place() {
    const auto place = [&](int box, double x, double y) {
      for (const Item& item : items_[Slot(box)]) {
        Rect& rect = item.node != kNone ? layout_.nodes[item.node] : layout_.boxes[item.box];
        rect = {x + item.x, y + item.y, item.width, item.height};
      }
    };
    place(kNone, 0, 0);
    for (size_t b = 0; b < picture_.boxes.size(); ++b) {
      place(static_cast<int>(b), layout_.boxes[b].x, layout_.boxes[b].y);
    }
    PlaceBorders();
    layout_.width = top_.width;
    layout_.height = top_.height;
  }
  void PlaceBorders() {
    std::vector<double> left(picture_.boxes.size(), kPadding + kTitleHeight);
    std::vector<double> below(picture_.boxes.size(), kPadding);
    for (size_t n = 0; n < picture_.nodes.size(); ++n) {
      const Picture::Node& node = picture_.nodes[n];
      if (!IsOnBorder(node) || node.box == kNone) continue;
      const Rect& box = layout_.boxes[node.box];
      if (SitsLeft(node)) {
        layout_.nodes[n] = {box.x - kProxySize / 2, box.y + left[node.box], kProxySize, kProxySize};
        left[node.box] += kProxySize + kProxyGap;
      } else {
        layout_.nodes[n] = {box.x + below[node.box], box.bottom() - kProxySize / 2, kProxySize,
                            kProxySize};
        below[node.box] += kProxySize + kProxyGap;
      }
    }
  }

  const Picture& picture_;
  Layout layout_;
  Rect top_;
  std::vector<std::vector<Item>> items_;  // by box, the last one: in none
};

}  // namespace

double CaptionWidth(const std::string& caption) {
  // In code points: a continuation byte takes no room.
  double letters = 0;
  for (const char c : caption) letters += (static_cast<unsigned char>(c) & 0xc0) == 0x80 ? 0 : 1;
  return std::max(44.0, letters * kLetterWidth + 22);
}

bool IsOnBorder(const Picture::Node& node) {
  return node.shape == Shape::kProxy || node.shape == Shape::kCrossing ||
         node.shape == Shape::kMembrane;
}

bool SitsLeft(const Picture::Node& node) { return node.leads_in || node.shape == Shape::kMembrane; }

Layout LayoutOf(const Picture& picture) { return Layouter(picture).Run(); }

}  // namespace vesicle::cli
