"""CapTP as a client of tests sees it: every operation in every dialect, and a blocking Peer.

    host = Host()                                     # a location of ours, on loopback
    peer = host.dial(locator, dialect="spec")         # dialled and shaken hands
    echo = peer.fetch(b"IO58l1laTyhcrgDKbEzFOO32MDd6zE5w")
    peer.ask(echo, [1, "two"])                        # [1, "two"]
    peer.close()

Every wait ends at a deadline: Timeout says what was awaited and what came instead. What the other
side sends is watched: each message must be canonical, in the dialect and framing that it was told
to speak, and each position one that it may name; Violation otherwise.
"""

import hashlib
import os
import selectors
import socket
import time

import ed25519
import syrup
from locator import PeerLocator
from syrup import Record, Symbol, record

VERSION = "1.0"
TRANSPORT = "tcp-testing-only"
DEADLINE_SECONDS = 10.0


# --- dialects


class Dialect:
    """How one side spells what has several spellings. Read any, write one."""

    def __init__(self, name, tell, gc, listen):
        self.name = name
        self.tell = tell  # "deliver-only" | "deliver"
        self.gc = gc  # "lists" | "plural" | "scalars"
        self.listen = listen  # fields: 2 | 3


DIALECTS = {d.name: d for d in (
    Dialect("suite-main", "deliver-only", "lists", 3),
    Dialect("suite-branch", "deliver", "lists", 3),
    Dialect("endo", "deliver", "plural", 3),
    Dialect("goblins", "deliver-only", "scalars", 3),
    Dialect("spec", "deliver", "plural", 2),
)}
TELLS = ("deliver-only", "deliver")
GCS = ("lists", "plural", "scalars")
LISTENS = (2, 3)
FRAMINGS = ("bare", "netstring")


# --- keys, signatures, identifiers


def key_value(public):
    return [Symbol("public-key"), [Symbol("ecc"), [Symbol("curve"), Symbol("Ed25519")],
                                   [Symbol("flags"), Symbol("eddsa")], [Symbol("q"), public]]]


def key_bytes(value):
    """The 32 bytes of a public key, or None when it has another form."""
    try:
        public = value[1][3][1]
    except (TypeError, IndexError, KeyError):
        return None
    if isinstance(public, bytes) and len(public) == 32 and syrup.same(value, key_value(public)):
        return public
    return None


def signature_value(signature):
    return [Symbol("sig-val"), [Symbol("eddsa"), [Symbol("r"), signature[:32]],
                                [Symbol("s"), signature[32:]]]]


def signature_bytes(value):
    """The 64 bytes of a signature, or None when it has another form."""
    try:
        signature = value[1][1][1] + value[1][2][1]
    except (TypeError, IndexError, KeyError):
        return None
    if (isinstance(signature, bytes) and len(signature) == 64
            and syrup.same(value, signature_value(signature))):
        return signature
    return None


