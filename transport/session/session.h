// Session: one peer, from the hello to the end: the tables of what either side has of the
// other, and what each operation of CapTP does (ocapn draft "CapTP").
//
// The laws:
//   - What goes out is written in turns of far refs (far_ref.h), so after the commit of who sent
//   it,
//     in the order of the queue. A message is written whole or not at all, and with it the counts,
//     positions and answers that it takes.
//   - What comes in is an event of the session's payer, in the order of its arrival. Its references
//     are counted when they are read, whatever becomes of the message.
//   - Each ask ends once: by the peer, or broken with #disconnected when the session ends.
//   - In mode relay a membrane stands between this VM, its inside, and the peer: what either side
//   is
//     introduced to by the other crosses it, so all that follows does. Nothing is handed off.
//   - A fault of the peer ends this session, with an op:abort that names it, and nothing else. A
//   value
//     that cannot cross, a table that is full: that ask breaks.
//
// Ownership: borrows the host, which outlives it, and the connection. What it holds in the heap it
//            shows to the collector itself.
// Threads:   the VM's.
// Limits:    SessionLimits.
//
//   Session session(host, {.connection = &connection, .key = key, .hello = hello, ..});
//   session.Take(bytes);                         // from the connection
//   session.Fetch(swiss, slot);                  // an object of the peer
//   session.Disconnect(status);                  // the connection has ended
#ifndef VESICLE_TRANSPORT_SESSION_SESSION_H_
#define VESICLE_TRANSPORT_SESSION_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "membrane/membrane.h"
#include "transport/captp/bootstrap.h"
#include "transport/captp/dialect.h"
#include "transport/captp/flat_message.h"
#include "transport/captp/handoff.h"
#include "transport/captp/hello.h"
#include "transport/captp/operation.h"
#include "transport/captp/session_key.h"
#include "transport/environment.h"
#include "transport/parcel/encoder.h"
#include "transport/session/code_courier.h"
#include "transport/session/export_table.h"
#include "transport/session/far_ref.h"
#include "transport/session/position_table.h"
#include "transport/syrup/decoder.h"
#include "transport/syrup/encoder.h"
#include "transport/syrup/framer.h"
#include "transport/transport.h"
#include "vm/actor/core.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Session;

// Over a number, what asks for more breaks with #full; at twice the number the session aborts.
struct SessionLimits {
  size_t exports_max = 100'000;  // references that the peer has, and asks of ours that wait
  size_t asks_max = 100'000;     // of ours that wait for the peer
  size_t imports_max = 100'000;
  size_t listens_max = 100'000;  // of the peer, on promises of ours that are pending
  size_t answers_max = 100'000;  // that the peer has not returned
  // Messages of the peer that wait for a turn: from here on it is not read.
  int64_t events_high = 20'000;
  // Written and not yet taken by the system: a message that comes on top breaks with #full.
  size_t pending_bytes_max = size_t{16} << 20;
  syrup::Limits message = {};
};

// What reads and writes values, for all sessions of a host: none of them leaves anything in it when
// it has read or written a message. One that reads a long message in pieces has one of its own.
struct SessionCodec {
  SessionCodec(Core& core, const syrup::Limits& limits)
      : encoder(core.heap()), reader(limits), decoder(core.heap(), core.symbols(), core) {}
  syrup::Encoder encoder;
  syrup::Reader reader;
  syrup::Decoder decoder;
};

// Who runs a session: what it reaches beyond its peer.
class SessionHost {
 public:
  virtual Core& core() = 0;
  // With the limits of messages that its sessions have.
  virtual SessionCodec& codec() = 0;
  virtual Environment& environment() = 0;
  // The VM has something to run.
  virtual void Wake() = 0;
  // Settles `slot` with the reference of that swiss number; breaks it, #not_found: there is none.
  virtual void Fetch(std::string_view swiss, Value slot) = 0;
  // Of peers that hand something on by us. OK: kept, or known already.
  virtual absl::Status Deposit(Session& gifter, std::string_view gift_id, Value gift) = 0;
  // Settles `slot`, now or when the gift comes.
  virtual void Withdraw(Session& receiver, const SignedReceive& receive, Value slot) = 0;
  // A reference that `gifter` hands us, as a promise. Never collects.
  virtual Result Receive(Session& gifter, const SignedGive& give) = 0;
  // Writes a give for what `exporter` knows as that export. False: it does not, and nothing is
  // written.
  virtual bool Give(Session& receiver, Session& exporter, Value ref, syrup::Writer& out) = 0;
  // An opaque value for a locator with a swiss number, and back: null, it is none.
  virtual Value MakeSturdyref(const Locator& locator) = 0;
  virtual const Locator* SturdyrefOf(Value ref) = 0;
  // At the end of a turn of the loop in which something came or went.
  virtual void OnTraffic() = 0;
  // It is no session any more: nothing of ours goes by it.
  virtual void OnEnding(Session& session) = 0;
  // The last that is heard of it. It may be destroyed, but not from within.
  virtual void OnEnded(Session& session, const absl::Status& why) = 0;

