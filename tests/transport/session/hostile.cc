#include "tests/transport/session/hostile.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/transport/session/world.h"
#include "transport/captp/bootstrap.h"
#include "transport/captp/handshake.h"
#include "transport/captp/operation.h"
#include "transport/syrup/writer.h"
#include "vm/heap/check.h"

namespace vesicle {
namespace {

constexpr std::string_view kObjects = R"(
behavior echo { v => v }
behavior keeper(held) {
  #keep(v) => { become keeper([v, ...take(held, 20)]); held }
  #tell(m) => { for r in held { if kind(r) == #ref { r <- m } } }
  #ask(m) => task { [for r in held { if kind(r) == #ref { await r <- m else { why => why } } else { r } }] }
  #later => { let [p, r] = promise(); become keeper([p, r, ...take(held, 20)]); p }
  #settle(v) => { for r in held { if kind(r) == #ref { r <- #fulfill(v) } }; nil }
  #drop => { become keeper([]); nil }
  #new => create keeper([])
  #fail(v) => fail v
  v => v
}
)";
constexpr std::array<std::string_view, 3> kSwiss = {"echo", "keeper", "nothing"};
constexpr int kActionsMax = 400;

// Decisions, one byte each; when there are none left, zero.
class Decisions {
 public:
  explicit Decisions(std::string_view bytes) : bytes_(bytes) {}
  bool is_over() const { return bytes_.empty(); }
  uint8_t Next() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }
  size_t Below(size_t n) { return Next() % n; }
  std::string_view Some() {
    const size_t size = std::min<size_t>(Next(), bytes_.size());
    const std::string_view some = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return some;
  }

 private:
  std::string_view bytes_;
};

class HostilePeer final : public ConnectionHandler {
 public:
  HostilePeer(World& world, Decisions& decisions) : world_(world), decisions_(decisions) {
    line_ = world.network.AddHost("mallory");
    auto connected = line_->Connect("bob:1", {});
    VESICLE_CHECK(connected.ok());
    connection_ = *std::move(connected);
    handshake_.emplace(Handshake::Options{.side = Handshake::Side::kDialled}, world.environment,
                       [] {});
    PeerLocator own;
    own.name = {std::string(line_->name()), "mallory"};
    own.hints = {{"host", "mallory"}, {"port", "1"}};
    syrup::Writer hello;
    VESICLE_CHECK(handshake_->Start(own, hello).ok());
    connection_->Start(this);
    (void)connection_->Send(hello.bytes());
    world.Run();
  }
  bool is_open() const { return connection_ != nullptr && handshake_->is_open(); }
  void Leave() { connection_.reset(); }

  void Act() {
    switch (decisions_.Below(14)) {
      default:
        return Deliver();
      case 5: {
        const Descriptor to = Target();
        WriteListen(to, Import(), decisions_.Next() % 2 == 0, kDialect, out_);
        return;
      }
      case 6:
        switch (decisions_.Below(3)) {
          case 0:
            WriteGet(Target(), decisions_.Some(), Answer(), kDialect, out_);
            return;
          case 1:
            WriteIndex(Target(), Position(), Answer(), kDialect, out_);
            return;
          default:
            WriteUntag(Target(), decisions_.Some(), Answer(), kDialect, out_);
            return;
        }
      case 7: {
        std::vector<GcEntry> entries(1 + decisions_.Below(4));
        for (GcEntry& entry : entries) entry = {Position(), 1 + decisions_.Below(3)};
        WriteGcExports(entries, kDialect, out_);
        return;
      }
      case 8: {
        std::vector<uint64_t> answers(1 + decisions_.Below(4));
        for (uint64_t& answer : answers) answer = Answer();
        WriteGcAnswers(answers, kDialect, out_);
        return;
      }
      case 9:
        return Bootstrap();
      case 10:
        // Whatever it is, it stands between whole messages.
        Flush();
        return Send(decisions_.Some());
      case 11:
        return Flush();
      case 12: {
        // In two pieces, between which the world goes on.
        const std::string all(out_.bytes());
        out_.Clear();
        const size_t size = all.empty() ? 0 : decisions_.Next() % all.size();
        Send(std::string_view(all).substr(0, size));
        world_.Run(1'000'000);
        return Send(std::string_view(all).substr(size));
      }
      case 13:
        Flush();
        world_.Run(int64_t{1'000'000} * decisions_.Next());
        return;
    }
  }
  void Flush() {
    Send(out_.bytes());
    out_.Clear();
  }

