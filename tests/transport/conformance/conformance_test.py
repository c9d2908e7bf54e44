"""What a session must do, seen from outside: bytes written and bytes read.

    python3 conformance_test.py --server LOCATOR [--dialect NAME] [--framing bare|netstring]
                                [--deadline SECONDS] [--stride N] [unittest arguments]
    python3 conformance_test.py [options] -- COMMAND THAT STARTS THE SERVER

LOCATOR is what `vesicle conformance-server` prints. The dialect and the framing are those which
that server was told to speak: what it writes is held to them, what it reads must not matter.
"""

import argparse
import contextlib
import os
import re
import selectors
import subprocess
import sys
import time
import unittest

import captp
import ed25519
import syrup
from captp import (Broken, Closed, Timeout, answer, export, import_object, import_promise,
                   op_deliver, op_get, op_index, op_listen, op_start, op_tell, op_untag,
                   ops_gc_answers, ops_gc_exports)
from locator import PeerLocator, SturdyRef, parse
from syrup import Raw, Symbol, encode, record

CAR_FACTORY_BUILDER = b"JadQ0++RzsD4M+40uLxTWVaVqM10DcBJ"
ECHO = b"IO58l1laTyhcrgDKbEzFOO32MDd6zE5w"
GREETER = b"VMDDd1voKWarCe2GvgLbxbVFysNzRPzx"
PROMISE = b"IokCxYmMj04nos2JN1TDoY1bT8dXh6Lr"
ENLIVENER = b"gi02I1qghIwPiKGKleCQAOhpy3ZtYRpB"

FULFILL, BREAK = Symbol("fulfill"), Symbol("break")
FETCH, DEPOSIT, WITHDRAW = Symbol("fetch"), Symbol("deposit-gift"), Symbol("withdraw-gift")


class Target:
    """The server that is tested; set once, before the tests run."""
    locator = None
    dialect = captp.DIALECTS["spec"]
    framing = "bare"
    stride = 1  # of the splits: 1 tries every byte
    bystander = None  # an honest session that outlives the tests


class Conformance(unittest.TestCase):
    maxDiff = 2000

    def host(self, **options):
        host = captp.Host(**options)
        self.addCleanup(host.close)
        return host

    def dial(self, host=None, **options):
        """A peer of a location of its own, unless `host` is given."""
        return (host or self.host()).dial(Target.locator, Target.dialect, Target.framing, **options)

    def accept(self, host, **options):
        return host.accept(Target.dialect, Target.framing, **options)

    def assert_wire(self, a, b):
        self.assertEqual(encode(a), encode(b))

    def assert_aborts(self, peer, *values, data=None):
        """What is sent ends this session with a reason, cleanly, and no other one."""
        try:
            if values:
                peer.send(*values)
            if data is not None:
                peer.send_bytes(data)
        except Closed:
            pass
        reason = peer.expect_abort()
        self.assertTrue(reason)
        if Target.bystander is None:
            Target.bystander = captp.Host().dial(Target.locator, Target.dialect, Target.framing)
        Target.bystander.sync()

    def assert_breaks(self, peer, to, args):
        with self.assertRaises(Broken) as broken:
            peer.ask(to, args)
        return broken.exception.error

    def pair(self, peer):
        """(descriptor of a promise there, descriptor of its resolver)."""
        promise, resolver = peer.ask(peer.fetch(PROMISE), [])
        self.assertEqual(promise.name, "desc:import-promise")
        self.assertEqual(resolver.name, "desc:import-object")
        return export(promise.fields[0]), export(resolver.fields[0])


class Handshake(Conformance):
    def test_the_hello_is_answered_with_a_valid_hello(self):
        peer = self.dial(verifies=True)  # version, key and signature are checked where it is read
        where = PeerLocator.from_record(peer.remote_location)
        self.assertEqual(where.identity, Target.locator.identity)
        self.assertNotEqual(peer.remote, peer.key.public)

    def test_each_connection_has_a_key_of_its_own(self):
        self.assertNotEqual(self.dial().remote, self.dial().remote)

    def test_hints_may_be_false(self):
        peer = self.dial(shake=False)
        peer.location = record("ocapn-peer", Symbol(captp.TRANSPORT), os.urandom(8).hex(), False)
        peer.shake().sync()

    def start(self, peer, **options):
        key, location = options.pop("key", peer.key), options.pop("location", peer.location)
        return op_start(key, location, **options)

    def refuse(self, **options):
        """That hello is answered with op:abort, and not with a hello."""
        peer = self.dial(shake=False)
        self.assert_aborts(peer, self.start(peer, **options))
        self.assertIsNone(peer.remote)

    def test_another_version_aborts(self):
        self.refuse(version="1.1")
        self.refuse(version="")

    def test_a_version_that_is_a_symbol_aborts(self):
        self.refuse(version=Symbol("1.0"))

    def test_a_signature_by_another_key_aborts(self):
        other = ed25519.SecretKey.generate()
        peer = self.dial(shake=False)
        signature = other.sign(captp.my_location(encode(peer.location)))
        self.assert_aborts(peer, self.start(peer, signature=signature))

    def test_a_signature_over_another_location_aborts(self):
        peer = self.dial(shake=False)
        other = record("ocapn-peer", Symbol(captp.TRANSPORT), "somebody", False)
        signature = peer.key.sign(captp.my_location(encode(other)))
        self.assert_aborts(peer, self.start(peer, signature=signature))

    def test_a_signature_over_the_location_without_its_wrapper_aborts(self):
        peer = self.dial(shake=False)
        self.assert_aborts(peer, self.start(peer, signature=peer.key.sign(encode(peer.location))))

    def test_a_signature_with_a_flipped_bit_aborts(self):
        peer = self.dial(shake=False)
        signature = bytearray(peer.key.sign(captp.my_location(encode(peer.location))))
        signature[40] ^= 1
        self.assert_aborts(peer, self.start(peer, signature=bytes(signature)))

    def test_a_signature_with_a_scalar_over_the_order_aborts(self):
        peer = self.dial(shake=False)
        signature = peer.key.sign(captp.my_location(encode(peer.location)))
        scalar = int.from_bytes(signature[32:], "little") + ed25519.L
        self.assert_aborts(peer, self.start(peer, signature=signature[:32]
                                            + scalar.to_bytes(32, "little")))

    def test_malformed_keys_abort(self):
        peer = self.dial(shake=False)
        start = self.start(peer)
        for key in (captp.key_value(peer.key.public[:31]), captp.key_value(peer.key.public + b"x"),
                    [], b"key", captp.key_value("x" * 32),
                    [Symbol("public-key"), [Symbol("ecc"), [Symbol("curve"), Symbol("Ed448")],
                                            [Symbol("flags"), Symbol("eddsa")],
                                            [Symbol("q"), peer.key.public]]]):
            with self.subTest(key=key):
                peer = self.dial(shake=False)
                self.assert_aborts(peer, record("op:start-session", "1.0", key, *start.fields[2:]))

    def test_malformed_hellos_abort(self):
        for n in (0, 1, 3):
            with self.subTest(fields=n):
                peer = self.dial(shake=False)
                self.assert_aborts(peer, record("op:start-session", *self.start(peer).fields[:n]))
        with self.subTest("five fields"):
            peer = self.dial(shake=False)
            self.assert_aborts(peer, record("op:start-session", *self.start(peer).fields, False))
        with self.subTest("no location"):
            self.refuse(location="here")

    def test_our_location_is_not_theirs_to_claim(self):
        self.refuse(location=Target.locator.record)

    def test_a_key_in_use_aborts(self):
        first = self.dial()
        peer = self.dial(shake=False, key=first.key)
        self.assert_aborts(peer, self.start(peer))
        first.sync()

    def test_a_second_session_from_one_location_aborts(self):
        host = self.host()
        first = self.dial(host)
        peer = self.dial(host, shake=False)
        self.assert_aborts(peer, self.start(peer))
        first.sync()

    def test_a_location_is_free_again_after_an_abort(self):
        host = self.host()
        for _ in range(3):
            peer = self.dial(host)
            peer.sync()
            peer.close()

    def test_a_location_is_free_again_after_the_end_of_the_stream(self):
        host = self.host()
        for _ in range(3):
            peer = self.dial(host)
            peer.sync()
            peer.socket.close()

    def test_a_second_hello_aborts(self):
        peer = self.dial()
        self.assert_aborts(peer, self.start(peer))

    def test_a_second_hello_with_another_key_aborts(self):
        peer = self.dial()
        self.assert_aborts(peer, self.start(peer, key=ed25519.SecretKey.generate()))

    def test_an_operation_before_the_hello_aborts(self):
        for op in (op_deliver(export(0), [FETCH, ECHO]), op_get(export(0), "a", 1),
                   *ops_gc_answers([1], Target.dialect.gc)):
            with self.subTest(op=op):
                self.assert_aborts(self.dial(shake=False), op)

    def test_an_abort_before_the_hello_ends_it_without_a_hello(self):
        peer = self.dial(shake=False)
        peer.send(captp.op_abort("never mind"))
        peer.expect_end()
        self.assertIsNone(peer.remote)

    def test_an_abort_ends_the_session(self):
        peer = self.dial()
        peer.send(captp.op_abort("enough"))
        peer.expect_end()

    def test_whoever_does_not_speak_is_left_alone(self):
        silent = self.dial(shake=False)
        self.dial().sync()
        silent.shake().sync()

    def test_messages_may_come_in_one_piece_with_the_hello(self):
        peer = self.dial(shake=False)
        resolver = peer.new_export()
        data = peer.bytes_of(self.start(peer),
                             op_deliver(export(0), [FETCH, ECHO], False, import_object(resolver)))
        peer.send_bytes(data)
        peer.expect(lambda op: op.kind == "start", "op:start-session")
        peer.ref(peer.settle(resolver))


