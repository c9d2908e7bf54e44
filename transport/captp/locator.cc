#include "transport/captp/locator.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "vm/value/escape.h"
#include "vm/value/utf8.h"

namespace vesicle {
namespace {

constexpr std::string_view kScheme = "ocapn://";
constexpr std::string_view kSwissPath = "/s/";
constexpr char kLooksLike[] =
    "; a locator looks like ocapn://DESIGNATOR.TRANSPORT/s/SWISS?hint=value";

absl::Status Wrong(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("locator: ", std::string(what), kLooksLike));
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShownMax = 40;
  std::string out = "\"";
  AppendEscapedBytes(text.substr(0, kShownMax), &out);
  return out + (text.size() > kShownMax ? "\"..." : "\"");
}

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsUnreserved(char c) {
  return IsLetterOrDigit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// What RFC 3986 lets stand as it is in a query (pchar, / and ?), but for what ends a hint here.
bool IsPlain(char c) {
  constexpr std::string_view kOthers = "!$'()*+,;=:@/?[]";
  return IsUnreserved(c) || kOthers.find(c) != std::string_view::npos;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendPercentEncoded(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (IsUnreserved(c)) {
      *out += c;
    } else {
      const uint8_t byte = static_cast<uint8_t>(c);
      *out += '%';
      *out += kHex[byte >> 4];
      *out += kHex[byte & 15];
    }
  }
}

absl::StatusOr<std::string> PercentDecoded(std::string_view text, std::string_view what) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (!IsPlain(text[i])) {
        return Wrong(absl::StrCat("the ", std::string(what), " has ", Quoted(text.substr(i, 1)),
                                  ", which is to be percent-encoded"));
      }
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return Wrong(absl::StrCat("the ", std::string(what), " has a % without two hex digits"));
    }
    out += static_cast<char>(16 * high + low);
    i += 2;
  }
  return out;
}

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string Base64Url(std::string_view bytes) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<uint8_t>(c);
    for (count += 8; count >= 6; count -= 6) out += kBase64[(bits >> (count - 6)) & 63];
  }
  if (count > 0) out += kBase64[(bits << (6 - count)) & 63];
  return out;
}

int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  return c == '_' ? 63 : -1;
}

// One spelling for each: bits beyond the last byte are zero, and no padding.
std::optional<std::string> FromBase64Url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = Base64Digit(c);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> count) & 255);
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return out;
}

absl::Status CheckPart(std::string_view what, std::string_view text, size_t min, size_t max) {
  if (text.size() < min) return Wrong(absl::StrCat("the ", std::string(what), " is empty"));
  if (text.size() > max) {
    return Wrong(absl::StrCat("the ", std::string(what), " has ", text.size(),
                              " bytes, and may have ", max));
  }
  if (!IsValidUtf8(text)) return Wrong(absl::StrCat("the ", std::string(what), " is no UTF-8"));
  return absl::OkStatus();
}

absl::Status CheckPeer(const PeerLocator& peer) {
  absl::Status status = CheckPart("transport", peer.name.transport, 1, kTransportBytesMax);
  if (!status.ok()) return status;
  if (peer.name.transport.find('.') != std::string::npos) {
    return Wrong(absl::StrCat("the transport ", Quoted(peer.name.transport), " has a dot"));
  }
  status = CheckPart("designator", peer.name.designator, 1, kDesignatorBytesMax);
  if (!status.ok()) return status;
  if (peer.hints.size() > kHintsMax) {
    return Wrong(absl::StrCat("there are ", peer.hints.size(), " hints, and at most ", kHintsMax,
                              " are taken"));
  }
  for (size_t i = 0; i < peer.hints.size(); ++i) {
    const Hint& hint = peer.hints[i];
    status = CheckPart("name of a hint", hint.name, 1, kHintNameBytesMax);
    if (!status.ok()) return status;
    status = CheckPart("value of a hint", hint.value, 0, kHintValueBytesMax);
    if (!status.ok()) return status;
    if (i > 0 && hint.name == peer.hints[i - 1].name) {
      return Wrong(absl::StrCat("the hint ", Quoted(hint.name), " stands there twice"));
    }
    if (i > 0 && hint.name < peer.hints[i - 1].name) {
      return Wrong("the hints are not in order of their names");
    }
  }
  return absl::OkStatus();
}

