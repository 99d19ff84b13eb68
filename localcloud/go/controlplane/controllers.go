package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace/deletion"
)

// Upstream's pace is that of large clusters: its collector looks for new kinds every 30 seconds, and until then an
// object of a new kind that is deleted with foreground propagation stays; its namespace controller waits 5 seconds
// before it begins and 8 or more between attempts. Neither can be set. So these two, and nothing else, are driven
// from here, out of upstream's own packages.
const (
	discoveryPeriod = time.Second
	namespaceLag    = 200 * time.Millisecond // for requests under way that still saw the namespace alive
	namespaceRetry  = 500 * time.Millisecond
	startPoll       = 100 * time.Millisecond
	resync          = 12 * time.Hour
	workers         = 20
)

// promptControllers has the controller manager's command run with these arguments, but for the garbage collector and
// the namespace controller: where the arguments name them, they are taken out and run beside it.
func promptControllers(command *cobra.Command, arguments []string) {
	kept := make([]string, 0, len(arguments))
	var kubeconfig string
	var collect, namespaces bool
	for _, argument := range arguments {
		if value, ok := strings.CutPrefix(argument, "--kubeconfig="); ok {
			kubeconfig = value
		}
		if value, ok := strings.CutPrefix(argument, "--controllers="); ok {
			value, collect = without(value, "garbage-collector-controller")
			value, namespaces = without(value, "namespace-controller")
			argument = "--controllers=" + value
		}
		kept = append(kept, argument)
	}
	command.SetArgs(kept)
	run := command.RunE
	command.RunE = func(itself *cobra.Command, rest []string) error {
		if err := settleLogging(); err != nil {
			return err
		}
		runBeside(kubeconfig, collect, namespaces)
		return run(itself, rest)
	}
}

func runBeside(kubeconfig string, collect, namespaces bool) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		klog.Fatalf("kubeconfig %s: %v", kubeconfig, err)
	}
	config.QPS, config.Burst = 400, 800
	ctx := context.Background()
	if collect {
		go collectGarbage(ctx, config)
	}
	if namespaces {
		go deleteNamespaces(ctx, config)
	}
}

// settleLogging applies upstream's default logging before anything runs beside the command. The command does it as it
// starts, without a lock, and a client that logs in that moment finds a logger half set and ends the process.
func settleLogging() error {
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged // the command applies it once more
	return logsapi.ValidateAndApply(logsapi.NewLoggingConfiguration(), nil)
}

func without(list, name string) (string, bool) {
	var kept []string
	found := false
	for _, one := range strings.Split(list, ",") {
		if one == name {
			found = true
		} else {
			kept = append(kept, one)
		}
	}
	return strings.Join(kept, ","), found
}

// connect returns a client once the API server is ready: upstream's packages end the process where discovery fails.
func connect(ctx context.Context, config *rest.Config) *kubernetes.Clientset {
	client := kubernetes.NewForConfigOrDie(config)
	for client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() != nil {
		time.Sleep(startPoll)
	}
	return client
}

func collectGarbage(ctx context.Context, config *rest.Config) {
	client := connect(ctx, config)
	metadataClient := metadata.NewForConfigOrDie(config)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	shared := informers.NewSharedInformerFactory(client, resync)
	factory := informerfactory.NewInformerFactory(shared, metadatainformer.NewSharedInformerFactory(metadataClient, resync))
	started := make(chan struct{})
	close(started)
	ignored := garbagecollector.DefaultIgnoredResources()
	collector, err := garbagecollector.NewGarbageCollector(ctx, client, metadataClient, mapper, ignored, factory, started)
	if err != nil {
		klog.Fatalf("garbage collector: %v", err)
	}
	go collector.Run(ctx, workers, discoveryPeriod)
	collector.Sync(ctx, remember(ctx, client.Discovery(), metadataClient), discoveryPeriod)
}

func deleteNamespaces(ctx context.Context, config *rest.Config) {
	client := connect(ctx, config)
	deleter := deletion.NewNamespacedResourcesDeleter(ctx, client.CoreV1().Namespaces(),
		metadata.NewForConfigOrDie(config), client.CoreV1(), client.Discovery().ServerPreferredNamespacedResources,
		v1.FinalizerKubernetes)
	var ending sync.Map // of names that are being deleted
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
	factory := informers.NewSharedInformerFactory(client, time.Minute)
	handlers := cache.ResourceEventHandlerFuncs{AddFunc: look, UpdateFunc: func(_, object any) { look(object) }}
	if _, err := factory.Core().V1().Namespaces().Informer().AddEventHandler(handlers); err != nil {
		klog.Fatalf("namespace controller: %v", err)
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
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

func wanted(variable string) bool {
	return os.Getenv(variable) != ""
}