def sha256_twice(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def public_id(public):
    return sha256_twice(syrup.encode(key_value(public)))


def session_id(id1, id2):
    return sha256_twice(b"prot0" + b"".join(sorted((id1, id2))))


def my_location(location_raw):
    """What the location's signature is over."""
    return syrup.encode(record("my-location", syrup.Raw(location_raw)))


def aborted_of_crossed(dialled_id, accepted_id):
    """Of two crossed connections the one to abort, by the ID of the key its *dialler* sent:
    "dialled" is ours, "accepted" theirs."""
    return "dialled" if dialled_id < accepted_id else "accepted"


def envelope(key, signed):
    return record("desc:sig-envelope", signed, signature_value(key.sign(syrup.encode(signed))))


def open_envelope(value, label):
    """(the record within, its signature); Violation when it is not one with that label."""
    want(isinstance(value, Record) and value.name == "desc:sig-envelope" and len(value.fields) == 2,
         f"a desc:sig-envelope, not {value!r}")
    signed, signature = value.fields
    want(isinstance(signed, Record) and signed.name == label, f"a {label}, not {signed!r}")
    signature = signature_bytes(signature)
    want(signature is not None, f"a signature, not {value.fields[1]!r}")
    return signed, signature


def handoff_give(receiver_public, exporter, gifter_session, gifter_side, gift_id):
    return record("desc:handoff-give", key_value(receiver_public), exporter, gifter_session,
                  gifter_side, gift_id)


def handoff_receive(session, side, count, signed_give):
    return record("desc:handoff-receive", session, side, count, signed_give)


# --- operations and descriptors: records, as they are written


def import_object(n):
    return record("desc:import-object", n)


def import_promise(n):
    return record("desc:import-promise", n)


def export(n):
    return record("desc:export", n)


def answer(n):
    return record("desc:answer", n)


def op_start(key, location, version=VERSION, signature=None):
    """`location` is a record; `signature` 64 bytes, by default the right ones."""
    if signature is None:
        signature = key.sign(my_location(syrup.encode(location)))
    return record("op:start-session", version, key_value(key.public), location,
                  signature_value(signature))


def op_deliver(to, args, answer_pos=False, resolver=False):
    return record("op:deliver", to, args, answer_pos, resolver)


def op_tell(to, args, tell):
    return record("op:deliver-only", to, args) if tell == "deliver-only" else op_deliver(to, args)


def op_listen(to, resolver, fields, wants_partial=False):
    return record("op:listen", to, resolver, *([wants_partial] if fields == 3 else []))


def op_get(to, field, pos):
    return record("op:get", to, field, pos)


def op_index(to, index, pos):
    return record("op:index", to, index, pos)


def op_untag(to, tag, pos):
    return record("op:untag", to, tag, pos)


def op_abort(reason):
    return record("op:abort", reason)


def ops_gc_exports(pairs, gc):
    """The operations that return (position, delta) pairs."""
    if gc == "scalars":
        return [record("op:gc-export", pos, delta) for pos, delta in pairs]
    return [record("op:gc-export" if gc == "lists" else "op:gc-exports",
                   [pos for pos, _ in pairs], [delta for _, delta in pairs])]


def ops_gc_answers(positions, gc):
    if gc == "scalars":
        return [record("op:gc-answer", pos) for pos in positions]
    return [record("op:gc-answer" if gc == "lists" else "op:gc-answers", list(positions))]


class Violation(Exception):
    """The other side broke the protocol."""


class Timeout(Exception):
    pass


class Closed(Exception):
    """The stream ended, or an op:abort came: then `reason` is its text."""

    def __init__(self, text, reason=None):
        super().__init__(text)
        self.reason = reason


class Broken(Exception):
    """An ask broke; `error` is the value that it broke with."""

    def __init__(self, error):
        super().__init__(repr(error))
        self.error = error


def want(truth, what):
    if not truth:
        raise Violation(f"wanted {what}")


class Op:
    """An operation in one form for all dialects; `form` is the dialect's spelling.

    kind      fields
    start     version key location signature
    deliver   to args answer_pos resolver; form "deliver-only", "deliver" or "ask"
    listen    to resolver wants_partial; form 2 or 3
    get, index, untag    to what answer_pos
    gc-exports    pairs; form "lists", "plural" or "scalars"
    gc-answers    positions; the same
    abort     reason
    """

    def __init__(self, kind, form=None, **fields):
        self.kind = kind
        self.form = form
        self.record = None
        self.__dict__.update(fields)

    def __repr__(self):
        return repr(self.record)


def is_pos(value):
    return type(value) is int and value >= 0


def _is_desc(value, *names):
    return (isinstance(value, Record) and value.name in names and len(value.fields) == 1
            and is_pos(value.fields[0]))


def is_import(value):
    return _is_desc(value, "desc:import-object", "desc:import-promise")


def is_target(value):
    return _is_desc(value, "desc:export", "desc:answer")


def parse_op(value):
    """The Op that a record is; Violation when it is none, or malformed."""
    op = _parse_op(value.name, value.fields) if isinstance(value, Record) else None
    if op is None:
        raise Violation(f"wanted a well-formed operation, not {syrup.show(value)}")
    op.record = value
    return op


def _parse_op(name, fields):
    n = len(fields)
    if name == "op:start-session" and n == 4:
        return Op("start", version=fields[0], key=key_bytes(fields[1]), location=fields[2],
                  signature=signature_bytes(fields[3]))
    if name == "op:deliver-only" and n == 2 and is_target(fields[0]) and type(fields[1]) is list:
        return Op("deliver", "deliver-only", to=fields[0], args=fields[1], answer_pos=False,
                  resolver=False)
    if (name == "op:deliver" and n == 4 and is_target(fields[0]) and type(fields[1]) is list
            and (fields[2] is False or is_pos(fields[2]))
            and (fields[3] is False or is_import(fields[3]))):
        form = "deliver" if fields[2] is False and fields[3] is False else "ask"
        return Op("deliver", form, to=fields[0], args=fields[1], answer_pos=fields[2],
                  resolver=fields[3])
    if (name == "op:listen" and n in (2, 3) and is_target(fields[0]) and is_import(fields[1])
            and (n == 2 or type(fields[2]) is bool)):
        return Op("listen", n, to=fields[0], resolver=fields[1], wants_partial=n == 3 and fields[2])
    if name == "op:get" and n == 3 and is_target(fields[0]) and type(fields[1]) is str:
        return _op_pick("get", fields)
    if name == "op:index" and n == 3 and is_target(fields[0]) and type(fields[1]) is int:
        return _op_pick("index", fields)
    if (name == "op:untag" and n == 3 and is_target(fields[0])
            and isinstance(fields[1], (str, Symbol))):
        return _op_pick("untag", fields)
    if name in ("op:gc-export", "op:gc-exports") and n == 2:
        return _op_gc_exports(name, fields)
    if name in ("op:gc-answer", "op:gc-answers") and n == 1:
        if name == "op:gc-answer" and is_pos(fields[0]):
            return Op("gc-answers", "scalars", positions=[fields[0]])
        if type(fields[0]) is list and all(map(is_pos, fields[0])):
            return Op("gc-answers", "lists" if name == "op:gc-answer" else "plural",
                      positions=fields[0])
    if name == "op:abort" and n == 1 and type(fields[0]) is str:
        return Op("abort", reason=fields[0])
    return None


def _op_pick(kind, fields):
    if not is_pos(fields[2]):
        return None
    return Op(kind, to=fields[0], what=fields[1], answer_pos=fields[2])


def _op_gc_exports(name, fields):
    positions, deltas = fields
    form = "lists" if name == "op:gc-export" else "plural"
    if name == "op:gc-export" and is_pos(positions) and type(deltas) is int:
        positions, deltas, form = [positions], [deltas], "scalars"
    if (type(positions) is not list or type(deltas) is not list or len(positions) != len(deltas)
            or not all(map(is_pos, positions))
            or not all(type(d) is int and d > 0 for d in deltas)):
        return None
    return Op("gc-exports", form, pairs=list(zip(positions, deltas)))


def walk(value):
    """All values within a value, itself among them; signed envelopes are not entered."""
    stack = [value]
    while stack:
        value = stack.pop()
        yield value
        if isinstance(value, list):
            stack.extend(reversed(value))
        elif isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, syrup.Pairs):
            for pair in value.items:
                stack.extend(pair)
        elif isinstance(value, Record) and value.name != "desc:sig-envelope":
            stack.extend(reversed(value.fields))


