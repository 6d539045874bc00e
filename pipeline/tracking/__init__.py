"""The history of runs, written for programs in which people look at experiments: TensorBoard, MLflow, DVCLive."""