class CrossedHellos(Conformance):
    def cross(self, is_ours_higher):
        """(what the server dialled, what we dialled): both know only the server's hello."""
        asker = self.dial()
        host = self.host()
        asker.tell(asker.fetch(ENLIVENER), [SturdyRef(host.location, b"my-object").record])
        theirs = self.accept(host, shake=False)
        theirs.until(lambda: theirs.remote, "their hello")
        while True:
            key = ed25519.SecretKey.generate()
            if (captp.public_id(key.public) > theirs.remote_id) == is_ours_higher:
                break
        ours = self.dial(host, shake=False, key=key)
        self.assertEqual(captp.aborted_of_crossed(ours.id, theirs.remote_id),
                         "accepted" if is_ours_higher else "dialled")
        ours.send(op_start(key, ours.location))
        return theirs, ours

    def test_the_lower_one_is_aborted_when_it_is_theirs(self):
        theirs, ours = self.cross(is_ours_higher=True)
        theirs.expect_abort()
        ours.expect(lambda op: op.kind == "start", "their hello")
        ours.sync()

    def test_the_lower_one_is_aborted_when_it_is_ours(self):
        theirs, ours = self.cross(is_ours_higher=False)
        ours.expect_abort()
        theirs.shake()
        op = theirs.expect_bootstrap("fetch")
        self.assertEqual(op.args[1], b"my-object")

    def test_a_hello_that_is_sent_back_aborts(self):
        asker = self.dial()
        host = self.host()
        resolver = asker.new_export()
        ref = SturdyRef(host.location, b"x")
        asker.send(op_deliver(asker.fetch(ENLIVENER), [ref.record], False,
                              import_object(resolver)))
        theirs = self.accept(host, shake=False)
        theirs.until(lambda: theirs.remote, "their hello")
        theirs.send_bytes(theirs.received)
        theirs.expect_abort()
        with self.assertRaises(Broken):
            asker.settle(resolver)

    def test_a_hello_that_is_replayed_on_another_connection_aborts(self):
        asker = self.dial()
        host = self.host()
        asker.tell(asker.fetch(ENLIVENER), [SturdyRef(host.location, b"x").record])
        theirs = self.accept(host, shake=False)
        theirs.until(lambda: theirs.remote, "their hello")
        self.assert_aborts(self.dial(shake=False), data=theirs.received)


# Values that come back as they went.
VALUES = [
    True, False, 0, 1, -1, 42, 2**31, 2**60, -2**60, 2**63, 2**64, -2**64, 10**50, 0.0, -0.0, 1.0,
    -1.5, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan"), b"",
    b"\x00\xff", bytes(range(256)), "", "a", "text", "\x00", "\U0001f427 \u00e9\u0301", Symbol(""),
    Symbol("fetch"), Symbol("op:deliver"), Symbol("t\u00e4"), [], [[]], [1, [2, [3, []]]], {},
    {"a1": 1, "b2": 2}, {"bb": 1, "abcdefghij": 2, "": {"x": []}}, record("void"), record("null"),
    record("desc:tagged", Symbol("point"), [1, 2]), record("desc:error", "went wrong"),
    "x" * 3000, b"y" * 20000, list(range(300)),
]


