"""The families of classifiers, one file each."""
