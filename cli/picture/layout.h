// Layout: where the nodes and boxes of a Picture go. Layered: from the left, where the
// host is, to the right, by distance; each box is laid out by itself and is then one node
// of what it stands in. Proxies sit on the border of their box: those that lead in on the
// left, those that lead out below.
#ifndef VESICLE_CLI_PICTURE_LAYOUT_H_
#define VESICLE_CLI_PICTURE_LAYOUT_H_

#include <vector>

#include "cli/picture/picture.h"

namespace vesicle::cli {

struct Rect {
  double x = 0, y = 0, width = 0, height = 0;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
  double middle_x() const { return x + width / 2; }
  double middle_y() const { return y + height / 2; }
};

struct Layout {
  std::vector<Rect> nodes;  // by node and box of the picture
  std::vector<Rect> boxes;
  double width = 0;
  double height = 0;
};

// The height of a caption, and how wide one is.
inline constexpr double kLetterWidth = 7.4;
double CaptionWidth(const std::string& caption);
bool IsOnBorder(const Picture::Node& node);
// On the left border; else on the lower one.
bool SitsLeft(const Picture::Node& node);

Layout LayoutOf(const Picture& picture);

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_PICTURE_LAYOUT_H_
