"""The client's own tests: its codec, its signatures, a recorded run of two other implementations,
all tests of conformance_test.py against the reference server, and that server's planted bugs.

    [VESICLE_SEED=n] python3 self_test.py [--thorough] [unittest arguments]

What does not depend on the dialect is run in one of them; --thorough runs all in each.
"""

import argparse
import ast
import contextlib
import gc
import io
import os
import random
import subprocess
import sys
import unittest
from unittest import mock

import captp
import conformance_test as conformance
import ed25519
import locator
import reference_server
import syrup
from locator import LocatorError, PeerLocator, SturdyRef
from syrup import Limits, Pairs, Record, Stream, Symbol, SyrupError, decode, encode, record

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = int(os.environ.get("VESICLE_SEED") or random.SystemRandom().getrandbits(32))
REPLAY = f"VESICLE_SEED={SEED}"
IS_THOROUGH = False

VECTORS = [
    (True, b"t"), (False, b"f"), (0, b"0+"), (72, b"72+"), (-5, b"5-"),
    (10**30, b"1" + b"0" * 30 + b"+"),
    (1.0, b"D\x3f\xf0\0\0\0\0\0\0"), (float("nan"), b"D\x7f\xf8\0\0\0\0\0\0"),
    (-0.0, b"D\x80\0\0\0\0\0\0\0"), (b"cat", b"3:cat"), ("cat", b'3"cat'), (Symbol("cat"), b"3'cat"),
    ("\u00e9", b'2"\xc3\xa9'), ([], b"[]"), ([1, [2]], b"[1+[2+]]"), ({}, b"{}"),
    ({"bb": 1, "abcdefghij": 2}, b'{10"abcdefghij2+2"bb1+}'),
    ({"b": 1, "a": 2}, b'{1"a2+1"b1+}'), (Pairs([(1, 2)]), b"{1+2+}"),
    (record("void"), b"<4'void>"), (record("a", 1, "x"), b"<1'a1+1\"x>"),
    (Record("a", []), b'<1"a>'),
]

MALFORMED = [
    b"", b"x", b"<>", b"[", b"]", b"[}", b"{1+}", b"01+", b"00+", b"0-", b"1", b"1*", b"-1+", b"+1",
    b"4:cat", b'1"\xff', b"1'\xff", b'3"\xed\xa0\x80', b"03:cat", b"D\0", b"D\x7f\xf8\0\0\0\0\0\1",
    b"D\xff\xf8\0\0\0\0\0\0", b"F\0\0\0\0", b"#$", b"$", b'{1"b1+1"a1+}', b'{1"a1+1"a1+}',
    b'{2"bb1+10"abcdefghij1+}', b"t ", b" t", b"[1+ 2+]", b"18446744073709551616:a", b"n",
]


