#include "membrane/planted.h"

#ifdef VESICLE_PLANTED_BUGS
namespace vesicle::planted {

int bug = kNone;

bool IsLateEnough() {
  static int asked = 0;
  return ++asked % 50 == 0;
}

}  // namespace vesicle::planted
#endif