# --- what the other side may send


class Watch:
    """Judges each message of the other side, from the client's tables and its own."""

    def __init__(self, dialect, framing):
        self.dialect = dialect  # None: any form is taken
        self.framing = framing
        self.exported = {}  # position of ours: how often sent and not yet returned
        self.imported = {}  # position of theirs: how often received and not yet returned by us
        self.imports_ever = set()
        self.promises = set()  # positions of theirs that were sent as promises
        self.answers = set()  # live answer positions of theirs

    def sent(self, value):
        """Counts the references in what the client sends."""
        for part in walk(value):
            if isinstance(part, Record) and is_import(part):
                pos = part.fields[0]
                self.exported[pos] = self.exported.get(pos, 0) + 1

    def came(self, op, framing):
        want(self.framing is None or framing == self.framing,
             f"{self.framing} framing, not {framing}")
        if op.kind == "deliver":
            self._form(op, self.dialect and (self.dialect.tell, "ask"))
            self._target(op.to, 0)
            for arg in op.args:
                for part in walk(arg):
                    self._argument(part)
            if op.resolver is not False:
                self._argument(op.resolver)
            if op.answer_pos is not False:
                self._answer(op.answer_pos)
        elif op.kind == "listen":
            self._form(op, self.dialect and (self.dialect.listen,))
            self._target(op.to, 1)
            self._argument(op.resolver)
        elif op.kind in ("get", "index", "untag"):
            self._target(op.to, 1)
            self._answer(op.answer_pos)
        elif op.kind == "gc-exports":
            self._form(op, self.dialect and (self.dialect.gc,))
            for pos, delta in op.pairs:
                want(delta <= self.exported.get(pos, 0),
                     f"at most {self.exported.get(pos, 0)} returns of export {pos}, not {delta}")
                self.exported[pos] -= delta
        elif op.kind == "gc-answers":
            self._form(op, self.dialect and (self.dialect.gc,))
            for pos in op.positions:
                want(pos in self.answers, f"gc of an answer that is live, not {pos}")
                self.answers.remove(pos)
        elif op.kind == "start":
            raise Violation("a second op:start-session")

    def _form(self, op, forms):
        want(not forms or op.form in forms, f"{op.kind} spelled {forms}, not {op.form}: {op!r}")

    def _answer(self, pos):
        want(pos >= 1, "answer positions from 1")
        want(pos not in self.answers, f"an answer position that is free, not {pos}")
        self.answers.add(pos)

    def _target(self, desc, least):
        pos = desc.fields[0]
        if desc.name == "desc:answer":
            want(pos in self.answers, f"an answer that is live, not {desc!r}")
        else:
            want(pos == 0 == least or self.exported.get(pos),
                 f"an export that is live, not {desc!r}")

    def _argument(self, part):
        if not isinstance(part, Record) or not (part.name or "").startswith("desc:"):
            return
        if part.name in ("desc:import-object", "desc:import-promise"):
            want(is_import(part), f"a descriptor, not {part!r}")
            pos = part.fields[0]
            want(pos >= 1, "export positions from 1")
            want(pos not in self.imports_ever or self.imported[pos] > 0,
                 f"no export position twice: {pos}")
            want(part.name == "desc:import-promise" or pos not in self.promises,
                 f"a promise to stay a promise: {part!r}")
            if part.name == "desc:import-promise":
                want(pos not in self.imports_ever or pos in self.promises,
                     f"an object to stay an object: {part!r}")
                self.promises.add(pos)
            self.imports_ever.add(pos)
            self.imported[pos] = self.imported.get(pos, 0) + 1
        elif part.name == "desc:export":
            want(is_target(part), f"a descriptor, not {part!r}")
            self._target(part, 1)
        elif part.name == "desc:answer":
            want(is_target(part), f"a descriptor, not {part!r}")
            self._target(part, 0)


