"""Syrup, the encoding of OCapN: a canonical writer, a strict reader, a reader of streams.

Written from the rules alone and shares nothing with transport/: what it refuses, the sessions must
refuse, and what it writes, they must read.

    encode([Symbol("fetch"), b"cat"])            # b"[5'fetch3:cat]"
    decode(b"<1'a1+>")                           # record("a", 1)
    stream = Stream(); stream.feed(received)
    for message in stream.messages(): decode(message.raw)

Values: bool, int, float, bytes, str, Symbol, list, dict (keys all str), Pairs (any other
dictionary) and Record. Python says that 1 == True == 1.0: compare with same().
"""

import re
import struct

NAN = bytes.fromhex("7ff8000000000000")
SPACE = b" \t\r\n"


class SyrupError(Exception):
    """What is wrong, and at which byte of the message."""

    def __init__(self, text, at=0):
        super().__init__(f"byte {at}: {text}")
        self.text = text
        self.at = at


class Limits:
    """Bounds on one message; nothing is allocated from a length that was only declared."""

    def __init__(self, message_bytes_max=16 << 20, depth_max=100_000, items_max=1_000_000,
                 int_digits_max=315_653):
        self.message_bytes_max = message_bytes_max
        self.depth_max = depth_max
        self.items_max = items_max
        self.int_digits_max = int_digits_max


class Symbol:
    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return isinstance(other, Symbol) and self.name == other.name

    def __hash__(self):
        return hash(("symbol", self.name))

    def __repr__(self):
        return "'" + self.name


class Record:
    """<label field ...>. `raw` is the bytes it was read from, or None."""
    __slots__ = ("label", "fields", "_source", "_span")

    def __init__(self, label, fields, source=None, span=None):
        self.label = label
        self.fields = list(fields)
        self._source = source
        self._span = span

    @property
    def name(self):
        """The label's name, or None when it is no symbol."""
        return self.label.name if isinstance(self.label, Symbol) else None

    @property
    def raw(self):
        return None if self._source is None else bytes(self._source[self._span[0]:self._span[1]])

    def __eq__(self, other):
        return (isinstance(other, Record) and self.label == other.label
                and self.fields == other.fields)

    __hash__ = None

    def __repr__(self):
        return show(self)


class Pairs:
    """A dictionary with a key that is no text, as (key, value) in the order of its bytes."""
    __slots__ = ("items",)

    def __init__(self, items):
        self.items = list(items)

    def __eq__(self, other):
        return isinstance(other, Pairs) and self.items == other.items

    __hash__ = None

    def __repr__(self):
        return "{" + ", ".join(f"{k!r}: {v!r}" for k, v in self.items) + "}"


def show(value, depth=8):
    """A value for people: what is deep or long is cut."""
    if isinstance(value, (list, Record)):
        if depth == 0:
            return "..."
        parts = value if isinstance(value, list) else [value.label, *value.fields]
        shown = [show(part, depth - 1) for part in parts[:40]] + ["..."] * (len(parts) > 40)
        return ("[%s]" if isinstance(value, list) else "<%s>") % " ".join(shown)
    if isinstance(value, dict):
        if depth == 0:
            return "..."
        return "{%s}" % " ".join(f"{k!r} {show(v, depth - 1)}" for k, v in value.items())
    text = repr(value)
    return text if len(text) <= 400 else text[:300] + f"...({len(text)})"


def record(name, *fields):
    return Record(Symbol(name), fields)


# --- writer


class Raw(bytes):
    """Bytes that stand for a value as they are: to forward, or to write what is not canonical."""


def encode(value):
    out = []
    stack = [value]
    while stack:  # no recursion by the depth of lists and records
        value = stack.pop()
        if isinstance(value, Raw):
            out.append(bytes(value))
        elif isinstance(value, (list, tuple)):
            out.append(b"[")
            stack.append(Raw(b"]"))
            stack.extend(reversed(value))
        elif isinstance(value, Record):
            out.append(b"<")
            stack.append(Raw(b">"))
            stack.extend(reversed(value.fields))
            stack.append(value.label)
        elif isinstance(value, (dict, Pairs)):
            out.append(_dictionary(value.items() if isinstance(value, dict) else value.items))
        else:
            out.append(_encode_atom(value))
    return b"".join(out)


def _payload(kind, data):
    return str(len(data)).encode() + kind + data


def _dictionary(items):
    pairs = sorted((encode(k), encode(v)) for k, v in items)
    for before, after in zip(pairs, pairs[1:]):
        if before[0] == after[0]:
            raise SyrupError("a key twice")
    return b"{" + b"".join(k + v for k, v in pairs) + b"}"


def _encode_atom(value):
    if value is True or value is False:
        return b"t" if value else b"f"
    if isinstance(value, int):
        return str(abs(value)).encode() + (b"-" if value < 0 else b"+")
    if isinstance(value, float):
        return b"D" + (NAN if value != value else struct.pack(">d", value))
    if isinstance(value, (bytes, bytearray)):
        return _payload(b":", bytes(value))
    if isinstance(value, str):
        return _payload(b'"', value.encode())
    if isinstance(value, Symbol):
        return _payload(b"'", value.name.encode())
    raise SyrupError(f"{type(value).__name__} has no spelling")


