"""One thin script a study: parse params, call, save."""
