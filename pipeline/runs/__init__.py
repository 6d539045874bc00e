"""Many runs: which there are, where they are kept, who trains them, what becomes of them."""
