"""JSON texts by the rule they keep or break, written down from RFC 8259 and the decisions beside it."""

from __future__ import annotations

# What the grammar of RFC 8259 derives. Python's own literals say the same values.
VALID = [
    b"0", b"-0", b"123", b"-1", b"20e1", b"1E22", b"1E-2", b"1E+2", b"0e1", b"0e+1", b"123e45", b"1.5",
    b"0.0",
    b"-1.25e-3", b"123.456e78", b"-0." + b"0" * 77 + b"1", b"[ 4]", b"[4 ]",
    b"true", b"false", b"null", b'""', b'"asd"', b'" "', b'"\\""', b'"\\\\"', b'"\\/"', b'"\\b\\f\\n\\r\\t"',
    b'"\\u0060\\u012a\\u12AB"', b'"\\ud83d\\ude00"', b'"\\uD801\\udc37"', b'"\\\\u0000"', b'"\\uFFFF"',
    b'"\\udbff\\udffe"', b'"\\u0012"', b'"\x7f"', b'"a/*b*/c"', b'"\xe2\x80\xa8\xe2\x80\xa9"',
    b'"\xf0\x9f\x98\x80"',
    b'"\xef\xbf\xbf"', b'"\xf4\x8f\xbf\xbf"', '"Ã© â‚¬"'.encode(), b"[]", b"[[] ]", b"{}",
    b"[null, 1, \"a\", {}]",
    b" [] ", b"\t[\r\n1 ]\n", b'{"a":[]}', b'{"":0}', b'{"a":{"a":{}}}', b'{"a" : 1 , "b":2}',
    b'{"b":"a","B":"a"}',
    b"[" * 32 + b"]" * 32, b'{"a":' * 31 + b"[]" + b"}" * 31, b'"' + b"[" * 100 + b'"',
]  # fmt: skip

# What it does not derive, by the rule that each breaks.
INVALID = {
    "an empty text": [b" ", b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf1"],
    "a number": [
        b"01", b"-01", b"00", b"1.", b".5", b"-.5", b"+1", b"++1", b"-", b"- 1", b"--1", b"1e", b"1e+",
        b"1E-", b"1.e1",
        b"1.5e", b"0x1F", b"0x", b"1_000", b"1,5", b"1 000", b"1e1.5", b"0e", b"-a", b"1a", b"2.e+3",
        b"2.3.4",
        b"\xef\xbc\x91", b"\xd9\xa1", b"1\xef\xbc\x91", b"1f", b"1L", b"1/2", b"[-]", b"[1.]", b"[0e+]",
        b"[-01]",
    ],
    "a constant": [
        b"NaN", b"-NaN", b"+NaN", b"nan", b"Infinity", b"-Infinity", b"+Inf", b"inf", b"[NaN]",
        b'{"a":-Infinity}',
    ],
    "a word": [
        b"tru", b"True", b"FALSE", b"nul", b"None", b"undefined", b"hello", b"truex", b"[fals]",
        b"true false", b"nulll",
    ],
    "a comma": [
        b"[1,]", b"[,1]", b"[1,,2]", b"[,]", b"[1 2]", b'{"a":1,}', b'{,"a":1}', b'{"a":1,,"b":2}',
        b'{"a":1 "b":2}', b"1,",
    ],
    "a bracket": [
        b"[", b"]", b"{", b"}", b"[1", b"1]", b"[}", b"{]", b"[[]", b"[]]", b'{"a":1', b'{"a":[}', b"[1}",
        b"([])", b"<1>", b"[\"a\"",
    ],
    "a name": [
        b"{a:1}", b"{'a':1}", b"{1:1}", b'{"a"}', b'{"a":}', b'{"a",1}', b'{"a"::1}', b'{:1}', b'{null:1}',
        b'{"a" 1}', b'{"a":1,2}', b'{[]:1}', b'["a":1]', b'{"a":"b":"c"}',
    ],
    "a comment": [b"1 // one", b"/* one */ 1", b"1 # one", b"[1 /**/]", b"<!-- -->1"],
    "a string": [
        b'"', b'"a', b"'a'", b"a", b'"a"b', b'""x', b'"a\nb"', b'"a\tb"', b'"\x00"', b'"\x1f"', b'["\x00"]',
        b'"\\', b'"\\"',
        b'"\\a"', b'"\\x00"', b'"\\0"', b"\"\\'\"", b'"\\u"', b'"\\u1"', b'"\\u12"', b'"\\u123"',
        b'"\\u00g0"', b'"\\U0041"',
        b'"\\u 123"', b'"\\u+123"', b'"\\u0x12"', b'"\\\xf0\x9f\x98\x80"', b'"\\ud83d\\u"', b'"\\ud83d\\',
        b'"\\ud83d\\u1"', b'"\\\n"',
    ],
    "white space": [
        b"\x0c1", b"1\x0c", b"[\x0b1]", b"[1\xc2\xa0]", b"\xe2\x81\xa01", b"\xe2\x80\xa81", b"[\x1f1]",
        b"[1]\x00", b"[\x00]", b"\x1a", b"1\xc2\x85",
    ],
    "an end": [
        b"1 2", b"[][]", b"{}{}", b"[1]x", b"[1],", b"{} #", b"null null", b"1\n2", b'"a" "b"', b"*",
        b"[1]*",
    ],
}  # fmt: skip

NOT_UTF_8 = [
    b'"\xff"', b'"\xe9"', b'"caf\xe9"', b'{"\xb9":"0"}', b'"\xc0\xaf"', b'"\xc0\x80"', b'"\xe0\x80\xaf"',
    b'"\xf0\x80\x80\xaf"',
    b'"\xed\xa0\x80"', b'"\xed\xb0\x80"', b'"\xf4\x90\x80\x80"', b'"\xf8\x88\x80\x80\x80"',
    b'"\xfc\x80\x80\x80\x80\x80"', b'"\x80"',
    b'"\xe2\x82"', b'"\xe2"', b"[\xe5]", b"[1\xe5]", b'"\\u\xe5"', b'"\\\xe5"', b"\xef\xbb{}",
    b"\xff\xfe[\x00]\x00",
    '{"a": "é"}'.encode("utf-16"), "[1, 2]".encode("utf-16-le"), "[1, 2]".encode("utf-16-be"),
    "[1, 2]".encode("utf-32-le"), '"é"'.encode("latin-1"),
]  # fmt: skip

OUT_OF_RANGE = [
    b"1e999", b"-1e999", b"1e400", b"[1.5e+9999]", b"-123123e100000",
    b"0.4e00669999999999999999999999999999999999999999999999",
    b"9223372036854775808", b"-9223372036854775809", b"100000000000000000000", b"1" * 5000,
    b"-" + b"9" * 5000,
    b"1e-400", b"-123e-10000000", b"123.456e-789", b"0." + b"0" * 400 + b"1",
]  # fmt: skip

TEXT_INVALID = [
    b'"\\ud800"', b'"\\uDC00"', b'"\\udc00\\ud800"', b'"\\ud800\\ud800\\udc00"', b'"a\\ud800b"',
    b'{"\\ud800":1}', b'"\\u0000"', b'{"a\\u0000b":1}',
    b'"\\ud800\\n"', b'[["\\uDd1ea"]]', b'"\\\\\\ud800"', b'"\\ud83d\\\\ude00"',
]  # fmt: skip

DUPLICATE = [
    b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'[{"b":{"a":1,"x":[],"a":null}}]', b'{"":1,"":2}',
    b'{"a":{"a":1},"a":2}', b'{"rows":[],"rows":[[1]]}',
]  # fmt: skip