class Codec(unittest.TestCase):
    def test_vectors(self):
        for value, data in VECTORS:
            self.assertEqual(encode(value), data)
            self.assertEqual(encode(decode(data)), data)
            self.assertTrue(syrup.same(decode(data), value))

    def test_malformed(self):
        for data in MALFORMED:
            with self.subTest(data=data):
                with self.assertRaises(SyrupError):
                    decode(data)
                with self.assertRaises(SyrupError):
                    decode(b"t" + data + b"t")
                if data:
                    with self.assertRaises(SyrupError):
                        decode(b"<1'a" + data + b">")

    def test_every_truncation_is_an_error(self):
        data = encode(record("a", *[value for value, _ in VECTORS]))
        for n in range(len(data)):
            with self.assertRaises(SyrupError):
                decode(data[:n])

    def test_bounds(self):
        for data, limits in ((b"[[[]]]", Limits(depth_max=2)), (b"[1+2+3+]", Limits(items_max=3)),
                             (b"123+", Limits(int_digits_max=2)), (b"5:hello", Limits(message_bytes_max=4)),
                             (b"[" + b"t" * 20 + b"]", Limits(message_bytes_max=10))):
            with self.assertRaises(SyrupError):
                decode(data, limits)
        self.assertEqual(decode(b"[" * 50_000 + b"]" * 50_000)[0][0][0] is not None, True)

    def test_a_record_knows_its_bytes(self):
        value = decode(b"<1'a<1'b1+>[<1'c>]>")
        self.assertEqual(value.fields[0].raw, b"<1'b1+>")
        self.assertEqual(value.fields[1][0].raw, b"<1'c>")

    def test_truth_is_no_number(self):
        self.assertFalse(syrup.same([1], [True]))
        self.assertFalse(syrup.same([1], [1.0]))
        self.assertTrue(syrup.same([record("a", b"x")], [record("a", b"x")]))

    def random_value(self, rng, depth=4):
        kind = rng.randrange(11 if depth else 7)
        if kind == 0:
            return rng.random() < 0.5
        if kind == 1:
            return rng.choice((-1, 1)) * rng.getrandbits(rng.choice((1, 8, 70, 300)))
        if kind == 2:
            return rng.uniform(-1e9, 1e9)
        if kind == 3:
            return rng.randbytes(rng.randrange(20))
        if kind in (4, 5):
            return "".join(rng.choice("a<>[]{}:'\"0\u00e9\U0001f427") for _ in range(rng.randrange(12)))
        if kind == 6:
            return Symbol(rng.choice(("", "fetch", "op:deliver", "t")))
        parts = [self.random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
        if kind in (7, 8):
            return parts
        if kind == 9:
            return {f"{'k' * rng.randrange(12)}{i}": part for i, part in enumerate(parts)}
        return Record(Symbol("r"), parts)

    def test_any_cut_gives_the_same_messages(self):
        rng = random.Random(SEED)
        for _ in range(60):
            messages = [encode(record("m", self.random_value(rng))) for _ in range(4)]
            data = b"".join(rng.choice((b"", b" ", b"\r\n\t")) + rng.choice((m, syrup.netstring(m)))
                            for m in messages)
            for size in (1, 2, 7, len(data)):
                stream, got = Stream(), []
                for at in range(0, len(data), size):
                    stream.feed(data[at:at + size])
                    got.extend(message.raw for message in stream.messages())
                self.assertEqual(got, messages, REPLAY)
                self.assertFalse(stream.is_within)
            for message in messages:
                self.assertEqual(encode(decode(message)), message, REPLAY)

    def test_streams_refuse(self):
        for data in (b"x", b"[", b"<]", b"<1'a}", b"<*", b"0:", b"1:t", b"01:<", b"3,", b"99999999:<",
                     b"<99999999:", b"<10000000000000000000000:", b"<2147483648\"", b"<" + b"[" * 100_001):
            for size in (1, max(1, len(data))):
                stream = Stream()
                with self.subTest(data=data[:30], size=size):
                    with self.assertRaises(SyrupError):
                        for at in range(0, len(data), size):
                            stream.feed(data[at:at + size])
                            list(stream.messages())
                    with self.assertRaises(SyrupError):
                        stream.next()


class Signatures(unittest.TestCase):
    # RFC 8032, section 7.1: secret key, public key, message, signature.
    VECTORS = [
        ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
         "b46bd25bf5f0595bbe24655141438e7a100b"),
        ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
         "1d8c387b2eaeb4302aeeb00d291612bb0c00"),
        ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
         "c6594a7c15e9716ed28dc027beceea1ec40a"),
    ]

    def test_vectors(self):
        for seed, public, message, signature in self.VECTORS:
            key = ed25519.SecretKey(bytes.fromhex(seed))
            message, signature = bytes.fromhex(message), bytes.fromhex(signature)
            self.assertEqual(key.public.hex(), public)
            self.assertEqual(key.sign(message), signature)
            self.assertTrue(ed25519.verify(key.public, signature, message))

    def test_what_is_changed_is_refused(self):
        key = ed25519.SecretKey(b"s" * 32)
        signature = key.sign(b"message")
        for at in (0, 31, 32, 63):
            changed = bytearray(signature)
            changed[at] ^= 1
            self.assertFalse(ed25519.verify(key.public, bytes(changed), b"message"))
        self.assertFalse(ed25519.verify(key.public, signature, b"massage"))
        self.assertFalse(ed25519.verify(key.public, signature[:-1], b"message"))
        self.assertFalse(ed25519.verify(key.public[:-1], signature, b"message"))
        high = int.from_bytes(signature[32:], "little") + ed25519.L
        self.assertFalse(ed25519.verify(key.public, signature[:32] + high.to_bytes(32, "little"),
                                        b"message"))


