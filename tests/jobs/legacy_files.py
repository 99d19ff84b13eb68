"""Files of the retired operator: one with the required fields, one with every field."""

SMALL = """\
apiVersion: sagemaker.aws.amazon.com/v1
kind: BatchTransformJob
metadata:
  name: tf-batch
spec:
  region: us-east-1
  modelName: my-model
  transformInput:
    contentType: text/csv
    splitType: Line
    dataSource:
      s3DataSource:
        s3DataType: S3Prefix
        s3Uri: s3://my-bucket/in.csv
  transformOutput:
    s3OutputPath: s3://my-bucket/out
  transformResources:
    instanceCount: 1
    instanceType: ml.m4.xlarge
"""

FULL = """\
apiVersion: sagemaker.aws.amazon.com/v1
kind: BatchTransformJob
metadata: {name: full, namespace: science}
spec:
  transformJobName: my-own-name
  region: eu-west-1
  modelName: my-model
  batchStrategy: SingleRecord
  maxConcurrentTransforms: 2
  maxPayloadInMB: 10
  environment: [{name: A, value: "1"}, {name: B, value: two}]
  tags: [{key: team, value: science}]
  dataProcessing: {inputFilter: "$[1:]", JoinSource: Input, OutputFilter: "$[0,-1]"}
  transformInput:
    compressionType: Gzip
    contentType: text/csv
    splitType: Line
    dataSource: {s3DataSource: {s3DataType: ManifestFile, s3Uri: "s3://b/m.json"}}
  transformOutput: {s3OutputPath: "s3://b/out", accept: text/csv, assembleWith: Line, kmsKeyId: k}
  transformResources: {instanceCount: 3, instanceType: ml.m5.large, volumeKmsKeyId: v}
"""
