// One program that is the whole control plane of a cluster: it acts as etcd, kube-apiserver,
// kube-controller-manager or kubectl, whichever name it is called by. The four share most of
// their packages, so one link saves build time and disk.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	if wanted("DIE_WITH_PARENT") {
		go dieWith(os.Getppid())
	}
	switch name := filepath.Base(os.Args[0]); name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		command := controllermanager.NewControllerManagerCommand()
		if wanted("PROMPT_CONTROLLERS") {
			promptControllers(command, os.Args[1:])
		}
		os.Exit(cli.Run(command))
	case "kubectl":
		kubectl()
	default:
		fmt.Fprintf(os.Stderr, "%s: call me etcd, kube-apiserver, kube-controller-manager or kubectl\n", name)
		os.Exit(2)
	}
}

// dieWith ends this process when its parent has ended. Linux does so by itself, if asked; other systems cannot.
func dieWith(parent int) {
	for os.Getppid() == parent {
		time.Sleep(500 * time.Millisecond)
	}
	os.Exit(1)
}

func kubectl() {
	// As kubectl's own main: the verbosity counts from the first line on, and errors are printed its way.
	_, _ = logs.GlogSetter(cmd.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
