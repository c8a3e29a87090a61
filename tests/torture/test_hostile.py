"""Files that somebody made to harm the reader: each is a ShardError, soon and in little memory."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import shutil
import sys
import tarfile
import time
import tracemalloc
import zipfile

import numpy as np
import pytest

from tests.stores import store_of
from tests.torture.tiny import CLIPS, SHARD_CLIPS, SPEC
from trajdata._bake.verify import verify
from trajdata._clips.fields import DEFAULT_FIELDS, TEXT_FIELDS
from trajdata._errors import ShardError
from trajdata._reading.stored import open_shards
from trajdata._shards.layout import STANDARD_ARRAYS, record_layout
from trajdata._shards.strict_json import canonical, sealed
from trajdata._store.contents import held_recipe, read_contents
from trajdata._store.shard_view import walk

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(sys.platform == "win32", reason="there are no FIFOs and devices"),
]

LAYOUT = record_layout(SPEC, STANDARD_ARRAYS)
RECORD = LAYOUT.record_bytes
VIDEO, CLS, JSON = LAYOUT.members[:3]
TRAJECTORY = LAYOUT.members[3]
MOST_BYTES = 64 * 2**20
MOST_HASHED = 24
"""Refusing a store takes no longer than to hash so many pieces of 64 MiB, about a second: a machine
that is busy is slower at both."""


def patched(offset, data):
    """The shard with other bytes at an offset."""

    def damage(shard):
        shard[offset : offset + len(data)] = data
        return bytes(shard)

    return damage


def header(changes, start=0):
    """The shard with another header, and the checksum that belongs to it.

    Args:
        changes: offset in the header -> bytes.
        start: of the header in the shard.
    """

    def damage(shard):
        for offset, data in changes.items():
            shard[start + offset : start + offset + len(data)] = data
        shard[start + 148 : start + 156] = b" " * 8
        total = sum(shard[start : start + 512])
        shard[start + 148 : start + 156] = b"%06o\0 " % total
        return bytes(shard)

    return damage


def padded(data, size):
    return data[:size].ljust(size, b"\0")


def made(*members, size=True, **options):
    """A tar made by tarfile, cut or padded to the size that a shard has."""

    def damage(shard):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", **options) as tar:
            for member in members:
                tar.addfile(member, io.BytesIO(bytes(member.size)))
        return padded(file.getvalue(), len(shard)) if size else file.getvalue()

    return damage


def member(name, **attributes):
    info = tarfile.TarInfo(name)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info


def npy(text, version=b"\x01\x00", length=None):
    """The video with another .npy header."""
    start = VIDEO.start + 512
    room = VIDEO.offset - start - 10
    size = room if length is None else length
    body = text.encode("ascii").ljust(room - 1)[: room - 1] + b"\n"
    return patched(start, b"\x93NUMPY" + version + size.to_bytes(2, "little") + body)


def text(content):
    """The first clip's JSON, replaced and padded with blanks."""
    return patched(JSON.offset, padded(content, JSON.size).replace(b"\0", b" "))


def changed(key, value):
    def damage(shard):
        held = json.loads(bytes(shard[JSON.offset : JSON.offset + JSON.size]))
        held[key] = value
        return text(json.dumps(held).encode())(shard)

    return damage


def swapped(shard):
    cls, other = bytes(shard[CLS.start : JSON.start]), bytes(shard[JSON.start : TRAJECTORY.start])
    shard[CLS.start : TRAJECTORY.start] = other + cls
    return bytes(shard)


NAME = b"000000000000.video.npy"
PICKLED = pickle.dumps(np.array([print], object))
HEADER = "{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}"
SHAPE = VIDEO.shape

