"""What turns samples into features: one file a front end, found through the registry."""
