import unittest

from cart import average, total


class Cart(unittest.TestCase):
    def test_cents_are_kept(self):
        self.assertEqual(total([1.25, 2.5]), 3.75)

    def test_an_empty_cart_costs_nothing(self):
        self.assertEqual(average([]), 0)

    def test_the_average_of_two(self):
        self.assertEqual(average([1.0, 2.0]), 1.5)


if __name__ == "__main__":
    unittest.main()
