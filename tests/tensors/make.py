# make.py -- write the corpus of recorded tensors, good and bad, and reasons.txt, into this folder.
#
# usage: python3 make.py.  The standard library is enough: every byte is set here.

import bz2, gzip, io, lzma, os, pickle, struct, zipfile

corpus = []


def add(name, data, reason):
    corpus.append((name, data, reason))


def header(text, version=(1, 0), length=None):
    text = text if isinstance(text, bytes) else text.encode("latin-1")
    length = len(text) if length is None else length
    form = "<H" if version[0] == 1 else "<I"
    return b"\x93NUMPY" + bytes(version) + struct.pack(form, length) + text


def words(descr="'<f4'", order="False", shape="(2, 3)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def npy(descr="'<f4'", order="False", shape="(2, 3)", data=None, version=(1, 0)):
    data = struct.pack("<6f", 2.385, -1, 0.5, 1e30, -0.0, 7) if data is None else data
    return header(words(descr, order, shape), version) + data


def bad(name, reason, **more):
    add(name, npy(**more), reason)


def spelled(name, reason, text, data=bytes(24), **more):
    add(name, header(text, **more) + data, reason)


good = npy()
six = (2.385, -1, 0.5, 30000, -0.0, 7)

# What is read.
for kind in "efd":
    for order in "<>":
        size = struct.calcsize(kind)
        what = f"{'little' if order == '<' else 'big'}-float{8 * size}"
        data = struct.pack(order + "6" + kind, *six)
        add(f"good-{what}", npy(f"'{order}f{size}'", data=data), "good")
add("good-fortran", npy(order="True"), "good")
add("good-version-2", npy(version=(2, 0)), "good")
add("good-version-3", npy(version=(3, 0)), "good")
add("good-32-axes", npy(shape="(" + "1, " * 30 + "2, 3)"), "good")
add("good-fortran-4", npy("'>f2'", "True", "(2, 1, 3, 2)", bytes(range(24))), "good")
add("good-one-token", npy(shape="(1, 6)"), "good")
add("good-one-component", npy(shape="(6, 1)"), "good")
odd = (0x7fc00000, 0x7f800000, 0xff800000, 1, 0x80000001, 0x7fa00001)
add("good-nan", npy(data=struct.pack("<6I", *odd)), "good")
spelled("good-spelling", "good", '\n{"shape":(2,3) ,\t"fortran_order":False,"descr":"=f4"}\n   \n')

# Bytes that are missing, or too many.
add("empty", b"", "empty")
add("one-byte", good[:1], "truncated: it ends in the .npy header")
add("truncated-magic", good[:5], "truncated: it ends in the .npy header")
add("truncated-version", good[:7], "truncated: it ends in the .npy header")
add("truncated-length", good[:9], "truncated: it ends in the .npy header")
add("truncated-header", good[:40], "truncated: it ends in the .npy header")
add("truncated-data", good[:-1], "truncated: 23 bytes of data, and its shape needs 24")
add("no-data", good[:-24], "truncated: 0 bytes of data, and its shape needs 24")
add("trailing-junk", good + b"\n", "1 bytes too long: its data end at byte")
add("two-arrays", good + good, "bytes too long")

# Shapes.
bad("negative-shape", "axis 0 of the shape is negative", shape="(-2, -3)")
square = "(4294967296, 4294967296)"
bad("overflow-to-0", "overflows 64 bits", shape=square, data=b"")
bad("overflow-to-24", "overflows 64 bits", shape="(4611686018427387910, 4)")
bad("overflow-fortran", "overflows 64 bits", order="True", shape=square, data=b"")
bad("overflow-axis", "axis 1 of the shape overflows 64 bits", shape="(2, 18446744073709551616)")
bad("overflow-digits", "axis 0 of the shape overflows 64 bits", shape=f"({'9' * 300}, 3)")
bad("huge-shape", "truncated: 24 bytes of data, and its shape needs 4611686018427387904",
    shape="(1073741824, 1073741824)")
bad("33-axes", "has 33 axes (dimensions); at most 32", shape="(" + "1, " * 31 + "2, 3)")
bad("1000-axes", "has 1000 axes", shape="(" + "1, " * 1000 + ")")
bad("axis-of-0", "axis 0 is empty", shape="(0, 3)", data=b"")
bad("axis-of-0-and-overflow", "is empty", shape="(4294967296, 4294967296, 0)", data=b"")
bad("rank-0", "has 0 axes", shape="()", data=bytes(4))
bad("rank-1", "has 1 axis", shape="(6,)")
bad("shape-list", "not the tuple of the shape", shape="[2, 3]")
bad("shape-number", "not the tuple of the shape", shape="6")
bad("shape-no-tuple", "the comma of a tuple of one", shape="(6)")
bad("shape-float", "not a comma or ')'", shape="(2.0, 3)")
bad("shape-hexadecimal", "not a comma or ')'", shape="(0x2, 3)")
bad("shape-underscore", "not a comma or ')'", shape="(2_0, 3)")
bad("shape-leading-zero", "without leading zeros", shape="(02, 3)")
bad("shape-plus", "not a whole number", shape="(+2, 3)")
bad("shape-true", "not a whole number", shape="(True, 6)")
bad("shape-two-commas", "not a whole number", shape="(2,, 3)")
bad("python-2", "long integer of Python 2", shape="(2L, 3L)")

# What the components are.
bad("object", "Python objects, which are pickled and never loaded", descr="'|O'",
    data=pickle.dumps([None] * 6, 4))
bad("structured", "structured", descr="[('q', '<f4'), ('k', '<f4')]", data=bytes(48))
bad("subarray", "structured", descr="('<f4', (3,))", data=bytes(72))
bad("complex64", "complex", descr="'<c8'", data=bytes(48))
bad("int8", "integers", descr="'|i1'", data=bytes(6))
bad("int64", "integers", descr="'<i8'", data=bytes(48))
bad("uint16", "integers", descr="'<u2'", data=bytes(12))
bad("bool", "truth values", descr="'|b1'", data=bytes(6))
bad("bytes", "strings", descr="'|S4'")
bad("unicode", "strings", descr="'<U1'")
bad("float128", "float128", descr="'<f16'", data=bytes(96))
bad("float96", "another width", descr="'<f12'", data=bytes(72))
bad("bfloat16", "bfloat16", descr="'<V2'", data=bytes(12))
bad("void", "raw bytes", descr="'|V4'")
bad("time", "times", descr="'<M8[ns]'", data=bytes(48))
bad("dtype-name", "not known", descr="'float32'")
bad("dtype-empty", "dtype '': of a type that is not known", descr="''")
bad("dtype-number", "not a string", descr="4")
bad("dtype-none", "not a string", descr="None")
bad("dtype-order-only", "not known", descr="'<'")
bad("dtype-two-orders", "dtype '<>f4'", descr="'<>f4'")

# The header.
add("version-0", npy(version=(0, 0)), ".npy version 0.0; 1.0, 2.0 and 3.0 are read")
add("version-4", npy(version=(4, 0)), ".npy version 4.0")
add("version-1.1", npy(version=(1, 1)), ".npy version 1.1")
spelled("header-of-4-gib", "claims 4294967295 bytes; at most 65536", words(),
        version=(2, 0), length=0xffffffff)
spelled("header-too-long", "claims 65537 bytes", words() + " " * 80,
        version=(3, 0), length=65537)
spelled("header-of-0", "does not end in a newline", "", data=b"")
spelled("header-no-newline", "does not end in a newline", words()[:-1])
spelled("header-unclosed", "it ends at byte 68, before a comma or '}'", words()[:-4] + " \n")
spelled("header-cut-string", "the rest of a string", "{'descr': '<f4\n")
spelled("header-no-dictionary", "not '{'", "[2, 3]\n")
spelled("header-blank", "before '{'", "        \n")
spelled("header-two-dictionaries", "not the end of the header", words()[:-1] + words())
spelled("header-code", "not the tuple of the shape", words(shape="__import__('os').abort()"))
spelled("header-comment", "not the end of the header", words()[:-1] + "# shape\n")
spelled("header-nul", "not the end of the header", words()[:-1] + "\0\n")
spelled("header-nul-in-string", "not the rest of a string", words("'<f4\0'"))
spelled("header-escape", "not the rest of a string", words("'\\x3cf4'"))
spelled("header-not-ascii", "not the rest of a string", words("'<f4\xe9'"))
spelled("header-prefix", "not a string", words("u'<f4'"))
spelled("header-no-colon", "not a colon", words().replace(":", "=", 1))
spelled("header-no-comma", "not a comma or '}'", words().replace(",", " ", 1))
spelled("header-two-commas", "not a string", words().replace(",", ",,", 1))
spelled("key-missing", "no key 'fortran_order'", "{'descr': '<f4', 'shape': (2, 3)}\n")
spelled("keys-missing", "no key 'descr'", "{}\n")
spelled("key-twice", "key 'shape' twice", words().replace("}", "'shape': (2, 3)}"))
spelled("key-unknown", "key 'order' in the .npy header", words().replace("}", "'order': 'C'}"))
spelled("key-number", "not a string", words().replace("'descr'", "1"))
bad("fortran-1", "not True or False", order="1")
bad("fortran-none", "not True or False", order="None")
bad("fortran-truely", "not a comma or '}'", order="Truely")

# Sent as text.
add("crlf", npy(data=good[-24:-4] + b"\n\0\n\0").replace(b"\n", b"\r\n"), "sent or saved as text")
add("utf-8", good.decode("latin-1").encode("utf-8"), "sent or saved as text")
add("utf-8-replaced", good.decode("utf-8", "replace").encode("utf-8"), "sent or saved as text")
add("ascii-replaced", good.decode("ascii", "replace").encode("ascii", "replace"),
    "sent or saved as text")
add("7-bit", bytes(b & 127 for b in good), "sent or saved as text")
add("lost-byte", good[1:], "sent or saved as text")

# Impostors.
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as z:
    z.writestr(zipfile.ZipInfo("q.npy", (1980, 1, 1, 0, 0, 0)), good)
add("npz", archive.getvalue(), "zip")
add("zip-empty", b"PK\5\6" + bytes(18), "an empty zip")
add("gzip", gzip.compress(good, mtime=0), "gzip")
add("bzip2", bz2.compress(good), "bzip2")
add("xz", lzma.compress(good), "xz")
add("zstd", b"\x28\xb5\x2f\xfd\x20\x02\x11\0\0ab", "zstd")
add("html", b"<!DOCTYPE html>\n<html><title>404 Not Found</title></html>\n", "a web page")
add("html-bom", b"\xef\xbb\xbf\r\n <html>\r\n</html>\r\n", "a web page")
add("xml", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML")
digest = b"4d7a2146" * 8
add("git-lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + digest
    + b"\nsize 12345\n", "a Git LFS pointer")
add("git-annex", b"/annex/objects/SHA256E-s12345--" + digest + b".npy\n", "a git-annex pointer")
add("pickle", pickle.dumps([2.385, -1.0], 4), "a pickle")
add("pickle-2", pickle.dumps([2.385, -1.0], 2), "a pickle")
text = b'{"q":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}'
add("safetensors", struct.pack("<Q", len(text)) + text + bytes(24), "safetensors")
add("safetensors-cut", struct.pack("<Q", 1 << 40) + text, "no .npy file")
add("hdf5", b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0", "HDF5")
add("gguf", b"GGUF\3\0\0\0" + bytes(16), "GGUF")
add("matlab", b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\1IM", "MATLAB")
add("text", b"1.5 2.5\n-3e4 nan\n", "text; tensors are read from .npy files")
add("text-numpy", b"NUMPY is a library.\n", "text")
add("json", b'[[1.5, 2.5], [3.5, 4.5]]\n', "text")
add("utf-16", "1.5 2.5\n".encode("utf-16"), "no .npy file")
add("raw-floats", struct.pack("<6f", *six), "no .npy file")
add("zeros", bytes(64), "no .npy file")

folder = os.path.dirname(os.path.abspath(__file__))
for name in os.listdir(folder):
    if name.endswith(".npy"):
        os.remove(os.path.join(folder, name))
with open(os.path.join(folder, "reasons.txt"), "w") as table:
    table.write("# reasons.txt -- NAME of NAME.npy, and the words with which it is refused, or"
                " good; written by make.py\n")
    for name, data, reason in corpus:
        assert "\n" not in reason
        with open(os.path.join(folder, name + ".npy"), "wb") as file:
            file.write(data)
        table.write(f"{name:24}{reason}\n")
