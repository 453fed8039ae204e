"""Altered and forged tokens by the thousands: none is taken but the ones that were issued.

Three verifiers, one for each algorithm, and a good token for each. A case is one of the good tokens, altered
in its text, its JSON or its signature, or a token of an attacker's own making; all of them must be refused,
and with nothing but AuthenticationError. After every thousand cases the good tokens must still be taken.

Not among the cases is the twin (r, n - s) of an ES256 signature (r, s): mathematics has it that both are
valid, for the same header and the same claims, so nobody gains anything by it.
"""

from __future__ import annotations

import hmac
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.proof.token_targets import (
    BAD_CLAIMS,
    BAD_ENDS,
    BAD_HEADERS,
    CLAIMS,
    NOW,
    T,
    Target,
    b64,
    dump,
    make_targets,
    unb64,
)

from whybox.errors import AuthenticationError
from whybox.services.verify_token import verify_token

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ALGORITHMS = (
    "none",
    "None",
    "NONE",
    "nOnE",
    "",
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES256K",
    "ES384",
    "ES512",
    "EdDSA",
    "dir",
    "RSA-OAEP",
    "A128KW",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1e20,
    "",
    " ",
    "NaN",
    [],
    {},
    ["whybox-api", 1],
    {"whybox-api": 1},
    "\x00",
    "../..",
    "https://issuer.example/",
    "https://is",
    "HTTPS://ISSUER.EXAMPLE",
    "whybox-apix",
    "x" * 300,
    T + 10**9,
    str(T + 3600),
    "\ud800",
)


@dataclass(frozen=True, slots=True)
class TokenAttacks:
    """How many cases each attack made, how many good tokens were taken, and in words what went wrong."""

    n_cases: int
    n_refused: int
    n_good_taken: int
    n_by_attack: Mapping[str, int]
    violations: tuple[str, ...]


Attack = Callable[[random.Random, Target], str]


def prove(n_cases: int = 200_000, *, seed: int = 0) -> TokenAttacks:
    """Try cases from one seed against three verifiers."""
    rng = random.Random(seed)  # noqa: S311 - cases, not secrets
    targets = make_targets()
    n_by_attack: Counter[str] = Counter()
    n_refused, n_good_taken, violations = 0, 0, []
    while n_by_attack.total() < n_cases:
        target, attack = rng.choice(targets), rng.choice(ATTACKS)
        text = attack(rng, target)
        if text == target.good:
            continue  # the alteration altered nothing
        n_by_attack[attack.__name__] += 1
        verdict = _verdict(text, target)
        if verdict == "refused":
            n_refused += 1
        else:
            violations.append(f"{target.algorithm} {attack.__name__} {verdict}: {text[:300]!r}")
        if n_by_attack.total() % 1000 == 0:
            n_good_taken += sum(_verdict(each.good, each) == "taken" for each in targets)
    return TokenAttacks(n_by_attack.total(), n_refused, n_good_taken, n_by_attack, tuple(violations))


def _verdict(text: str, target: Target) -> str:
    try:
        verify_token(text, key=target.key, now=NOW)
    except AuthenticationError as error:
        same = str(error) == "The request carries no valid access token."
        return "refused" if same else "refused in words of its own"
    except Exception as error:  # noqa: BLE001 - that none gets out is the claim
        return f"raised {type(error).__name__}"
    return "taken"


def alter_text(rng: random.Random, target: Target) -> str:
    """Change, drop, insert, double or swap characters anywhere."""
    text = list(target.good)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(text))
        character = rng.choice((*ALPHABET, ".", "=", "+", "/", " ", "\n", "\t", "\x00", "é", "\uff21", "%"))
        kind = rng.randrange(5)
        if kind == 0:
            text[place] = character
        elif kind == 1:
            del text[place]
        elif kind == 2:
            text.insert(place, character)
        elif kind == 3:
            text.insert(place, text[place])
        else:
            other = rng.randrange(len(text))
            text[place], text[other] = text[other], text[place]
    return "".join(text)


def alter_form(rng: random.Random, target: Target) -> str:
    """Cut, repeat, reorder or pad the parts."""
    parts = target.good.split(".")
    part = rng.randrange(3)
    kind = rng.randrange(7)
    if kind == 0:
        parts[part] = ""
    elif kind == 1:
        del parts[part]
    elif kind == 2:
        parts.insert(part, rng.choice(parts))
    elif kind == 3:
        rng.shuffle(parts)
    elif kind == 4:
        parts[part] += "=" * rng.randint(1, 3)
    elif kind == 5:
        parts[part] = rng.choice((" ", "\n", "\r\n", "\t", "\u200b")).join((parts[part], ""))
    else:
        return json.dumps({"protected": parts[0], "payload": parts[1], "signature": parts[2]})
    return ".".join(parts)


def loosen_end_bits(rng: random.Random, target: Target) -> str:
    """Spell the same bytes in another way, where the last character has bits to spare."""
    parts = target.good.split(".")
    part = rng.randrange(3)
    last = ALPHABET.index(parts[part][-1])
    spare = {0: 0, 2: 4, 3: 2}[len(parts[part]) % 4]
    parts[part] = parts[part][:-1] + ALPHABET[last ^ rng.randrange(max(1, 1 << spare))]
    return ".".join(parts)


