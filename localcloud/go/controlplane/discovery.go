package main

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// The API server builds its long answer to a discovery request anew each time. Requests every second would be most of the
// cost of an idle controller manager. So they are made after a change of an object that defines kinds, until those kinds
// have had time to be served, and otherwise at upstream's pace.
const (
	servedWithin      = 20 * time.Second // after the last change of a definition
	idleDiscoveryPace = 30 * time.Second
)

var definitions = []schema.GroupVersionResource{
	{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
	{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"},
}

// rememberedDiscovery answers from memory while no kind can have come or gone.
type rememberedDiscovery struct {
	discovery.ServerResourcesInterface
	mutex     sync.Mutex
	changed   time.Time // when a definition last changed
	asked     time.Time
	resources []*metav1.APIResourceList
}

func remember(ctx context.Context, server discovery.ServerResourcesInterface, client metadata.Interface) *rememberedDiscovery {
	remembered := &rememberedDiscovery{ServerResourcesInterface: server}
	factory := metadatainformer.NewSharedInformerFactory(client, resync)
	handlers := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { remembered.forget() },
		UpdateFunc: func(_, _ any) { remembered.forget() },
		DeleteFunc: func(any) { remembered.forget() },
	}
	for _, definition := range definitions {
		if _, err := factory.ForResource(definition).Informer().AddEventHandler(handlers); err != nil {
			klog.Fatalf("watch of %s: %v", definition.Resource, err)
		}
	}
	factory.Start(ctx.Done())
	return remembered
}

func (r *rememberedDiscovery) forget() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.changed = time.Now()
}

func (r *rememberedDiscovery) ServerPreferredResources() ([]*metav1.APIResourceList, error) {
	r.mutex.Lock()
	asked, changed, resources := r.asked, r.changed, r.resources
	r.mutex.Unlock()
	if resources != nil && asked.After(changed.Add(servedWithin)) && time.Since(asked) < idleDiscoveryPace {
		return resources, nil
	}
	now := time.Now()
	resources, err := r.ServerResourcesInterface.ServerPreferredResources()
	if err == nil {
		r.mutex.Lock()
		r.asked, r.resources = now, resources
		r.mutex.Unlock()
	}
	return resources, err
}