SHARDS = {
    "a path that goes up": header({0: b"../../etc/passwd\0"}),
    "a path that goes up, by tarfile": made(member("../../etc/passwd", size=10)),
    "an absolute name": header({0: b"/etc/passwd\0"}),
    "a symlink": made(member("a", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "a symlink in the first header": header({156: b"2", 157: b"/etc/passwd"}),
    "a hard link": header({156: b"1", 157: b"/etc/passwd"}),
    "a character device": header({156: b"3"}),
    "a block device": header({156: b"4"}),
    "a folder": header({156: b"5"}),
    "a FIFO": header({156: b"6"}),
    "a contiguous file": header({156: b"7"}),
    "a file of the oldest kind": header({156: b"\0"}),
    "an unknown kind": header({156: b"Z"}),
    "a GNU sparse file": header({156: b"S", 386: b"00000000000\077777777777\0"}),
    "a GNU long name": header({156: b"L"}),
    "a GNU long link": header({156: b"K"}),
    "a GNU long name, by tarfile": made(member("a" * 300, size=5), format=tarfile.GNU_FORMAT),
    "a pax header": header({156: b"x"}),
    "a global pax header": header({156: b"g"}),
    "a pax header, by tarfile": made(member("ä" * 200, size=5), format=tarfile.PAX_FORMAT),
    "a pax size": made(
        member("a", size=5, pax_headers={"size": "99999999999"}), format=tarfile.PAX_FORMAT
    ),
    "a pax sparse map": made(
        member("a", size=5, pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": "9" * 18}),
        format=tarfile.PAX_FORMAT,
    ),
    "a negative size": header({124: b"-0000000001\0"}),
    "a negative size, base 256": header({124: b"\xff" * 12}),
    "a size in base 256": header({124: b"\x80" + bytes(7) + b"\x7f\xff\xff\xff"}),
    "the right size in base 256": header({124: b"\x80" + VIDEO.size.to_bytes(11, "big")}),
    "a huge size": header({124: b"77777777777\0"}),
    "a size of zero": header({124: b"00000000000\0"}),
    "a size that is no number": header({124: b"0x000001000\0"}),
    "no size": header({124: bytes(12)}),
    "a name twice": lambda shard: bytes(shard[:RECORD]) * 2 + bytes(shard[2 * RECORD :]),
    "a NUL in a name": header({0: b"000000000000\0video.npy"}),
    "a line end in a name": header({0: b"000000000000\nvideo.npy"}),
    "a dot in a key": header({0: b"00000.000000.video.npy"}),
    "a name that is no text": header({0: b"\xff\xfe" + NAME[2:]}),
    "another name": header({0: b"000000000000.video.pkl"}),
    "a longer name": header({0: NAME + b".pickle"}),
    "a name before the name": header({345: b"/etc"}),
    "the key of another clip": header({0: b"000000000001.video.npy"}),
    "a set-user-id bit": header({100: b"0004755\0"}),
    "a time": header({136: b"00000000001\0"}),
    "an owner": header({108: b"0001750\0"}),
    "an owner's name": header({265: b"root"}),
    "the magic of GNU": header({257: b"ustar  \0"}),
    "no magic": header({257: bytes(8)}),
    "a wrong checksum": patched(148, b"000000\0 "),
    "a checksum of blanks": patched(148, b" " * 8),
    "members in another order": swapped,
    "a header in the padding": patched(CLS.offset + 1, b"../../etc/passwd"),
    "a block instead of zeros at the end": patched(2 * RECORD, b"\0" * 100 + b"x"),
    "a member after the end": patched(2 * RECORD + 512, NAME),
    "no end": lambda shard: bytes(shard[:-1024]),
    "half an end": lambda shard: bytes(shard[:-512]),
    "data after the end": lambda shard: bytes(shard) + b"x" * 512,
    "blocks of zeros after the end": lambda shard: bytes(shard) + bytes(8192),
    "a gzip": lambda shard: gzip.compress(bytes(shard)),
    "a gzip of the right size": lambda shard: padded(gzip.compress(bytes(shard)), len(shard)),
    "a bz2": lambda shard: bz2.compress(bytes(shard)),
    "a bz2 bomb of the right size": lambda shard: padded(bz2.compress(bytes(2**26)), len(shard)),
    "an xz of the right size": lambda shard: padded(lzma.compress(bytes(shard)), len(shard)),
    "nothing": lambda shard: b"",
    "zeros": lambda shard: bytes(len(shard)),
    "noise": lambda shard: np.random.default_rng(1).bytes(len(shard)),
    "dtype object": npy(HEADER.format("|O", False, SHAPE)),
    "pickled data": lambda shard: patched(VIDEO.offset, PICKLED)(
        bytearray(npy(HEADER.format("|O", False, SHAPE))(shard))
    ),
    "a huge shape": npy(HEADER.format("|u1", False, (2**40, 2**20))),
    "a negative shape": npy(HEADER.format("|u1", False, (-1, 2))),
    "another shape": npy(HEADER.format("|u1", False, SHAPE[::-1])),
    "Fortran's order": npy(HEADER.format("|u1", True, SHAPE)),
    "another byte order": npy(HEADER.format(">u2", False, SHAPE)),
    "a dtype of text": npy(HEADER.format("<U1000000", False, SHAPE)),
    "a dtype of fields": npy(HEADER.format("|V9", False, SHAPE)),
    "code in the .npy header": npy("__import__('os').system('true')"),
    "version 2 of .npy": npy(HEADER.format("|u1", False, SHAPE), b"\x02\x00"),
    "version 9 of .npy": npy(HEADER.format("|u1", False, SHAPE), b"\x09\x00"),
    "a huge .npy header": npy(HEADER.format("|u1", False, SHAPE), length=65535),
    "no .npy": patched(VIDEO.start + 512, b"\x93NUMPX"),
    "a zip as .npy": patched(VIDEO.start + 512, b"PK\x03\x04"),
    "a number that is none": patched(TRAJECTORY.offset, np.float32("nan").tobytes()),
    "an infinite number": patched(TRAJECTORY.offset, np.float32("inf").tobytes()),
    "a label that is no digit": patched(CLS.offset, b"-"),
    "a label that is too large": patched(CLS.offset, b"9"),
    "a label of another alphabet": patched(CLS.offset, b"\xb2"),
    "JSON that is deep": text(b'{"a":' + b"[" * (JSON.size - 10)),
    "JSON with a key twice": text(b'{"index": 0, "index": 0}'),
    "JSON with NaN": text(b'{"index": NaN}'),
    "JSON with Infinity": text(b'{"index": -Infinity}'),
    "JSON with a huge number": text(b'{"index": 1e999}'),
    "JSON with many digits": text(b'{"index": ' + b"9" * (JSON.size - 20) + b"}"),
    "JSON that is no text": text(b'{"\xff": 0}'),
    "JSON in UTF-16": text('{"index": 0}'.encode("utf-16")),
    "JSON with a mark in front": text(b'\xef\xbb\xbf{"index": 0}'),
    "JSON that is a list": text(b"[]"),
    "JSON with NULs behind it": patched(JSON.offset + JSON.size - 4, bytes(4)),
    "JSON of another clip": changed("index", 1),
    "JSON with an index that is true": changed("index", False),
    "JSON with another label": changed("label", "spiral"),
    "JSON with an unknown number": changed("params", {"__class__": 1.0}),
    "JSON with a number that is a list": changed("params", {"start_s": [1.0]}),
    "JSON without a caption": text(b'{"index": 0, "label": "linear", "params": {}}'),
}


def index_with(change):
    """index.json with something changed, sealed as by somebody who knows how."""

    def damage(content):
        whole = json.loads(content)
        whole["trajdata"].pop("seal")
        change(whole)
        if isinstance(whole.get("trajdata"), dict):
            try:
                whole["trajdata"] = sealed(whole["trajdata"])
            except ValueError:
                return json.dumps(whole).encode()
        return canonical(whole)

    return damage


def ours(key, value):
    return index_with(lambda whole: whole["trajdata"].__setitem__(key, value))


def of_spec(key, value):
    return index_with(lambda whole: whole["trajdata"]["spec"].__setitem__(key, value))


def listed(key, value):
    return index_with(lambda whole: whole["shardlist"][0].__setitem__(key, value))


def of_record(key, value):
    def change(whole):
        whole["trajdata"]["record"]["members"][0][key] = value

    return index_with(change)


def inserted(data):
    return lambda content: content.replace(b'"wids_version": 1', data + b', "wids_version": 1')


INDEXES = {
    "nothing": lambda content: b"",
    "a list": lambda content: b"[]",
    "null": lambda content: b"null",
    "noise": lambda content: np.random.default_rng(2).bytes(5000),
    "UTF-16": lambda content: content.decode().encode("utf-16"),
    "a mark in front": lambda content: b"\xef\xbb\xbf" + content,
    "data behind it": lambda content: content + b"{}",
    "a blank behind it": lambda content: content + b" ",
    "deep lists": inserted(b'"a": ' + b"[" * 100_000 + b"]" * 100_000),
    "deep objects": inserted(b'"a": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "many lists": inserted(b'"a": [' + b"[]," * 300_000 + b"[]]"),
    "many texts": inserted(b'"a": [' + b'"ab",' * 180_000 + b'"ab"]'),
    "many numbers": inserted(b'"a": [' + b"1.5," * 240_000 + b"1.5]"),
    "a text without an end": lambda content: b'{"' + b"a" * 1_000_000,
    "many escapes": lambda content: b'{"' + b'\\"' * 500_000,
    "many megabytes": lambda content: content + b" " * 100_000_000,
    "a key twice": inserted(b'"trajdata": {}'),
    "NaN": inserted(b'"a": NaN'),
    "Infinity": inserted(b'"a": Infinity'),
    "a number beyond all numbers": inserted(b'"a": 1e999'),
    "a number of many digits": inserted(b'"a": ' + b"9" * 500_000),
    "a lone surrogate": inserted(b'"\\ud800": 1'),
    "a key more": inserted(b'"a": 1'),
    "another version": index_with(lambda whole: whole.__setitem__("wids_version", 2)),
    "a version that is true": index_with(lambda whole: whole.__setitem__("wids_version", True)),
    "no key of ours": index_with(lambda whole: whole.pop("trajdata")),
    "no list of shards": index_with(lambda whole: whole.pop("shardlist")),
    "a shard elsewhere": listed("url", "../../etc/passwd"),
    "a shard on the network": listed("url", "http://169.254.169.254/"),
    "a shard through a pipe": listed("url", "pipe:touch /tmp/harm"),
    "a shard with more clips": listed("nsamples", 10**9),
    "a shard with more bytes": listed("filesize", 2**60),
    "no clips": ours("clips", 0),
    "fewer than no clips": ours("clips", -1),
    "too many clips": ours("clips", 10**30),
    "as many shards as can be": ours("clips", 1_000_000 * SHARD_CLIPS),
    "clips that are a float": ours("clips", float(CLIPS)),
    "no clips a shard": ours("shard_clips", 0),
    "a split that goes up": ours("split", "../../etc/passwd"),
    "a split that is a list": ours("split", ["train"]),
    "a seed that is negative": ours("seed", -1),
    "a seed that is huge": ours("seed", 2**200),
    "another fingerprint": ours("fingerprint", "0" * 64),
    "a fingerprint that is a number": ours("fingerprint", 0),
    "no hashes": ours("sha256", []),
    "hashes that are none": ours("sha256", ["x" * 64] * 3),
    "huge hashes": ours("sha256", ["0" * 100_000] * 3),
    "no fields": ours("fields", None),
    "a field that goes up": ours("fields", ["../../etc/passwd"]),
    "a field that is a list": ours("fields", [["depth"]]),
    "many fields": ours("fields", ["depth"] * 100_000),
    "no layout": ours("record", None),
    "a layout of another length": ours("record", {"bytes": 2**60, "members": []}),
    "a member of dtype object": of_record("dtype", "|O"),
    "a member of a huge shape": of_record("shape", [2**40]),
    "a member before the record": of_record("offset", -1),
    "a member elsewhere": of_record("member", "../x.npy"),
    "a spec of huge pictures": of_spec("height", 2**40),
    "the largest pictures": index_with(
        lambda whole: whole["trajdata"]["spec"].update(frames=1024, height=1024, width=1024)
    ),
    "a spec with an unknown field": of_spec("__class__", "x"),
    "a law that is none": of_spec("laws", ["os.system"]),
    "a depth of text": of_spec("depth", "deep"),
}


def attack(folder):
    """Open and read the folder in every way that there is."""
    store = store_of(folder)
    recipe = held_recipe(store)
    recipe.check_format(folder)
    read_contents(store)
    fields = (*DEFAULT_FIELDS, *recipe.fields, *TEXT_FIELDS)
    open_shards(folder, fields=fields).batch(range(CLIPS))
    for shard in range(recipe.shards):
        walk(store, recipe, shard)


def work_of(folder):
    """How long an attack takes, in times that a piece takes to be hashed just before."""
    start = time.process_time()
    hashlib.sha256(bytes(64 * 2**20)).digest()
    piece = time.process_time() - start
    start = time.process_time()
    with pytest.raises(ShardError):
        attack(folder)
    return (time.process_time() - start) / piece


def check_refused(folder):
    # A busy machine only adds to the work; what an attack makes of a reader is there each time.
    assert any(work_of(folder) < MOST_HASHED for _ in range(5))
    tracemalloc.start()
    try:
        with pytest.raises(ShardError) as caught:
            attack(folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.file.startswith(str(folder))
    assert caught.value.expected
    assert caught.value.found
    assert len(str(caught.value)) < 2000
    assert peak < MOST_BYTES


@pytest.fixture
def copy(fast, reference):
    return shutil.copytree(reference, fast / "copy")


@pytest.mark.parametrize("name", SHARDS)
def test_a_hostile_shard_is_refused(copy, count, name):
    path = copy / "train-000000.tar"
    hostile = SHARDS[name](bytearray(path.read_bytes()))
    assert hostile != path.read_bytes()
    path.write_bytes(hostile)
    check_refused(copy)
    assert not verify(copy, full=True).ok
    count(1, f"hostile shard refused: {name}")


@pytest.mark.parametrize("name", INDEXES)
def test_a_hostile_index_is_refused(copy, count, name):
    path = copy / "index.json"
    shutil.rmtree(copy / ".trajdata")
    path.write_bytes(INDEXES[name](path.read_bytes()))
    check_refused(copy)
    count(1, f"hostile index refused: {name}")


def sparse(path):
    path.write_bytes(b"")
    os.truncate(path, 2**40)


OTHER_KINDS = {
    "a FIFO": os.mkfifo,
    "a folder": os.mkdir,
    "a link to an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a link to an empty device": lambda path: path.symlink_to("/dev/null"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to another file": lambda path: path.symlink_to("/etc/passwd"),
    "a file of a terabyte without blocks": sparse,
}


@pytest.mark.parametrize("file", ["index.json", ".trajdata/recipe.json", "train-000001.tar"])
@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_something_else_under_a_files_name_is_refused(copy, count, kind, file):
    (copy / file).unlink()
    OTHER_KINDS[kind](copy / file)
    check_refused(copy)
    count(1, f"hostile file refused: {kind} as {file}")


def test_a_zip_under_a_shards_name_is_refused(copy, count):
    with zipfile.ZipFile(copy / "train-000000.tar", "w") as archive:
        archive.writestr("a", b"b")
    check_refused(copy)
    count(1, "hostile shard refused: a zip")
