"""The compiled kernel and what stands around it agree: header, loader, symbols, processors, C library."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.proof.kernel_calls import load_build

from whybox.domain.explanations import kernel_libraries, kernel_trees

ROOT = Path(__file__).parents[2]
KERNEL = ROOT / "layers/core/kernel"
HEADER = (KERNEL / "kernel.h").read_text(encoding="utf-8")
ELF_MACHINES = {"x86_64": 62, "arm64": 183}
NEWEST_GLIBC = (2, 28)


@pytest.fixture(scope="module", params=sorted(ELF_MACHINES))
def library(request, tmp_path_factory):
    """Build the library of one processor; return the processor and the library's bytes."""
    built = load_build().build_kernel(request.param, tmp_path_factory.mktemp(request.param))
    return request.param, built.read_bytes()


def test_the_loader_knows_the_version_and_the_statuses_of_the_header():
    statuses = re.findall(r"^ +WB_(\w+) = (\d+),", HEADER[: HEADER.index("} wb_status")], re.MULTILINE)
    names = [name.removeprefix("WB_").replace("_", " ").lower() for name, _ in statuses]

    assert [int(number) for _, number in statuses] == list(range(len(statuses)))
    assert tuple(names) == kernel_libraries._STATUSES
    assert f"#define WB_VERSION {kernel_libraries.VERSION}\n" in HEADER
    assert names[kernel_libraries._NO_MEMORY] == "no memory"


def test_the_layout_in_python_has_the_fields_of_the_header_in_their_order():
    struct = HEADER[HEADER.index("typedef struct {\n    int64_t n_nodes") : HEADER.index("} wb_trees;")]
    code = re.sub(r"/\*.*?\*/|const |typedef struct {", "", struct, flags=re.DOTALL)
    fields = re.findall(r"\*?(\w+)(?=[,;])", code)

    assert fields == [name for name, _ in kernel_trees._Trees._fields_]


def test_the_library_is_for_its_processor_and_shows_what_the_header_declares(library):
    machine, built = library
    declared = set(re.findall(r"\b(wb_\w+)\(", re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)))

    assert built[:4] == b"\x7fELF"
    assert int.from_bytes(built[18:20], "little") == ELF_MACHINES[machine]
    assert declared
    assert declared <= {name.decode() for name in re.findall(rb"\b(wb_\w+)\0", built)}


def test_the_library_needs_nothing_but_a_c_library_that_lambda_has(library):
    _, built = library
    versions = {tuple(map(int, version.split(b"."))) for version in re.findall(rb"GLIBC_([\d.]+)", built)}

    assert set(re.findall(rb"lib[\w+-]+\.so[.\d]*", built)) == {b"libc.so.6"}
    assert versions
    assert max(versions) <= NEWEST_GLIBC
