package main

import (
	"context"
	"errors"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/certificates/rootcacertpublisher"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace/deletion"
	"k8s.io/kubernetes/pkg/controller/replicaset"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

// Upstream's pace suits large clusters: its collector looks for new kinds every 30 seconds, and until then an
// object of a new kind that is deleted with foreground propagation stays; its namespace controller waits 5 seconds
// before it begins and 8 or more between attempts. Neither can be configured. So these two are driven from here, and the
// other controllers run as in upstream's controller manager. All of them come from upstream's own packages.
const (
	discoveryPeriod = time.Second
	namespaceLag    = 200 * time.Millisecond // for requests under way that still saw the namespace alive
	namespaceRetry  = 500 * time.Millisecond
	startPoll       = 100 * time.Millisecond
	namespaceResync = time.Minute
	resync          = 12 * time.Hour
	workers         = 20
)

// runControllers runs what the stack relies on: deletes with foreground propagation need the collector, namespaces need
// their own controller, pods need a service account, and Deployments must become Pods, which a node then runs.
func runControllers(ctx context.Context, config *rest.Config) {
	config.QPS, config.Burst = 400, 800
	client := connect(ctx, config)
	shared := informers.NewSharedInformerFactoryWithOptions(client, resync, informers.WithTransform(withoutManagers))
	runDeployments(ctx, client, shared)
	runAccounts(ctx, client, shared, config.CAData)
	roles := shared.Rbac().V1().ClusterRoles()
	go clusterroleaggregation.NewClusterRoleAggregation(roles, client.RbacV1()).Run(ctx, 5)
	deleteNamespaces(ctx, config, client, shared)
	collectGarbage(ctx, config, client, shared)
	shared.Start(ctx.Done())
	settleMemory()
}

func runDeployments(ctx context.Context, client *kubernetes.Clientset, shared informers.SharedInformerFactory) {
	apps, pods := shared.Apps().V1(), shared.Core().V1().Pods()
	deployments, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), pods, client)
	if err != nil {
		klog.Fatalf("deployment controller: %v", err)
	}
	go deployments.Run(ctx, 5)
	replicas := replicaset.NewReplicaSetController(ctx, apps.ReplicaSets(), pods, client, replicaset.BurstReplicas)
	go replicas.Run(ctx, 5)
}

// runAccounts gives each namespace its default service account, and the certificate by which pods verify the API server.
func runAccounts(
	ctx context.Context, client *kubernetes.Clientset, shared informers.SharedInformerFactory, authority []byte,
) {
	core := shared.Core().V1()
	accounts, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), core.ServiceAccounts(),
		core.Namespaces(), client, serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		klog.Fatalf("service account controller: %v", err)
	}
	go accounts.Run(ctx, 1)
	publisher, err := rootcacertpublisher.NewPublisher(core.ConfigMaps(), core.Namespaces(), client, authority)
	if err != nil {
		klog.Fatalf("root certificate publisher: %v", err)
	}
	go publisher.Run(ctx, 1)
}

// withoutManagers drops the managed fields, which are large and of no use to a controller, as upstream does.
func withoutManagers(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil && accessor.GetManagedFields() != nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}

// connect returns a client once the API server is ready: upstream's packages end the process if discovery fails.
func connect(ctx context.Context, config *rest.Config) *kubernetes.Clientset {
	client := kubernetes.NewForConfigOrDie(config)
	for client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() != nil {
		time.Sleep(startPoll)
	}
	return client
}

func collectGarbage(
	ctx context.Context, config *rest.Config, client *kubernetes.Clientset, shared informers.SharedInformerFactory,
) {
	metadataClient := metadata.NewForConfigOrDie(config)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	others := metadatainformer.NewSharedInformerFactoryWithOptions(
		metadataClient, resync, metadatainformer.WithTransform(withoutManagers))
	started := make(chan struct{})
	close(started)
	collector, err := garbagecollector.NewGarbageCollector(ctx, client, metadataClient, mapper,
		garbagecollector.DefaultIgnoredResources(), informerfactory.NewInformerFactory(shared, others), started)
	if err != nil {
		klog.Fatalf("garbage collector: %v", err)
	}
	go collector.Run(ctx, workers, discoveryPeriod)
	go collector.Sync(ctx, remember(ctx, client.Discovery(), metadataClient), discoveryPeriod)
}

func deleteNamespaces(
	ctx context.Context, config *rest.Config, client *kubernetes.Clientset, shared informers.SharedInformerFactory,
) {
	deleter := deletion.NewNamespacedResourcesDeleter(ctx, client.CoreV1().Namespaces(),
		metadata.NewForConfigOrDie(config), client.CoreV1(), client.Discovery().ServerPreferredNamespacedResources,
		v1.FinalizerKubernetes)
	var ending sync.Map // the names of namespaces that are being deleted
	look := func(object any) {
		namespace, ok := object.(*v1.Namespace)
		if !ok || namespace.DeletionTimestamp == nil {
			return
		}
		if _, busy := ending.LoadOrStore(namespace.Name, true); !busy {
			go func() {
				defer ending.Delete(namespace.Name)
				deleteNamespace(ctx, deleter, namespace.Name)
			}()
		}
	}
	handlers := cache.ResourceEventHandlerFuncs{AddFunc: look, UpdateFunc: func(_, object any) { look(object) }}
	informer := shared.Core().V1().Namespaces().Informer()
	if _, err := informer.AddEventHandlerWithResyncPeriod(handlers, namespaceResync); err != nil {
		klog.Fatalf("namespace controller: %v", err)
	}
}

func deleteNamespace(ctx context.Context, deleter deletion.NamespacedResourcesDeleterInterface, name string) {
	for pause := namespaceLag; ; pause = namespaceRetry {
		time.Sleep(pause)
		err := deleter.Delete(ctx, name)
		if err == nil || apierrors.IsNotFound(err) {
			return
		}
		var remaining *deletion.ResourcesRemainingError
		if !errors.As(err, &remaining) {
			klog.Warningf("namespace %s is not deleted yet: %v", name, err)
		}
	}
}
