"""Ed25519 as in RFC 8032, section 5.1, in plain Python. For tests: not constant in time.

    key = SecretKey.generate()
    signature = key.sign(b"message")             # 64 bytes
    verify(key.public, signature, b"message")    # True
"""

import hashlib
import os

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
_I = pow(2, (P - 1) // 4, P)

# A point is (X, Y, Z, T): x = X/Z, y = Y/Z, x*y = T/Z.
_ZERO = (0, 1, 1, 0)


def _add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiply(scalar, p):
    table = [_ZERO, p]
    for _ in range(14):
        table.append(_add(table[-1], p))
    x, y, z, t = _ZERO
    for shift in range(252, -4, -4):
        for i in range(4):
            a, b = x * x, y * y
            h = a + b
            e = h - (x + y) * (x + y)
            g = a - b
            f = (2 * z * z + g) % P
            e, g, h = e % P, g % P, h % P
            x, y, z = e * f % P, g * h % P, f * g % P
        if digit := scalar >> shift & 15:
            x, y, z, t = _add((x, y, z, e * h % P), table[digit])
    return x, y, z, e * h % P if not digit else t


def _recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * _I % P
    if (x * x - x2) % P:
        return None
    return P - x if x & 1 != sign else x


_BY = 4 * pow(5, -1, P) % P
_BX = _recover_x(_BY, 0)
_BASE = (_BX, _BY, 1, _BX * _BY % P)


def _base_table():
    """Multiples of the base point by digit * 16^row, as (y - x, y + x, 2dxy) with Z = 1."""
    table, p = [], _BASE
    for _ in range(64):
        row = [None]
        q = p
        for _ in range(15):
            z = pow(q[2], -1, P)
            x, y = q[0] * z % P, q[1] * z % P
            row.append(((y - x) % P, (y + x) % P, 2 * D * x * y % P))
            q = _add(q, p)
        table.append(row)
        p = q
    return table


_table = []


def _multiply_base(scalar):
    if not _table:
        _table.extend(_base_table())
    x, y, z, t = _ZERO
    for row in _table:
        if digit := scalar & 15:
            minus, plus, dt = row[digit]
            a, b, c, d = (y - x) * minus, (y + x) * plus, t * dt, 2 * z
            e, f, g, h = (b - a) % P, (d - c) % P, (d + c) % P, (b + a) % P
            x, y, z, t = e * f % P, g * h % P, f * g % P, e * h % P
        scalar >>= 4
    return x, y, z, t


def _compress(p):
    z = pow(p[2], -1, P)
    x, y = p[0] * z % P, p[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decompress(data):
    if len(data) != 32:
        return None
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def _hash(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


class SecretKey:
    """A key pair: `seed` and `public`, 32 bytes each."""

    def __init__(self, seed):
        digest = hashlib.sha512(seed).digest()
        scalar = int.from_bytes(digest[:32], "little")
        self.seed = seed
        self._scalar = scalar & (1 << 254) - 8 | 1 << 254
        self._prefix = digest[32:]
        self.public = _compress(_multiply_base(self._scalar))

    @classmethod
    def generate(cls):
        return cls(os.urandom(32))

    def sign(self, message):
        r = _hash(self._prefix, message) % L
        point = _compress(_multiply_base(r))
        k = _hash(point, self.public, message) % L
        return point + ((r + k * self._scalar) % L).to_bytes(32, "little")


def verify(public, signature, message):
    """Whether `signature` is of `message` by `public`; False for anything malformed."""
    if len(signature) != 64:
        return False
    a = _decompress(public)
    s = int.from_bytes(signature[32:], "little")
    if a is None or s >= L:
        return False
    k = _hash(signature[:32], public, message) % L
    x, y, z, t = a
    return _compress(_add(_multiply_base(s), _multiply(k, (P - x, y, z, P - t)))) == signature[:32]
