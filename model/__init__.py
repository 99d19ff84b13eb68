"""The workshop's model: will a customer of a telephone company leave?

`python -m model.train` makes it: a table of customers from a seeded generator (`table`) is turned into numbers, xgboost
learns from them (`train`), and the model is packed for SageMaker (`archive`). The results are committed beside this file:

`model.tar.gz`     the model archive, one file `xgboost-model`
`batch_input.csv`  the customers the model never saw, as the batch job gets them: numbers, no header, no label
`truth.csv`        the same customers line by line, readable, with what they really did
"""
