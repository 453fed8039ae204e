"""Mutants of the gate: what lets somebody in who does not belong."""

from __future__ import annotations

from tests.mutants.mutants import Mutant

TOKENS = "tests/unit/services/test_verify_token.py"
REFUSED = (f"{TOKENS}::test_any_other_token_is_refused_with_the_one_message",)
KEYS = "tests/unit/services/test_verify_key.py"
IDENTITIES, APP = "tests/unit/http/test_identities.py", "tests/unit/http/test_app.py"
VERIFY, CLAIMS, PARTS = "services/verify_token.py", "services/check_claims.py", "domain/token_parts.py"

MUTANTS = (
    Mutant(
        "algorithm-list-removed",
        "the token says by which algorithm it is verified, not the key",
        VERIFY,
        """\
    if header.get("alg") != verification_key.algorithm:
        raise AuthenticationError("alg is not the algorithm of the key")
    return verification_key
""",
        """\
    return VerificationKey(str(header.get("alg")), verification_key.material)
""",
        REFUSED,
    ),
    Mutant(
        "signature-not-checked",
        "any signature will do",
        VERIFY,
        "    if not is_signed(token, verification_key):\n",
        "    if not is_signed:\n",
        REFUSED,
    ),
    Mutant(
        "header-allow-list-removed",
        "a header may have parameters of any name (jku, crit, b64)",
        VERIFY,
        "    if not header.keys() <= HEADER_NAMES:\n",
        "    if not header:\n",
        REFUSED,
    ),
    Mutant(
        "token-type-off",
        "a header may have any typ",
        VERIFY,
        "    if typ not in key.types:\n",
        "    if not key.types:\n",
        REFUSED,
    ),
    Mutant(
        "token-size-off",
        "a token may have any size",
        VERIFY,
        "    if len(token) > MAX_TOKEN_BYTES:\n",
        "    if not token:\n",
        REFUSED,
    ),
    Mutant(
        "token-names-twice",
        "the last of two equal names in a token counts",
        PARTS,
        "    if len(document) != len(pairs):\n",
        "    if len(document) > len(pairs):\n",
        REFUSED,
    ),
    Mutant(
        "expiry-off",
        "a token that has expired is taken",
        CLAIMS,
        "    if expires <= now - LEEWAY_SECONDS:\n",
        "    if expires <= 0:\n",
        REFUSED,
    ),
    Mutant(
        "not-before-off",
        "a token of the future is taken",
        CLAIMS,
        "    if issued > now + LEEWAY_SECONDS or not_before > now + LEEWAY_SECONDS:\n",
        "    if issued > expires:\n",
        REFUSED,
    ),
    Mutant(
        "lifetime-off",
        "a token may live as long as it likes",
        CLAIMS,
        "    if not issued < expires <= issued + MAX_LIFETIME_SECONDS:\n",
        "    if not issued < expires:\n",
        REFUSED,
    ),
    Mutant(
        "issuer-off",
        "a token of any issuer is taken",
        CLAIMS,
        '    if claims.get("iss") != key.issuer:\n',
        "    if not key.issuer:\n",
        REFUSED,
    ),
    Mutant(
        "audience-off",
        "a token made out to anybody is taken",
        CLAIMS,
        "    elif not all(isinstance(name, str) for name in audiences) or key.audience not in audiences:\n",
        "    elif not audiences:\n",
        REFUSED,
    ),
    Mutant(
        "tenant-without-issuer",
        "one subject of two issuers is one tenant",
        CLAIMS,
        'f"{issuer}|{subject}"',
        'f"{subject}"',
        (f"{TOKENS}::test_one_subject_of_two_issuers_is_two_tenants",),
    ),
    Mutant(
        "revocation-off",
        "a key works after it was revoked",
        "services/verify_key.py",
        "    if stored.revoked_at is not None:\n",
        "    if stored.revoked_at is False:\n",
        (f"{KEYS}::test_a_key_is_refused_from_the_moment_it_is_revoked",),
    ),
    Mutant(
        "key-secret-off",
        "the id of a key is enough",
        "services/verify_key.py",
        "    if stored is None or not hmac.compare_digest(digest, stored.digest):\n",
        "    if stored is None or not digest:\n",
        (f"{KEYS}::test_the_secret_of_one_key_does_not_open_another",),
    ),
    Mutant(
        "key-expiry-off",
        "a key works after its end",
        "services/verify_key.py",
        "    if now >= stored.expires_at:\n",
        "    if now >= stored.expires_at.replace(year=9999):\n",
        (f"{KEYS}::test_a_key_is_valid_until_its_last_moment_and_not_at_its_end",),
    ),
    Mutant(
        "disabled-tenants-let-in",
        "whether a tenant is shut out is not looked at",
        "http/identities.py",
        "    check_tenant(identity.tenant, tenants=accounts.tenants)\n",
        "    _ = check_tenant\n",
        (f"{IDENTITIES}::test_a_disabled_tenant_is_refused_from_the_next_request_on_and_let_in_again",),
    ),
    Mutant(
        "scope-off",
        "any token may have tables explained",
        "http/identities.py",
        "    if scope not in identity.scopes:\n",
        "    if not identity.tenant:\n",
        ("tests/unit/http/test_app.py::test_a_token_without_the_scope_is_known_and_not_allowed",),
    ),
    Mutant(
        "authorizers-word-is-enough",
        "what the authorizer said of a caller need not be what its token proves",
        "http/bearer_tokens.py",
        '    return said is not None and {name: said.get(name, "") for name in proved} == proved\n',
        "    return said is not None and bool(proved)\n",
        (f"{APP}::test_the_word_for_one_caller_does_not_let_another_in",),
    ),
)
