"""The known differences between AWS and this endpoint. Each row names the test that pins the local behaviour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """One row.

    Attributes:
        area: service or concern.
        aws: what AWS does.
        here: what the local endpoint does.
        test: the test that pins it, `file::name`; the file is below the tests of the local cloud.
    """

    area: str
    aws: str
    here: str
    test: str


DIFFERENCES = (
    Difference(
        "transport",
        "aws:SecureTransport is false over plain http",
        "the endpoint is plain http on 127.0.0.1 and counts as secure transport: aws:SecureTransport is always true",
        "aws/iam/test_enforcement.py::test_a_tls_only_bucket_policy_does_not_shut_its_users_out",
    ),
    Difference(
        "STS",
        "the account's root cannot assume roles",
        "the local administrator is root and may assume each role whose trust policy names the account",
        "aws/iam/test_evaluation.py::test_a_trust_policy_opens_a_role_to",
    ),
    Difference(
        "STS",
        "every unknown access key gets the same short answer",
        "a key that looks real gets 403 and a message that says to remove it from the environment",
        "aws/iam/test_identity.py::test_a_key_that_was_not_issued_here_is_refused",
    ),
    Difference(
        "STS",
        "AssumeRole takes PolicyArns, AssumeRoleWithWebIdentity and AssumeRoleWithSAML exist",
        "a call of these is refused as not available",
        "aws/iam/test_identity.py::test_web_identity_is_not_available",
    ),
    Difference(
        "IAM",
        "changes take seconds to be seen everywhere",
        "changes take effect at once",
        "aws/iam/test_enforcement.py::test_attached_policies_count_in_their_default_version",
    ),
    Difference(
        "IAM",
        "over 1500 managed policies of AWS can be attached",
        "two dozen can: those of EKS, SageMaker and S3 that a stack like this one uses",
        "aws/iam/test_enforcement.py::test_a_policy_of_aws_that_is_not_kept_cannot_be_attached",
    ),
    Difference(
        "IAM",
        "requests carry aws:ResourceTag of the resources that they use",
        "requests to EC2, EKS and IAM roles do; for other services a statement with aws:ResourceTag never applies",
        "aws/iam/test_enforcement.py::test_resource_tags_are_known_of_some_services",
    ),
    Difference(
        "EKS",
        "a cluster takes ten minutes, a node group two; updates are InProgress for minutes",
        "both take seconds, and an update succeeds at once",
        "aws/eks/test_clusters.py::test_an_update_can_be_followed",
    ),
    Difference(
        "EKS",
        "clusters can be upgraded, and started in every supported version",
        "one version runs here; an upgrade is refused with InvalidParameterException",
        "aws/eks/test_clusters.py::test_a_cluster_stays_at_its_version",
    ),
    Difference(
        "EKS",
        "a version leaves standard support, then extended support, on published dates",
        "the date is always 27 November 2026, so that a tested version stays supported",
        "aws/eks/test_clusters.py::test_support_is_reported_for_a_fixed_day",
    ),
    Difference(
        "EKS",
        "add-ons run pods",
        "add-ons are records; the local node reads whether the Pod Identity agent is among them",
        "aws/eks/test_clusters.py::test_an_addon_comes_and_goes",
    ),
    Difference(
        "EKS",
        "an access policy with namespace scope grants within the namespaces",
        "it is stored and grants nothing; with cluster scope it grants as on EKS",
        "aws/eks/test_access.py::test_a_policy_for_a_namespace_is_stored_and_grants_nothing",
    ),
    Difference(
        "EKS",
        "publicAccessCidrs limit who reaches the API server",
        "they are stored and shown; the API server listens on 127.0.0.1 only",
        "aws/eks/test_clusters.py::test_a_cluster_is_described_as_it_was_asked_for",
    ),
    Difference(
        "EKS Auth",
        "a node asks with its node role",
        "nodes sign as the local administrator; EKS then asks the node role's policies for each pod and each new node",
        "aws/eks/test_access.py::test_the_agent_asks_with_the_role_of_its_node",
    ),
    Difference(
        "EC2",
        "every instance type of the region can be described",
        "only the families t3, t3a, t4g, m5, m6i, c5 and r5",
        "aws/ec2/test_network.py::test_the_instance_types_of_the_stack_are_known_and_others_are_not",
    ),
    Difference(
        "S3",
        "objects are streamed and last",
        "objects are in the memory of one process and are lost with it; a range reads the whole object",
        "aws/s3/test_s3.py::test_an_upload_in_parts_arrives_whole",
    ),
    Difference(
        "S3",
        "every declared checksum is verified",
        "CRC32C and CRC64NVME of bodies above 8 MiB are not verified",
        "aws/s3/test_s3.py::test_the_rarer_checksums_of_large_bodies_are_taken_on_trust",
    ),
    Difference(
        "S3",
        "URLs presigned by Signature Version 2 work on buckets made before mid 2020",
        "they are refused; use Signature Version 4",
        "aws/iam/test_identity.py::test_a_presigned_url_of_the_old_kind_is_refused",
    ),
    Difference(
        "S3",
        "lifecycle rules expire objects",
        "they are stored; nothing expires",
        "aws/s3/test_s3.py::test_a_lifecycle_is_stored",
    ),
    Difference(
        "SageMaker",
        "data can be captured by DataCaptureConfig",
        "CreateTransformJob refuses it by name",
        "aws/sagemaker/test_create.py::test_what_cannot_be_done_is_refused_by_name",
    ),
    Difference(
        "SageMaker",
        "any image is pulled and run",
        "an image runs when it is one of SageMaker's that have a stand-in here, or containers.toml names a program for it",
        "containers/test_images.py::test_an_unknown_image_is_refused_and_the_known_ones_named",
    ),
    Difference(
        "SageMaker",
        "the XGBoost image unpickles a model",
        "a pickle is refused and never opened; save the model with Booster.save_model",
        "containers/xgboost/test_model.py::test_a_pickle_is_refused_and_never_opened",
    ),
    Difference(
        "SageMaker",
        "the XGBoost image 3.0-5 loads a model that a newer xgboost saved, and predicts otherwise without a word",
        "such a model is refused",
        "containers/xgboost/test_model.py::test_what_is_no_model_of_this_image_is_refused",
    ),
    Difference(
        "SageMaker",
        "the XGBoost image with a model it cannot load is pinged for half an hour",
        "the container says why in its log and ends, and the job with it",
        "containers/test_container.py::test_a_model_that_cannot_be_loaded_ends_the_container_with_a_reason",
    ),
    Difference(
        "SageMaker",
        "the XGBoost image writes each record of a recordio-protobuf answer with all records before it inside",
        "each record contains only itself, and readers get the same values",
        "containers/xgboost/test_recordio.py::test_a_label_is_framed_as_the_toolkit_frames_it",
    ),
    Difference(
        "SageMaker",
        "the scikit-learn images have the container toolkits, Flask, boto3 and more installed",
        "the environment has scikit-learn, numpy, scipy, pandas and joblib; requirements.txt may ask for more",
        "containers/scikit_learn/test_server.py::test_a_script_that_cannot_be_served_ends_the_container_with_the_reason",
    ),
    Difference(
        "SageMaker",
        "a scikit-learn image installs the folder code/ with pip, so runs a setup.py in it",
        "the folder is on Python's path, and a setup.py in it is not run; requirements.txt is installed as there",
        "containers/scikit_learn/test_server.py::test_requirements_are_installed_for_this_container_alone",
    ),
    Difference(
        "SageMaker",
        "a scikit-learn image reads pickled objects in an application/x-npy body, and so runs what they say",
        "they are refused; arrays of numbers and texts are read",
        "containers/scikit_learn/test_server.py"
        "::test_what_the_default_functions_cannot_do_is_a_500_with_its_reason_in_the_log",
    ),
    Difference(
        "SageMaker",
        "a scikit-learn image whose script cannot be loaded is pinged for half an hour",
        "the container says why in its log and ends, and the job with it",
        "containers/scikit_learn/test_server.py::test_a_script_that_cannot_be_served_ends_the_container_with_the_reason",
    ),
    Difference(
        "SageMaker",
        "a request that takes longer than SAGEMAKER_MODEL_SERVER_TIMEOUT (60 s) is answered with 504 or 502",
        "its connection breaks off; the worker ends, and another takes its place, as there",
        "containers/scikit_learn/test_server.py"
        "::test_a_request_that_takes_too_long_ends_its_worker_and_another_takes_its_place",
    ),
    Difference(
        "SageMaker",
        "code/requirements.txt under network isolation: the container fails as it starts",
        "the job fails before, and its reason says to set EnableNetworkIsolation to false or to take the file out",
        "aws/sagemaker/test_script_mode.py::test_requirements_under_network_isolation_fail_the_job_with_what_to_do",
    ),
    Difference(
        "SageMaker",
        "it is not documented how links, devices and paths that lead out of a model archive are handled",
        "an archive with links, devices, absolute paths or .. is refused",
        "containers/test_archive.py::test_what_must_not_be_unpacked_is_refused",
    ),
    Difference(
        "Service Quotas",
        "each quota has a published code, values are the account's",
        "the codes of the transform-job quotas are made up; values come from quotas.json in the local cloud's folder, and a "
        "transform job is refused only by a quota that is set there",
        "aws/protocol/test_gateway.py::test_quotas_can_be_asked_for_and_set",
    ),
    Difference(
        "Service Quotas",
        "a request for an increase is granted or refused, within minutes or days",
        "it stays PENDING; only quotas.json changes a quota",
        "aws/protocol/test_gateway.py::test_an_increase_of_a_quota_is_asked_for_once_and_stays_pending",
    ),
    Difference(
        "all",
        "every operation exists",
        "an operation that is missing answers NotImplemented, status 501, and names itself",
        "aws/protocol/test_gateway.py::test_what_is_not_available_says_so",
    ),
)