 private:
  static constexpr Dialect kDialect = {};

  void OnBytes(std::string_view bytes) override {
    if (handshake_->is_open() || handshake_->has_ended()) return;
    std::string_view rest;
    syrup::Writer out;
    if (handshake_->Take(bytes, &rest, out) != Handshake::Step::kHello) return;
    VESICLE_CHECK(handshake_->Accept({}, out).ok());
  }
  void OnClosed(const absl::Status&) override { is_closed_ = true; }

  void Send(std::string_view bytes) {
    if (!is_closed_ && !bytes.empty()) (void)connection_->Send(bytes);
  }

  // Mostly one that may be there.
  uint64_t Position() {
    constexpr std::array<uint64_t, 6> kFar = {uint64_t{1} << 31, UINT32_MAX, uint64_t{1} << 62,
                                              uint64_t{1} << 63, UINT64_MAX, 1000};
    const size_t n = decisions_.Next();
    return n >= 250 ? kFar[n - 250] : n % 12;
  }
  uint64_t Answer() { return Position(); }
  Descriptor Import() {
    const auto kind = decisions_.Below(3) == 0 ? Descriptor::Kind::kImportPromise
                                               : Descriptor::Kind::kImportObject;
    return {kind, Position()};
  }
  Descriptor Target() {
    const auto kind =
        decisions_.Below(3) == 0 ? Descriptor::Kind::kAnswer : Descriptor::Kind::kExport;
    return {kind, Position()};
  }

  void Deliver() {
    vesicle::Deliver deliver = {.to = Target()};
    if (decisions_.Below(2) == 0) deliver.answer = Answer();
    if (decisions_.Below(2) == 0) {
      deliver.resolver = Descriptor{Descriptor::Kind::kImportObject, Position()};
    }
    BeginDeliver(deliver, kDialect, out_);
    out_.BeginList();
    constexpr std::array<std::string_view, 9> kTags = {"keep", "tell", "ask",     "later", "settle",
                                                       "drop", "new",  "fulfill", "break"};
    const size_t tag = decisions_.Below(kTags.size() + 2);
    if (tag < kTags.size()) out_.Symbol(kTags[tag]);
    for (size_t left = decisions_.Below(3); left > 0; --left) WriteValue(4);
    out_.EndList();
    EndDeliver(deliver, kDialect, out_);
  }

  void Bootstrap() {
    vesicle::Deliver deliver = {.to = {Descriptor::Kind::kExport, 0}};
    if (decisions_.Below(2) == 0) deliver.answer = Answer();
    if (decisions_.Below(2) == 0) {
      deliver.resolver = Descriptor{Descriptor::Kind::kImportObject, Position()};
    }
    BeginDeliver(deliver, kDialect, out_);
    switch (decisions_.Below(4)) {
      case 0:
      case 1:
        WriteFetch(kSwiss[decisions_.Below(kSwiss.size())], out_);
        break;
      case 2:
        WriteDepositGift(decisions_.Some(), {Descriptor::Kind::kExport, Position()}, out_);
        break;
      default: {
        HandoffReceive receive;
        receive.session = handshake_->session_id();
        receive.side = handshake_->key().id();
        receive.count = Position();
        syrup::Writer give;
        WriteGive(give);
        give.EndMessage();
        receive.give.bytes = give.bytes();
        WriteWithdrawGift(receive, handshake_->key(), out_);
        break;
      }
    }
    EndDeliver(deliver, kDialect, out_);
  }

  // By our own key, about whoever comes to mind.
  void WriteGive(syrup::Writer& out) {
    HandoffGive give;
    give.receiver_key =
        decisions_.Below(2) == 0 ? handshake_->hello().key : handshake_->key().public_key();
    const std::string name = decisions_.Below(3) == 0   ? "bob"
                             : decisions_.Below(2) == 0 ? "alice"
                                                        : "nobody";
    give.exporter.name = {std::string(line_->name()), name};
    give.exporter.hints = {{"host", name}, {"port", "1"}};
    give.session = handshake_->session_id();
    give.gifter_side = handshake_->key().id();
    give.gift_id = decisions_.Some();
    syrup::Writer peer;
    peer.BeginMessage();
    WritePeer(give.exporter, peer);
    peer.EndMessage();
    give.exporter_bytes = peer.bytes();
    WriteSignedGive(give, handshake_->key(), out);
  }

