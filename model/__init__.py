"""The workshop's model: will a customer of a telephone company leave?

Made by `python -m model`: a table of customers from a seeded generator (`table`), turned into numbers (`features`),
learned by xgboost (`train`) and packed as SageMaker wants a model (`archive`). The results are committed beside this file:

`model.tar.gz`     the model archive, one file `xgboost-model`
`batch_input.csv`  the customers the model never saw, as the batch job gets them: numbers, no header, no label
`truth.csv`        the same customers line by line, readable, with what they really did
"""
