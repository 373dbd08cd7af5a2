"""What a user says a part is."""

import pytest

from anomalygpt.dialogue.naming import product_told


@pytest.mark.parametrize(
    ("description", "product"),
    [
        ("a metal nut", "metal nut"),
        ("a brown hazelnut, seen from above", "hazelnut"),
        ("A Concrete Surface", "concrete"),
        ("two capsules", "capsule"),
        ("PCB", "circuit board"),
        ("一个胶囊", "capsule"),
        ("榛子，从上面拍的", "hazelnut"),
        ("a nut", ""),  # of metal, or to eat?
        ("a bottle cap", ""),
        ("flywheel", ""),
        ("", ""),
    ],
)
def test_the_first_clause_ends_with_the_name_of_one_product(description, product):
    assert product_told(description) == product