class Locators(unittest.TestCase):
    def test_there_and_back(self):
        for text in ("ocapn://0000.tcp-testing-only?host=127.0.0.1&port=22046", "ocapn://a.b.vesicle-tls",
                     "ocapn://a.t/s/Y2F0", "ocapn://a.t/s/-_8?host=%5B%3A%3A1%5D"):
            self.assertEqual(str(locator.parse(text)), text)

    def test_parts(self):
        ref = locator.parse("ocapn://a.b.t/s/Y2F0?host=h&port=1")
        self.assertEqual(ref.peer.identity, ("t", "a.b"))
        self.assertEqual(ref.swiss, b"cat")
        self.assertEqual(ref.peer.hints, {"host": "h", "port": "1"})
        self.assertEqual(encode(ref.record), b"<15'ocapn-sturdyref<10'ocapn-peer1't3\"a.b"
                                             b'{4"host1"h4"port1"1}>3:cat>')
        self.assertEqual(SturdyRef.from_record(decode(encode(ref.record))).swiss, b"cat")

    def test_what_is_none(self):
        for text in ("", "http://a.t", "ocapn://", "ocapn://a", "ocapn://.t", "ocapn://a.",
                     "ocapn://a.t/x/Y2F0", "ocapn://a.t/s/", "ocapn://a.t/s/+/", "ocapn://a.t/s/Y",
                     "ocapn://a.t?host", "ocapn://a.t?a=1&a=2"):
            with self.subTest(text=text):
                with self.assertRaises(LocatorError):
                    locator.parse(text)


class Transcript(unittest.TestCase):
    """The bytes of a whole run of others: connection, direction, chunk."""

    @classmethod
    def setUpClass(cls):
        cls.chunks = []
        with open(os.path.join(HERE, "transcript.txt"), encoding="utf-8") as file:
            for line in file:
                if line.startswith("#") and line[1:2].isdigit():
                    connection, direction, data = line.rstrip("\n").split(" ", 2)
                    if data != "EOF":
                        cls.chunks.append((connection, direction, ast.literal_eval(data)))

    def streams(self):
        out = {}
        for connection, direction, data in self.chunks:
            out.setdefault((connection, direction), []).append(data)
        return out

    def test_each_message_is_canonical_and_an_operation(self):
        kinds = set()
        for chunks in self.streams().values():
            stream = Stream()
            for chunk in chunks:
                stream.feed(chunk)
                for message in stream.messages():
                    value = decode(message.raw)
                    self.assertEqual(encode(value), message.raw)
                    kinds.add(captp.parse_op(value).kind)
            self.assertFalse(stream.is_within)
        self.assertEqual(kinds, {"start", "deliver", "listen", "gc-exports", "gc-answers", "abort"})

    def test_any_cut_gives_the_same_messages(self):
        rng = random.Random(SEED)
        for chunks in self.streams().values():
            data = b"".join(chunks)
            whole = Stream()
            whole.feed(data)
            want = [message.raw for message in whole.messages()]
            for size in (1, rng.randrange(2, 50), rng.randrange(50, 500)):
                stream, got = Stream(), []
                for at in range(0, len(data), size):
                    stream.feed(data[at:at + size])
                    got.extend(message.raw for message in stream.messages())
                self.assertEqual(got, want, REPLAY)

    def ops(self):
        for (connection, direction), chunks in self.streams().items():
            stream = Stream()
            stream.feed(b"".join(chunks))
            for message in stream.messages():
                yield connection, direction, captp.parse_op(decode(message.raw))

    def test_signatures_and_session_ids(self):
        keys, right, wrong, receives, gives = {}, 0, 0, 0, 0
        for connection, direction, op in self.ops():
            if op.kind == "start":
                keys.setdefault(connection, {})[direction] = op.key
                if ed25519.verify(op.key, op.signature, captp.my_location(op.location.raw)):
                    right += 1
                else:
                    wrong += 1
        self.assertEqual(wrong, 1)  # one hello that is there to be refused
        self.assertGreater(right, 40)
        for connection, direction, op in self.ops():
            for part in captp.walk(op.args if op.kind == "deliver" else []):
                if not (isinstance(part, Record) and part.name == "desc:sig-envelope"):
                    continue
                signed = part.fields[0]
                signature = captp.signature_bytes(part.fields[1])
                if signed.name == "desc:handoff-receive":
                    ids = [captp.public_id(key) for key in keys[connection].values()]
                    if direction == "suite->iut":
                        self.assertEqual(signed.fields[0], captp.session_id(*ids))
                        key = keys[connection][direction]
                        self.assertEqual(signed.fields[1], captp.public_id(key))
                    give = signed.fields[3].fields[0]
                    receiver = captp.key_bytes(give.fields[0])
                    receives += ed25519.verify(receiver, signature, signed.raw)
                    gifter = next(key for c, k in keys.items() for key in k.values()
                                  if captp.public_id(key) == give.fields[3])
                    signature = captp.signature_bytes(signed.fields[3].fields[1])
                    gives += ed25519.verify(gifter, signature, give.raw)
        self.assertEqual((receives, gives), (4, 5))  # one receive is there to be refused


