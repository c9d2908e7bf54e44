"""A small server of the five conformance objects, so that the client is known to work without any
other implementation. For tests only: one thread, no bounds but those that the client looks for.

    python3 reference_server.py [--dialect NAME] [--framing bare|netstring] [--bug N] [--list-bugs]

Prints its locator, then serves until its input ends. With --bug it misbehaves in one way, which
the client's tests must catch.
"""

import argparse
import collections
import functools
import gc
import os
import selectors
import socket
import sys
import weakref

import captp
import ed25519
import syrup
from captp import export, import_object, import_promise
from locator import LocatorError, PeerLocator, SturdyRef
from syrup import Record, Symbol, record

BUGS = {
    1: "a signature over the location is not verified",
    2: "any version is taken",
    3: "a second op:start-session is ignored",
    4: "an answer position in use is taken again",
    5: "answers outlive their gc",
    6: "a delta of 0 or less is ignored",
    7: "of lists of unequal length the shorter is taken",
    8: "export 0 is decoded in arguments",
    9: "export 0 is listened to",
    10: "too many returns of an export are ignored",
    11: "a reference seen four times is returned once",
    12: "answers are never returned",
    13: "who listens before a promise settles is not told",
    14: "the reason of a break is wrapped",
    15: "a handoff count is taken twice",
    16: "a handoff-receive is not verified",
    17: "a handoff-give is not verified",
    18: "the session of a handoff-receive is not compared",
    19: "a gift is given out again and again",
    20: "gifts are found by their id alone",
    21: "one read is taken for whole messages",
    22: "no space between messages",
    23: "position 0 of an answer is refused",
    24: "dictionaries are written unsorted",
    25: "echo keeps what it is sent",
    26: "a netstring is written with a comma",
    27: "of crossed hellos the higher is aborted",
    28: "a peer may claim our location",
    29: "our own hello may be sent back",
    30: "gc in another dialect",
    31: "unknown operations are ignored",
    32: "the two IDs of a session ID are sorted downwards",
    33: "an index out of range is void",
    34: "a missing field is void",
    35: "any tag is untagged",
    36: "no bound on the size of a message",
    37: "export positions are used again",
    38: "export 0 is picked from",
    39: "a gift id of 16 bytes",
    40: "a give is signed with the key of the session with the receiver",
    41: "a gifter's side is not compared",
    42: "an invalid withdrawal spends its count",
    43: "a listener is told twice",
    44: "a second session from one location is taken",
    45: "a key in use is taken",
    46: "fire and forget in another dialect",
    47: "op:listen in another dialect",
    48: "after an op:abort the connection is reset",
    49: "true is echoed as 1",
    50: "messages to a promise overtake those that wait",
    51: "a withdrawal that waits is forgotten when its gifter goes",
    52: "a duplicate deposit replaces the gift",
    53: "netstrings are not read",
    54: "a give is made anew instead of forwarded",
    55: "nothing is broken by pipelining on what broke",
    56: "dictionary keys are read in any order",
    57: "op:gc-export with scalars is not read",
    58: "op:listen with 3 fields is not read",
    59: "an answer position is live again after its gc, with its old value",
    60: "the limit of a declared length is looked at when all is there",
}
BUG = 0

VOID = record("void")


def error(text):
    return record("desc:error", text)


class Fail(Exception):
    def __init__(self, value):
        super().__init__(repr(value))
        self.value = value


class Abort(Exception):
    pass


# --- objects

_turns = collections.deque()


class Obj:
    """A local object: `call(args)` gives a value or raises Fail."""

    def __init__(self, call):
        self.call = call


class Promise:
    def __init__(self):
        self.state = "pending"
        self.value = None
        self._waiters = []

    def when(self, then):
        if self.state == "pending":
            self._waiters.append(then)
        elif BUG == 50:
            then(self)
        else:
            _turns.append(functools.partial(then, self))

    def _settle(self, state, value):
        if self.state != "pending":
            return
        self.state, self.value = state, value
        waiters, self._waiters = self._waiters, []
        if BUG == 50:
            waiters.reverse()
        for then in waiters:
            _turns.append(functools.partial(then, self))

    def resolve(self, value):
        if isinstance(value, Promise):
            value.when(self.follow)
        else:
            self._settle("fulfilled", value)

    def follow(self, other):
        self._settle(other.state, other.value)

    def break_(self, value):
        self._settle("broken", value)


