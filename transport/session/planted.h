// Planted bugs: a build with VESICLE_PLANTED_SESSION_BUGS is wrong about sessions in one way, whose
// number is given at run time, so that the networks of the tests can show that they would notice.
// Every other build has none of this.
#ifndef VESICLE_TRANSPORT_SESSION_PLANTED_H_
#define VESICLE_TRANSPORT_SESSION_PLANTED_H_

namespace vesicle::session_planted {

enum Bug : int {
  kNone = 0,
  kImportNotCounted,     // a reference that comes again is not counted
  kDeadNotReturned,      // what has died here is not returned to the peer
  kDeadReturnedTwice,    // or counted double
  kAnswerNotReturned,    // an answer that is known is not
  kAskStaysAtEnd,        // the end of a session leaves what was asked
  kListenNotWritten,     // nobody is told that somebody waits for a promise
  kReplyNotWritten,      // of 20 answers one is lost
  kMessageNotWritten,    // of 20 messages without an answer one is lost
  kDeliveredTwice,       // of 20 messages one is delivered twice
  kOvertakes,            // of 20 events of a peer one comes after the next
  kDepositNotWritten,    // a gift is never deposited
  kExportForgottenSoon,  // the first return forgets an export, whatever its count
  kWrongExport,          // of 50 references one is written as its neighbour
  kAnswerReused,         // an answer position is used again while it is in use
  kBugCount
};

#ifdef VESICLE_PLANTED_SESSION_BUGS
extern int bug;
inline bool Is(Bug b) { return bug == b; }
// One time in `n`.
bool OneIn(int n);
#else
constexpr bool Is(Bug) { return false; }
constexpr bool OneIn(int) { return false; }
#endif

}  // namespace vesicle::session_planted

#endif  // VESICLE_TRANSPORT_SESSION_PLANTED_H_
