// LaneTransport: lines between VMs of one process, each on a thread and a loop of its own. A
// connection is two lanes (lane.h), one each way; who sends copies bytes into a lane at the end
// of its turn and knocks, once for all of them.
//
// The law: that of transport.h. Connections are those of this process, so a name is as good as a
// key: proves_keys(). They hold no loop, connected or not: whether a VM whose own work is done
// can still be reached is for whoever runs all of them (host.h).
//
// Ownership: borrows the environment and the switch; outlives its listener and connections.
// Threads:   the environment's.
// Limits:    one listener; those of a Lane, and of the connections.
//
//   LaneSwitch lanes;                                       // of the process
//   LaneTransport here(environment, lanes, "vm0");          // in one thread
//   auto connection = here.Connect("vm1:1", {});            // where another is "vm1"
#ifndef VESICLE_TRANSPORT_HOST_LANE_TRANSPORT_H_
#define VESICLE_TRANSPORT_HOST_LANE_TRANSPORT_H_

#include <uv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "transport/host/lane_switch.h"
#include "transport/loop_environment.h"
#include "transport/transport.h"
#include "vm/loop/uv_handle.h"

namespace vesicle {

class LaneConnection;
class LaneListener;

class LaneTransport final : public Transport {
 public:
  static constexpr std::string_view kName = "vesicle-host";
  struct Options {
    // Before it sleeps it looks so long for what may come: a reply that takes less needs no system
    // call. 0: not at all.
    int64_t spin_ns = 0;
    // Something came while nothing else was to be done; before it is looked at.
    absl::AnyInvocable<void()> on_arrival = {};
  };

  // Wants a name that is free, without a colon.
  LaneTransport(LoopEnvironment& environment, LaneSwitch& lanes, std::string name, Options options);
  LaneTransport(LoopEnvironment& environment, LaneSwitch& lanes, std::string name)
      : LaneTransport(environment, lanes, std::move(name), Options()) {}
  ~LaneTransport() override;

  std::string_view name() const override { return kName; }
  bool proves_keys() const override { return true; }
  bool stays_in_process() const override { return true; }
  // At "NAME:PORT", the name its own, the port of no meaning.
  absl::StatusOr<std::unique_ptr<Listener>> Listen(const std::string& address,
                                                   const ListenOptions& options,
                                                   AcceptFn on_accept) override;
  // To "NAME:PORT".
  absl::StatusOr<std::unique_ptr<Connection>> Connect(const std::string& address,
                                                      const ConnectOptions& options) override;

  // Waits in the loop until something comes, or the loop has something else to do.
  void WaitForKnock();
  const std::shared_ptr<LaneMailbox>& mailbox() const { return mailbox_; }

 private:
  friend class LaneConnection;
  friend class LaneListener;

  void BeforeWait();
  void AfterWait();
  // Takes what came. False: nothing did.
  bool Take();
  void Accept(std::shared_ptr<LaneLine> line);
  // At the next look, which is soon.
  void LookAgain();

  LoopEnvironment& environment_;
  LaneSwitch& lanes_;
  std::string name_;
  Options options_;
  std::shared_ptr<LaneMailbox> mailbox_;
  LaneListener* listener_ = nullptr;
  std::vector<LaneConnection*> connections_;  // null: it is gone
  uint64_t seen_ = 0;                         // knocks that were looked at
  bool look_again_ = false;
  UvHandle<uv_async_t> wake_;
  UvHandle<uv_prepare_t> before_wait_;
  UvHandle<uv_check_t> after_wait_;
  UvHandle<uv_idle_t> no_wait_;
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_HOST_LANE_TRANSPORT_H_
