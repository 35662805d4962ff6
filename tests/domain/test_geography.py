"""Which restaurant is nearest."""

import pytest

from backend.domain.geography import Place, miles_between, nearest

pytestmark = pytest.mark.fast

ATLANTA, PASADENA = Place(33.749, -84.388), Place(34.1478, -118.1445)


def test_a_distance_is_that_of_the_globe() -> None:
    assert miles_between(ATLANTA, PASADENA) == pytest.approx(1928, rel=0.01)
    assert miles_between(ATLANTA, ATLANTA) == 0
    assert miles_between(Place(0, 0), Place(0, 180)) == pytest.approx(12437, rel=0.01)


def test_the_nearest_one_is_found_over_the_date_line_too() -> None:
    assert nearest(Place(33, -90), {"atlanta": ATLANTA, "pasadena": PASADENA}) == "atlanta"
    assert nearest(Place(0, 179), {"east": Place(0, -179), "west": Place(0, 170)}) == "east"