 protected:
  ~SessionHost() = default;
};

class Session final : private syrup::RefWriter,
                      private syrup::RecordReader,
                      private HeldRoots,
                      private TurnEndTask {
 public:
  struct Options {
    Connection* connection = nullptr;
    SessionKey key;
    Hello hello;  // the peer's
    Value payer;  // the control ref of who pays for what the peer sends; nil: the root
    Dialect dialect = {};
    SessionLimits limits = {};
    std::optional<Membrane> wall = {};  // mode relay
    // The peer is a VM of this process: messages cross as parcels (session_parcel.h).
    bool is_in_process = false;
    CodeCourier* code = nullptr;  // of such a peer; null: functions and behaviors do not cross
  };
  Session(SessionHost& host, Options options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const PeerLocator& peer() const { return hello_.location; }
  const SessionId& id() const { return id_; }
  const SessionKey& key() const { return key_; }
  const Hello& hello() const { return hello_; }
  bool is_over() const { return stage_ != Stage::kOpen; }
  // When it is over.
  const absl::Status& why() const { return why_; }
  // Something can come by it: the peer has a reference of ours, or owes an answer.
  bool is_needed() const { return exports_.references() > 0 || exports_.asks() > 0; }

  // Settles `slot` with the object that the peer offers so. Outside of slices.
  void Fetch(std::string_view swiss, Value slot);
  // Mode relay: what stands between.
  const std::optional<Membrane>& wall() const { return wall_; }
  // Asks the peer's bootstrap for a gift: the signed give as it came, and the key that we have
  // towards the gifter. `slot` breaks at once where it cannot be asked. Outside of slices.
  void WithdrawGift(std::string_view signed_give, const SessionKey& gifter_key, Value slot);
  // A give is in the message that is written: when that is sent, the gift is deposited with the
  // exporter.
  void DepositWhenSent(Session& exporter, std::string_view gift_id, const Descriptor& gift);
  // Of receives of this peer. False: it was used before, or there were too many.
  bool SpendReceiveCount(uint64_t count);

  // From the connection.
  void Take(std::string_view bytes);
  // The connection has ended.
  void Disconnect(const absl::Status& why);
  // The same, and all that waits breaks before this returns. The host hears nothing.
  void EndNow();
  // Tells the peer, and ends it.
  void Abort(std::string_view reason);

  struct Counts {
    size_t exports, imports, asks, answers, returned_late;
  };
  Counts counts() const {
    return {exports_.size(), imports_.size(), exports_.asks(), answers_.size(),
            kept_answers_.size()};
  }
  // Something may have died: what has is returned to the peer at the end of this turn of the loop.
  void LookForTheDead();
  // Called now and then. When nothing came or went since the last call, what is only needed for
  // that goes: buffers, tables that are empty.
  void RestIfQuiet();
  // Imports that may be dead already, if only somebody looked.
  bool has_imports() const { return imports_.size() + kept_answers_.size() > 0; }

 private:
  friend class FarCode;
  enum class Stage : uint8_t { kOpen, kEnding, kOver };
  // A message on its way out, but for the value and the slot, which are the turn's.
  struct Outgoing;
  struct LongWriteState;
  class LongWrite;
  class Parcels;

  // --- session_out.cc
  // The turn of a far ref: what became of it.
  TurnEnd Write(Object* far);
  TurnEnd WriteMessage(Object* far);
  TurnEnd WriteSettlement(Object* far);
  TurnEnd WriteListenTo(Object* far);
  TurnEnd WriteOut(const Outgoing& outgoing);
  TurnEnd SuspendWriting(std::unique_ptr<LongWriteState> state);
  syrup::Encoder::Step GoOnWriting(LongWriteState& state);
  void SwapSent(LongWriteState& state);
  TurnEnd FinishWriting(LongWriteState& state);
  void WriteDeposits();
  static syrup::Encoder::As AsOf(const Outgoing& outgoing);
  void BeginOutgoing(const Outgoing& outgoing, syrup::Writer& out);
  bool EndOutgoing(const Outgoing& outgoing, syrup::Writer& out, Value* reason);
  // Asks for the slot of the turn, if the message has one. False: *reason says why not.
  struct Asked {
    std::optional<uint64_t> ask = {};  // what the peer settles
    Object* routed = nullptr;          // the promise that messages follow to the answer
    std::optional<uint64_t> answer = {};
  };
  bool AskFor(const Outgoing& outgoing, Asked* asked, Value* reason);
  // It is written: what it sent stays counted, and the slot is the peer's.
  void CommitOutgoing(const Asked& asked);
  void TakeBack(syrup::Writer& out);
  void UndoSends();
  TurnEnd GiveUp(const Outgoing& outgoing, Value reason);
  // A short one, that asks for nothing. False: it cannot be, and nothing of it is left.
  bool WriteAtOnce(const Outgoing& outgoing, Value value);
  Value ReasonOf(const syrup::Error& error);
  Value Full();
  bool HasRoomToSend() const;
  bool AreAsksFull() const;
  std::optional<Failure> WriteRef(Value ref, syrup::Writer& out) override;
  // What a reference is for the peer: a descriptor, or a record that stands in `record` then.
  std::optional<Failure> Tell(Value ref, syrup::Writer& record, std::optional<Descriptor>* as);
  std::optional<Failure> TellExport(Value ref, Descriptor::Kind kind,
                                    std::optional<Descriptor>* as);

  // --- session_parcel.cc
  TurnEnd WriteParcel(const Outgoing& outgoing);
  // Behind the value, as EndOutgoing.
  bool EndParcel(const Outgoing& outgoing, size_t begin, parcel::Words& out, Value* reason);
  bool IsParcel(const Outgoing& outgoing) const;
  size_t ParcelBytes() const;
  syrup::Encoder::Step GoOnPacking(LongWriteState& state);
  TurnEnd FinishPacking(LongWriteState& state);
  bool WriteParcelAtOnce(const Outgoing& outgoing, Value value);
  Value ReasonOfParcel(const parcel::Encoder& encoder, size_t at);
  void SendParcels();
  void TakeParcels(std::string_view bytes);
  void TakeParcel(std::string_view frame);
  absl::Status DoParcel(const Deliver& deliver, std::string_view words);
  absl::Status GoOnUnpacking();

  // --- session_in.cc
  void TakeMore(std::string_view bytes);
  void TakeSyrup(std::string_view bytes);
  // What the framer has, as far as it can be done.
  absl::Status TakeMessages();
  absl::Status TakeMessage(std::string_view message);
  absl::Status TakeFlat(const FlatMessage& message);
  absl::Status FinishFlat(std::span<Value> arguments);
  Result ValueOf(const FlatArgument& argument);
  // There was no room: all that is dead goes. False: it has been tried often enough.
  bool CollectAgain(int* collections);
  absl::Status Do(const Operation& op);
  absl::Status DoDeliver(const Operation& op);
  // Finds what it is for, and makes its slot: incoming_.
  absl::Status AddressDeliver(const Descriptor& to, const std::optional<uint64_t>& answer,
                              const std::optional<Descriptor>& resolver);
  absl::Status DoBootstrap(const Operation& op);
  absl::Status ReadArguments();
  absl::Status CheckMessage();
  Value ReasonOfArguments();
  absl::Status DoListen(const Operation& op);
  absl::Status DoQuery(const Operation& op);
  absl::Status DoGcExports(GcEntries entries);
  absl::Status DoGcAnswers(GcEntries entries);
  static absl::Status NotExported(std::string_view operation, uint64_t position);
  // The target of an operation; a status: the peer never had it.
  absl::Status FindTarget(const Descriptor& to, std::string_view operation, Value* target);
  absl::Status FinishDeliver(Value message);
  absl::Status Answer(EventFlag how, Value value);
  // A promise that settles `slot` with what its outcome is beyond the wall, when it crosses that
  // way; no wall: the slot itself. Nil: it broke.
  Value Across(Value slot, Direction way);
  absl::Status GoOnDecoding();
  absl::Status RefuseIncoming(Value reason);
  absl::Status ImportFailed();
  void SettleAsk(uint64_t position, const ExportTable::Found& ask, EventFlag how, Value value);
  void ReturnAnswer(const ExportTable::Found& ask);
  bool IsOfPeer(Value ref);
  Value ResolverOf(const ExportTable::Found& ask);
  // What the answer of a deliver goes to, nil for a tell; a status: the position is in use.
  absl::Status MakeSlot(const std::optional<uint64_t>& answer,
                        const std::optional<Descriptor>& resolver, Value* slot);
  Result ReadRecord(std::string_view label, syrup::Reader& reader) override;
  Result Import(uint64_t position);
  Result ImportPromise(uint64_t position);
  Result Imported(const Descriptor& import);
  // What a descriptor among arguments stands for.
  Result RefOf(const Descriptor& descriptor);
  Result ReadDescriptor(Fields& fields, Descriptor::Kind kind);
  Result AbortWith(absl::Status status);

  // --- session.cc
  void OnTurnEnd() override;
  void VisitRoots(Visitor& visitor) override;
  void FlushLater();
  void Flush();
  void Send(std::string_view bytes);
  void TakeWhatWaits();
  void PauseIfBusy();
  void Pause();
  void ReturnTheDead();
  void ReturnAnswers();
  void ChargeTables();
  void End(const absl::Status& why);
  void EndSome();
  bool BreakSome();
  void Guilty(const absl::Status& status);
  // At the end of this turn of the loop: from within a turn of the VM.
  void AbortLater(std::string reason);
  Heap& heap() { return core_.heap(); }

  SessionHost& host_;
  Core& core_;
  Connection* connection_;
  SessionKey key_;
  Hello hello_;
  SessionId id_;
  Dialect dialect_;
  SessionLimits limits_;
  std::optional<Membrane> wall_;
  Stage stage_ = Stage::kOpen;
  absl::Status why_;
  std::string abort_later_;
  std::shared_ptr<Session*> alive_;  // null when it is not any more

  Value payer_;
  Value far_code_;
  Value bootstrap_;
  ExportTable exports_;
  PositionTable imports_;       // far objects, weakly
  PositionTable promises_;      // promises that stand for the peer's, weakly
  PositionTable answers_;       // that the peer asked for: promises, until it returns them
  PositionTable kept_answers_;  // far answers that are routes of settled promises, weakly
  PositionTable listeners_;     // of the peer, on promises of ours, weakly; by number
  uint64_t next_listener_ = 1;
  uint64_t next_answer_ = 1;
  uint64_t next_receive_ = 1;
  std::vector<uint64_t> spent_counts_;  // of receives, sorted

  syrup::Writer out_;
  // Of the message under way: exports, and gifts for third parties.
  struct Deposit {
    std::shared_ptr<Session*> exporter;
    std::string id;
    Descriptor gift;
  };
  std::vector<uint64_t> sent_;
  std::vector<Deposit> deposits_;
  // Answers, not yet told to the peer: that waits for long messages, which may name one, and for
  // something else to be written, for a while.
  std::vector<uint64_t> returned_;
  std::unique_ptr<Environment::Timer> return_soon_;
  bool is_return_due_ = false;
  int long_writes_ = 0;

  SessionCodec& codec() { return own_codec_ != nullptr ? *own_codec_ : host_.codec(); }
  syrup::Framer framer_;
  std::unique_ptr<SessionCodec> own_codec_;
  bool fits_flat_;  // what ReadFlat takes is within the limits
  // A deliver that is read; a long one in pieces.
  struct Incoming {
    bool is_under_way = false;
    bool is_parcel = false;
    std::string_view args = {};
    Value target = {};
    Value slot = {};
    std::optional<ExportTable::Found> ask = {};
    uint64_t position = 0;  // of the ask
  };
  Incoming incoming_;
  std::string refusal_;       // what is wrong with it, once its arguments were read
  std::span<Value> flat_;     // arguments that are there so far, on the stack
  std::string_view message_;  // that is read, and is not flat
  bool is_checked_ = true;    // by a reader, to its end
  std::string input_;         // that framer_ borrows, of what was behind
  std::string long_message_;
  std::string behind_;
  bool is_paused_ = false;
  std::unique_ptr<Environment::Timer> look_again_;
  bool holds_loop_ = true;            // as a connection does at first
  bool is_over_limit_ = false;        // by the message that is read: it is refused, #full
  absl::Status abort_;                // found while a value was read
  Root held_back_;                    // by a planted bug
  std::unique_ptr<Parcels> parcels_;  // with a peer of this process

  enum class Quiet : uint8_t { kNo, kMaybe, kRests };
  Quiet quiet_ = Quiet::kNo;
  uint64_t young_collections_ = 0;  // when the dead were looked for last
  uint64_t cycles_ = 0;
  bool is_looking_ = false;
  ExternalBytes bytes_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SESSION_SESSION_H_
