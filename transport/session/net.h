// host.net: what scripts have of networks.
//
//   #connect(locator)    a promise of what it means; a text ocapn://.., or a sturdyref
//   #listen(uri, ref)    "vesicle-tls://HOST:PORT": listens there, unless it does already; replies
//                        a locator of ref as a text
//   #revoke(locator)     what it means is offered no more; replies whether it was. Who has the
//                        reference keeps it
//   #relay(options)      sessions that open from now on are behind a membrane with the options of
//                        membrane(options), of which this VM is the inside; nil: direct again
//   #peers               a list of {peer, address, open, exports, imports, asks, wall}; wall: the
//                        control ref of that membrane, or nil
//
// Breaks with #type(text), #denied(text), #disconnected(text), #not_found(text).
#ifndef VESICLE_TRANSPORT_SESSION_NET_H_
#define VESICLE_TRANSPORT_SESSION_NET_H_

#include <vector>

#include "transport/session/network.h"

#pragma GCC visibility push(default)
namespace vesicle {

// `networks`, one for each transport, outlive the VM's turns.
Root MakeNet(Vm& vm, std::vector<Network*> networks);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SESSION_NET_H_