# Which test must catch a planted bug.
CATCHES = {
    1: "Handshake.test_a_signature_by_another_key_aborts",
    2: "Handshake.test_another_version_aborts",
    3: "Handshake.test_a_second_hello_aborts",
    4: "Garbage.test_an_answer_position_in_use_aborts",
    5: "Garbage.test_an_answer_after_its_gc_aborts",
    6: "Garbage.test_a_delta_of_nothing_or_less_aborts",
    7: "Garbage.test_lists_of_unequal_length_abort",
    8: "Aborts.test_export_0_is_no_argument",
    9: "Aborts.test_export_0_is_not_listened_to",
    10: "Garbage.test_too_many_returns_abort",
    11: "Garbage.test_each_time_counts_within_a_message",
    12: "Garbage.test_the_greeter_returns_its_answer_and_whom_it_greeted",
    13: "Listen.test_not_yet_then_kept",
    14: "Listen.test_not_yet_then_broken_with_the_reason_as_it_is",
    15: "HandoffAtThem.test_a_count_is_good_for_once",
    16: "HandoffAtThem.test_a_receive_by_another_key_breaks",
    17: "HandoffAtThem.test_a_give_by_another_key_breaks",
    18: "HandoffAtThem.test_a_receive_for_another_session_breaks",
    19: "HandoffAtThem.test_a_gift_is_given_once",
    20: "HandoffAtThem.test_gifts_of_two_gifters_with_one_id_are_two",
    21: "Framing.test_many_in_one_piece",
    22: "Framing.test_space_between_messages_is_skipped",
    23: "Pipelining.test_position_0_is_an_answer_like_any_other",
    24: "Deliver.test_echo_gives_back_each_value_byte_for_byte",
    25: "Garbage.test_what_echo_saw_is_returned",
    26: "Deliver.test_fetch_gives_each_object",
    27: "CrossedHellos.test_the_lower_one_is_aborted_when_it_is_theirs",
    28: "Handshake.test_our_location_is_not_theirs_to_claim",
    29: "CrossedHellos.test_a_hello_that_is_sent_back_aborts",
    30: "Garbage.test_what_echo_saw_is_returned",
    31: "Aborts.test_unknown_operations_abort",
    32: "HandoffAtThem.test_a_gift_is_withdrawn",
    33: "Pick.test_index_breaks_out_of_range_and_without_a_list",
    34: "Pick.test_get_breaks_without_the_field_or_a_struct",
    35: "Pick.test_untag_breaks_with_another_tag_and_without_one",
    36: "Bytes.test_a_declared_length_over_the_bound_aborts_after_the_hello",
    37: "Garbage.test_a_position_is_never_used_again",
    38: "Aborts.test_export_0_is_not_picked_from",
    39: "HandoffFromThem.test_a_give_over_a_session_that_they_dialled",
    40: "HandoffFromThem.test_a_give_over_a_session_that_we_dialled",
    41: "HandoffAtThem.test_a_give_with_another_side_breaks",
    42: "HandoffAtThem.test_a_refused_withdrawal_does_not_spend_its_count",
    43: "Listen.test_each_listener_is_told_once",
    44: "Handshake.test_a_second_session_from_one_location_aborts",
    45: "Handshake.test_a_key_in_use_aborts",
    46: "Deliver.test_fetch_gives_each_object",
    47: "Listen.test_whoever_asked_and_is_answered_with_a_promise_may_listen",
    48: "Handshake.test_another_version_aborts",
    49: "Deliver.test_echo_gives_back_each_value_byte_for_byte",
    50: "Pipelining.test_what_waits_on_a_promise_goes_first_and_in_order",
    51: "HandoffAtThem.test_what_waits_breaks_with_the_gifter",
    52: "HandoffAtThem.test_a_duplicate_deposit_is_ignored",
    53: "Framing.test_both_framings_may_be_mixed",
    54: "HandoffToThem.test_a_give_is_forwarded_as_it_came",
    55: "Pipelining.test_what_is_sent_to_a_broken_answer_breaks_with_its_reason",
    56: "Bytes.test_within_the_arguments_too",
    57: "Garbage.test_what_we_return_in_part_is_there",
    58: "Dialects.test_each_form_of_listen",
    59: "Garbage.test_an_answer_position_is_free_again_after_its_gc",
    60: "Bytes.test_a_declared_length_over_the_bound_aborts_after_the_hello",
}