def same(a, b):
    """Whether two values are the same value on the wire."""
    return encode(a) == encode(b)


# --- reader

_ENDS = {ord("<"): ord(">"), ord("["): ord("]"), ord("{"): ord("}")}
_DIGITS = re.compile(rb"[0-9]+")


class _Open:
    __slots__ = ("begin", "end", "items", "last_key", "key_begin")

    def __init__(self, begin, end):
        self.begin = begin
        self.end = end
        self.items = []
        self.last_key = None
        self.key_begin = None


def decode(data, limits=None):
    """The one value that `data` is, to its last byte; SyrupError."""
    value, at = decode_prefix(data, limits)
    if at != len(data):
        raise SyrupError("bytes after the end", at)
    return value


def decode_prefix(data, limits=None):
    """(value, where it ends). No recursion: depth costs no stack."""
    limits = limits or Limits()
    at = 0
    items = 0
    stack = []
    while True:
        if at > limits.message_bytes_max:
            raise SyrupError("more bytes than message_bytes_max", at)
        if at >= len(data):
            raise SyrupError("the bytes end within a value", at)
        begin = at
        c = data[at]
        if c in _ENDS:
            if len(stack) >= limits.depth_max:
                raise SyrupError("more nested than depth_max", at)
            items += 1
            if items > limits.items_max:
                raise SyrupError("more values than items_max", at)
            stack.append(_Open(at, _ENDS[c]))
            at += 1
            continue
        if c in b">]}":
            if not stack or stack[-1].end != c:
                raise SyrupError("an end of what is not open", at)
            top = stack.pop()
            at += 1
            value = _close(top, c, data, at)
            begin = top.begin
        else:
            items += 1
            if items > limits.items_max:
                raise SyrupError("more values than items_max", at)
            value, at = _atom(data, at, limits)
        if not stack:
            return value, at
        top = stack[-1]
        if top.end == ord("}") and len(top.items) % 2 == 0:
            key = bytes(data[begin:at])
            if top.last_key is not None and key <= top.last_key:
                raise SyrupError("a key twice" if key == top.last_key
                                 else "dictionary keys out of order", begin)
            top.last_key = key
        top.items.append(value)


def _close(top, c, data, at):
    if c == ord("]"):
        return top.items
    if c == ord(">"):
        if not top.items:
            raise SyrupError("a record without a label", at - 1)
        return Record(top.items[0], top.items[1:], data, (top.begin, at))
    if len(top.items) % 2:
        raise SyrupError("a key without a value", at - 1)
    pairs = list(zip(top.items[::2], top.items[1::2]))
    return dict(pairs) if all(isinstance(k, str) for k, _ in pairs) else Pairs(pairs)


def _atom(data, at, limits):
    c = data[at]
    if c == ord("t"):
        return True, at + 1
    if c == ord("f"):
        return False, at + 1
    if c == ord("D"):
        body = bytes(data[at + 1:at + 9])
        if len(body) < 8:
            raise SyrupError("the bytes end within a value", len(data))
        number = struct.unpack(">d", body)[0]
        if number != number and body != NAN:
            raise SyrupError("a NaN other than 7ff8000000000000", at)
        return number, at + 9
    if c == ord("F"):
        raise SyrupError("single floats are not taken", at)
    if c in b"#$":
        raise SyrupError("sets are not taken", at)
    found = _DIGITS.match(data, at)
    if not found:
        raise SyrupError("a byte that begins no value", at)
    digits, stop = found.group(), found.end()
    if len(digits) > 1 and digits[0] == ord("0"):
        raise SyrupError("a number with leading zeros", at)
    if len(digits) > limits.int_digits_max:
        raise SyrupError("an integer of more digits than int_digits_max", at)
    if stop >= len(data):
        raise SyrupError("the bytes end within a value", stop)
    kind = data[stop]
    if kind in b"+-":
        if kind == ord("-") and digits == b"0":
            raise SyrupError("0- is no integer", at)
        number = _integer(digits)
        return (number if kind == ord("+") else -number), stop + 1
    if kind not in b":\"'":
        raise SyrupError("a byte that begins no value", stop)
    length = int(digits) if len(digits) <= 20 else 1 << 70
    if length > limits.message_bytes_max:
        raise SyrupError("more bytes than message_bytes_max", at)
    body = bytes(data[stop + 1:stop + 1 + length])
    if len(body) < length:
        raise SyrupError("the bytes end within a value", len(data))
    if kind == ord(":"):
        return body, stop + 1 + length
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise SyrupError("a text or a symbol that is no UTF-8", at) from None
    return (text if kind == ord('"') else Symbol(text)), stop + 1 + length