void Sort(std::vector<Hint>* hints) {
  std::sort(hints->begin(), hints->end(),
            [](const Hint& a, const Hint& b) { return a.name < b.name; });
}

absl::Status ParseHints(std::string_view query, std::vector<Hint>* hints) {
  for (bool is_last = false; !is_last;) {
    const size_t end = query.find('&');
    const std::string_view one = query.substr(0, end);
    is_last = end == std::string_view::npos;
    if (!is_last) query.remove_prefix(end + 1);
    const size_t equals = one.find('=');
    if (equals == std::string_view::npos) {
      return Wrong(absl::StrCat("the hint ", Quoted(one), " has no ="));
    }
    if (hints->size() == kHintsMax) {
      return Wrong(absl::StrCat("there are more than ", kHintsMax, " hints"));
    }
    absl::StatusOr<std::string> name = PercentDecoded(one.substr(0, equals), "name of a hint");
    if (!name.ok()) return name.status();
    absl::StatusOr<std::string> value = PercentDecoded(one.substr(equals + 1), "value of a hint");
    if (!value.ok()) return value.status();
    hints->push_back({*std::move(name), *std::move(value)});
  }
  Sort(hints);
  return absl::OkStatus();
}

bool EqualsIgnoringCase(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() &&
         std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return x == y || (x >= 'A' && x <= 'Z' && x - 'A' + 'a' == y);
         });
}

}  // namespace

const std::string* PeerLocator::FindHint(std::string_view hint) const {
  for (const Hint& each : hints) {
    if (each.name == hint) return &each.value;
  }
  return nullptr;
}

absl::Status CheckLocator(const Locator& locator) {
  absl::Status status = CheckPeer(locator.peer);
  if (!status.ok()) return status;
  if (locator.swiss.size() > kSwissBytesMax) {
    return Wrong(absl::StrCat("the swiss number has ", locator.swiss.size(),
                              " bytes, and may have ", kSwissBytesMax));
  }
  return absl::OkStatus();
}

absl::StatusOr<Locator> ParseLocator(std::string_view text) {
  if (text.size() > kLocatorBytesMax) {
    return Wrong(absl::StrCat("it has ", text.size(), " bytes, and may have ", kLocatorBytesMax));
  }
  if (!EqualsIgnoringCase(text.substr(0, kScheme.size()), kScheme)) {
    return Wrong(absl::StrCat("it begins with ", Quoted(text.substr(0, kScheme.size())),
                              " and not with ocapn://"));
  }
  text.remove_prefix(kScheme.size());
  Locator locator;
  if (text.find('#') != std::string_view::npos) return Wrong("it has a fragment (#)");
  if (const size_t mark = text.find('?'); mark != std::string_view::npos) {
    absl::Status status = ParseHints(text.substr(mark + 1), &locator.peer.hints);
    if (!status.ok()) return status;
    text = text.substr(0, mark);
  }
  if (const size_t slash = text.find('/'); slash != std::string_view::npos) {
    const std::string_view path = text.substr(slash);
    if (!path.starts_with(kSwissPath)) return Wrong("after the peer comes /s/ and nothing else");
    std::optional<std::string> swiss = FromBase64Url(path.substr(kSwissPath.size()));
    // What it was is a secret.
    if (!swiss || swiss->empty()) {
      return Wrong("what follows /s/ is no base64url (letters, digits, - and _, no padding)");
    }
    locator.swiss = *std::move(swiss);
    text = text.substr(0, slash);
  }
  const size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) {
    return Wrong(absl::StrCat(Quoted(text), " has no dot between designator and transport"));
  }
  absl::StatusOr<std::string> designator = PercentDecoded(text.substr(0, dot), "designator");
  if (!designator.ok()) return designator.status();
  absl::StatusOr<std::string> transport = PercentDecoded(text.substr(dot + 1), "transport");
  if (!transport.ok()) return transport.status();
  locator.peer.name = {*std::move(transport), *std::move(designator)};
  absl::Status status = CheckLocator(locator);
  if (!status.ok()) return status;
  return locator;
}