  void WriteValue(int depth) {
    switch (decisions_.Below(depth > 0 ? 13 : 7)) {
      case 0:
        return out_.Int(static_cast<int8_t>(decisions_.Next()));
      case 1:
        return out_.Text(decisions_.Below(2) == 0 ? "text" : "");
      case 2:
        return out_.Symbol(decisions_.Below(2) == 0 ? "later" : "v");
      case 3:
        return WriteDescriptor(Import(), out_);
      case 4:
      case 5:
        return WriteDescriptor(Target(), out_);
      case 6:
        return out_.Bool(decisions_.Below(2) == 0);
      case 7:
      case 8:
        out_.BeginList();
        for (size_t left = decisions_.Below(4); left > 0; --left) WriteValue(depth - 1);
        return out_.EndList();
      case 9:
        out_.BeginUnsorted();
        for (size_t i = decisions_.Below(3); i > 0; --i) {
          out_.Key(absl::StrCat(i));
          WriteValue(depth - 1);
        }
        return out_.EndUnsorted();
      case 10:
        out_.BeginRecord(decisions_.Below(2) == 0 ? "keep" : "desc:export");
        for (size_t left = decisions_.Below(3); left > 0; --left) WriteValue(depth - 1);
        return out_.EndRecord();
      case 11: {
        Locator locator;
        locator.peer.name = {std::string(line_->name()), "alice"};
        locator.peer.hints = {{"host", "alice"}, {"port", "1"}};
        locator.swiss = std::string(decisions_.Some());
        return WriteSturdyref(locator, out_);
      }
      default:
        return WriteGive(out_);
    }
  }

  World& world_;
  Decisions& decisions_;
  std::unique_ptr<Transport> line_;
  std::unique_ptr<Connection> connection_;
  std::optional<Handshake> handshake_;
  syrup::Writer out_;
  bool is_closed_ = false;
};

}  // namespace

std::string LiveWithHostile(std::string_view bytes, bool relay) {
  World world(1);
  World::Node& bob = world.Add("bob", InMode(relay));
  World::Node& alice = world.Add("alice");
  const Root keeper = bob.Make(kObjects, "keeper", {bob.vm->List({})});
  VESICLE_CHECK(bob.network->OfferAs("echo", bob.Make(kObjects, "echo").value()).ok());
  VESICLE_CHECK(bob.network->OfferAs("keeper", keeper.value()).ok());
  Locator at = {.peer = bob.network->own(), .swiss = "echo"};
  const Root echo = alice.Fetch(at);
  int asked = 0;
  std::vector<World::OutcomePtr> answers;
  const auto ask = [&] { answers.push_back(alice.Ask(echo, alice.vm->Int(++asked))); };
  ask();
  world.Run();

  Decisions decisions(bytes);
  HostilePeer mallory(world, decisions);
  for (int i = 0; i < kActionsMax && mallory.is_open() && !decisions.is_over(); ++i) {
    mallory.Act();
    if (i % 16 == 0) ask();
  }
  mallory.Flush();
  world.Run();
  ask();
  world.Run();
  mallory.Leave();
  bob.vm->Send(keeper, bob.vm->Symbol("drop"));
  world.Run();
  for (int i = 0; i < 3; ++i) {
    bob.Collect();
    alice.Collect();
    world.Run();
  }

  if (const char* wrong = bob.vm->core().heap().Verify(); wrong != nullptr) return wrong;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]->text != absl::StrCat(i + 1) || answers[i]->settlements != 1) {
      return absl::StrCat("the honest peer's ask ", i + 1, " ended with ", answers[i]->text);
    }
  }
  for (const Network::PeerState& peer : bob.network->Peers()) {
    if (peer.peer.name.designator == "mallory") return "its session is still there";
    if (peer.counts.asks != 0 || peer.counts.answers != 0)
      return "the honest session is left with asks";
  }
  return {};
}

}  // namespace vesicle
