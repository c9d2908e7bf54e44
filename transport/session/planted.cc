#include "transport/session/planted.h"

namespace vesicle::session_planted {

#ifdef VESICLE_PLANTED_SESSION_BUGS
int bug = kNone;

bool OneIn(int n) {
  static int asked = 0;
  return ++asked % n == 0;
}
#endif

}  // namespace vesicle::session_planted