std::string PrintLocator(const Locator& locator) {
  std::string text(kScheme);
  AppendPercentEncoded(locator.peer.name.designator, &text);
  text += '.';
  AppendPercentEncoded(locator.peer.name.transport, &text);
  if (locator.is_sturdyref()) {
    text += kSwissPath;
    text += Base64Url(locator.swiss);
  }
  char before = '?';
  for (const Hint& hint : locator.peer.hints) {
    text += before;
    before = '&';
    AppendPercentEncoded(hint.name, &text);
    text += '=';
    AppendPercentEncoded(hint.value, &text);
  }
  return text;
}

void WritePeer(const PeerLocator& peer, syrup::Writer& out) {
  out.BeginRecord(kPeerLabel);
  out.Symbol(peer.name.transport);
  out.Text(peer.name.designator);
  if (peer.hints.empty()) {
    out.Bool(false);
  } else {
    out.BeginUnsorted();
    for (const Hint& hint : peer.hints) {
      out.Key(hint.name);
      out.Text(hint.value);
    }
    out.EndUnsorted();
  }
  out.EndRecord();
}

void WriteSturdyref(const Locator& sturdyref, syrup::Writer& out) {
  out.BeginRecord(kSturdyrefLabel);
  WritePeer(sturdyref.peer, out);
  out.Bytes(sturdyref.swiss);
  out.EndRecord();
}

bool ReadPeer(Fields& fields, std::string_view field, PeerLocator* peer) {
  return fields.BeginRecord(field, kPeerLabel) && ReadPeerFields(fields, peer);
}

bool ReadPeerFields(Fields& fields, PeerLocator* peer) {
  std::string_view transport, designator;
  if (!fields.Symbol("transport", kTransportBytesMax, &transport) ||
      !fields.Text("designator", kDesignatorBytesMax, &designator)) {
    return false;
  }
  peer->name = {std::string(transport), std::string(designator)};
  peer->hints.clear();
  if (fields.Peek() == '{') {
    if (!fields.BeginDict("hints")) return false;
    while (fields.Peek() != '}') {
      std::string_view name, value;
      if (peer->hints.size() == kHintsMax) {
        return fields.Fail("hints", absl::StrCat("there are more than ", kHintsMax));
      }
      if (!fields.TextOrSymbol("name of a hint", kHintNameBytesMax, &name) ||
          !fields.Text("value of a hint", kHintValueBytesMax, &value)) {
        return false;
      }
      peer->hints.push_back({std::string(name), std::string(value)});
    }
    if (!fields.EndDict("hints")) return false;
    Sort(&peer->hints);
  } else {
    bool has_hints = false;
    if (!fields.Bool("hints", &has_hints)) return false;
    if (has_hints) return fields.Fail("hints", "a dictionary or f is wanted, and there is t");
  }
  if (!fields.End()) return false;
  const absl::Status status = CheckPeer(*peer);
  if (status.ok()) return true;
  return fields.Fail("location", std::string(status.message()));
}

bool ReadSturdyrefFields(Fields& fields, Locator* sturdyref) {
  if (!ReadPeer(fields, "peer", &sturdyref->peer)) return false;
  std::string_view swiss;
  if (!fields.BytesOrText("swiss-num", kSwissBytesMax, &swiss)) return false;
  if (swiss.empty()) return fields.Fail("swiss-num", "it is empty");
  sturdyref->swiss = std::string(swiss);
  return fields.End();
}

}  // namespace vesicle