def _integer(digits):
    if len(digits) <= 4000:  # what int() takes by default
        return int(digits)
    half = len(digits) // 2
    return _integer(digits[:-half]) * 10**half + _integer(digits[-half:])


# --- streams


class Message:
    """One message as it came: its bytes without framing, and which framing it had."""
    __slots__ = ("raw", "framing")

    def __init__(self, raw, framing):
        self.raw = raw
        self.framing = framing  # "bare" or "netstring"


class Stream:
    """Messages from bytes, however these are cut. After an error it stays at that error.

    A message is one record, bare or in a netstring (LEN:BYTES, no comma); space, tab, CR and LF
    between messages are skipped.
    """

    def __init__(self, limits=None):
        self.limits = limits or Limits()
        self._buffer = bytearray()
        self._at = 0  # begin of the token that is looked at
        self._skip = 0  # bytes of a payload that are still to come
        self._ends = []
        self._items = 0
        self._length = None  # of the netstring under way
        self._error = None

    def feed(self, data):
        self._buffer += data

    @property
    def is_within(self):
        """A message has begun and not ended."""
        return bool(self._buffer.strip(SPACE))

    def messages(self):
        while (message := self.next()) is not None:
            yield message

    def next(self):
        """The next message, or None when more bytes are wanted; SyrupError."""
        if self._error:
            raise self._error
        try:
            return self._next()
        except SyrupError as error:
            self._error = error
            raise

    def _next(self):
        buffer = self._buffer
        if self._length is None and not self._ends:
            begin = 0
            while begin < len(buffer) and buffer[begin] in SPACE:
                begin += 1
            del buffer[:begin]
            if not buffer:
                return None
            if buffer[0] in b"0123456789":
                return self._netstring() if self._prefix() else None
            if buffer[0] != ord("<"):
                raise SyrupError("a message begins with < or with the length of a netstring")
        if self._length is not None:
            return self._netstring()
        return self._bare()

    def _prefix(self):
        found = _DIGITS.match(self._buffer)
        digits, stop = found.group(), found.end()
        if len(digits) > 1 and digits[0] == ord("0"):
            raise SyrupError("a number with leading zeros")
        if len(digits) > 20 or int(digits) > self.limits.message_bytes_max:
            raise SyrupError("more bytes than message_bytes_max")
        if stop == len(self._buffer):
            return False
        if self._buffer[stop] != ord(":"):
            raise SyrupError("a netstring without its colon", stop)
        del self._buffer[:stop + 1]
        self._length = int(digits)
        return True

    def _netstring(self):
        if self._length == 0 or (self._buffer and self._buffer[0] != ord("<")):
            raise SyrupError("a netstring that is not one record")
        if len(self._buffer) < self._length:
            return None
        raw = bytes(self._buffer[:self._length])
        del self._buffer[:self._length]
        self._length = None
        return Message(raw, "netstring")

    def _bare(self):
        buffer, limits = self._buffer, self.limits
        while True:
            if self._skip:
                step = min(self._skip, len(buffer) - self._at)
                self._skip -= step
                self._at += step
            if self._at > limits.message_bytes_max:
                raise SyrupError("more bytes than message_bytes_max", self._at)
            if self._skip or self._at >= len(buffer):
                return None
            c = buffer[self._at]
            if c in _ENDS:
                if len(self._ends) >= limits.depth_max:
                    raise SyrupError("more nested than depth_max", self._at)
                self._ends.append(_ENDS[c])
                self._count()
                self._at += 1
            elif c in b">]}":
                if self._ends.pop() != c:
                    raise SyrupError("an end of what is not open", self._at)
                self._at += 1
                if not self._ends:
                    if self._at > limits.message_bytes_max:
                        raise SyrupError("more bytes than message_bytes_max", self._at)
                    raw = bytes(buffer[:self._at])
                    del buffer[:self._at]
                    self._at = self._items = 0
                    return Message(raw, "bare")
            elif c in b"tf":
                self._count()
                self._at += 1
            elif c == ord("D"):
                self._count()
                self._skip = 9
            else:
                found = _DIGITS.match(buffer, self._at)
                if not found:
                    raise SyrupError("a byte that begins no value", self._at)
                stop = found.end()
                if stop - self._at > limits.int_digits_max:
                    raise SyrupError("an integer of more digits than int_digits_max", self._at)
                if stop == len(buffer):
                    return None
                self._count()
                if buffer[stop] in b"+-":
                    self._at = stop + 1
                elif buffer[stop] in b":\"'":
                    length = int(found.group()) if stop - self._at <= 20 else 1 << 70
                    if length + stop + 1 > limits.message_bytes_max:
                        raise SyrupError("more bytes than message_bytes_max", self._at)
                    self._at = stop + 1
                    self._skip = length
                else:
                    raise SyrupError("a byte that begins no value", stop)

    def _count(self):
        self._items += 1
        if self._items > self.limits.items_max:
            raise SyrupError("more values than items_max", self._at)


def netstring(raw):
    return str(len(raw)).encode() + b":" + raw