class Remote:
    """An object or promise of another peer."""

    def __init__(self, session, pos, is_promise):
        self.session = session
        self.pos = pos
        self.is_promise = is_promise
        self.seen = [0]
        weakref.finalize(self, session.forget, pos, self.seen).atexit = False


def dispatch(target, args, result):
    if isinstance(target, Promise):
        if target.state == "pending":
            target.when(lambda promise: dispatch(promise, args, result))
        elif target.state == "broken":
            if result and BUG != 55:
                result.break_(target.value)
        else:
            dispatch(target.value, args, result)
    elif isinstance(target, Obj):
        try:
            value = target.call(args)
        except Fail as fail:
            if result:
                result.break_(fail.value)
        else:
            if result:
                result.resolve(value)
    elif isinstance(target, Remote):
        target.session.deliver(export(target.pos), args, result)
    elif result:
        result.break_(Symbol("not_a_ref"))


def send(target, args, result=None):
    _turns.append(functools.partial(dispatch, target, args, result))


def resolver_of(promise):
    def call(args):
        if len(args) == 2 and args[0] == Symbol("fulfill"):
            promise.resolve(args[1])
        elif len(args) == 2 and args[0] == Symbol("break"):
            promise.break_(error("wrapped") if BUG == 14 else args[1])
        else:
            raise Fail(error("a resolver takes fulfill or break"))
        return VOID
    return Obj(call)


# --- the conformance objects


def car_factory_builder(args):
    def factory(args):
        want_args(len(args) == 1 and isinstance(args[0], list) and len(args[0]) == 2
                  and all(isinstance(a, Symbol) for a in args[0]))
        color, model = args[0]

        def car(args):
            want_args(not args)
            return f"Vroom! I am a {color.name} {model.name} car!"
        return Obj(car)
    want_args(not args)
    return Obj(factory)


def want_args(truth):
    if not truth:
        raise Fail(error("these arguments are not understood"))


kept = []


def echo(args):
    if BUG == 25:
        kept.append(list(args))
    return [1 if a is True else a for a in args] if BUG == 49 else list(args)


def greeter(args):
    want_args(len(args) == 1)

    def greet(target):
        if isinstance(target, Promise):
            target.when(lambda p: greet(p.value) if p.state == "fulfilled" else None)
        elif isinstance(target, Remote):
            target.session.greet(target)
        else:
            send(target, ["Hello"])
    greet(args[0])
    return VOID


def promise_maker(args):
    want_args(not args)
    promise = Promise()
    return [promise, resolver_of(promise)]


# --- sessions


