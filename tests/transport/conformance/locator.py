"""Locators: where a peer is, and which object of it is meant; as records and as ocapn:// text.

    here = parse("ocapn://0000.tcp-testing-only?host=127.0.0.1&port=22046")
    here.hints["port"]                           # "22046"
    str(SturdyRef(here, b"cat"))                 # "ocapn://0000.tcp-testing-only/s/Y2F0?host=..."

A peer's identity is (transport, designator); hints only help to find it.
"""

import base64
import binascii
from urllib.parse import quote, unquote

from syrup import Record, Symbol, record

_PLAIN = "-._~"


class LocatorError(Exception):
    pass


class PeerLocator:
    """`record` is what others compare and sign: sent as it came, when it came from the wire."""

    def __init__(self, transport, designator, hints=None):
        self.transport = transport
        self.designator = designator
        self.hints = hints or {}

    @property
    def identity(self):
        return self.transport, self.designator

    @property
    def record(self):
        return record("ocapn-peer", Symbol(self.transport), self.designator, self.hints or False)

    @classmethod
    def from_record(cls, value):
        if not (isinstance(value, Record) and value.name == "ocapn-peer" and len(value.fields) == 3):
            raise LocatorError(f"no ocapn-peer: {value!r}")
        transport, designator, hints = value.fields
        if not (isinstance(transport, Symbol) and isinstance(designator, str)
                and (hints is False or isinstance(hints, dict)
                     and all(isinstance(hint, str) for hint in hints.values()))
                and transport.name and "." not in transport.name):
            raise LocatorError(f"no ocapn-peer: {value!r}")
        return cls(transport.name, designator, dict(hints or {}))

    def _query(self):
        if not self.hints:
            return ""
        return "?" + "&".join(f"{quote(k, safe=_PLAIN)}={quote(v, safe=_PLAIN)}"
                              for k, v in self.hints.items())

    def _head(self):
        return f"ocapn://{quote(self.designator, safe=_PLAIN)}.{self.transport}"

    def __str__(self):
        return self._head() + self._query()


class SturdyRef:
    """The right to one object: whoever has the swiss number may fetch it."""

    def __init__(self, peer, swiss):
        self.peer = peer
        self.swiss = swiss

    @property
    def record(self):
        return record("ocapn-sturdyref", self.peer.record, self.swiss)

    @classmethod
    def from_record(cls, value):
        if not (isinstance(value, Record) and value.name == "ocapn-sturdyref"
                and len(value.fields) == 2 and isinstance(value.fields[1], bytes)):
            raise LocatorError(f"no ocapn-sturdyref: {value!r}")
        return cls(PeerLocator.from_record(value.fields[0]), value.fields[1])

    def __str__(self):
        swiss = base64.urlsafe_b64encode(self.swiss).rstrip(b"=").decode()
        return f"{self.peer._head()}/s/{swiss}{self.peer._query()}"


def _unquote(text):
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise LocatorError(f"escapes that are no UTF-8: {text!r}") from None


def parse(text):
    """A PeerLocator, or a SturdyRef when the text has /s/SWISS; LocatorError."""
    if not text.startswith("ocapn://"):
        raise LocatorError(f"a locator begins with ocapn://, not {text[:20]!r}")
    rest, _, query = text[len("ocapn://"):].partition("?")
    host, slash, path = rest.partition("/")
    designator, dot, transport = host.rpartition(".")
    if not dot or not designator or not transport:
        raise LocatorError(f"a locator names DESIGNATOR.TRANSPORT, not {host!r}")
    hints = {}
    for pair in query.split("&") if query else []:
        key, equal, value = pair.partition("=")
        if not equal or not key or _unquote(key) in hints:
            raise LocatorError(f"a hint is key=value, each key once, not {pair!r}")
        hints[_unquote(key)] = _unquote(value)
    peer = PeerLocator(transport, _unquote(designator), hints)
    if not slash or not path:
        return peer
    if not path.startswith("s/"):
        raise LocatorError(f"after the peer comes /s/SWISS, not /{path}")
    swiss = path[2:].rstrip("=")
    if not swiss or swiss.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"):
        raise LocatorError("a swiss number is base64url")
    try:
        return SturdyRef(peer, base64.urlsafe_b64decode(swiss + "=" * (-len(swiss) % 4)))
    except binascii.Error as error:
        raise LocatorError("a swiss number is base64url") from error
