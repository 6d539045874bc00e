import torch

# Tests run side by side, one process a core; more threads than cores would make them wait for each other.
torch.set_num_threads(1)