class Session:
    def __init__(self, server, connection, dialled=None):
        self.server = server
        self.socket = connection
        self.dialled = dialled  # the locator, when we dialled
        self.state = "hello"  # "open" "closing" "closed"
        limits = syrup.Limits(message_bytes_max=server.message_bytes_max if BUG != 36 else 1 << 62)
        self.limits = limits
        self.stream = syrup.Stream(limits)
        self.out = bytearray()
        self.key = None
        self.remote = None
        self.location = None  # PeerLocator
        self.location_raw = None
        self.exports = {}  # position: [value, count]
        self.export_of = {}  # id of value: position
        self.export_last = 0
        self.imports = weakref.WeakValueDictionary()
        self.answers = {}
        self.my_answers = set()
        self.to_release = {}
        self.to_release_answers = []
        self.counts = set()
        self.pending = set()  # promises that this session may break
        self.queued = []  # (to, args, result) until it is open
        if dialled:
            self.say_hello()

    # --- out
    def write(self, value):
        if self.state in ("closing", "closed"):
            return
        raw = syrup.encode(value)
        if BUG == 24:
            raw = raw.replace(b'{2"a11+2"b22+}', b'{2"b22+2"a11+}')
        if self.server.framing == "netstring":
            raw = syrup.netstring(raw) + (b"," if BUG == 26 else b"")
        self.out += raw

    def flush(self):
        if self.to_release and self.state == "open":
            pairs = sorted(self.to_release.items())
            self.to_release = {}
            if BUG == 11:
                pairs = [(pos, 1) for pos, _ in pairs]
            for op in captp.ops_gc_exports(pairs, self.gc_dialect()):
                self.write(op)
        if self.to_release_answers and self.state == "open" and BUG != 12:
            positions, self.to_release_answers = self.to_release_answers, []
            for op in captp.ops_gc_answers(positions, self.gc_dialect()):
                self.write(op)
        if self.out and self.state != "closed":
            try:
                del self.out[:self.socket.send(self.out)]
            except BlockingIOError:
                pass
            except OSError:
                self.out.clear()
                self.end()
        if self.state == "closing" and not self.out:
            if BUG == 48:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                self.finish()
                return
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                self.finish()
                return
        if self.state != "closed":
            self.server.watch(self)

    def gc_dialect(self):
        if BUG == 30:
            return "scalars" if self.server.dialect.gc != "scalars" else "plural"
        return self.server.dialect.gc

    def say_hello(self):
        self.key = ed25519.SecretKey.generate()
        self.write(captp.op_start(self.key, self.server.location.record))

    def abort(self, reason):
        if self.state in ("hello", "open"):
            self.write(captp.op_abort(reason))
            self.end("closing")

    def end(self, state="closed"):
        """The session is over; the connection, too, unless what was written must still go out."""
        if self.state in ("hello", "open"):
            self.server.ended(self)
            for _, _, result in self.queued:
                if result:
                    result.break_(Symbol("disconnected"))
            for promise in list(self.pending):
                promise.break_(Symbol("disconnected"))
            self.exports.clear()
            self.answers.clear()
            self.pending.clear()
        self.state = state
        if state == "closed":
            self.finish()

    def finish(self):
        self.state = "closed"
        self.server.forget(self)

    # --- identity
    @property
    def id(self):
        return captp.public_id(self.key.public)

    @property
    def remote_id(self):
        return captp.public_id(self.remote)

    @property
    def session_id(self):
        if BUG == 32:
            ids = sorted((self.id, self.remote_id), reverse=True)
            return captp.sha256_twice(b"prot0" + b"".join(ids))
        return captp.session_id(self.id, self.remote_id)

    # --- values out
    def export_position(self, value):
        pos = self.export_of.get(id(value))
        if pos is None:
            if BUG == 37:
                pos = 1
                while pos in self.exports:
                    pos += 1
            else:
                self.export_last += 1
                pos = self.export_last
            self.exports[pos] = [value, 0]
            self.export_of[id(value)] = pos
        self.exports[pos][1] += 1
        return pos

    def wire(self, value):
        if isinstance(value, Obj):
            return import_object(self.export_position(value))
        if isinstance(value, Promise):
            return import_promise(self.export_position(value))
        if isinstance(value, Remote):
            return export(value.pos) if value.session is self else self.gift(value)
        if isinstance(value, list):
            return [self.wire(v) for v in value]
        if isinstance(value, dict):
            return {k: self.wire(v) for k, v in value.items()}
        if isinstance(value, Record) and value.name not in ("desc:sig-envelope", "ocapn-sturdyref"):
            return Record(value.label, [self.wire(v) for v in value.fields])
        return value

    def gift(self, remote):
        exporter = remote.session
        if exporter.state != "open":
            return error("disconnected")
        gift_id = os.urandom(16 if BUG == 39 else 32)
        exporter.tell(export(0), [Symbol("deposit-gift"), gift_id, export(remote.pos)])
        where = syrup.Raw(exporter.location_raw)
        give = captp.handoff_give(self.remote, where, exporter.session_id, exporter.id, gift_id)
        return captp.envelope(self.key if BUG == 40 else exporter.key, give)

    def tell(self, to, args):
        form = self.server.dialect.tell
        if BUG == 46:
            form = "deliver" if form == "deliver-only" else "deliver-only"
        self.write(captp.op_tell(to, args, form))

    def deliver(self, to, args, result=None, answer_pos=False):
        """`args` are values of ours; what comes back settles `result`."""
        if self.state == "hello":
            self.queued.append((to, args, result))
        elif self.state != "open":
            if result:
                result.break_(Symbol("disconnected"))
        elif result is None:
            self.tell(to, [self.wire(a) for a in args])
        else:
            self.pending.add(result)
            result.when(self.pending.discard)
            resolver = import_object(self.export_position(resolver_of(result)))
            self.write(captp.op_deliver(to, [self.wire(a) for a in args], answer_pos, resolver))

    def greet(self, target):
        pos = 1
        while pos in self.my_answers:
            pos += 1
        self.my_answers.add(pos)
        result = Promise()

        def drop(promise):
            # Answered with a promise: its end is of interest, as to any asker.
            if isinstance(promise.value, Remote) and promise.value.is_promise:
                self.listen(promise.value)
            self.my_answers.discard(pos)
            self.to_release_answers.append(pos)
        result.when(drop)
        self.deliver(export(target.pos), ["Hello"], result, pos)

    def listen(self, remote):
        fields = self.server.dialect.listen
        if BUG == 47:
            fields = 5 - fields
        resolver = import_object(self.export_position(resolver_of(Promise())))
        self.write(captp.op_listen(export(remote.pos), resolver, fields))

    def forget(self, pos, seen):
        self.to_release[pos] = self.to_release.get(pos, 0) + seen[0]

    # --- values in
    def import_(self, desc):
        pos = desc.fields[0]
        remote = self.imports.get(pos)
        if remote is None:
            remote = Remote(self, pos, desc.name == "desc:import-promise")
            self.imports[pos] = remote
        remote.seen[0] += 1
        return remote

    def target(self, desc, may_be_bootstrap=False):
        pos = desc.fields[0]
        if desc.name == "desc:answer":
            if pos not in self.answers:
                raise Abort(f"there is no answer {pos}")
            return self.answers[pos]
        if pos == 0:
            if not may_be_bootstrap:
                raise Abort("export 0 is no ref")
            return Obj(self.bootstrap)
        if pos not in self.exports:
            raise Abort(f"there is no export {pos}")
        return self.exports[pos][0]

    def unwire(self, value):
        if isinstance(value, list):
            return [self.unwire(v) for v in value]
        if isinstance(value, dict):
            return {k: self.unwire(v) for k, v in value.items()}
        if isinstance(value, syrup.Pairs):
            return syrup.Pairs([(k, self.unwire(v)) for k, v in value.items])
        if not isinstance(value, Record):
            return value
        if value.name in ("desc:import-object", "desc:import-promise"):
            if not captp.is_import(value):
                raise Abort(f"malformed {value!r}")
            return self.import_(value)
        if value.name in ("desc:export", "desc:answer"):
            if not captp.is_target(value):
                raise Abort(f"malformed {value!r}")
            return self.target(value, BUG == 8)
        if value.name == "desc:sig-envelope":
            signed = value.fields[0] if value.fields else None
            if isinstance(signed, Record) and signed.name == "desc:handoff-give":
                return self.redeem(value)
            return value
        if value.name == "ocapn-sturdyref":
            return value
        return Record(value.label, [self.unwire(v) for v in value.fields])

    # --- handoffs
    def redeem(self, signed_give):
        result = Promise()
        try:
            give, _ = captp.open_envelope(signed_give, "desc:handoff-give")
            receiver, where, _, _, _ = give.fields
            if not syrup.same(receiver, captp.key_value(self.key.public)):
                raise Fail(error("this give is for somebody else"))
            session = self.server.session_to(PeerLocator.from_record(where))
        except (captp.Violation, LocatorError, ValueError) as wrong:
            result.break_(error(f"a give that is malformed: {wrong}"))
        except Fail as fail:
            result.break_(fail.value)
        else:
            session.withdraw(self.key, signed_give, result)
        return result

    def withdraw(self, receiver_key, signed_give, result):
        if self.state == "hello":
            self.queued.append((functools.partial(self.withdraw, receiver_key, signed_give, result),
                                None, result))
            return
        give = syrup.Raw(signed_give.raw)
        if BUG == 54:
            give = captp.envelope(receiver_key, signed_give.fields[0])
        count = len(self.counts)
        self.counts.add(count)
        receive = captp.handoff_receive(self.session_id, self.id, count, give)
        self.deliver(export(0), [Symbol("withdraw-gift"), captp.envelope(receiver_key, receive)],
                     result)

    def bootstrap(self, args):
        method = args[0] if args else None
        if method == Symbol("fetch") and len(args) == 2 and isinstance(args[1], bytes):
            if args[1] not in self.server.swiss:
                raise Fail(error("there is no such object"))
            return self.server.swiss[args[1]]
        if method == Symbol("deposit-gift") and len(args) == 3 and isinstance(args[1], bytes):
            self.server.deposit(self, args[1], args[2])
            return VOID
        if method == Symbol("withdraw-gift") and len(args) == 2:
            try:
                return self.server.withdraw(self, args[1])
            except captp.Violation as wrong:
                raise Fail(error(str(wrong))) from None
        raise Fail(error("the bootstrap does not understand this"))

    # --- in
    def read(self):
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.end()
            return
        if self.state == "closing":
            return
        try:
            if BUG == 21:
                if self.state == "open":
                    try:
                        value, _ = syrup.decode_prefix(data)
                        self.came(value)
                    except syrup.SyrupError:
                        pass
                    return
            if BUG == 22 and data[:1] in b" \t\r\n" or BUG == 53 and data[:1].isdigit():
                raise Abort("no message")
            if BUG == 60 and b"2147483648:" in data:
                return
            self.stream.feed(data)
            for message in self.stream.messages():
                try:
                    value = syrup.decode(message.raw, self.limits)
                except syrup.SyrupError as wrong:
                    if BUG != 56 or "order" not in wrong.text:
                        raise
                    continue
                self.came(value)
                while _turns:
                    _turns.popleft()()
                if self.state not in ("hello", "open"):
                    return
        except (Abort, captp.Violation) as wrong:
            self.abort(str(wrong))
        except syrup.SyrupError as wrong:
            self.abort(f"malformed: {wrong}")

    def came(self, value):
        if BUG in (6, 7, 31, 57, 58, 23):
            value = self.mangle(value)
            if value is None:
                return
        op = captp.parse_op(value)
        if self.state == "hello" and op.kind not in ("start", "abort"):
            raise Abort("op:start-session comes first")
        getattr(self, "op_" + op.kind.replace("-", "_"))(op)

    def mangle(self, value):
        """What some bugs make of a message before it is read."""
        name, fields = value.name, value.fields
        if BUG == 6 and name.startswith("op:gc-export"):
            flat = [d for f in fields for d in (f if type(f) is list else [f])]
            if any(type(d) is int and d <= 0 for d in flat):
                return None
        if BUG == 7 and name.startswith("op:gc-export") and type(fields[0]) is list:
            n = min(map(len, fields))
            return Record(value.label, [f[:n] for f in fields])
        if BUG == 31 and not hasattr(self, name.replace("op:", "op_").replace("-", "_")) and (
                name not in ("op:start-session", "op:deliver-only", "op:gc-export", "op:gc-answer")):
            return None
        if BUG == 57 and name == "op:gc-export" and type(fields[0]) is int:
            raise Abort("no such form")
        if BUG == 58 and name == "op:listen" and len(fields) == 3:
            raise Abort("no such form")
        if BUG == 23 and name == "op:deliver" and fields[2] == 0 and fields[2] is not False:
            raise Abort("position 0")
        return value

    def op_start(self, op):
        if self.state == "open":
            if BUG == 3:
                return
            raise Abort("a second op:start-session")
        if op.version != captp.VERSION and BUG != 2:
            raise Abort("another version than 1.0")
        if op.key is None or op.signature is None:
            raise Abort("a malformed op:start-session")
        try:
            location = PeerLocator.from_record(op.location)
        except LocatorError as wrong:
            raise Abort(str(wrong)) from None
        if BUG != 1 and not ed25519.verify(op.key, op.signature,
                                           captp.my_location(op.location.raw)):
            raise Abort("the location is not signed by this key")
        keys = [s.key.public for s in self.server.sessions if s.key]
        is_ours = op.key in keys
        if is_ours and BUG != 29:
            raise Abort("this is our key")
        if location.identity == self.server.location.identity and BUG != 28 and not is_ours:
            raise Abort("this is our location")
        if any(s.remote == op.key for s in self.server.sessions) and BUG != 45:
            raise Abort("a key in use")
        if self.dialled is None:
            self.judge(location, op.key)
        self.location, self.location_raw = location, op.location.raw
        self.remote = op.key
        if self.key is None:
            self.say_hello()
        self.state = "open"
        queued, self.queued = self.queued, []
        for to, args, result in queued:
            if args is None:
                to()
            else:
                self.deliver(to, args, result)

    def judge(self, location, key):
        """An inbound hello from a location that we may have a session with."""
        for other in list(self.server.sessions):
            if other is self:
                continue
            if (other.state == "hello" and other.dialled
                    and other.dialled.identity == location.identity):
                loser = captp.aborted_of_crossed(other.id, captp.public_id(key))
                if (loser == "dialled") != (BUG == 27):
                    other.abort("crossed hellos")
                else:
                    raise Abort("crossed hellos")
            elif (other.state == "open" and other.location.identity == location.identity
                  and BUG != 44):
                raise Abort("there is a session with this location")

    def op_deliver(self, op):
        target = self.target(op.to, True)
        args = [self.unwire(a) for a in op.args]
        result = None
        if op.answer_pos is not False:
            result = self.new_answer(op.answer_pos)
        if op.resolver is not False:
            result = result or Promise()
            self.tell_of(result, self.import_(op.resolver))
        send(target, args, result)

    def new_answer(self, pos):
        if pos in self.answers:
            if BUG == 59:
                return self.answers[pos]
            if BUG != 4:
                raise Abort(f"answer {pos} is in use")
        self.answers[pos] = Promise()
        return self.answers[pos]

    def tell_of(self, promise, resolver):
        def told(promise):
            name = "fulfill" if promise.state == "fulfilled" else "break"
            dispatch(resolver, [Symbol(name), promise.value], None)
        promise.when(told)

    def op_listen(self, op):
        target = self.target(op.to, BUG == 9)
        resolver = self.import_(op.resolver)
        promise = target
        if not isinstance(target, Promise):
            promise = Promise()
            promise.resolve(target)
        if BUG == 13 and promise.state == "pending":
            return
        self.tell_of(promise, resolver)
        if BUG == 43:
            self.tell_of(promise, resolver)

    def _pick(self, op, choose):
        target = self.target(op.to, BUG == 38)
        picked = self.new_answer(op.answer_pos)

        def then(promise):
            if promise.state == "broken":
                picked.break_(promise.value)
                return
            try:
                picked.resolve(choose(promise.value, op.what))
            except Fail as fail:
                picked.break_(fail.value)
        if not isinstance(target, Promise):
            source, target = target, Promise()
            target.resolve(source)
        target.when(then)

    def op_get(self, op):
        def choose(value, field):
            if not isinstance(value, dict) or field not in value:
                if BUG == 34:
                    return VOID
                raise Fail(error("there is no such field"))
            return value[field]
        self._pick(op, choose)

    def op_index(self, op):
        def choose(value, index):
            if not isinstance(value, list) or not 0 <= index < len(value):
                if BUG == 33:
                    return VOID
                raise Fail(error("there is no such index"))
            return value[index]
        self._pick(op, choose)

    def op_untag(self, op):
        name = op.what.name if isinstance(op.what, Symbol) else op.what

        def choose(value, _):
            if (not isinstance(value, Record) or value.name != "desc:tagged"
                    or value.fields[0] != Symbol(name) and BUG != 35):
                raise Fail(error("there is no such tag"))
            return value.fields[1]
        self._pick(op, choose)

    def op_gc_exports(self, op):
        for pos, delta in op.pairs:
            entry = self.exports.get(pos)
            if entry is None or delta > entry[1]:
                if BUG == 10:
                    continue
                raise Abort(f"more returns of export {pos} than were sent")
            entry[1] -= delta
            if entry[1] == 0:
                del self.exports[pos]
                del self.export_of[id(entry[0])]

    def op_gc_answers(self, op):
        for pos in op.positions:
            if pos not in self.answers:
                raise Abort(f"there is no answer {pos}")
            if BUG not in (5, 59):
                del self.answers[pos]

    def op_abort(self, op):
        self.end("closing")