class Deliver(Conformance):
    def test_fetch_gives_each_object(self):
        peer = self.dial()
        for swiss in (CAR_FACTORY_BUILDER, ECHO, GREETER, PROMISE, ENLIVENER):
            peer.fetch(swiss)

    def test_fetch_of_an_unknown_number_breaks(self):
        peer = self.dial()
        self.assert_breaks(peer, export(0), [FETCH, b"no such number"])
        self.assert_breaks(peer, export(0), [FETCH, b""])
        peer.sync()

    def test_what_the_bootstrap_does_not_understand_breaks(self):
        peer = self.dial()
        for args in ([], [FETCH], [FETCH, "text"], [FETCH, ECHO, 1], [Symbol("frobnicate")], [1],
                     ["fetch", ECHO], [[FETCH, ECHO]]):
            with self.subTest(args=args):
                self.assert_breaks(peer, export(0), args)

    def test_echo_gives_back_each_value_byte_for_byte(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        for value in VALUES:
            with self.subTest(value=value):
                self.assert_wire(peer.ask(echo, [value]), [value])

    def test_echo_gives_back_many_arguments(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        for args in ([], ["foo", 1, False, b"bar", ["baz"]], [Symbol("a")], [Symbol("args"), 1],
                     [Symbol("a"), 1, 2], list(VALUES)):
            with self.subTest(args=args):
                self.assert_wire(peer.ask(echo, args), args)

    def test_other_spellings_of_values_are_taken(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        for value in (syrup.Pairs([(1, 2), (Symbol("k"), [])]), record("desc:tag", "t", [1]),
                      record("desc:error", "went wrong", {"more": 1})):
            with self.subTest(value=value):
                self.assertEqual(len(peer.ask(echo, [value])), 1)

    def test_a_deep_value_comes_back(self):
        peer = self.dial()
        deep = Raw(b"[" * 5000 + b"]" * 5000)
        resolver = peer.new_export()
        peer.send(op_deliver(peer.fetch(ECHO), [Raw(deep)], False, import_object(resolver)))
        op = peer.expect_to(export(resolver))
        self.assertEqual(op.args[0], FULFILL)
        self.assertIn(b"[" * 5001 + b"]" * 5001, peer.received)

    def test_a_reference_of_ours_comes_home(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        a, b = peer.new_export(), peer.new_export()
        self.assert_wire(peer.ask(echo, [import_object(a), [import_object(b)], import_object(a)]),
                         [export(a), [export(b)], export(a)])

    def test_a_promise_of_ours_comes_home(self):
        """As itself, or as a promise of theirs that settles alike: promises have no identity."""
        peer = self.dial()
        p = peer.new_export()
        value, = peer.ask(peer.fetch(ECHO), [import_promise(p)])
        if value.name == "desc:import-promise":
            listening = peer.listen(export(value.fields[0]))
            heard = peer.expect(lambda op: op.kind == "listen", "op:listen to our promise")
            self.assert_wire(heard.to, export(p))
            peer.tell(export(heard.resolver.fields[0]), [FULFILL, 1])
            self.assertEqual(peer.settle(listening), 1)
        else:
            self.assert_wire(value, export(p))

    def test_a_reference_of_theirs_keeps_its_position(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        self.assert_wire(peer.ask(echo, [echo]), [import_object(echo.fields[0])])
        self.assertEqual(peer.fetch(ECHO), echo)

    def test_an_answer_in_arguments_is_its_promise(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        promised = peer.pipeline(export(0), [FETCH, ECHO])
        value, = peer.ask(echo, [promised])
        value = peer.follow(value)
        self.assert_wire(value, import_object(echo.fields[0]))

    def test_a_message_that_wants_no_answer_gets_none(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        before = len(peer.log)
        for tell in captp.TELLS:
            peer.send(op_tell(echo, [1], tell))
        peer.sync()
        came = [op.kind for op in peer.log[before:] if op.kind != "gc-exports"]
        self.assertEqual(came, ["deliver"])  # of the sync

    def test_the_greeter_greets(self):
        peer = self.dial()
        me = peer.new_export()
        peer.tell(peer.fetch(GREETER), [import_object(me)])
        op = peer.expect_to(export(me))
        self.assert_wire(op.args, ["Hello"])
        self.assertEqual(op.form, "ask")
        self.assertIsNot(op.answer_pos, False)
        self.assertIsNot(op.resolver, False)

    def test_the_car_goes_vroom(self):
        peer = self.dial()
        factory = peer.ref(peer.ask(peer.fetch(CAR_FACTORY_BUILDER), []))
        car = peer.ref(peer.ask(factory, [[Symbol("red"), Symbol("zoomracer")]]))
        self.assertEqual(peer.ask(car, []), "Vroom! I am a red zoomracer car!")
        car = peer.ref(peer.ask(factory, [[Symbol("blue"), Symbol("van")]]))
        self.assertEqual(peer.ask(car, []), "Vroom! I am a blue van car!")

    def test_the_factory_breaks_on_anything_else(self):
        peer = self.dial()
        factory = peer.ref(peer.ask(peer.fetch(CAR_FACTORY_BUILDER), []))
        for args in ([[1, 2, 3, 4, 5]], [], [Symbol("red"), Symbol("zoomracer")], [["red", "zoom"]],
                     [[Symbol("red")]], [[Symbol("red"), 1]], [{}], [1]):
            with self.subTest(args=args):
                self.assert_breaks(peer, factory, args)

    def test_messages_to_one_ref_keep_their_order(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        resolvers = [peer.new_export() for _ in range(50)]
        peer.send(*(op_deliver(echo, [i], False, import_object(r))
                    for i, r in enumerate(resolvers)))
        for i, r in enumerate(resolvers):
            self.assert_wire(peer.settle(r), [i])
        told = [op.to.fields[0] for op in peer.log if op.kind == "deliver"]
        self.assertEqual([pos for pos in told if pos in resolvers], resolvers)

    def test_a_broken_promise_of_ours_breaks_what_was_sent_to_it(self):
        """The greeter asks a promise; we break it; the answer still ends once."""
        peer = self.dial()
        p = peer.new_export()
        peer.tell(peer.fetch(GREETER), [import_promise(p)])
        op = peer.expect_to(export(p))
        peer.break_(op, Symbol("oh-no"))
        peer.expect_answer_released(op.answer_pos)

    def test_an_ask_may_have_an_answer_and_a_resolver(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        pos, resolver = peer.new_answer(), peer.new_export()
        peer.send(op_deliver(echo, [7], pos, import_object(resolver)))
        self.assert_wire(peer.settle(resolver), [7])
        self.assert_wire(peer.settle(peer.listen(answer(pos))), [7])

    def test_a_resolver_may_be_a_promise(self):
        peer = self.dial()
        resolver = peer.new_export()
        peer.send(op_deliver(peer.fetch(ECHO), [7], False, import_promise(resolver)))
        self.assert_wire(peer.settle(resolver), [7])


class Pipelining(Conformance):
    def test_messages_go_on_to_answers_that_are_not_there_yet(self):
        peer = self.dial()
        builder = peer.pipeline(export(0), [FETCH, CAR_FACTORY_BUILDER])
        factory = peer.pipeline(builder, [])
        car = peer.pipeline(factory, [[Symbol("red"), Symbol("zoomracer")]])
        self.assertEqual(peer.ask(car, []), "Vroom! I am a red zoomracer car!")

    def test_all_of_it_in_one_write(self):
        peer = self.dial()
        resolvers = [peer.new_export() for _ in range(3)]
        peer.send(op_deliver(export(0), [FETCH, CAR_FACTORY_BUILDER], 1, False),
                  op_deliver(answer(1), [], 2, import_object(resolvers[0])),
                  op_deliver(answer(2), [[Symbol("red"), Symbol("zoomracer")]], 3,
                             import_object(resolvers[1])),
                  op_deliver(answer(3), [], False, import_object(resolvers[2])))
        peer.ref(peer.follow(peer.settle(resolvers[0])))
        peer.ref(peer.follow(peer.settle(resolvers[1])))
        self.assertEqual(peer.settle(resolvers[2]), "Vroom! I am a red zoomracer car!")

    def test_position_0_is_an_answer_like_any_other(self):
        peer = self.dial()
        peer.send(op_deliver(export(0), [FETCH, ECHO], 0, False))
        self.assert_wire(peer.ask(answer(0), [1]), [1])
        peer.release_answers(0)
        peer.send(op_deliver(export(0), [FETCH, CAR_FACTORY_BUILDER], 0, False))
        peer.ref(peer.ask(answer(0), []))

    def test_position_0_is_an_import_like_any_other(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        peer.watch.exported[0] = 0
        self.assert_wire(peer.ask(echo, [import_object(0)]), [export(0)])
        peer.expect_released(0, 1)
        peer.send(op_deliver(echo, [2], False, import_object(0)))
        self.assert_wire(peer.settle(0), [2])

    def test_large_positions_are_taken(self):
        peer = self.dial()
        for pos in (2**31, 2**32, 2**53):
            with self.subTest(pos=pos):
                peer.send(op_deliver(export(0), [FETCH, ECHO], pos, False))
                self.assert_wire(peer.ask(answer(pos), [1]), [1])

    def test_what_is_sent_to_a_broken_answer_breaks_with_its_reason(self):
        peer = self.dial()
        factory = peer.pipeline(peer.fetch(CAR_FACTORY_BUILDER), [])
        car = peer.pipeline(factory, [[1, 2, 3, 4, 5]])
        noise = peer.pipeline(car, [])
        first = self.assert_breaks(peer, car, [])
        self.assert_wire(self.assert_breaks(peer, noise, []), first)

    def test_what_is_sent_to_data_breaks(self):
        peer = self.dial()
        data = peer.pipeline(peer.fetch(ECHO), [1])
        self.assert_breaks(peer, data, [])

    def test_a_tell_to_a_broken_answer_is_dropped(self):
        peer = self.dial()
        broken = peer.pipeline(export(0), [FETCH, b"nothing"])
        peer.tell(broken, [1])
        peer.sync()

    def test_what_waits_on_a_promise_goes_first_and_in_order(self):
        peer = self.dial()
        promise, resolver = self.pair(peer)
        echo = peer.fetch(ECHO)
        resolvers = [peer.new_export() for _ in range(10)]
        peer.send(*(op_deliver(promise, [i], False, import_object(r))
                    for i, r in enumerate(resolvers[:9])))
        peer.tell(resolver, [FULFILL, echo])
        peer.send(op_deliver(promise, [9], False, import_object(resolvers[9])))
        for i, r in enumerate(resolvers):
            self.assert_wire(peer.settle(r), [i])
        told = [op.to.fields[0] for op in peer.log if op.kind == "deliver"]
        self.assertEqual([pos for pos in told if pos in resolvers], resolvers)

    def test_messages_to_a_promise_of_an_object_of_ours_come_to_us(self):
        peer = self.dial()
        promise, resolver = self.pair(peer)
        me, told = peer.new_export(), peer.new_export()
        peer.send(op_deliver(promise, ["hi"], False, import_object(told)))
        peer.tell(resolver, [FULFILL, import_object(me)])
        op = peer.expect_to(export(me))
        self.assert_wire(op.args, ["hi"])
        peer.fulfill(op, "ho")
        self.assertEqual(peer.follow(peer.settle(told)), "ho")


class Listen(Conformance):
    def test_not_yet_then_kept(self):
        for fields in captp.LISTENS:
            with self.subTest(fields=fields):
                peer = self.dial()
                promise, resolver = self.pair(peer)
                listening = peer.listen(promise, fields)
                peer.sync()
                self.assertIsNone(peer.find(lambda op: op.kind == "deliver"))
                peer.tell(resolver, [FULFILL, Symbol("ok")])
                self.assert_wire(peer.settle(listening), Symbol("ok"))

    def test_not_yet_then_broken_with_the_reason_as_it_is(self):
        for reason in (Symbol("oh-no"), "text", 5, [1], record("desc:error", "bad"), {"a": 1}):
            with self.subTest(reason=reason):
                peer = self.dial()
                promise, resolver = self.pair(peer)
                listening = peer.listen(promise)
                peer.tell(resolver, [BREAK, reason])
                with self.assertRaises(Broken) as broken:
                    peer.settle(listening)
                self.assert_wire(broken.exception.error, reason)

    def test_kept_before(self):
        peer = self.dial()
        promise, resolver = self.pair(peer)
        peer.tell(resolver, [FULFILL, Symbol("ok")])
        peer.sync()
        self.assert_wire(peer.settle(peer.listen(promise)), Symbol("ok"))

    def test_broken_before(self):
        peer = self.dial()
        promise, resolver = self.pair(peer)
        peer.tell(resolver, [BREAK, Symbol("oh-no")])
        peer.sync()
        with self.assertRaises(Broken):
            peer.settle(peer.listen(promise))

    def test_each_listener_is_told_once(self):
        peer = self.dial()
        promise, resolver = self.pair(peer)
        early = [peer.listen(promise) for _ in range(3)]
        peer.tell(resolver, [FULFILL, 1])
        late = [peer.listen(promise) for _ in range(3)]
        for listening in early + late:
            self.assertEqual(peer.settle(listening), 1)
        peer.sync()
        self.assertIsNone(peer.find(lambda op: op.kind == "deliver"))

    def test_a_promise_settles_once(self):
        peer = self.dial()
        promise, resolver = self.pair(peer)
        peer.tell(resolver, [FULFILL, 1])
        peer.tell(resolver, [FULFILL, 2])
        peer.tell(resolver, [BREAK, 3])
        self.assertEqual(peer.settle(peer.listen(promise)), 1)

    def test_an_answer_may_be_listened_to(self):
        peer = self.dial()
        self.assert_wire(peer.settle(peer.listen(peer.pipeline(peer.fetch(ECHO), [1]))), [1])
        with self.assertRaises(Broken):
            peer.settle(peer.listen(peer.pipeline(export(0), [FETCH, b"nothing"])))

    def test_partial_or_not_is_taken(self):
        peer = self.dial()
        for partial in (False, True):
            promise, resolver = self.pair(peer)
            listening = peer.new_export()
            peer.send(op_listen(promise, import_object(listening), 3, partial))
            peer.tell(resolver, [FULFILL, 1])
            self.assertEqual(peer.settle(listening), 1)

    def test_a_promise_kept_with_a_promise_settles_with_its_value(self):
        peer = self.dial()
        outer, outer_resolver = self.pair(peer)
        inner, inner_resolver = self.pair(peer)
        listening = peer.listen(outer)
        peer.tell(outer_resolver, [FULFILL, inner])
        peer.tell(inner_resolver, [FULFILL, Symbol("ok")])
        self.assert_wire(peer.follow(peer.settle(listening)), Symbol("ok"))

    def test_a_promise_kept_with_an_object_of_ours(self):
        peer = self.dial()
        promise, resolver = self.pair(peer)
        me = peer.new_export()
        listening = peer.listen(promise)
        peer.tell(resolver, [FULFILL, import_object(me)])
        self.assert_wire(peer.settle(listening), export(me))

    def test_whoever_asked_and_is_answered_with_a_promise_may_listen(self):
        """Whether the greeter listens is its own affair; how, is the dialect's."""
        peer = self.dial()
        me, p = peer.new_export(), peer.new_export()
        peer.tell(peer.fetch(GREETER), [import_object(me)])
        op = peer.expect_to(export(me))
        peer.fulfill(op, import_promise(p))
        peer.expect_answer_released(op.answer_pos)
        peer.sync()
        heard = peer.find(lambda op: op.kind == "listen")
        if heard:
            self.assertEqual(heard.to, export(p))
            peer.tell(export(heard.resolver.fields[0]), [FULFILL, 1])
            peer.sync()


class Pick(Conformance):
    """op:get, op:index and op:untag."""

    def promised(self, peer, value):
        """A promise of theirs, kept with that value after it was asked for."""
        promise, resolver = self.pair(peer)
        peer.tell(resolver, [FULFILL, value])
        return promise

    def picked(self, peer, op):
        peer.send(op)
        return peer.follow(peer.settle(peer.listen(answer(op.fields[2]))))

    def assert_picks(self, peer, op, value):
        self.assert_wire(self.picked(peer, op), value)

    def assert_picks_nothing(self, peer, op):
        with self.assertRaises(Broken):
            self.picked(peer, op)

    def test_get_gives_a_field(self):
        peer = self.dial()
        promise = self.promised(peer, {"a": 1, "b": [2], "": 3})
        self.assert_picks(peer, op_get(promise, "a", peer.new_answer()), 1)
        self.assert_picks(peer, op_get(promise, "b", peer.new_answer()), [2])
        self.assert_picks(peer, op_get(promise, "", peer.new_answer()), 3)

    def test_get_breaks_without_the_field_or_a_struct(self):
        peer = self.dial()
        promise = self.promised(peer, {"a": 1})
        self.assert_picks_nothing(peer, op_get(promise, "b", peer.new_answer()))
        self.assert_picks_nothing(peer, op_get(self.promised(peer, [1]), "0", peer.new_answer()))
        self.assert_picks_nothing(peer, op_get(self.promised(peer, 1), "a", peer.new_answer()))
        self.assert_picks_nothing(peer, op_get(peer.fetch(ECHO), "a", peer.new_answer()))

    def test_index_gives_an_item(self):
        peer = self.dial()
        promise = self.promised(peer, ["a", ["b"]])
        self.assert_picks(peer, op_index(promise, 0, peer.new_answer()), "a")
        self.assert_picks(peer, op_index(promise, 1, peer.new_answer()), ["b"])

    def test_index_breaks_out_of_range_and_without_a_list(self):
        peer = self.dial()
        promise = self.promised(peer, ["a", ["b"]])
        for index in (2, -1, 2**64):
            with self.subTest(index=index):
                self.assert_picks_nothing(peer, op_index(promise, index, peer.new_answer()))
        promise = self.promised(peer, {"0": 1})
        self.assert_picks_nothing(peer, op_index(promise, 0, peer.new_answer()))
        self.assert_picks_nothing(peer, op_index(self.promised(peer, "ab"), 0, peer.new_answer()))

    def test_untag_gives_what_is_tagged(self):
        peer = self.dial()
        promise = self.promised(peer, record("desc:tagged", Symbol("point"), [1, 2]))
        self.assert_picks(peer, op_untag(promise, "point", peer.new_answer()), [1, 2])
        self.assert_picks(peer, op_untag(promise, Symbol("point"), peer.new_answer()), [1, 2])

    def test_untag_breaks_with_another_tag_and_without_one(self):
        peer = self.dial()
        promise = self.promised(peer, record("desc:tagged", Symbol("point"), [1, 2]))
        self.assert_picks_nothing(peer, op_untag(promise, "line", peer.new_answer()))
        promise = self.promised(peer, [1])
        self.assert_picks_nothing(peer, op_untag(promise, "point", peer.new_answer()))

    def test_picks_wait_and_chain(self):
        peer = self.dial()
        promise, resolver = self.pair(peer)
        peer.send(op_get(promise, "list", 101), op_index(answer(101), 1, 102),
                  op_untag(answer(102), "box", 103), op_index(answer(103), 0, 104))
        listening = peer.listen(answer(104))
        peer.sync()
        self.assertIsNone(peer.find(lambda op: op.kind == "deliver"))
        peer.tell(resolver, [FULFILL, {"list": [0, record("desc:tagged", Symbol("box"), ["in"])]}])
        self.assertEqual(peer.settle(listening), "in")

    def test_what_breaks_breaks_all_picks_with_its_reason(self):
        peer = self.dial()
        promise, resolver = self.pair(peer)
        peer.send(op_get(promise, "a", 101), op_index(answer(101), 0, 102))
        peer.tell(resolver, [BREAK, Symbol("oh-no")])
        with self.assertRaises(Broken) as broken:
            peer.settle(peer.listen(answer(102)))
        self.assert_wire(broken.exception.error, Symbol("oh-no"))

    def test_messages_go_to_what_was_picked(self):
        peer = self.dial()
        both = peer.pipeline(peer.fetch(PROMISE), [])
        peer.send(op_index(both, 1, 101), op_index(both, 0, 102))
        peer.tell(answer(101), [FULFILL, 42])
        self.assertEqual(peer.follow(peer.settle(peer.listen(answer(102)))), 42)

    def test_a_pick_takes_a_free_position(self):
        peer = self.dial()
        list_ = peer.pipeline(peer.fetch(ECHO), [1])
        peer.send(op_index(list_, 0, 101))
        self.assert_aborts(peer, op_index(list_, 0, 101))


class Garbage(Conformance):
    def test_what_echo_saw_is_returned(self):
        peer = self.dial()
        me = peer.new_export()
        peer.tell(peer.fetch(ECHO), [import_object(me)])
        peer.expect_released(me, 1)

    def test_each_time_counts_within_a_message(self):
        peer = self.dial()
        me = peer.new_export()
        peer.tell(peer.fetch(ECHO), [import_object(me)] * 4)
        peer.expect_released(me, 4)

    def test_each_time_counts_over_messages(self):
        peer = self.dial()
        me = peer.new_export()
        echo = peer.fetch(ECHO)
        for _ in range(20):
            peer.tell(echo, [import_object(me)])
        peer.expect_released(me, 20)

    def test_promises_of_ours_are_returned(self):
        peer = self.dial()
        me = peer.new_export()
        peer.tell(peer.fetch(ECHO), [import_promise(me), [import_promise(me)]])
        peer.expect_released(me, 2)

    def test_resolvers_are_returned_when_they_were_told(self):
        peer = self.dial()
        resolver = peer.new_export()
        peer.send(op_deliver(peer.fetch(ECHO), [1], False, import_object(resolver)))
        peer.settle(resolver)
        peer.expect_released(resolver, 1)

    def test_what_was_returned_may_be_sent_again(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        me = peer.new_export()
        for n in (1, 2, 3):
            self.assert_wire(peer.ask(echo, [import_object(me)]), [export(me)])
            peer.expect_released(me, n)

    def test_what_a_faulted_message_held_is_returned(self):
        peer = self.dial()
        me = peer.new_export()
        factory = peer.ref(peer.ask(peer.fetch(CAR_FACTORY_BUILDER), []))
        self.assert_breaks(peer, factory, [[import_object(me), 1]])
        peer.expect_released(me, 1)

    def test_what_was_sent_to_a_broken_promise_is_returned(self):
        peer = self.dial()
        me = peer.new_export()
        broken = peer.pipeline(export(0), [FETCH, b"nothing"])
        peer.tell(broken, [import_object(me)])
        peer.expect_released(me, 1)

    def test_the_greeter_returns_its_answer_and_whom_it_greeted(self):
        peer = self.dial()
        me = peer.new_export()
        peer.tell(peer.fetch(GREETER), [import_object(me)])
        op = peer.expect_to(export(me))
        peer.fulfill(op, "Hello")
        peer.expect_answer_released(op.answer_pos)
        peer.expect_released(me, 1)

    def test_what_we_return_is_gone(self):
        for gc in captp.GCS:
            with self.subTest(gc=gc):
                peer = self.dial()
                car = peer.ref(peer.ask(peer.ref(peer.ask(peer.fetch(CAR_FACTORY_BUILDER), [])),
                                        [[Symbol("red"), Symbol("zoomracer")]]))
                peer.release((car.fields[0], 1), gc=gc)
                self.assert_aborts(peer, op_tell(car, [], "deliver"))

    def test_what_we_return_in_part_is_there(self):
        for gc in captp.GCS:
            with self.subTest(gc=gc):
                peer = self.dial()
                echo = peer.fetch(ECHO)
                self.assertEqual(peer.fetch(ECHO), echo)
                self.assertEqual(peer.fetch(ECHO), echo)
                peer.release((echo.fields[0], 2), gc=gc)
                self.assert_wire(peer.ask(echo, [1]), [1])
                peer.release((echo.fields[0], 1), gc=gc)
                self.assert_aborts(peer, op_tell(echo, [], "deliver"))

    def test_many_are_returned_in_one_operation(self):
        for gc in ("lists", "plural"):
            with self.subTest(gc=gc):
                peer = self.dial()
                a, b = peer.fetch(ECHO), peer.fetch(GREETER)
                peer.release((a.fields[0], 1), (b.fields[0], 1), gc=gc)
                peer.sync()
                self.assert_aborts(peer, op_tell(b, [], "deliver"))

    def test_empty_lists_are_nothing(self):
        peer = self.dial()
        for gc in ("lists", "plural"):
            peer.send(*ops_gc_exports([], gc), *ops_gc_answers([], gc))
        peer.sync()

    def test_a_position_is_never_used_again(self):
        peer = self.dial()  # the watch knows which were used
        seen = set()
        for _ in range(5):
            echo = peer.fetch(ECHO)
            self.assertNotIn(echo.fields[0], seen)
            seen.add(echo.fields[0])
            peer.release((echo.fields[0], 1))

    def test_too_many_returns_abort(self):
        for gc in captp.GCS:
            with self.subTest(gc=gc):
                peer = self.dial()
                echo = peer.fetch(ECHO)
                self.assert_aborts(peer, *ops_gc_exports([(echo.fields[0], 2)], gc))

    def test_returns_of_the_unknown_abort(self):
        peer = self.dial()
        self.assert_aborts(peer, *ops_gc_exports([(999, 1)], Target.dialect.gc))

    def test_a_delta_of_nothing_or_less_aborts(self):
        for gc in captp.GCS:
            for delta in (0, -1):
                with self.subTest(gc=gc, delta=delta):
                    peer = self.dial()
                    echo = peer.fetch(ECHO)
                    self.assert_aborts(peer, *ops_gc_exports([(echo.fields[0], delta)], gc))

    def test_lists_of_unequal_length_abort(self):
        for name in ("op:gc-export", "op:gc-exports"):
            for deltas in ([], [1, 1]):
                with self.subTest(name=name, deltas=deltas):
                    peer = self.dial()
                    echo = peer.fetch(ECHO)
                    self.assert_aborts(peer, record(name, [echo.fields[0]], deltas))

    def test_an_answer_position_is_free_again_after_its_gc(self):
        for gc in captp.GCS:
            with self.subTest(gc=gc):
                peer = self.dial()
                echo = peer.fetch(ECHO)
                for n in range(3):
                    peer.send(op_deliver(echo, [n], 5, False))
                    self.assert_wire(peer.settle(peer.listen(answer(5))), [n])
                    peer.release_answers(5, gc=gc)

    def test_an_answer_that_is_not_there_yet_may_be_returned(self):
        peer = self.dial()
        promise, resolver = self.pair(peer)
        told = peer.new_export()
        peer.send(op_deliver(promise, [1], 5, import_object(told)))
        peer.release_answers(5)
        peer.tell(resolver, [FULFILL, peer.fetch(ECHO)])
        self.assert_wire(peer.settle(told), [1])

    def test_an_answer_position_in_use_aborts(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        peer.send(op_deliver(echo, [1], 5, False))
        self.assert_aborts(peer, op_deliver(echo, [2], 5, False))

    def test_an_answer_after_its_gc_aborts(self):
        for use in (lambda d, r: op_deliver(d, [], False, r),
                    lambda d, r: op_tell(d, [], "deliver-only"),
                    lambda d, r: op_listen(d, r, 2), lambda d, r: op_get(d, "a", 7),
                    lambda d, r: op_index(d, 0, 7), lambda d, r: op_untag(d, "a", 7),
                    lambda d, r: op_tell(export(0), [FETCH, d], "deliver")):
            peer = self.dial()
            peer.send(op_deliver(peer.fetch(ECHO), [1], 5, False))
            peer.release_answers(5)
            op = use(answer(5), import_object(peer.new_export()))
            with self.subTest(op=op):
                self.assert_aborts(peer, op)

    def test_an_answer_returned_twice_aborts(self):
        for gc in captp.GCS:
            with self.subTest(gc=gc):
                peer = self.dial()
                peer.send(op_deliver(peer.fetch(ECHO), [1], 5, False))
                peer.release_answers(5, gc=gc)
                self.assert_aborts(peer, *ops_gc_answers([5], gc))


class Aborts(Conformance):
    """What no peer may send."""

    def test_unknown_operations_abort(self):
        for op in (record("op:frobnicate", 1), record("op:deliver-twice", export(0), []),
                   record("desc:export", 0), record("op:gc"), record("abort", "x")):
            with self.subTest(op=op):
                self.assert_aborts(self.dial(), op)

    def test_labels_that_are_no_symbols_abort(self):
        for label in ("op:deliver", b"op:deliver", 1, [Symbol("op:deliver")]):
            with self.subTest(label=label):
                fields = op_deliver(export(0), []).fields
                self.assert_aborts(self.dial(), syrup.Record(label, fields))

    def test_malformed_operations_abort(self):
        me = import_object(7)
        for op in (
                record("op:deliver"), record("op:deliver", export(0), []),
                record("op:deliver", export(0), [], False, False, False),
                record("op:deliver", export(0), {}, False, False),
                record("op:deliver", export(0), "args", False, False),
                record("op:deliver", 0, [], False, False),
                record("op:deliver", import_object(0), [], False, False),
                record("op:deliver", export(0), [], True, False),
                record("op:deliver", export(0), [], -1, False),
                record("op:deliver", export(0), [], "1", False),
                record("op:deliver", export(0), [], 1.0, False),
                record("op:deliver", export(0), [], False, True),
                record("op:deliver", export(0), [], False, 7),
                record("op:deliver", export(0), [], False, answer(1)),
                record("op:deliver", record("desc:export"), [], False, False),
                record("op:deliver", record("desc:export", -1), [], False, False),
                record("op:deliver", record("desc:export", "0"), [], False, False),
                record("op:deliver", record("desc:export", 0, 0), [], False, False),
                record("op:deliver-only", export(0)),
                record("op:deliver-only", export(0), [], False),
                record("op:listen", answer(1)), record("op:listen", export(1), me, False, False),
                record("op:listen", me, me, False), record("op:get", export(1), "a"),
                record("op:get", export(1), 1, 1), record("op:get", export(1), "a", False),
                record("op:index", export(1), "0", 1), record("op:index", export(1), 0, -1),
                record("op:untag", export(1), 0, 1),
                record("op:gc-export", 1), record("op:gc-export", [1], 1),
                record("op:gc-exports", 1, 1), record("op:gc-exports", ["1"], [1]),
                record("op:gc-answer", "1"), record("op:gc-answers", 1),
                record("op:gc-answers", [-1]),
                record("op:deliver", export(0), [record("desc:import-object")], False, False),
                record("op:deliver", export(0), [record("desc:import-object", -1)], False, False),
                record("op:deliver", export(0), [record("desc:export", "1")], False, False)):
            with self.subTest(op=op):
                peer = self.dial()
                self.assert_aborts(peer, data=peer.frame(op))

    def test_what_was_never_exported_aborts(self):
        for use in (lambda d, r: op_deliver(d, [], False, r),
                    lambda d, r: op_tell(d, [], "deliver-only"),
                    lambda d, r: op_listen(d, r, 3), lambda d, r: op_get(d, "a", 7),
                    lambda d, r: op_index(d, 0, 7), lambda d, r: op_untag(d, "a", 7),
                    lambda d, r: op_tell(export(0), [FETCH, [d]], "deliver")):
            for desc in (export(999), answer(999), export(2**64), answer(2**64)):
                peer = self.dial()
                op = use(desc, import_object(peer.new_export()))
                with self.subTest(op=op):
                    self.assert_aborts(peer, op)

    def test_export_0_is_no_argument(self):
        for args in ([export(0)], [[export(0)]], [{"a": export(0)}],
                     [record("desc:tagged", Symbol("t"), [export(0)])],
                     [record("desc:error", "x", export(0))]):
            with self.subTest(args=args):
                peer = self.dial()
                self.assert_aborts(peer, op_deliver(peer.fetch(ECHO), args, False,
                                                    import_object(peer.new_export())))

    def test_export_0_settles_no_promise(self):
        peer = self.dial()
        _, resolver = self.pair(peer)
        self.assert_aborts(peer, op_tell(resolver, [FULFILL, export(0)], "deliver"))

    def test_export_0_is_not_listened_to(self):
        for fields in captp.LISTENS:
            with self.subTest(fields=fields):
                peer = self.dial()
                self.assert_aborts(peer, op_listen(export(0), import_object(1), fields))

    def test_export_0_is_not_picked_from(self):
        for op in (op_get(export(0), "fetch", 1), op_index(export(0), 0, 1),
                   op_untag(export(0), "t", 1)):
            with self.subTest(op=op):
                self.assert_aborts(self.dial(), op)

    def test_export_0_is_no_resolver(self):
        self.assert_aborts(self.dial(), op_deliver(export(0), [FETCH, ECHO], False, export(0)))

    def test_export_0_is_no_gift(self):
        self.assert_aborts(self.dial(),
                           op_tell(export(0), [DEPOSIT, b"g" * 32, export(0)], "deliver"))

    def test_export_0_is_not_returned(self):
        """It was never counted; a session that bears it must keep its bootstrap."""
        peer = self.dial()
        peer.send(*ops_gc_exports([(0, 1)], Target.dialect.gc))
        try:
            peer.sync()
        except Closed as closed:
            self.assertIsNotNone(closed.reason)

    def test_a_pending_ask_breaks_when_its_session_ends(self):
        """Ours at another session's object: the asker there hears of it."""
        ours, theirs = self.host(), self.dial()
        resolver = theirs.new_export()
        ref = SturdyRef(ours.location, b"x")
        theirs.send(op_deliver(theirs.fetch(ENLIVENER), [ref.record], False,
                               import_object(resolver)))
        there = self.accept(ours)
        there.expect_bootstrap("fetch")
        there.close()
        with self.assertRaises(Broken):
            theirs.settle(resolver)


class Bytes(Conformance):
    """The reader, through a session."""

    def test_malformed_bytes_abort(self):
        for data in (b"x", b"[]", b">", b"t", b"<>", b"<10'op:deliver]", b"< 1'a>", b"<01'a>",
                     b"<1'a0->", b"<1'a00+>", b"<1'a-1+>", b"<1'a#1+$>", b"<1'aF\0\0\0\0>",
                     b"<1'aD\x7f\xf8\0\0\0\0\0\1>", b"<1'aD\xff\xf8\0\0\0\0\0\0>", b'<1\'a1"\xff>',
                     b"<1'\xc0>", b'<1\'a{1"b1+1"a1+}>', b'<1\'a{1"a1+1"a1+}>', b'<1\'a{1"a}>',
                     b'<1\'a{2"bb1+10"abcdefghij1+}>', b"<1'a1*>", b"<1'a1;a>", b"<1'a\n>",
                     b"\x00", b"\xff" * 8, b'<1\'a3"\xed\xa0\x80>', b"0:", b"3:<>>", b"1:t",
                     b"5:<1'a>>", b"04:<1'a>", b"4:[1+]"):
            with self.subTest(data=data):
                self.assert_aborts(self.dial(shake=False), data=data)

    def test_within_the_arguments_too(self):
        for data in (b"0-", b"01+", b'{1"b1+1"a1+}', b'{1"a1+1"a1+}', b'1"\xff', b"#$",
                     b"F\0\0\0\0", b'{2"bb1+10"abcdefghij1+}', b"D\x7f\xf8\0\0\0\0\0\1"):
            with self.subTest(data=data):
                peer = self.dial()
                self.assert_aborts(peer, op_deliver(peer.fetch(ECHO), [Raw(data)]))

    def test_a_declared_length_over_the_bound_aborts_at_once(self):
        for length in (2**31, 2**32 - 1, 2**63, 2**64 - 1, 2**64, 10**30):
            for kind in b":\"'":
                with self.subTest(length=length, kind=chr(kind)):
                    data = b"<16'op:start-session" + str(length).encode() + bytes([kind])
                    self.assert_aborts(self.dial(shake=False), data=data)
            with self.subTest(length=length, kind="netstring"):
                self.assert_aborts(self.dial(shake=False), data=str(length).encode() + b":<")

    def test_a_declared_length_over_the_bound_aborts_after_the_hello(self):
        for data in (b"<10'op:deliver<11'desc:export0+>[2147483648:", b"2147483648:<10'op"):
            with self.subTest(data=data):
                self.assert_aborts(self.dial(), data=data)

    def test_a_message_over_the_bound_aborts(self):
        peer = self.dial()
        piece = b'60000"' + b"x" * 60000
        peer.send_bytes(b"<10'op:deliver<11'desc:export0+>[")
        for _ in range((17 << 20) // len(piece)):
            try:
                peer.send_bytes(piece)
            except Closed:
                break
            if peer.abort_reason is not None:
                break
        self.assertTrue(peer.expect_abort())
        self.dial().sync()

    def test_too_deep_aborts(self):
        self.assert_aborts(self.dial(), data=b"<" + b"[" * (1 << 18))

    def test_an_endless_number_aborts(self):
        self.assert_aborts(self.dial(), data=b"<1'a" + b"1" * (1 << 19))

    def test_the_end_within_a_message_is_no_message(self):
        peer = self.dial()
        peer.send_bytes(peer.frame(op_deliver(export(0), [FETCH, ECHO]))[:-1])
        peer.socket.shutdown(1)
        peer.expect_end()
        self.dial().sync()


class Framing(Conformance):
    def stream(self, peer, framing=None):
        """(bytes of several operations, what to expect of them), of each kind one."""
        r = [peer.new_export() for _ in range(3)]
        a = [peer.new_answer() for _ in range(4)]
        value = ["\u00e9", {"k": [b"\x00>", 1.5]}]
        ops = [op_deliver(export(0), [FETCH, ECHO], a[0], False),
               op_deliver(answer(a[0]), value, a[1], import_object(r[0])),
               op_tell(answer(a[0]), [1], "deliver-only"),
               op_listen(answer(a[1]), import_object(r[1]), 2),
               op_index(answer(a[1]), 1, a[2]), op_get(answer(a[2]), "k", a[3]),
               op_listen(answer(a[3]), import_object(r[2]), 3),
               *ops_gc_answers([a[2]], "scalars"), *ops_gc_answers([a[3]], "plural"),
               *ops_gc_answers([a[0], a[1]], "lists")]
        for op in ops:
            peer.watch.sent(op.fields)

        def check():
            self.assert_wire(peer.settle(r[0]), value)
            self.assert_wire(peer.settle(r[1]), value)
            self.assert_wire(peer.follow(peer.settle(r[2])), [b"\x00>", 1.5])
            peer.inbox.clear()
        return [peer.frame(op, framing) for op in ops], check

    def test_messages_split_at_every_byte(self):
        peer, other = self.dial(), self.dial()
        at = 0
        while True:
            data = b"".join(self.stream_at(peer))
            if at >= len(data):
                break
            peer.send_bytes(data[:at])
            other.sync()  # the first half has been read
            peer.send_bytes(data[at:])
            self.check()
            at += Target.stride

    def stream_at(self, peer):
        messages, self.check = self.stream(peer)
        return messages

    def test_every_byte_alone(self):
        for framing in captp.FRAMINGS:
            with self.subTest(framing=framing):
                peer = self.dial()
                messages, check = self.stream(peer, framing)
                for byte in b"".join(messages):
                    peer.send_bytes(bytes([byte]))
                check()

    def test_many_in_one_piece(self):
        for framing in captp.FRAMINGS:
            with self.subTest(framing=framing):
                peer = self.dial()
                data, checks = b"", []
                for _ in range(20):
                    messages, check = self.stream(peer, framing)
                    data += b"".join(messages)
                    checks.append(check)
                peer.watch.framing = Target.framing
                peer.send_bytes(data)
                peer.until(lambda: sum(op.kind == "deliver" for op in peer.log) >= 60, "60 answers")
                inbox = list(peer.inbox)
                for check in checks:
                    peer.inbox = list(inbox)
                    check()

    def test_the_hello_split(self):
        other = self.dial()
        length = None
        at = 1
        while length is None or at < length:
            peer = self.dial(shake=False)
            data = peer.bytes_of(op_start(peer.key, peer.location))
            length = len(data)
            peer.send_bytes(data[:at])
            other.sync()
            peer.send_bytes(data[at:])
            peer.expect(lambda op: op.kind == "start", "their hello")
            peer.close()
            at += 11 * Target.stride

    def test_space_between_messages_is_skipped(self):
        for framing in captp.FRAMINGS:
            for space in (b" ", b"\t", b"\r", b"\n", b"\r\n", b" \t\r\n" * 5):
                with self.subTest(space=space, framing=framing):
                    peer = self.dial()
                    messages, check = self.stream(peer, framing)
                    peer.send_bytes(space + space.join(messages) + space)
                    check()

    def test_space_before_the_hello_is_skipped(self):
        peer = self.dial(shake=False)
        peer.send_bytes(b"\r\n " + peer.bytes_of(op_start(peer.key, peer.location)))
        peer.expect(lambda op: op.kind == "start", "their hello")

    def test_both_framings_may_be_mixed(self):
        peer = self.dial()
        messages, check = self.stream(peer, "bare")
        mixed = [m if i % 2 else syrup.netstring(m) for i, m in enumerate(messages)]
        peer.send_bytes(b"".join(mixed))
        check()

    def test_a_netstring_with_a_comma_aborts(self):
        peer = self.dial()
        self.assert_aborts(peer, data=syrup.netstring(encode(op_deliver(export(0), []))) + b",")

    def test_a_large_message_goes_both_ways(self):
        peer = self.dial()
        value = [os.urandom(1 << 20), "x" * (1 << 20)]
        self.assert_wire(peer.ask(peer.fetch(ECHO), value), value)

    def test_whoever_does_not_read_holds_up_nobody_else(self):
        lazy, other = self.dial(), self.dial()
        echo = lazy.fetch(ECHO)
        resolver = lazy.new_export()
        lazy.send(op_deliver(echo, [b"x" * (4 << 20)], False, import_object(resolver)))
        other.sync()
        self.assertEqual(len(lazy.settle(resolver)[0]), 4 << 20)


class Dialects(Conformance):
    """What is read, whichever dialect is written; that one is held to is in each test."""

    def test_each_form_of_fire_and_forget(self):
        for tell in captp.TELLS:
            with self.subTest(tell=tell):
                peer = self.dial()
                me = peer.new_export()
                peer.send(op_tell(peer.fetch(GREETER), [import_object(me)], tell))
                peer.expect_to(export(me))

    def test_a_resolver_of_theirs_is_told_in_each_form(self):
        for tell in captp.TELLS:
            with self.subTest(tell=tell):
                peer = self.dial()
                me = peer.new_export()
                peer.tell(peer.fetch(GREETER), [import_object(me)])
                op = peer.expect_to(export(me))
                peer.send(op_tell(export(op.resolver.fields[0]), [FULFILL, "Hello"], tell))
                peer.expect_answer_released(op.answer_pos)

    def test_each_form_of_listen(self):
        for fields in captp.LISTENS:
            with self.subTest(fields=fields):
                peer = self.dial()
                promise, resolver = self.pair(peer)
                peer.tell(resolver, [FULFILL, 1])
                self.assertEqual(peer.settle(peer.listen(promise, fields)), 1)

    def test_all_forms_in_one_session(self):
        peer = self.dial()
        echo = peer.fetch(ECHO)
        for gc in captp.GCS:
            for tell in captp.TELLS:
                for fields in captp.LISTENS:
                    pos, p = peer.new_answer(), peer.new_export()
                    peer.send(op_deliver(echo, [gc], pos, False),
                              op_tell(echo, [import_object(p)], tell))
                    self.assert_wire(peer.settle(peer.listen(answer(pos), fields)), [gc])
                    peer.release_answers(pos, gc=gc)
                    self.assertEqual(peer.fetch(ECHO), echo)
                    peer.release((echo.fields[0], 1), gc=gc)
                    peer.expect_released(p, 1)


class Enliven(Conformance):
    def ask(self, peer, ref):
        """The resolver of an enlivening under way."""
        resolver = peer.new_export()
        peer.send(op_deliver(peer.fetch(ENLIVENER), [ref.record], False, import_object(resolver)))
        return resolver

    def test_the_enlivener_dials_and_fetches(self):
        host, peer = self.host(), self.dial()
        self.ask(peer, SturdyRef(host.location, b"my-object"))
        there = self.accept(host)
        op = there.expect_bootstrap("fetch")
        self.assert_wire(op.args, [FETCH, b"my-object"])
        self.assertIsNot(op.resolver, False)

    def test_whoever_dials_speaks_first(self):
        host, peer = self.host(), self.dial()
        self.ask(peer, SturdyRef(host.location, b"my-object"))
        there = self.accept(host, shake=False)
        there.until(lambda: there.remote, "their hello before ours")
        there.shake()
        there.expect_bootstrap("fetch")

    def test_a_hello_that_is_wrong_is_refused_by_whoever_dialled(self):
        host, peer = self.host(), self.dial()
        resolver = self.ask(peer, SturdyRef(host.location, b"my-object"))
        there = self.accept(host, shake=False)
        there.send(op_start(there.key, there.location, signature=there.key.sign(b"x")))
        there.expect_abort()
        with self.assertRaises(Broken):
            peer.settle(resolver)

    def test_a_session_that_is_there_is_used(self):
        host = self.host()
        there, peer = self.dial(host), self.dial()
        self.ask(peer, SturdyRef(host.location, b"my-object"))
        there.expect_bootstrap("fetch")

    def test_an_object_of_the_asker_comes_home(self):
        host = self.host()
        peer = self.dial(host)
        resolver = self.ask(peer, SturdyRef(host.location, b"mine"))
        op = peer.expect_bootstrap("fetch")
        me = peer.new_export()
        peer.fulfill(op, import_object(me))
        self.assert_wire(peer.follow(peer.settle(resolver)), export(me))

    def test_what_breaks_there_breaks_here(self):
        host, peer = self.host(), self.dial()
        resolver = self.ask(peer, SturdyRef(host.location, b"nothing"))
        there = self.accept(host)
        there.break_(there.expect_bootstrap("fetch"), Symbol("oh-no"))
        with self.assertRaises(Broken):
            peer.settle(resolver)

    def test_a_host_that_is_not_there_breaks(self):
        gone, peer = captp.Host(), self.dial()
        gone.close()
        with self.assertRaises(Broken):
            peer.settle(self.ask(peer, SturdyRef(gone.location, b"x")))

    def test_a_host_that_hangs_up_breaks(self):
        host, peer = self.host(), self.dial()
        resolver = self.ask(peer, SturdyRef(host.location, b"x"))
        self.accept(host, shake=False).close()
        with self.assertRaises(Broken):
            peer.settle(resolver)

    def test_itself_is_not_dialled(self):
        peer = self.dial()
        resolver = self.ask(peer, SturdyRef(Target.locator, ECHO))
        try:
            peer.ref(peer.follow(peer.settle(resolver)))
        except Broken:
            pass

    def test_what_is_no_sturdyref_breaks(self):
        peer = self.dial()
        enlivener = peer.fetch(ENLIVENER)
        for args in ([], [1], ["ocapn://x"], [Target.locator.record]):
            with self.subTest(args=args):
                self.assert_breaks(peer, enlivener, args)


class HandoffToThem(Conformance):
    """They receive: we are the gifter, and the exporter."""

    def setUp(self):
        self.g2r = self.dial()
        self.exporter = self.host()
        self.g2e = ed25519.SecretKey.generate()

    def give(self, **changes):
        fields = {"receiver": self.g2r.remote, "exporter": self.exporter.location.record,
                  "session": os.urandom(32), "side": os.urandom(32), "gift_id": os.urandom(32)}
        fields.update(changes)
        return captp.envelope(self.g2e, captp.handoff_give(
            fields["receiver"], fields["exporter"], fields["session"], fields["side"],
            fields["gift_id"]))

    def check_withdraw(self, e2r, op, give):
        """The count in it."""
        receive, signature = captp.open_envelope(op.args[1], "desc:handoff-receive")
        session, side, count, signed_give = receive.fields
        self.assertEqual(session, e2r.session_id)
        self.assertEqual(side, e2r.remote_id)
        self.assertIs(type(count), int)
        self.assertGreaterEqual(count, 0)
        self.assert_wire(signed_give, give)
        self.assertTrue(ed25519.verify(self.g2r.remote, signature, receive.raw),
                        "signed with the key of the session with the gifter")
        return count

    def greet(self, give):
        self.g2r.tell(self.g2r.fetch(GREETER), [give])

    def expect_hello(self, e2r, withdraw, me):
        targets = [export(me)]
        if withdraw.answer_pos is not False:
            targets.append(answer(withdraw.answer_pos))
        op = e2r.expect(lambda op: op.kind == "deliver" and op.to in targets, "Hello")
        self.assert_wire(op.args, ["Hello"])

    def test_a_give_is_redeemed_at_an_exporter_that_it_dials(self):
        give = self.give()
        self.greet(give)
        e2r = self.accept(self.exporter)
        op = e2r.expect_bootstrap("withdraw-gift")
        self.check_withdraw(e2r, op, give)
        me = e2r.new_export()
        e2r.fulfill(op, import_object(me))
        self.expect_hello(e2r, op, me)

    def test_a_give_is_redeemed_over_a_session_that_is_there(self):
        e2r = self.dial(self.exporter)
        give = self.give()
        self.greet(give)
        op = e2r.expect_bootstrap("withdraw-gift")
        self.check_withdraw(e2r, op, give)
        me = e2r.new_export()
        e2r.fulfill(op, import_object(me))
        self.expect_hello(e2r, op, me)

    def test_counts_of_one_session_differ(self):
        counts = []
        e2r = None
        for _ in range(3):
            give = self.give()
            self.greet(give)
            e2r = e2r or self.accept(self.exporter)
            counts.append(self.check_withdraw(e2r, e2r.expect_bootstrap("withdraw-gift"), give))
        self.assertEqual(len(set(counts)), 3)

    def test_a_give_is_forwarded_as_it_came(self):
        """Hints that we would not write: what was signed must reach the exporter."""
        location = PeerLocator(captp.TRANSPORT, self.exporter.location.designator,
                               dict(self.exporter.location.hints, zzzzzzzzzzzz="1", z="2"))
        give = self.give(exporter=location.record, gift_id=b"any bytes")
        self.greet(give)
        e2r = self.accept(self.exporter)
        op = e2r.expect_bootstrap("withdraw-gift")
        self.check_withdraw(e2r, op, give)
        self.assertIn(encode(give), e2r.received)

    def echoed(self, give):
        """What the promise that stands for a give settles with."""
        value, = self.g2r.ask(self.g2r.fetch(ECHO), [give])
        return self.g2r.follow(value)

    def test_a_give_for_somebody_else_breaks_and_dials_nobody(self):
        with self.assertRaises(Broken):
            self.echoed(self.give(receiver=ed25519.SecretKey.generate().public))
        with self.assertRaises(Timeout):
            self.accept(self.exporter, shake=False, deadline=0.01)

    def test_a_give_of_an_exporter_that_is_not_there_breaks(self):
        gone = captp.Host()
        gone.close()
        with self.assertRaises(Broken):
            self.echoed(self.give(exporter=gone.location.record))

    def test_a_give_that_names_themselves_breaks(self):
        with self.assertRaises(Broken):
            self.echoed(self.give(exporter=Target.locator.record))

    def test_what_the_exporter_refuses_breaks(self):
        peer = self.g2r
        resolver = peer.new_export()
        peer.send(op_deliver(peer.fetch(ECHO), [self.give()], False, import_object(resolver)))
        e2r = self.accept(self.exporter)
        e2r.break_(e2r.expect_bootstrap("withdraw-gift"), Symbol("oh-no"))
        value, = peer.settle(resolver)
        with self.assertRaises(Broken):
            peer.follow(value)

    def test_an_exporter_that_goes_breaks(self):
        peer = self.g2r
        resolver = peer.new_export()
        peer.send(op_deliver(peer.fetch(ECHO), [self.give()], False, import_object(resolver)))
        e2r = self.accept(self.exporter)
        e2r.expect_bootstrap("withdraw-gift")
        e2r.close()
        value, = peer.settle(resolver)
        with self.assertRaises(Broken):
            peer.follow(value)


class HandoffFromThem(Conformance):
    """They give: we are the receiver, and the exporter."""

    def hand_off(self, is_dialled):
        """(receiver's session, exporter's session, the give, its signature, the deposit)."""
        host = self.host()
        there = None if is_dialled else self.dial(host)
        r2g = self.dial()
        resolver = r2g.new_export()
        r2g.send(op_deliver(r2g.fetch(ENLIVENER), [SturdyRef(host.location, b"my-object").record],
                            False, import_object(resolver)))
        there = there or self.accept(host)
        op = there.expect_bootstrap("fetch")
        self.assertEqual(op.args[1], b"my-object")
        me = there.new_export()
        there.fulfill(op, import_object(me))
        deposit = there.expect_bootstrap("deposit-gift")
        value = r2g.settle(resolver)
        give, signature = captp.open_envelope(r2g.follow(value), "desc:handoff-give")
        self.assertEqual(len(deposit.args), 3)
        self.assert_wire(deposit.args[2], export(me))
        return r2g, there, give, signature, deposit

    def check(self, is_dialled):
        r2g, there, give, signature, deposit = self.hand_off(is_dialled)
        receiver, where, session, side, gift_id = give.fields
        self.assertEqual(captp.key_bytes(receiver), r2g.key.public)
        self.assert_wire(where, there.location)
        self.assertEqual(session, there.session_id)
        self.assertEqual(side, there.remote_id)
        self.assertEqual(gift_id, deposit.args[1])
        self.assertEqual(len(gift_id), 32)
        self.assertTrue(ed25519.verify(there.remote, signature, give.raw),
                        "signed with the key of the session with the exporter")

    def test_a_give_over_a_session_that_they_dialled(self):
        self.check(is_dialled=True)

    def test_a_give_over_a_session_that_we_dialled(self):
        self.check(is_dialled=False)

    def test_gift_ids_differ(self):
        self.assertNotEqual(self.hand_off(True)[4].args[1], self.hand_off(True)[4].args[1])


class HandoffAtThem(Conformance):
    """They export: we are the gifter, and the receiver."""

    def setUp(self):
        self.gifter, self.receiver = self.dial(), self.dial()
        self.r2g = ed25519.SecretKey.generate()  # of a session of our two that is not there
        self.gift = self.gifter.fetch(ECHO)

    def give(self, gift_id, gifter=None, **changes):
        gifter = gifter or self.gifter
        fields = {"receiver": self.r2g.public, "exporter": Target.locator.record,
                  "session": gifter.session_id, "side": gifter.id, "key": gifter.key}
        fields.update(changes)
        return captp.envelope(fields["key"], captp.handoff_give(
            fields["receiver"], fields["exporter"], fields["session"], fields["side"], gift_id))

    def receive(self, give, **changes):
        fields = {"session": self.receiver.session_id, "side": self.receiver.id, "key": self.r2g}
        fields.update(changes)
        if "count" not in fields:
            fields["count"] = self.receiver.new_count()
        return captp.envelope(fields["key"], captp.handoff_receive(
            fields["session"], fields["side"], fields["count"], give))

    def deposit(self, gift_id, gift=None, gifter=None, tell=None):
        gifter = gifter or self.gifter
        gifter.send(op_tell(export(0), [DEPOSIT, gift_id, gift or self.gift],
                            tell or Target.dialect.tell))

    def withdraw(self, receive, receiver=None):
        """The resolver of a withdrawal under way."""
        receiver = receiver or self.receiver
        resolver = receiver.new_export()
        receiver.send(op_deliver(export(0), [WITHDRAW, receive], False, import_object(resolver)))
        return resolver

    def withdrawn(self, receive, receiver=None):
        receiver = receiver or self.receiver
        return receiver.follow(receiver.settle(self.withdraw(receive, receiver)))

    def assert_echo(self, value, receiver=None):
        receiver = receiver or self.receiver
        self.assert_wire(receiver.ask(receiver.ref(value), [1]), [1])

    def test_a_gift_is_withdrawn(self):
        for i, gift_id in enumerate((os.urandom(32), b"my-gift", b"", os.urandom(100))):
            with self.subTest(gift_id=gift_id):
                self.deposit(gift_id, tell=captp.TELLS[i % 2])
                self.gifter.sync()
                self.assert_echo(self.withdrawn(self.receive(self.give(gift_id))))

    def test_a_withdrawal_before_the_deposit_waits(self):
        resolver = self.withdraw(self.receive(self.give(b"g")))
        self.receiver.sync()
        self.deposit(b"g")
        self.assert_echo(self.receiver.follow(self.receiver.settle(resolver)))

    def test_a_promise_may_be_given(self):
        promise, promise_resolver = self.pair(self.gifter)
        self.deposit(b"g", promise)
        self.gifter.sync()
        resolver = self.withdraw(self.receive(self.give(b"g")))
        self.gifter.tell(promise_resolver, [FULFILL, self.gift])
        self.assert_echo(self.receiver.follow(self.receiver.settle(resolver)))

    def test_messages_go_on_to_a_gift_that_waits(self):
        pos = self.receiver.new_answer()
        receive = self.receive(self.give(b"g"))
        self.receiver.send(op_deliver(export(0), [WITHDRAW, receive], pos, False))
        told = self.receiver.new_export()
        self.receiver.send(op_deliver(answer(pos), [1], False, import_object(told)))
        self.receiver.sync()
        self.deposit(b"g")
        self.assert_wire(self.receiver.settle(told), [1])

    def refuse(self, receive, receiver=None):
        """It breaks, the session lives, and the gift is still there."""
        with self.assertRaises(Broken):
            self.withdrawn(receive, receiver)

    def deposited(self):
        gift_id = os.urandom(32)
        self.deposit(gift_id)
        self.gifter.sync()
        return gift_id

    def refuse_and_keep(self, gift_id, receive):
        self.refuse(receive)
        self.assert_echo(self.withdrawn(self.receive(self.give(gift_id))))

    def test_a_count_is_good_for_once(self):
        first, second = self.deposited(), self.deposited()
        self.assert_echo(self.withdrawn(self.receive(self.give(first), count=5)))
        self.refuse(self.receive(self.give(second), count=5))
        self.assert_echo(self.withdrawn(self.receive(self.give(second), count=4)))

    def test_the_same_withdrawal_twice_breaks(self):
        gift_id = self.deposited()
        receive = self.receive(self.give(gift_id))
        self.assert_echo(self.withdrawn(receive))
        self.deposit(gift_id)
        self.gifter.sync()
        self.refuse(receive)

    def test_a_count_below_nothing_breaks(self):
        gift_id = self.deposited()
        self.refuse_and_keep(gift_id, self.receive(self.give(gift_id), count=-1))

    def test_a_gift_is_given_once(self):
        gift_id = self.deposited()
        self.assert_echo(self.withdrawn(self.receive(self.give(gift_id))))
        self.refuse(self.receive(self.give(gift_id)))

    def test_a_receive_by_another_key_breaks(self):
        gift_id = self.deposited()
        self.refuse_and_keep(gift_id, self.receive(self.give(gift_id),
                                                   key=ed25519.SecretKey.generate()))

    def test_a_receive_signed_for_the_wrong_session_breaks(self):
        """With the receiver's key of this session instead of the one with the gifter."""
        gift_id = self.deposited()
        self.refuse_and_keep(gift_id, self.receive(self.give(gift_id), key=self.receiver.key))

    def test_a_give_by_another_key_breaks(self):
        gift_id = self.deposited()
        for key in (ed25519.SecretKey.generate(), self.receiver.key):
            self.refuse_and_keep(gift_id, self.receive(self.give(gift_id, key=key)))
            gift_id = self.deposited()

    def test_a_receive_for_another_session_breaks(self):
        other = self.dial()
        for change in ({"session": other.session_id}, {"side": other.id},
                       {"session": other.session_id, "side": other.id}, {"session": b""}):
            with self.subTest(change=list(change)):
                gift_id = self.deposited()
                self.refuse_and_keep(gift_id, self.receive(self.give(gift_id), **change))

    def test_a_receive_that_somebody_overheard_breaks(self):
        gift_id = self.deposited()
        thief = self.dial()
        receive = self.receive(self.give(gift_id))
        self.refuse(receive, thief)
        self.assert_echo(self.withdrawn(receive))

    def test_a_give_with_another_side_breaks(self):
        gift_id = self.deposited()
        for side in (self.gifter.remote_id, self.receiver.id, b""):
            self.refuse_and_keep(gift_id, self.receive(self.give(gift_id, side=side)))
            gift_id = self.deposited()

    def test_a_give_of_no_session_breaks(self):
        gift_id = self.deposited()
        self.refuse_and_keep(gift_id, self.receive(self.give(gift_id, session=os.urandom(32))))

    def test_a_give_of_another_exporter_breaks(self):
        gift_id = self.deposited()
        elsewhere = self.host().location.record
        self.refuse_and_keep(gift_id, self.receive(self.give(gift_id, exporter=elsewhere)))

    def test_an_exporter_is_known_by_transport_and_designator(self):
        gift_id = self.deposited()
        here = PeerLocator(Target.locator.transport, Target.locator.designator, {"other": "hint"})
        self.assert_echo(self.withdrawn(self.receive(self.give(gift_id, exporter=here.record))))

    def test_a_refused_withdrawal_does_not_spend_its_count(self):
        gift_id = self.deposited()
        give = self.give(gift_id)
        self.refuse(self.receive(give, count=7, session=os.urandom(32)))
        self.refuse(self.receive(give, count=7, key=self.receiver.key))
        self.assert_echo(self.withdrawn(self.receive(give, count=7)))

    def test_malformed_withdrawals_break_or_abort(self):
        """An ask that makes no sense; whether it is worth a session is not settled."""
        give = self.give(b"g")
        receive = self.receive(give)
        signature = receive.fields[1]
        for bad in (b"x", give, receive.fields[0], record("desc:sig-envelope", receive.fields[0]),
                    record("desc:sig-envelope", receive.fields[0], []),
                    captp.envelope(self.r2g, record("desc:handoff-receive", 1)),
                    captp.envelope(self.r2g, captp.handoff_receive(b"", b"", 0, record("void"))),
                    record("desc:sig-envelope", record("void"), signature)):
            with self.subTest(bad=bad):
                receiver = self.dial()
                resolver = self.withdraw(bad, receiver)
                try:
                    receiver.settle(resolver)
                    self.fail("it was fulfilled")
                except (Broken, Closed):
                    pass
                receiver.close()
        self.receiver.sync()

    def test_gifts_of_two_gifters_with_one_id_are_two(self):
        other = self.dial()
        self.deposit(b"same")
        other_gift = other.fetch(CAR_FACTORY_BUILDER)
        self.deposit(b"same", other_gift, other)
        self.gifter.sync()
        other.sync()
        self.assert_echo(self.withdrawn(self.receive(self.give(b"same"))))
        builder = self.receiver.ref(self.withdrawn(self.receive(self.give(b"same", other))))
        self.receiver.ref(self.receiver.ask(builder, []))

    def test_a_duplicate_deposit_is_ignored(self):
        self.deposit(b"g")
        self.deposit(b"g", self.gifter.fetch(CAR_FACTORY_BUILDER))
        self.gifter.sync()
        self.assert_echo(self.withdrawn(self.receive(self.give(b"g"))))

    def test_what_waits_breaks_with_the_gifter(self):
        resolver = self.withdraw(self.receive(self.give(b"g")))
        self.receiver.sync()
        self.gifter.close()
        with self.assertRaises(Broken):
            self.receiver.settle(resolver)

    def test_gifts_go_with_the_gifter(self):
        gift_id = self.deposited()
        self.gifter.close()
        # Its end is known when its location is free again.
        while True:
            try:
                self.dial(self.gifter.host).sync()
                break
            except Closed:
                continue
        self.refuse(self.receive(self.give(gift_id)))

    def test_a_gift_of_nothing_deposits_nothing(self):
        for args in ([DEPOSIT], [DEPOSIT, b"g"], [DEPOSIT, "g", self.gift], [DEPOSIT, b"g", 1]):
            with self.subTest(args=args):
                self.assert_breaks(self.gifter, export(0), args)

    def test_the_gifter_may_be_the_receiver(self):
        """A session with itself as gifter and receiver harms nobody; it may break."""
        gift_id = self.deposited()
        give = self.give(gift_id, receiver=self.r2g.public)
        receive = self.receive(give, session=self.gifter.session_id, side=self.gifter.id,
                               count=self.gifter.new_count())
        try:
            self.assert_echo(self.withdrawn(receive, self.gifter), self.gifter)
        except Broken:
            pass
        self.gifter.sync()


CASES = (Handshake, CrossedHellos, Deliver, Pipelining, Listen, Pick, Garbage, Aborts, Bytes,
         Framing, Dialects, Enliven, HandoffToThem, HandoffFromThem, HandoffAtThem)


def aim(locator, dialect="spec", framing="bare", deadline=None):
    """Which server the tests are about."""
    where = parse(locator) if isinstance(locator, str) else locator
    Target.locator = where.peer if isinstance(where, SturdyRef) else where
    Target.dialect = captp.DIALECTS[dialect]
    Target.framing = framing
    Target.bystander = None
    if deadline:
        captp.DEADLINE_SECONDS = deadline


@contextlib.contextmanager
def served(command):
    """The locator that a server prints when that command starts it; it is stopped at the end."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        try:
            yield read_locator(server.stdout)
        finally:
            server.terminate()
            server.stdin.close()


def read_locator(pipe):
    """The first word that begins with ocapn://, from a pipe that stays open."""
    text = b""
    until = time.monotonic() + captp.DEADLINE_SECONDS
    while not (found := re.search(rb"ocapn://\S+(?=\s)", text)):
        is_there = captp.wait(pipe, selectors.EVENT_READ, until)
        data = os.read(pipe.fileno(), 4096) if is_there else b""
        if not data:
            sys.exit(f"the server printed no locator, but {text!r}")
        text += data
    return found.group().decode()


def main():
    arguments, command = sys.argv[1:], []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, command = arguments[:at], arguments[at + 1:]
    parser = argparse.ArgumentParser(description="tests of a CapTP session from outside")
    parser.add_argument("--server", metavar="LOCATOR",
                        help="what the conformance server printed, or @FILE that holds it; "
                             "else the command after -- starts one")
    parser.add_argument("--dialect", choices=sorted(captp.DIALECTS), default="spec")
    parser.add_argument("--framing", choices=captp.FRAMINGS, default="bare")
    parser.add_argument("--deadline", type=float, default=None, help="seconds for one wait")
    parser.add_argument("--stride", type=int, default=1, help="try every Nth split only")
    options, rest = parser.parse_known_args(arguments)
    if bool(options.server) == bool(command):
        parser.error("one of --server and a command after -- is wanted")
    Target.stride = options.stride
    with contextlib.ExitStack() as stack:
        text = options.server or stack.enter_context(served(command))
        if text.startswith("@"):
            with open(text[1:], encoding="utf-8") as file:
                text = file.read()
        aim(text.strip(), options.dialect, options.framing, options.deadline)
        program = unittest.main(argv=sys.argv[:1] + rest, exit=False)
    sys.exit(not program.result.wasSuccessful())


if __name__ == "__main__":
    main()
