"""Batch inference as code: the infrastructure of a SageMaker batch-inference workshop, and the jobs that run on it."""

import pulumi

from infra import account, settings
from infra.cluster import Cluster, ClusterArgs, version_of
from infra.delivery import Delivery, DeliveryArgs
from infra.identity import Identity, IdentityArgs
from infra.model import Model, ModelPlace
from infra.network import Network, NetworkArgs
from infra.operator import Operator, OperatorArgs, check_crds
from infra.schedule import Schedules, SchedulesArgs
from infra.storage import Storage, StorageArgs
from jobs import declaration, declared, lanes, scheduled_job
from jobs.declaration import JobDefaults
from jobs.layer import TransformJobs
from jobs.transform_job import JobPlace
from lookups import prices

# Settings, jobs, and existing objects of the account are checked before the first resource is created.
chosen = settings.load()
check_crds(chosen)
planned = declaration.collect(declared.DECLARATIONS, JobDefaults.of(chosen))

now = [job for job in planned if job.args.schedule is None]
arranged = lanes.arrange(now, chosen.max_jobs_at_once, chosen.transform_instance_type)
aws = account.connect(chosen)
account.check_existing(chosen, aws.invoke_options)
kubernetes_version = version_of(chosen.kubernetes_version, chosen.cluster_name, aws.invoke_options)

# Layer 1: the infrastructure of the jobs.
network = Network(chosen.prefix, NetworkArgs.of(chosen), aws.options)
storage = Storage(chosen.prefix, StorageArgs.of(chosen, aws), aws.options)
images = declaration.private_images(planned, chosen)
identity = Identity(chosen.prefix, IdentityArgs.of(chosen, aws, storage, images), aws.options)
cluster = Cluster(chosen.prefix, ClusterArgs.of(chosen, kubernetes_version, aws, network, identity), aws.options)
operator = Operator(chosen.prefix, OperatorArgs.of(chosen, identity, cluster), aws.options)
model = Model(chosen.prefix, chosen.model, ModelPlace.of(identity, storage), f"{chosen.prefix}-model", aws.options)

# Layer 2: the jobs.
place = JobPlace.of(chosen, account=aws, storage=storage, identity=identity, operator=operator, model=model)
transform_jobs = TransformJobs(arranged.jobs, place, pulumi.ResourceOptions(providers=[aws.provider, cluster.provider]))
if scheduled := [job.name for job in planned if job.args.schedule is not None]:
    schedules = Schedules(chosen.prefix, SchedulesArgs.of(chosen, aws, scheduled), aws.options)
    pulumi.export("scheduled_jobs", scheduled_job.create(planned, place, schedules, aws.options))

pulumi.export("bucket_name", storage.bucket_name)
pulumi.export("cluster_name", cluster.cluster_name)
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("model_name", model.model_name)
pulumi.export("execution_role_arn", identity.execution.arn)
pulumi.export("operator_role_arn", identity.operator.arn)
node_type = chosen.node_instance_type if chosen.has_nodes else None
pulumi.export("cost", prices.summary(node_type, chosen.transform_instance_type, pulumi.get_stack()))
pulumi.export("transform_jobs", transform_jobs.outputs())
lanes.warn_beyond_quota(arranged.instances, chosen.region)
if chosen.delivery_repository:
    pulumi.export("delivery_roles", Delivery(chosen.prefix, DeliveryArgs.of(chosen, aws), aws.options).outputs())
transform_jobs.check_ends()
