import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.core.augmentation import augmented, random_crop, random_flip
from studies.core.recipe import ImageRecipe


@given(st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_a_crop_is_the_image_shifted_by_whole_pixels_with_zeros_coming_in(padding, seed):
    images = torch.rand(5, 2, 6, 7) + 1
    cropped = random_crop(images, padding, torch.Generator().manual_seed(seed))
    shifts = range(2 * padding + 1)
    for image, crop in zip(images, cropped, strict=True):
        padded = torch.nn.functional.pad(image, (padding,) * 4)
        assert any(torch.equal(crop, padded[:, top : top + 6, left : left + 7]) for top in shifts for left in shifts)


def test_every_shift_is_as_likely_as_any_other():
    images = torch.zeros(9000, 1, 5, 5)
    images[:, 0, 2, 2] = 1
    places = random_crop(images, 1, torch.Generator().manual_seed(0)).sum(dim=(0, 1))
    assert places.sum() == 9000
    assert (places[1:4, 1:4] - 1000).abs().max() < 120


def test_half_of_the_images_are_mirrored():
    images = torch.arange(3.0).repeat(4000, 1, 1, 1)
    flipped = random_flip(images, torch.Generator().manual_seed(0))
    mirrored = (flipped[:, 0, 0, 0] == 2).sum().item()
    assert abs(mirrored - 2000) < 150
    assert {tuple(row) for row in flipped[:, 0, 0].tolist()} == {(0.0, 1.0, 2.0), (2.0, 1.0, 0.0)}


def test_a_recipe_without_augmentation_leaves_images_and_generator_alone():
    recipe = ImageRecipe(epochs=1, batch_size=2, learning_rate=0.1)
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    images = torch.rand(2, 1, 4, 4)
    assert augmented(images, recipe, generator) is images
    assert torch.equal(before, generator.get_state())
