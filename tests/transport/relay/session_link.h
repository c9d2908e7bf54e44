// SessionLink: a link of two VMs and a session in mode relay, whose membrane stands in the VM of
// the inside. What law 36 excuses it from stands in its traits.
#ifndef VESICLE_TESTS_TRANSPORT_RELAY_SESSION_LINK_H_
#define VESICLE_TESTS_TRANSPORT_RELAY_SESSION_LINK_H_

#include <string>

#include "tests/membrane/link.h"
#include "transport/session/network.h"

namespace vesicle {

class SessionLink : public Link {
 public:
  Traits traits() const override {
    return {.keeps_identity = true,
            .undoes_under_way = false,
            .takes_every_value = false,
            .copies_code = false,
            .finds_circles = false,
            .one_heap = false,
            .keeps_system_reasons = false};
  }
  Root Outward(Value value) override;
  Root Inward(Value value) override;
  void Revoke() override;

 protected:
  // The VM that has the membrane is in mode relay, and the other one is not. Each takes the other
  // at its word, so that there is one session, whoever began it.
  static NetworkOptions OptionsInMode(bool relay);
  virtual Network& inside_network() = 0;
  virtual Network& outside_network() = 0;
  // There is a session from here on. Called once, by who is made.
  void Meet();

 private:
  Root Introduce(Network& from, Network& to, Shore& shore, Value value);
};

}  // namespace vesicle

#endif  // VESICLE_TESTS_TRANSPORT_RELAY_SESSION_LINK_H_
