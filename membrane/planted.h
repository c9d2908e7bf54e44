// Planted bugs: a build with VESICLE_PLANTED_BUGS is wrong about membranes in one way, whose
// number is given at run time, so that the harnesses can show that they would notice
// (tests/sim/leaks). Every other build has none of this.
#ifndef VESICLE_MEMBRANE_PLANTED_H_
#define VESICLE_MEMBRANE_PLANTED_H_

#pragma GCC visibility push(default)
namespace vesicle::planted {

enum Bug : int {
  kNone = 0,
  kTaggedFieldRaw,      // the second field of a tagged value crosses as it is
  kMapValueRaw,         // so does a value of a map
  kMapKeyRaw,           // or a key
  kListTailRaw,         // the last word of a list's node
  kCaptureRaw,          // the first capture of a closure
  kReplyRaw,            // a reply
  kReasonRaw,           // the reason of a break
  kSlotRaw,             // the slot of a message
  kPromiseRaw,          // a promise, as itself
  kSettledPromiseRaw,   // what a promise of the other side is kept with
  kForeignProxyRaw,     // a proxy of another membrane
  kPayerRaw,            // a ref made by a sponsor
  kControlRaw,          // the control ref of a sponsor
  kResolverRaw,         // a resolver
  kHomeStaysProxy,      // what comes home is wrapped once more
  kWrongSideUnwrapped,  // a proxy is unwrapped on the wrong side
  kTwoProxies,          // one actor has a new proxy each time
  kOneProxyForTwo,      // the last proxy is given for every actor
  kRevokeLeavesIn,      // a revoke cuts one direction only
  kRevokeLeavesSlots,   // a revoke breaks no promise that is owed
  kRevokeIsLate,        // a revoke comes some slices later
  kRevokeLeavesQueued,  // what waits for a refill waits on (CoreOptions::PlantedBug)
  kRevokeLeavesTurns,   // a turn that was under way goes on (CoreOptions::PlantedBug)
  kLiveAfterRevoke,     // a proxy minted after the revoke is alive
  kRewriteRaw,          // what a policy wrote crosses without a walk
  kDeniedCrosses,       // what a policy denied crosses
  kRedirectRaw,         // the target of a redirect is taken as it is
  kListHeadRaw,         // the first word of a list's node crosses as it is
  kSecondCaptureRaw,    // the second capture of a closure
  kSlotHomeStaysProxy,  // a slot that comes home stays a slot proxy
  kSlotNotOwed,         // what is owed is written down nowhere
  kRecordRaw,           // who listens to crossings gets the message in the place of a record
  kStandInForgotten,    // a promise that crosses after the revoke never breaks
  kTableTrustsAddress,  // a table is not set right when its targets have moved
  kBugCount
};

#ifdef VESICLE_PLANTED_BUGS
inline constexpr bool kIsBuilt = true;
extern int bug;
inline bool Is(Bug b) { return bug == b; }
// It is a bug of walks: what would cross without one takes one.
inline bool IsOfWalks() {
  return Is(kTaggedFieldRaw) || Is(kReplyRaw) || Is(kReasonRaw) || Is(kSettledPromiseRaw) ||
         Is(kRewriteRaw) || Is(kDeniedCrosses) || Is(kRedirectRaw);
}
// Of some 50 times that it is asked.
bool IsLateEnough();
#else
inline constexpr bool kIsBuilt = false;
constexpr bool Is(Bug) { return false; }
constexpr bool IsOfWalks() { return false; }
constexpr bool IsLateEnough() { return true; }
#endif

}  // namespace vesicle::planted
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_PLANTED_H_