def alter_header(rng: random.Random, target: Target) -> str:
    """Write another header in front of the payload, with the old signature, none, or an attacker's."""
    header, payload, signature = target.good.split(".")
    document = json.loads(unb64(header))
    for _ in range(rng.randint(1, 2)):
        name = rng.choice(
            ("alg", "kid", "typ", "cty", "jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc")
        )
        document[name] = rng.choice(
            (*ALGORITHMS, *ODD_VALUES, "rsa-1", "ec-1", "JWT", "https://attacker.example")
        )
    return f"{b64(dump(document))}.{payload}.{rng.choice((signature, '', signature[:-4]))}"


def alter_claims(rng: random.Random, target: Target) -> str:
    """Write other claims under the old signature."""
    header, payload, signature = target.good.split(".")
    document = json.loads(unb64(payload))
    document[rng.choice((*CLAIMS, "nbf", "plan"))] = rng.choice((*ODD_VALUES, "grace", T + 7200))
    return f"{header}.{b64(dump(document))}.{signature}"


def alter_signature(rng: random.Random, target: Target) -> str:
    """Flip bits of the signature, cut it, lengthen it, or put a number in its place."""
    head, _, signature = target.good.rpartition(".")
    octets = bytearray(unb64(signature))
    half = len(octets) // 2
    kind = rng.randrange(7)
    if kind == 0:
        octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        octets = octets[: rng.randrange(len(octets))]
    elif kind == 2:
        octets += rng.randbytes(rng.randint(1, 64))
    elif kind == 3:
        octets = bytearray(len(octets))
    elif kind == 4:
        octets = bytearray(b"\x00") + octets
    elif kind == 5:
        octets = bytearray(rng.randbytes(len(octets)))
    else:
        numbers = (0, 1, P256_ORDER, P256_ORDER - 1, P256_ORDER + 1, 2**256 - 1, int.from_bytes(octets[:32]))
        octets = bytearray(b"".join(rng.choice(numbers).to_bytes(max(half, 32)) for _ in range(2)))
    return f"{head}.{b64(bytes(octets))}"


def sign_as_a_stranger(rng: random.Random, target: Target) -> str:
    """Sign the good claims with a key of the attacker's, named like the right one or carried along."""
    header = json.loads(unb64(target.good.split(".")[0]))
    algorithm, stranger = rng.choice(STRANGERS)
    header |= {"alg": rng.choice((algorithm, target.algorithm))}
    if rng.random() < 0.5:
        header |= {
            rng.choice(("jwk", "jku", "x5c", "x5u")): rng.choice(("https://attacker.example", ["MIIB"]))
        }
    signer = jwt.get_algorithm_by_name(algorithm)
    head = f"{b64(dump(header))}.{target.good.split('.')[1]}"
    return f"{head}.{b64(signer.sign(head.encode(), signer.prepare_key(stranger)))}"


def sign_with_what_is_public(rng: random.Random, target: Target) -> str:
    """Take the public key, as text or as bytes, for the secret of an HMAC."""
    header = json.loads(unb64(target.good.split(".")[0])) | {"alg": rng.choice(("HS256", "HS384", "HS512"))}
    if rng.random() < 0.5:
        header.pop("kid", None)
    head = f"{b64(dump(header))}.{target.good.split('.')[1]}"
    digest = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[header["alg"]]
    return f"{head}.{b64(hmac.digest(rng.choice(target.public_forms), head.encode(), digest))}"


def sign_what_must_be_refused(rng: random.Random, target: Target) -> str:
    """Have the right key sign what must be refused: a careless issuer, or another use of its keys."""
    header = json.loads(unb64(target.good.split(".")[0]))
    name, value = rng.choice(BAD_CLAIMS)
    claims = {**CLAIMS, name: value}
    if rng.random() < 0.2:
        header, claims = {**header, **rng.choice(BAD_HEADERS)}, CLAIMS
    payload = dump(claims)
    if header == json.loads(unb64(target.good.split(".")[0])) and rng.random() < 0.2:
        payload = dump(CLAIMS)[:-1] + rng.choice(BAD_ENDS)
    head = f"{b64(dump(header))}.{b64(payload)}"
    return f"{head}.{b64(target.sign(head.encode()))}"


def send_noise(rng: random.Random, _target: Target) -> str:
    """Send anything."""
    if rng.random() < 0.5:
        return ".".join(b64(rng.randbytes(rng.randrange(60))) for _ in range(rng.randint(1, 5)))
    return "".join(chr(rng.randrange(1, 0x3000)) for _ in range(rng.randrange(80)))


ATTACKS: tuple[Attack, ...] = (
    alter_text,
    alter_form,
    loosen_end_bits,
    alter_header,
    alter_claims,
    alter_signature,
    sign_as_a_stranger,
    sign_with_what_is_public,
    sign_what_must_be_refused,
    send_noise,
)
STRANGERS: tuple[tuple[str, Any], ...] = (
    ("HS256", b"the secret of a stranger, long enough"),
    *((name, rsa.generate_private_key(public_exponent=65537, key_size=2048)) for name in ("RS256", "PS256")),
    ("ES256", ec.generate_private_key(ec.SECP256R1())),
    ("ES384", ec.generate_private_key(ec.SECP384R1())),
    ("ES256K", ec.generate_private_key(ec.SECP256K1())),
)