# --- waiting

# Where the other side lives in this very process, pump(is_idle) is its loop: called while something
# is awaited, at last with is_idle; then False means that nothing more will happen by itself.
pump = None


def wait(sock, events, until):
    """The events that are ready, or 0 at the time `until`."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, events)
        if pump is None:
            ready = selector.select(max(0, until - time.monotonic()))
            return ready[0][1] if ready else 0
        while True:
            is_alive = pump(False)
            if ready := selector.select(0):
                return ready[0][1]
            if not (is_alive or pump(True)) or time.monotonic() > until:
                return 0


# --- peers


class Host:
    """A location of ours that others may dial: a listening socket on loopback."""

    def __init__(self, transport=TRANSPORT, designator=None):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.location = PeerLocator(transport, designator or os.urandom(16).hex(), {
            "host": "127.0.0.1", "port": str(self.socket.getsockname()[1])})
        self.peers = []

    def dial(self, locator, dialect=None, framing="bare", shake=True, **options):
        """A Peer; with `shake` the handshake is done."""
        address = locator.hints["host"], int(locator.hints["port"])
        peer = Peer(socket.create_connection(address, timeout=DEADLINE_SECONDS), self, dialect,
                    framing, is_dialler=True, **options)
        self.peers.append(peer)
        if shake:
            peer.shake()
        return peer

    def accept(self, dialect=None, framing="bare", shake=True, deadline=None, **options):
        if not wait(self.socket, selectors.EVENT_READ,
                    time.monotonic() + (deadline or DEADLINE_SECONDS)):
            raise Timeout("nobody dialled")
        connection, _ = self.socket.accept()
        peer = Peer(connection, self, dialect, framing, is_dialler=False, **options)
        self.peers.append(peer)
        if shake:
            peer.shake()
        return peer

    def close(self):
        for peer in self.peers:
            peer.close()
        self.socket.close()


class Peer:
    """Our side of one session. Plain Python verifies slowly: a hello's signature is looked at
    where `verifies`, and each sixteenth time."""

    hellos = 0

    def __init__(self, connection, host, dialect, framing, is_dialler, watch=True, key=None,
                 limits=None, verifies=False):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self.socket = connection
        self.host = host
        self.location = host.location.record
        self.dialect = dialect or DIALECTS["spec"]
        self.framing = framing
        self.is_dialler = is_dialler
        self.verifies = verifies
        self.key = key or ed25519.SecretKey.generate()
        self.watch = Watch(dialect, framing) if watch else Watch(None, None)
        self.stream = syrup.Stream(limits)
        self.received = b""  # every byte that came
        self.remote = None  # their public key
        self.remote_location = None  # its record
        self.inbox = []  # operations that nobody has taken
        self.log = []  # what came, for messages of failures
        self.released = {}  # position of ours: deltas that came back
        self.released_answers = []
        self.abort_reason = None
        self.is_at_end = False
        self.was_reset = False
        self._next = {"export": 0, "answer": 0, "count": 0}

    # --- identity
    @property
    def id(self):
        return public_id(self.key.public)

    @property
    def remote_id(self):
        return public_id(self.remote)

    @property
    def session_id(self):
        return session_id(self.id, self.remote_id)

    # --- positions of ours
    def _take(self, what):
        self._next[what] += 1
        return self._next[what]

    def new_export(self):
        return self._take("export")

    def new_answer(self):
        return self._take("answer")

    def new_count(self):
        return self._take("count") - 1

    # --- bytes out
    def frame(self, value, framing=None):
        raw = syrup.encode(value)
        return syrup.netstring(raw) if (framing or self.framing) == "netstring" else raw

    def send_bytes(self, data, deadline=None):
        """All of `data`; what comes meanwhile is kept. Closed when the other side has gone."""
        until = time.monotonic() + (deadline or DEADLINE_SECONDS)
        view = memoryview(data)
        while view:
            ready = wait(self.socket, selectors.EVENT_WRITE
                         | (0 if self.is_at_end else selectors.EVENT_READ), until)
            if not ready:
                raise Timeout(f"{len(view)} bytes were not taken")
            if ready & selectors.EVENT_READ:
                self._receive()
            if ready & selectors.EVENT_WRITE:
                try:
                    view = view[self.socket.send(view):]
                except BlockingIOError:
                    pass
                except OSError as error:
                    raise Closed(f"the connection is gone: {error}") from error

    def send(self, *values):
        """Messages, in one write."""
        for value in values:
            self._note(value)
        self.send_bytes(b"".join(map(self.frame, values)))

    def bytes_of(self, *values):
        """The bytes of messages, noted as sent: for tests that cut and join them."""
        for value in values:
            self._note(value)
        return b"".join(map(self.frame, values))

    def _note(self, value):
        if isinstance(value, Record) and value.name != "op:start-session":
            self.watch.sent(value.fields)

    # --- bytes in
    def _receive(self):
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            self.is_at_end = self.was_reset = True
            return
        if not data:
            self.is_at_end = True
            return
        self.received += data
        self.stream.feed(data)
        for message in self.stream.messages():
            op = parse_op(syrup.decode(message.raw))
            want(syrup.encode(op.record) == message.raw, "a canonical message")
            self.log.append(op)
            if self.remote is None:
                want(op.kind in ("start", "abort"), f"op:start-session first, not {op!r}")
            elif op.kind != "abort":
                self.watch.came(op, message.framing)
            if op.kind == "gc-exports":
                for pos, delta in op.pairs:
                    self.released[pos] = self.released.get(pos, 0) + delta
            elif op.kind == "gc-answers":
                self.released_answers.extend(op.positions)
            elif op.kind == "abort":
                self.abort_reason = op.reason
            if op.kind == "start":
                self._started(op)
            self.inbox.append(op)

    def _started(self, op):
        want(op.version == VERSION, f"version {VERSION!r}, not {op.version!r}")
        want(op.key is not None and op.signature is not None, f"key and signature in {op!r}")
        PeerLocator.from_record(op.location)
        Peer.hellos += 1
        if self.verifies or Peer.hellos % 16 == 1:
            want(ed25519.verify(op.key, op.signature, my_location(op.location.raw)),
                 "a valid signature over my-location")
        self.remote = op.key
        self.remote_location = op.location

    def until(self, is_done, what, deadline=None, may_end=False):
        """Reads until is_done(); Timeout, or Closed when the stream ends first."""
        until = time.monotonic() + (deadline or DEADLINE_SECONDS)
        while not is_done():
            if self.is_at_end or (self.abort_reason is not None and not may_end):
                if may_end:
                    return
                raise Closed(f"wanted {what}; the session ended: {self.abort_reason!r} "
                             f"after {self.log[-5:]!r}", self.abort_reason)
            if not wait(self.socket, selectors.EVENT_READ, until):
                raise Timeout(f"wanted {what}; last came {self.log[-5:]!r}")
            self._receive()

    # --- operations in
    def find(self, is_it):
        for op in self.inbox:
            if is_it(op):
                return op
        return None

    def expect(self, is_it, what, deadline=None):
        """The first operation for which is_it(op), taken out of the inbox."""
        self.until(lambda: self.find(is_it), what, deadline)
        op = self.find(is_it)
        self.inbox.remove(op)
        return op

    def expect_to(self, desc, deadline=None):
        """The next deliver to that descriptor of ours."""
        return self.expect(lambda op: op.kind == "deliver" and op.to == desc,
                           f"a message to {desc!r}", deadline)

    def expect_bootstrap(self, method, deadline=None):
        return self.expect(
            lambda op: (op.kind == "deliver" and op.to == export(0)
                        and op.args[:1] == [Symbol(method)]),
            f"{method} at our bootstrap", deadline)

    def expect_abort(self, deadline=None):
        """The other side aborts with a reason, then closes cleanly: no reset."""
        self.until(lambda: self.is_at_end, "op:abort and the end", deadline, may_end=True)
        want(self.abort_reason is not None,
             f"an op:abort before the end (reset: {self.was_reset}); last came {self.log[-5:]!r}")
        want(not self.was_reset, "a clean close after op:abort, not a reset")
        return self.abort_reason

    def expect_end(self, deadline=None):
        """The stream ends, with or without op:abort."""
        self.until(lambda: self.is_at_end, "the end of the stream", deadline, may_end=True)
        return self.abort_reason

    def expect_released(self, pos, total, deadline=None):
        """Our export was returned `total` times, in however many operations."""
        self.until(lambda: self.released.get(pos, 0) >= total, f"{total} returns of export {pos}",
                   deadline)
        want(self.released[pos] == total, f"{total} returns of export {pos}, not more")

    def expect_answer_released(self, pos, deadline=None):
        self.until(lambda: pos in self.released_answers, f"gc of answer {pos}", deadline)

    # --- conversations
    def shake(self, deadline=None):
        """The handshake. Whoever dialled speaks first; whoever did not may, too."""
        self.send(op_start(self.key, self.location))
        self.expect(lambda op: op.kind == "start", "op:start-session", deadline)
        return self

    def tell(self, to, args):
        self.send(op_tell(to, args, self.dialect.tell))

    def settle(self, resolver, deadline=None):
        """The value that the resolver of ours at that position is given; Broken."""
        op = self.expect_to(export(resolver), deadline)
        want(len(op.args) == 2 and op.args[0] in (Symbol("fulfill"), Symbol("break")),
             f"fulfill or break, not {op!r}")
        if op.args[0] == Symbol("break"):
            raise Broken(op.args[1])
        return op.args[1]

    def ask(self, to, args, deadline=None):
        """The settled value; a promise that comes is listened to. Broken."""
        resolver = self.new_export()
        self.send(op_deliver(to, args, False, import_object(resolver)))
        return self.follow(self.settle(resolver, deadline), deadline)

    def pipeline(self, to, args):
        """Asks with an answer position alone: the descriptor of the promise."""
        pos = self.new_answer()
        self.send(op_deliver(to, args, pos, False))
        return answer(pos)

    def listen(self, to, fields=None):
        """The position of the resolver that will be told."""
        resolver = self.new_export()
        self.send(op_listen(to, import_object(resolver), fields or self.dialect.listen))
        return resolver

    def follow(self, value, deadline=None):
        while isinstance(value, Record) and value.name == "desc:import-promise":
            value = self.settle(self.listen(export(value.fields[0])), deadline)
        return value

    def fetch(self, swiss, deadline=None):
        """The descriptor to send to."""
        return self.ref(self.ask(export(0), [Symbol("fetch"), swiss], deadline))

    def ref(self, value):
        want(isinstance(value, Record) and value.name == "desc:import-object",
             f"a ref, not {value!r}")
        return export(value.fields[0])

    def fulfill(self, op, value):
        """Answers an ask that came."""
        want(op.resolver is not False, f"a resolver in {op!r}")
        self.tell(export(op.resolver.fields[0]), [Symbol("fulfill"), value])

    def break_(self, op, error):
        want(op.resolver is not False, f"a resolver in {op!r}")
        self.tell(export(op.resolver.fields[0]), [Symbol("break"), error])

    def release(self, *pairs, gc=None):
        for pos, delta in pairs:
            self.watch.imported[pos] = self.watch.imported.get(pos, 0) - delta
        self.send(*ops_gc_exports(pairs, gc or self.dialect.gc))

    def release_answers(self, *positions, gc=None):
        self.send(*ops_gc_answers(positions, gc or self.dialect.gc))

    def sync(self, deadline=None):
        """All that was sent before has been handled: a fetch that breaks, and came back."""
        try:
            self.ask(export(0), [Symbol("fetch"), b"sync-" + os.urandom(8)], deadline)
        except Broken:
            return
        raise Violation("a random swiss number was fetched")

    def close(self, reason=None):
        """Best effort: op:abort, then the end."""
        if self.socket.fileno() < 0:
            return
        try:
            if not self.is_at_end and self.abort_reason is None:
                self.send_bytes(self.frame(op_abort(reason or "session closed")), 1.0)
        except (Closed, Timeout, Violation, syrup.SyrupError, OSError):
            pass
        self.socket.close()
