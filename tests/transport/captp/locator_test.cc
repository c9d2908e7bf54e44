// Locators: there and back in both forms, and what is said of those that are wrong.
#include <doctest/doctest.h>

#include "tests/transport/captp/testing.h"
#include "transport/captp/locator.h"

namespace vesicle {
namespace {

std::string Encoded(const Locator& locator) {
  syrup::Writer out;
  if (locator.is_sturdyref()) {
    WriteSturdyref(locator, out);
  } else {
    WritePeer(locator.peer, out);
  }
  REQUIRE(out.EndMessage());
  return std::string(out.bytes());
}

absl::Status Read(std::string_view bytes, Locator* locator) {
  syrup::Reader reader;
  reader.Reset(bytes);
  Fields message(reader, "message");
  std::string_view label;
  if (!message.BeginAnyRecord("value", "a record", &label)) return message.status();
  Fields fields(reader, label == kPeerLabel ? kPeerLabel : kSturdyrefLabel);
  const bool ok = label == kPeerLabel ? ReadPeerFields(fields, &locator->peer)
                                      : ReadSturdyrefFields(fields, locator);
  CHECK(ok == fields.ok());
  if (ok && reader.Next() != syrup::Token::kEnd) return absl::InternalError("trailing");
  return fields.status();
}

std::string TextError(std::string_view text) {
  return std::string(ParseLocator(text).status().message());
}

std::string WireError(std::string_view bytes) {
  Locator locator;
  return std::string(Read(bytes, &locator).message());
}

TEST_CASE("locator: worked examples, as text and as Syrup") {
  const auto peer = ParseLocator("ocapn://abc.def.tcp-testing-only");
  REQUIRE(peer.ok());
  CHECK(peer->peer.name == PeerName{"tcp-testing-only", "abc.def"});
  CHECK_FALSE(peer->is_sturdyref());
  CHECK(PrintLocator(*peer) == "ocapn://abc.def.tcp-testing-only");
  CHECK(Encoded(*peer) == "<10'ocapn-peer16'tcp-testing-only7\"abc.deff>");

  const auto ref = ParseLocator("OCAPN://a%20b.vesicle-tls/s/c3dpc3M?port=7000&host=::1");
  REQUIRE(ref.ok());
  CHECK(ref->peer.name == PeerName{"vesicle-tls", "a b"});
  CHECK(ref->swiss == "swiss");
  REQUIRE(ref->peer.FindHint("host") != nullptr);
  CHECK(*ref->peer.FindHint("host") == "::1");
  CHECK(ref->peer.FindHint("Host") == nullptr);
  CHECK(PrintLocator(*ref) == "ocapn://a%20b.vesicle-tls/s/c3dpc3M?host=%3A%3A1&port=7000");
  CHECK(Encoded(*ref) ==
        "<15'ocapn-sturdyref<10'ocapn-peer11'vesicle-tls3\"a "
        "b{4\"host3\"::14\"port4\"7000}>5:swiss>");
}

TEST_CASE("locator: the sturdyref of the transcript") {
  const std::string message = captp_testing::MessagesOf(27, 'a')[2];
  const size_t begin = message.find("<15'ocapn-sturdyref");
  REQUIRE(begin != std::string::npos);
  const std::string bytes = message.substr(begin, message.find(">]") + 1 - begin);
  Locator locator;
  REQUIRE(Read(bytes, &locator).ok());
  CHECK(locator.swiss == "vhQ47ymgzJ2RaccZlESMPuO63IRw5114");
  CHECK(locator.peer.name == PeerName{"tcp-testing-only", "e20ecaf4a64448c3b3a057666b146544"});
  CHECK(locator.peer.hints == std::vector<Hint>{{"host", "127.0.0.1"}, {"port", "37333"}});
  CHECK(Encoded(locator) == bytes);
  CHECK(*ParseLocator(PrintLocator(locator)) == locator);
}

TEST_CASE("locator: peers are the same by transport and designator, whatever the hints") {
  const auto peer = [](const char* text) { return ParseLocator(text)->peer; };
  CHECK(IsSamePeer(peer("ocapn://a.b?x=1"), peer("ocapn://a.b/s/AAAA?x=2")));
  CHECK_FALSE(IsSamePeer(peer("ocapn://a.b"), peer("ocapn://a.c")));
  CHECK_FALSE(IsSamePeer(peer("ocapn://a.b"), peer("ocapn://A.b")));
}

std::string RandomText(testing::Rng& rng, size_t min, size_t max, bool has_dots) {
  const char* const kPieces[] = {"a", "Z",  "0", "-",  "_",      "~",      "%",
                                 "&", "=",  "?", "/",  "#",      " ",      "+",
                                 ":", "\"", ">", "\n", "\u00e9", "\u20ac", "\U0001F600"};
  std::string text;
  const size_t size = min + rng.Below(max - min);
  while (text.size() < size) {
    text += has_dots && rng.OneIn(10) ? "." : kPieces[rng.Below(std::size(kPieces))];
  }
  return text;
}

TEST_CASE("locator: random ones come back from both forms, and have one spelling in each") {
  VESICLE_RANDOM_TEST(rng);
  for (int round = 0; round < 3000; ++round) {
    Locator locator;
    locator.peer.name = {RandomText(rng, 1, 30, false), RandomText(rng, 1, 60, true)};
    for (size_t n = rng.Below(5), i = 0; i < n; ++i) {
      // Their length tells them apart, and orders them otherwise than their names do.
      locator.peer.hints.push_back(
          {std::string(1, static_cast<char>('a' + i)) + std::string(10 - 2 * i, 'x'),
           RandomText(rng, 0, 30, true)});
    }
    if (rng.OneIn(2)) {
      for (size_t n = 1 + rng.Below(64); n > 0; --n) {
        locator.swiss += static_cast<char>(rng.Below(256));
      }
    }
    REQUIRE(CheckLocator(locator).ok());
    const std::string text = PrintLocator(locator);
    CAPTURE(text);
    const auto parsed = ParseLocator(text);
    REQUIRE(parsed.ok());
    CHECK(*parsed == locator);
    CHECK(PrintLocator(*parsed) == text);
    const std::string bytes = Encoded(locator);
    Locator back;
    REQUIRE(Read(bytes, &back).ok());
    CHECK(back == locator);
    for (size_t size = 0; size < bytes.size(); ++size) {
      CHECK_FALSE(Read(std::string_view(bytes).substr(0, size), &back).ok());
    }
  }
}

TEST_CASE("locator: a wrong text is told what is wrong with it") {
  const std::string looks =
      "; a locator looks like ocapn://DESIGNATOR.TRANSPORT/s/SWISS?hint=value";
  const auto check = [&](const std::string& text, const std::string& what) {
    CHECK(TextError(text) == "locator: " + what + looks);
  };
  check("", "it begins with \"\" and not with ocapn://");
  check("https://a.b", "it begins with \"https://\" and not with ocapn://");
  check("ocapn:/a.b", "it begins with \"ocapn:/a\" and not with ocapn://");
  check("ocapn://ab", "\"ab\" has no dot between designator and transport");
  check("ocapn://.b", "the designator is empty");
  check("ocapn://a.", "the transport is empty");
  check("ocapn://a.b#c", "it has a fragment (#)");
  check("ocapn://a.b/", "after the peer comes /s/ and nothing else");
  check("ocapn://a.b/t/AAAA", "after the peer comes /s/ and nothing else");
  const std::string swiss =
      "what follows /s/ is no base64url (letters, digits, - and _, no padding)";
  for (const char* wrong : {"", "A", "AAAAA", "AA==", "AB", "A+AA", "A%41A", "AAA/"}) {
    check(std::string("ocapn://a.b/s/") + wrong, swiss);
  }
  check("ocapn://a.b?", "the hint \"\" has no =");
  check("ocapn://a.b?x=1&", "the hint \"\" has no =");
  check("ocapn://a.b?=1", "the name of a hint is empty");
  check("ocapn://a.b?x=1&y=2&x=3", "the hint \"x\" stands there twice");
  check("ocapn://a b.c", "the designator has \" \", which is to be percent-encoded");
  check("ocapn://a%4.c", "the designator has a % without two hex digits");
  check("ocapn://a.c%", "the transport has a % without two hex digits");
  check("ocapn://a.b%2Ec", "the transport \"b.c\" has a dot");
  check("ocapn://%ff.b", "the designator is no UTF-8");
  check("ocapn://a.b?x=%C0%80", "the value of a hint is no UTF-8");
  check("ocapn://" + std::string(257, 'a') + ".b",
        "the designator has 257 bytes, and may have 256");
  check("ocapn://a." + std::string(65, 'b'), "the transport has 65 bytes, and may have 64");
  check("ocapn://a.b/s/" + std::string(344, 'A'),
        "the swiss number has 258 bytes, and may have 256");
  check(std::string(8193, 'a'), "it has 8193 bytes, and may have 8192");
  std::string many = "ocapn://a.b?";
  for (char c = 'a'; c <= 'q'; ++c) many += std::string(c == 'a' ? "" : "&") + c + "=";
  check(many, "there are more than 16 hints");
}

TEST_CASE("locator: a wrong record is told which field is wrong") {
  CHECK(WireError("<10'ocapn-peer1\"a1\"bf>") ==
        "ocapn-peer, transport: a symbol is wanted, and byte 14 has a text");
  CHECK(WireError("<10'ocapn-peer1'a1'bf>") ==
        "ocapn-peer, designator: a text is wanted, and byte 17 has a symbol");
  CHECK(WireError("<10'ocapn-peer1'a1\"bt>") ==
        "ocapn-peer, hints: a dictionary or f is wanted, and there is t");
  CHECK(WireError("<10'ocapn-peer1'a1\"b[]>") ==
        "ocapn-peer, hints: t or f is wanted, and byte 20 has a list");
  CHECK(WireError("<10'ocapn-peer1'a1\"b{1\"x1+}>") ==
        "ocapn-peer, value of a hint: a text is wanted, and byte 24 has an integer");
  CHECK(WireError("<10'ocapn-peer1'a1\"b{1\"x1\"y1\"x1\"z}>") ==
        "ocapn-peer, name of a hint: byte 27: a key twice");
  CHECK(WireError("<10'ocapn-peer1'a1\"b{1\"x1\"y1'x1\"z}>")
            .starts_with("ocapn-peer, location: locator: the hint \"x\" stands there twice"));
  CHECK(WireError("<10'ocapn-peer1'a1\"b>") ==
        "ocapn-peer, hints: t or f is wanted, and byte 20 has the end of the record");
  CHECK(WireError("<10'ocapn-peer1'a1\"bff>") ==
        "ocapn-peer, end: no further field is wanted, and byte 21 has a boolean");
  CHECK(WireError("<10'ocapn-peer3'a.b1\"bf>")
            .starts_with("ocapn-peer, location: locator: the transport \"a.b\" has a dot"));
  CHECK(WireError("<10'ocapn-peer1'a0\"f>")
            .starts_with("ocapn-peer, location: locator: the designator is empty"));
  CHECK(WireError("<15'ocapn-sturdyref<10'ocapn-peer1'a1\"bf>0:>") ==
        "ocapn-sturdyref, swiss-num: it is empty");
  CHECK(WireError("<15'ocapn-sturdyref<10'ocapn-pear1'a1\"bf>1:x>") ==
        "ocapn-sturdyref, peer: ocapn-peer is wanted, and byte 19 has another record");
  Locator locator;
  CHECK(Read("<15'ocapn-sturdyref<10'ocapn-peer1'a1\"b{}>1\"x>", &locator).ok());
  CHECK(locator == *ParseLocator("ocapn://b.a/s/eA"));
}

}  // namespace
}  // namespace vesicle
