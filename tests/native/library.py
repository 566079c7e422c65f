#!/usr/bin/env python3
"""libiba from Python, by ctypes alone:  library.py LIBIBA WEIGHTS STATISTICS PHOTO MAP

Every function of iba.h, used rightly and wrongly. MAP is a file of the map's values in float32, which must be found again to the bit."""
import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_void_p


class Facts(ctypes.Structure):
    _fields_ = [("height", c_int32), ("width", c_int32), ("target", c_int32), ("predicted", c_int32), ("classes", c_int32), ("maximum", c_float),
                ("probability", c_double), ("probability_restricted", c_double), ("total_bits", c_double)]


library, weights, statistics, photo, expected = sys.argv[1:]
iba = ctypes.CDLL(library)
handle, size = c_int64, c_size_t
for name, result, arguments in [
    ("version", c_char_p, []),
    ("error", size, [c_char_p, size]),
    ("open", c_int32, [c_char_p, c_char_p, c_char_p, POINTER(handle)]),
    ("explain", c_int32, [handle, c_char_p, c_char_p, c_char_p, POINTER(handle)]),
    ("explain_bytes", c_int32, [handle, c_char_p, size, c_char_p, c_char_p, POINTER(handle)]),
    ("explain_pixels", c_int32, [handle, c_char_p, size, c_int32, c_int32, c_char_p, c_char_p, POINTER(handle)]),
    ("get_facts", c_int32, [handle, POINTER(Facts)]),
    ("get_map", c_int32, [handle, POINTER(c_float), size]),
    ("get_logits", c_int32, [handle, POINTER(c_float), size]),
    ("get_label", c_int32, [handle, c_char_p, size, POINTER(size)]),
    ("get_png", c_int32, [handle, c_void_p, size, POINTER(size)]),
    ("close", c_int32, [handle]),
]:
    function = getattr(iba, f"iba_{name}")
    function.restype, function.argtypes = result, arguments

OK, WRONG_HANDLE, WRONG_ARGUMENT, WRONG_SIZE, WRONG_FILE, WRONG_PHOTO = range(6)
checks = 0


def check(status, expected_status=OK, word=""):
    global checks
    checks += 1
    why = ctypes.create_string_buffer(400)
    iba.iba_error(why, len(why))
    assert status == expected_status, f"{status} instead of {expected_status}: {why.value.decode()}"
    assert status == OK or word in why.value.decode(), why.value.decode()


w, s, p = weights.encode(), statistics.encode(), photo.encode()
explainer, result, other, needed, facts = handle(), handle(), handle(), size(), Facts()
assert iba.iba_version().count(b".") >= 2
check(iba.iba_open(b"/no/such/file", s, b"cpu", byref(explainer)), WRONG_FILE, "/no/such/file")
check(iba.iba_open(w, s, b"tpu", byref(explainer)), WRONG_ARGUMENT, "tpu")
check(iba.iba_open(w, s, b"cpu", byref(explainer)))
check(iba.iba_explain(0, p, None, None, byref(result)), WRONG_HANDLE, "0 is no handle")
check(iba.iba_explain(explainer, w, None, None, byref(result)), WRONG_PHOTO, weights)
check(iba.iba_explain(explainer, p, b"nothing", None, byref(result)), WRONG_ARGUMENT, "nothing")
check(iba.iba_explain(explainer, p, None, None, byref(result)))
check(iba.iba_get_facts(result, byref(facts)))
assert (facts.height, facts.width, facts.classes) == (224, 224, 10) and facts.target == facts.predicted

pixels = facts.height * facts.width
values = (c_float * pixels)()
check(iba.iba_get_map(result, values, pixels + 1), WRONG_SIZE, str(pixels))
check(iba.iba_get_map(result, None, pixels), WRONG_ARGUMENT)
check(iba.iba_get_map(result, values, pixels))
with open(expected, "rb") as file:
    assert bytes(values) == file.read(), "the map is another one"
assert max(values) == facts.maximum

logits = (c_float * facts.classes)()
check(iba.iba_get_logits(result, logits, 3), WRONG_SIZE, "10")
check(iba.iba_get_logits(result, logits, facts.classes))
assert max(range(10), key=logits.__getitem__) == facts.predicted
label = ctypes.create_string_buffer(100)
check(iba.iba_get_label(result, label, len(label), byref(needed)))
assert len(label.value) == needed.value > 0
check(iba.iba_get_png(result, None, 0, byref(needed)))
png = ctypes.create_string_buffer(needed.value)
check(iba.iba_get_png(result, png, needed.value - 1, None), WRONG_SIZE)
check(iba.iba_get_png(result, png, needed.value, None))
assert png.raw.startswith(b"\x89PNG")

with open(photo, "rb") as file:
    contents = file.read()
check(iba.iba_explain_bytes(explainer, contents, len(contents), b"gradient", b"3", byref(other)))
check(iba.iba_get_facts(other, byref(facts)))
assert facts.target == 3 and facts.total_bits != facts.total_bits
check(iba.iba_close(other))
check(iba.iba_close(other), WRONG_HANDLE, "closed")
check(iba.iba_explain_pixels(explainer, bytes(300), 300, 10, 10, b"gradient", None, byref(other)))
check(iba.iba_explain_pixels(explainer, bytes(300), 299, 10, 10, b"gradient", None, byref(other)), WRONG_SIZE, "10 x 10")
for each in (other, result, explainer):
    check(iba.iba_close(each))
print(f"library.py: {checks} checks, 0 failures")
