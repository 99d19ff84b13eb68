package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/component-base/version/verflag"
	"k8s.io/klog/v2"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// settledGCPercent keeps the heap small once the API server is ready: little is allocated then, so this costs little time.
const settledGCPercent = 40

// controlPlane runs etcd, the API server and the controllers in one process. Three processes would take three times the
// memory and the starting time, because each would initialise all of Kubernetes' packages. The parts speak to each other as
// three processes do, and if one of them fails, the process ends. The command is the API server's, with two more flags.
func controlPlane() {
	command := apiserver.NewAPIServerCommand()
	etcd := command.Flags().String("etcd-config", "", "The file of etcd's settings, as etcd's own --config-file.")
	kubeconfig := command.Flags().String("controllers-kubeconfig", "", "The kubeconfig of the controllers.")
	serve := command.RunE
	command.RunE = func(itself *cobra.Command, arguments []string) error {
		verflag.PrintAndExitIfRequested()
		if err := settleLogging(); err != nil {
			return err
		}
		config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
		if err != nil {
			return fmt.Errorf("the controllers' kubeconfig %q: %w", *kubeconfig, err)
		}
		if err := startEtcd(*etcd); err != nil {
			return fmt.Errorf("etcd, with the settings of %q: %w", *etcd, err)
		}
		go runControllers(context.Background(), config)
		return serve(itself, arguments)
	}
	os.Exit(cli.Run(command))
}

// settleLogging applies the API server's default logging before anything runs beside its command. The command does
// so when it starts, without a lock, and a client that logs at that moment finds a logger half set and ends the process.
func settleLogging() error {
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged // the command applies it once more
	return logsapi.ValidateAndApply(logsapi.NewLoggingConfiguration(), nil)
}

// startEtcd starts a member; the API server tries to reach it until it answers.
func startEtcd(file string) error {
	config, err := embed.ConfigFromFile(file)
	if err != nil {
		return err
	}
	member, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	go func() { klog.Fatalf("etcd failed: %v", <-member.Err()) }()
	return nil
}

// settleMemory returns the memory that only the start needed to the system.
func settleMemory() {
	debug.SetGCPercent(settledGCPercent)
	debug.FreeOSMemory()
}
