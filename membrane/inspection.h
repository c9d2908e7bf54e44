// What a control ref tells of its membrane: answers to #audit, #counts and #preview. Each begins in
// the turn that asks and goes on in pieces, so that a table of a million holds nobody up.
//
// Threads: its VM's.
#ifndef VESICLE_MEMBRANE_INSPECTION_H_
#define VESICLE_MEMBRANE_INSPECTION_H_

#include "vm/actor/core.h"

namespace vesicle {

// The records that are there when it is asked, oldest first. Those that leave the ring before it
// has come to them are not among them.
TurnEnd AnswerAudit(Core& core, Value membrane);
// {crossed, inward, outward, owed, refused}. What is dead is in no answer: no collection shows.
TurnEnd AnswerCounts(Core& core, Value membrane);
// {inward: n, outward: n, owed: n, proxies: [{number, way, last}, ..]}: what a revoke would cut,
// when it was asked; of the proxies the first thousand.
TurnEnd AnswerPreview(Core& core, Value membrane);

}  // namespace vesicle

#endif  // VESICLE_MEMBRANE_INSPECTION_H_
