#include "membrane/planted.h"

#ifdef VESICLE_PLANTED_BUGS
namespace vesicle::planted {
int bug = kNone;
}  // namespace vesicle::planted
#endif