# What is the same in every dialect.
NEUTRAL = {conformance.Bytes, conformance.Aborts, conformance.Handshake, conformance.CrossedHellos,
           conformance.Framing, conformance.Pick, conformance.HandoffAtThem}


@contextlib.contextmanager
def remembered_signatures():
    """Both sides are in one process: what it has signed need not be verified at length."""
    signed = set()
    sign_anew, verify_anew = ed25519.SecretKey.sign, ed25519.verify

    def sign(key, message):
        signature = sign_anew(key, message)
        signed.add((key.public, signature, message))
        return signature

    def verify(public, signature, message):
        return (public, signature, message) in signed or verify_anew(public, signature, message)

    with (mock.patch.object(ed25519.SecretKey, "sign", sign),
          mock.patch.object(ed25519, "verify", verify)):
        yield


class Served(unittest.TestCase):
    """The reference server lives in this process: no wait is longer than what it does."""

    def serve(self, suite, dialect="spec", framing="bare", bug=0):
        """The result of those tests against a server of its own."""
        gc.collect()
        gc.freeze()  # the server collects often: what is here already is not looked at again
        reference_server.BUG = bug
        server = reference_server.Server(dialect, framing)
        captp.pump = server.pump
        conformance.aim(server.location, dialect, framing)
        try:
            with remembered_signatures():
                return unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(suite)
        finally:
            if conformance.Target.bystander:
                conformance.Target.bystander.host.close()
            captp.pump = None
            server.close()
            reference_server.kept.clear()
            reference_server.BUG = 0
            gc.unfreeze()


class Reference(Served):
    def check(self, dialect, framing, is_whole):
        loader = unittest.defaultTestLoader
        cases = [c for c in conformance.CASES if is_whole or IS_THOROUGH or c not in NEUTRAL]
        conformance.Target.stride = 1 if IS_THOROUGH else 5
        suite = unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in cases)
        self.addCleanup(setattr, conformance.Target, "stride", 1)
        result = self.serve(suite, dialect, framing)
        self.assertGreater(result.testsRun, 70)
        self.assertTrue(result.wasSuccessful(),
                        "\n\n".join(f"{test}\n{text}"
                                    for test, text in result.failures + result.errors))

    def test_spec(self):
        self.check("spec", "bare", True)

    def test_suite_main(self):
        self.check("suite-main", "bare", False)

    def test_suite_branch(self):
        self.check("suite-branch", "bare", False)

    def test_endo_with_netstrings(self):
        self.check("endo", "netstring", False)

    def test_goblins(self):
        self.check("goblins", "bare", False)

    def test_the_commands(self):
        """Server and client as two processes, as with any other server."""
        how = ["--dialect", "endo", "--framing", "netstring"]
        client = [sys.executable, "-B", os.path.join(HERE, "conformance_test.py"), *how]
        server = [sys.executable, "-B", os.path.join(HERE, "reference_server.py"), *how]
        for bug, status in ((0, 0), (46, 1)):
            done = subprocess.run([*client, "Dialects", "Enliven", "--", *server, "--bug", str(bug)],
                                  capture_output=True, text=True, timeout=120, check=False)
            self.assertEqual(done.returncode, status, done.stderr)


class PlantedBugs(Served):
    def test_each_has_a_test_that_must_catch_it(self):
        self.assertEqual(set(CATCHES), set(reference_server.BUGS))

    def test_each_is_caught(self):
        for bug, name in CATCHES.items():
            with self.subTest(bug=bug, text=reference_server.BUGS[bug], name=name):
                suite = unittest.defaultTestLoader.loadTestsFromName(name, conformance)
                framing = "netstring" if bug == 26 else "bare"
                result = self.serve(suite, framing=framing, bug=bug)
                self.assertFalse(result.wasSuccessful(), "nobody noticed")
                self.assertEqual([str(e) for _, e in result.errors if "AttributeError" in e], [])


def main():
    parser = argparse.ArgumentParser(description="tests of the conformance client itself")
    parser.add_argument("--thorough", action="store_true", help="all tests in every dialect")
    options, rest = parser.parse_known_args()
    global IS_THOROUGH
    IS_THOROUGH = options.thorough
    print(f"{REPLAY} python3 self_test.py", file=sys.stderr)
    unittest.main(argv=sys.argv[:1] + rest)


if __name__ == "__main__":
    main()
