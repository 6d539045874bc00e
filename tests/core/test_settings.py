import re
from typing import Annotated

import pytest

from pipeline.core.errors import InputError
from pipeline.core.settings import Count, Key, Sections, Strict, Variants, merged, read_settings


class Shape(Strict):
    kind: Key = "square"


class Square(Shape):
    side: Count


class Circle(Shape):
    radius: Count
    colour: Key = "red"


KINDS = {"square": Square, "circle": Circle}


def chosen(kind):
    if kind not in KINDS:
        raise InputError(f"{kind!r} is not a shape; expected one of {', '.join(KINDS)}")
    return KINDS[kind]


class Drawing(Sections):
    shapes: dict[Key, Annotated[Shape, Variants("kind", chosen, "square")]]
    width: Count

    def mistakes(self):
        return [f"width: {self.width} is odd"] if self.width % 2 else []


def read(tmp_path, text, model=Drawing):
    path = tmp_path / "file.yaml"
    path.write_text(text)
    return read_settings(path, model)


def test_an_entry_has_the_class_of_its_kind(tmp_path):
    drawing = read(tmp_path, "width: 2\nshapes: {a: {side: 3}, b: {kind: circle, radius: 1}}")
    assert drawing.shapes == {"a": Square(side=3), "b": Circle(kind="circle", radius=1)}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{kind: cube}", r"shapes\.a \(line 1\): 'cube' is not a shape; expected one of square, circle"),
        ("{kind: circle, side: 1, radius: 2}", r"shapes\.a\.side \(line 1\): unknown key; .*: kind, radius, colour"),
        ("{kind: circle, radiu: 2}", r"shapes\.a\.radiu \(line 1\): unknown key; did you mean 'radius'\?"),
        ("{kind: circle}", r"shapes\.a\.radius \(line 1\): missing; this key has no default"),
        ("{side: 0}", r"shapes\.a\.side \(line 1\): 0: .*greater than or equal to 1"),
        (
            "{kind: [x], size: 1}",
            r": 1 mistake\n  shapes\.a\.kind \(line 1\): \('x',\): input should be a valid string$",
        ),
        ("3", r"shapes\.a \(line 1\): 3: input should be a valid dictionary$"),
    ],
)
def test_a_mistake_in_an_entry_has_its_place_and_the_keys_of_its_kind(tmp_path, entry, expected):
    with pytest.raises(InputError) as caught:
        read(tmp_path, f"shapes: {{a: {entry}}}\nwidth: 2")
    assert re.search(expected, str(caught.value)), caught.value


def test_all_entries_are_read_before_mistakes_are_listed(tmp_path):
    with pytest.raises(InputError, match="3 mistakes") as caught:
        read(tmp_path, "shapes: {a: {kind: cube}, b: {side: 0}}\nwidth: x")
    assert all(part in str(caught.value) for part in ("shapes.a", "shapes.b.side", "width"))


class Width(Sections):
    width: Count


def test_sections_ignore_other_sections_and_check_what_their_own_say_together(tmp_path):
    text = "width: 3\nshapes: {a: {kind: cube}}\nanything: else"
    assert read(tmp_path, text, Width).width == 3
    with pytest.raises(InputError, match=r"file\.yaml: 1 mistake\n  width: 3 is odd"):
        read(tmp_path, "width: 3\nshapes: {}")


class Frame(Strict):
    left: Count
    right: Count
    names: tuple[Key, ...] = ("x",)


def test_a_section_with_other_values_is_checked_as_if_they_stood_in_it():
    frame = Frame(left=1, right=2)
    assert merged(frame, None) is frame
    assert merged(frame, {"right": 5, "names": ("a", "b")}) == Frame(left=1, right=5, names=("a", "b"))
    assert frame.right == 2
    with pytest.raises(ValueError, match="left") as caught:
        merged(frame, {"left": 0, "rihgt": 3}, "place")
    assert re.fullmatch(
        r"place\.left: 0: .*greater than or equal to 1\n"
        r"place\.rihgt: unknown key; did you mean 'right'\? known here: left, right, names",
        str(caught.value),
    )


class Polygon(Shape):
    corners: tuple[Count, ...]


class Picture(Strict):
    around: Annotated[Key | Shape, Variants("kind", {**KINDS, "polygon": Polygon}.__getitem__)]


class Gallery(Sections):
    picture: Picture


def test_an_entry_may_stand_where_a_key_may(tmp_path):
    assert read(tmp_path, "picture: {around: a}", Gallery).picture.around == "a"
    found = read(tmp_path, "picture: {around: {kind: polygon, corners: [1, 2]}}", Gallery).picture
    assert found.around == Polygon(kind="polygon", corners=(1, 2))
    with pytest.raises(
        InputError, match=r"picture\.around\.radiu \(line 1\): unknown key; did you mean 'radius'\? .* radius, colour"
    ):
        read(tmp_path, "picture: {around: {kind: circle, radius: 1, radiu: 2}}", Gallery)


def test_an_entry_is_read_from_json_too_which_has_no_tuples():
    text = '{"around": {"kind": "polygon", "corners": [1, 2]}}'
    assert Picture.model_validate_json(text).around == Polygon(kind="polygon", corners=(1, 2))