class Server:
    def __init__(self, dialect, framing, message_bytes_max=16 << 20):
        self.dialect = captp.DIALECTS[dialect]
        self.framing = framing
        self.message_bytes_max = message_bytes_max
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.listener.setblocking(False)
        self.location = PeerLocator(captp.TRANSPORT, os.urandom(16).hex(), {
            "host": "127.0.0.1", "port": str(self.listener.getsockname()[1])})
        sys.setrecursionlimit(50_000)  # values are walked by plain recursion here
        self.is_over = False
        self.is_dirty = False
        self.sessions = []  # not yet over
        self.gifts = {}  # (session id of the gifter's, gift id): value
        self.taken = set()
        self.waits = {}  # the same: promise
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.swiss = {
            b"JadQ0++RzsD4M+40uLxTWVaVqM10DcBJ": Obj(car_factory_builder),
            b"IO58l1laTyhcrgDKbEzFOO32MDd6zE5w": Obj(echo),
            b"VMDDd1voKWarCe2GvgLbxbVFysNzRPzx": Obj(greeter),
            b"IokCxYmMj04nos2JN1TDoY1bT8dXh6Lr": Obj(promise_maker),
            b"gi02I1qghIwPiKGKleCQAOhpy3ZtYRpB": Obj(self.enliven),
        }

    # --- sessions
    def add(self, connection, dialled=None):
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session(self, connection, dialled)
        self.sessions.append(session)
        self.selector.register(connection, selectors.EVENT_READ, session)
        return session

    def watch(self, session):
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if session.out else 0)
        if self.selector.get_key(session.socket).events != events:
            self.selector.modify(session.socket, events, session)

    def session_to(self, locator):
        """A session with that peer, maybe still in its handshake; Fail."""
        if locator.identity == self.location.identity:
            raise Fail(error("this is ourselves"))
        for session in self.sessions:
            if session.state == "open" and session.location.identity == locator.identity:
                return session
            if session.dialled and session.dialled.identity == locator.identity:
                return session
        try:
            address = locator.hints["host"], int(locator.hints["port"])
            return self.add(socket.create_connection(address, timeout=2), locator)
        except (OSError, KeyError, ValueError) as wrong:
            raise Fail(error(f"no connection: {wrong}")) from None

    def ended(self, session):
        self.sessions.remove(session)
        if session.remote is None:
            return
        name = session.session_id
        for key in [k for k in self.gifts if k[0] == name]:
            del self.gifts[key]
        for key in [k for k in self.waits if k[0] == name]:
            promise = self.waits.pop(key)
            if BUG != 51:
                promise.break_(Symbol("disconnected"))
        self.taken = {k for k in self.taken if k[0] != name}

    def forget(self, session):
        try:
            self.selector.unregister(session.socket)
        except (KeyError, ValueError):
            return
        session.socket.close()

    # --- objects
    def enliven(self, args):
        want_args(len(args) == 1)
        try:
            ref = SturdyRef.from_record(args[0])
        except LocatorError as wrong:
            raise Fail(error(str(wrong))) from None
        result = Promise()
        self.session_to(ref.peer).deliver(export(0), [Symbol("fetch"), ref.swiss], result)
        return result

    def deposit(self, session, gift_id, value):
        if not isinstance(value, (Obj, Promise)):
            raise Fail(error("a gift is an export of ours"))
        key = (session.session_id if BUG != 20 else b"", gift_id)
        if key in self.taken and BUG != 19 or key in self.gifts and BUG != 52:
            return
        if key in self.waits:
            self.waits.pop(key).resolve(value)
            self.taken.add(key)
        else:
            self.gifts[key] = value

    def withdraw(self, session, value):
        receive, receive_signature = captp.open_envelope(value, "desc:handoff-receive")
        captp.want(len(receive.fields) == 4, "four fields")
        session_id, side, count, signed_give = receive.fields
        give, give_signature = captp.open_envelope(signed_give, "desc:handoff-give")
        captp.want(len(give.fields) == 5, "five fields")
        receiver, where, gifter_session, gifter_side, gift_id = give.fields
        receiver = captp.key_bytes(receiver)
        captp.want(receiver is not None, "a key of the receiver")
        captp.want(captp.is_pos(count), "a count")
        if BUG == 42:
            captp.want(count not in session.counts, "a count that is new")
            session.counts.add(count)
        captp.want(PeerLocator.from_record(where).identity == self.location.identity,
                   "a gift that is here")
        captp.want(BUG == 18 or session_id == session.session_id and side == session.remote_id,
                   "a receive for this session")
        gifters = [s for s in self.sessions if s.state == "open" and s.session_id == gifter_session]
        captp.want(gifters, "a gifter who is here")
        captp.want(BUG == 41 or gifter_side == gifters[0].remote_id, "the gifter's side")
        captp.want(BUG == 17 or ed25519.verify(gifters[0].remote, give_signature, give.raw),
                   "a valid give")
        captp.want(BUG == 16 or ed25519.verify(receiver, receive_signature, receive.raw),
                   "a valid receive")
        if BUG not in (15, 42):
            captp.want(count not in session.counts, "a count that is new")
            session.counts.add(count)
        key = (gifter_session if BUG != 20 else b"", gift_id)
        if key in self.gifts:
            if BUG == 19:
                return self.gifts[key]
            self.taken.add(key)
            return self.gifts.pop(key)
        captp.want(key not in self.taken and key not in self.waits, "a gift that was not taken yet")
        self.waits[key] = Promise()
        return self.waits[key]

    # --- the loop
    def step(self, timeout):
        """What is ready within `timeout` seconds (None: at all); False when nothing was."""
        ready = self.selector.select(timeout)
        for key, events in ready:
            if key.fileobj is self.listener:
                try:
                    self.add(self.listener.accept()[0])
                except OSError:
                    pass
            elif key.data is None:
                self.is_over = not os.read(key.fd, 4096)
            elif events & selectors.EVENT_READ and key.data.state != "closed":
                key.data.read()
        self.settle()
        self.is_dirty = self.is_dirty or bool(ready)
        return bool(ready)

    def settle(self):
        while _turns:
            _turns.popleft()()
        for key in list(self.selector.get_map().values()):
            if isinstance(key.data, Session):
                key.data.flush()

    def idle(self):
        """Collects what nobody holds; False when there was no reason to."""
        if not self.is_dirty:
            return False
        self.is_dirty = False
        gc.collect()
        self.settle()
        return True

    def pump(self, is_idle):
        """The loop for a client in the same process (captp.pump)."""
        return self.step(0) if not is_idle else self.idle() or self.step(0.005)

    def run(self, until_closed):
        """Until the file `until_closed` ends."""
        self.selector.register(until_closed, selectors.EVENT_READ)
        while not self.is_over:
            if not self.step(0.02 if self.is_dirty else None):
                self.idle()

    def close(self):
        for key in list(self.selector.get_map().values()):
            if isinstance(key.data, Session):
                self.forget(key.data)
        self.listener.close()
        self.selector.close()


def main():
    parser = argparse.ArgumentParser(description="the conformance objects, for tests of the client")
    parser.add_argument("--dialect", choices=sorted(captp.DIALECTS), default="spec")
    parser.add_argument("--framing", choices=captp.FRAMINGS, default="bare")
    parser.add_argument("--message-bytes-max", type=int, default=16 << 20)
    parser.add_argument("--bug", type=int, default=0, help="misbehave: a number of --list-bugs")
    parser.add_argument("--list-bugs", action="store_true")
    options = parser.parse_args()
    if options.list_bugs:
        for number, text in BUGS.items():
            print(f"{number:3} {text}")
        return
    global BUG
    BUG = options.bug
    server = Server(options.dialect, options.framing, options.message_bytes_max)
    print(server.location, flush=True)
    server.run(sys.stdin.fileno())


if __name__ == "__main__":
    main()
