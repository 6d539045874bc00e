"""One linear unit under the variance constancy loss alone (Littwin & Wolf 2018, section 2.1: theorem 2, figure 2)."""
