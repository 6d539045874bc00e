"""Table 1: where normalisation stands decides whether shaking helps (section 4.1, CIFAR-10)."""
