"""Mutants of the issuer's keys: what asks too often, trusts too much, or keeps too long."""

from __future__ import annotations

from tests.mutants.mutants import Mutant

JWKS, SETS = "tests/unit/adapters/https/test_jwks_keys.py", "tests/unit/adapters/https/test_key_sets.py"
KEYS, KEY_SETS, DOCUMENTS = (f"adapters/https/{name}.py" for name in ("jwks_keys", "key_sets", "documents"))
UNSOUND = (f"{SETS}::test_a_key_that_is_not_sound_is_left_out_and_the_others_stand",)

MUTANTS = (
    Mutant(
        "cooldown-off",
        "every unknown key name is asked for at the issuer",
        KEYS,
        "                if not self._answers(kid) and self.monotonic() >= self._next_fetch_at:\n",
        "                if not self._answers(kid):\n",
        (f"{JWKS}::test_a_thousand_unknown_names_cost_one_fetch_per_cooldown_and_good_keys_keep_working",),
    ),
    Mutant(
        "single-flight-off",
        "threads that wait for keys fetch them again",
        KEYS,
        """\
            with self._fetching:
                # Asked again: while this thread waited, another one may have fetched.
                if not self._answers(kid) and self.monotonic() >= self._next_fetch_at:
                    self._refresh()
""",
        """\
            if self.monotonic() >= self._next_fetch_at:
                self._refresh()
""",
        (f"{JWKS}::test_fifty_threads_on_a_cold_cache_cost_one_fetch",),
    ),
    Mutant(
        "stale-for-ever",
        "keys serve however long the issuer is down",
        KEYS,
        "        if not held.keys or self._age(held) > STALE_SECONDS:\n",
        "        if not held.keys:\n",
        (f"{JWKS}::test_while_the_issuer_is_down_kept_keys_serve_for_an_hour_and_then_nobody_can_say",),
    ),
    Mutant(
        "weak-rsa-keys",
        "a modulus may be short",
        KEY_SETS,
        "    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or modulus % 2 == 0:\n",
        "    if modulus.bit_length() > MAX_RSA_BITS or modulus % 2 == 0:\n",
        UNSOUND,
    ),
    Mutant(
        "spelling-off",
        "base64url may be spelled in more ways than one",
        "domain/token_parts.py",
        'is_canonical = base64.urlsafe_b64encode(decoded).rstrip(b"=") == text.encode()',
        "is_canonical = bool(text)",
        UNSOUND,
    ),
    Mutant(
        "keys-for-anything",
        "a key for encryption verifies tokens",
        KEY_SETS,
        "    if not _verifies(entry) or not PRIVATE_NAMES.isdisjoint(entry):\n",
        "    if not PRIVATE_NAMES.isdisjoint(entry):\n",
        UNSOUND,
    ),
    Mutant(
        "one-name-two-keys",
        "of two keys of one name the last one counts",
        KEY_SETS,
        ' for entry in named if counts[entry["kid"]] == 1}\n',
        " for entry in named if counts}\n",
        (f"{SETS}::test_a_name_that_two_keys_claim_belongs_to_neither",),
    ),
    Mutant(
        "plain-http",
        "keys may come over http",
        DOCUMENTS,
        '    if address.scheme != "https" or address.hostname is None:\n',
        "    if address.hostname is None:\n",
        (f"{JWKS}::test_only_https_is_fetched",),
    ),
    Mutant(
        "large-documents",
        "a key set may have any size",
        DOCUMENTS,
        "    if len(document) > MAX_BYTES:\n",
        "    if not document:\n",
        (f"{JWKS}::test_an_answer_that_is_not_a_key_set_gives_no_key",),
    ),
    Mutant(
        "certificates-off",
        "any certificate will do",
        DOCUMENTS,
        "    trust.minimum_version = ssl.TLSVersion.TLSv1_2\n",
        "    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE\n",
        (
            f"{JWKS}::test_a_certificate_of_an_unknown_authority_is_refused",
            f"{JWKS}::test_a_certificate_for_another_name_is_refused",
        ),
    ),
)
