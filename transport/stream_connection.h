// StreamConnection keeps the law of a Connection over whatever moves bytes: it has the states,
// the marks, the one buffer, the batching of a turn, the deadlines and the order of callbacks. A
// transport fills in five functions that move bytes and reports what happens.
//
// One buffer, taken from the environment's pool while bytes are pending: no allocation per Send.
//
//       connecting --Opened--> open --Close, ReceivedEnd--> closing --both ends--> closed
//           \_________________________________________________________ Lost, Abort __/
//
// Ownership: as Connection. Its functions for the transport (Opened, Received, ...) call the
//            handler, which may destroy the connection: they return whether it is still there.
//            They are called from the environment's loop, never from within the five functions.
//
//   class Mine final : public StreamConnection {
//     size_t Write(std::string_view bytes) override;   // and EndWriting, SetReading, Drop
//   };
#ifndef VESICLE_TRANSPORT_STREAM_CONNECTION_H_
#define VESICLE_TRANSPORT_STREAM_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transport/environment.h"
#include "transport/transport.h"

namespace vesicle {

class StreamConnection : public Connection, private TurnEndTask {
 public:
  void Start(ConnectionHandler* handler) final;
  absl::Status Send(std::string_view bytes) final;
  size_t pending_bytes() const override { return waiting_bytes(); }
  bool wants_more() const final { return !is_over_ && state_ <= State::kOpen; }
  void PauseReading() final;
  void ResumeReading() final;
  void Close(std::string_view reason) final;
  void Abort(std::string_view reason) final;
  const PeerInfo& peer() const final { return peer_; }

 protected:
  enum class State : uint8_t { kConnecting, kOpen, kClosing, kClosed };
  // How Drop() leaves: kReset loses what is under way, and lets the peer know where it can.
  enum class Leave : uint8_t { kInOrder, kReset };
  // What a transport that has bytes is to do after giving some.
  enum class Next : uint8_t { kMore, kStop, kGone };  // kGone: it was destroyed

  StreamConnection(Environment& environment, const Limits& limits, PeerInfo peer, State state);
  ~StreamConnection() override;  // that of the transport does what its Drop(kReset) does

  // --- the five functions of the transport
  // Takes as many of the bytes as it can; when not all, OnWritable() is called later.
  virtual size_t Write(std::string_view bytes) = 0;
  // No more will be written. EndWritten() when that is done, from within or later.
  virtual void EndWriting() = 0;
  // Whether Received() and ReceivedEnd() may be called from now on; not from within.
  virtual void SetReading(bool wanted) = 0;
  // Gives back every handle. Nothing is called afterwards. Once.
  virtual void Drop(Leave leave) = 0;

  // --- what it reports
  void StartDeadline(int64_t ms);  // while it connects
  enum class Announce : uint8_t { kYes, kNo };
  // kNo: of an accepted one, that took some time to be ready.
  void Opened(Announce announce = Announce::kYes);
  Next Received(std::string_view bytes);
  void ReceivedEnd();
  [[nodiscard]] bool Writable();  // false: it was destroyed
  void EndWritten();
  // It is over, with one of the codes of transport.h.
  void Lost(absl::Status why) { Finish(std::move(why), Leave::kReset); }
  // The same when the transport has left in order by itself.
  void Finish(absl::Status why, Leave leave);

  // Sent and not yet taken by Write().
  size_t waiting_bytes() const { return out_.size() - out_from_; }
  State state() const { return state_; }
  bool is_reading() const { return is_reading_; }
  Environment& environment() { return environment_; }
  const Limits& limits() const { return limits_; }
  PeerInfo& mutable_peer() { return peer_; }

 private:
  void OnTurnEnd() override;
  // Calls the handler; false if that destroyed us.
  template <typename Fn>
  bool Tell(Fn fn);
  void Flush();
  bool TellSendable();
  void BeginClosing(absl::Status why);
  void UpdateReading();
  void FinishIfBothEnded();
  void ForgetBuffer();

  Environment& environment_;
  ConnectionHandler* handler_ = nullptr;
  bool* was_destroyed_ = nullptr;  // while the handler is called
  State state_;
  bool opened_untold_ = false;
  bool closed_untold_ = true;
  bool is_paused_ = false;
  bool is_reading_ = false;
  bool is_over_ = false;  // the high mark was reached, the low one not yet
  bool sendable_untold_ = false;
  bool end_begun_ = false;
  bool end_written_ = false;
  bool peer_ended_ = false;
  std::string out_;  // pending from out_from_ on
  size_t out_from_ = 0;
  // Writes end where a Send ended: at ends_[next_end_], ..., and at the end of out_.
  std::vector<size_t> ends_;
  size_t next_end_ = 0;
  size_t last_write_from_ = 0;  // where the write begins that Sends are still added to
  std::unique_ptr<Environment::Timer> timer_;  // of the deadline, or of closing
  Limits limits_;
  PeerInfo peer_;
  absl::Status why_;  // once closing
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_STREAM_CONNECTION_H_
